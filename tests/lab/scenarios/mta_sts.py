"""MTA-STS: what a published policy binds (example.net enforces, example.com tests, lists.example.com says none,
club.example.com publishes nothing, example.org is ours and enforces), and what it does not."""
import contextlib
import ssl

import pki
import tamper
from peers import Client, serving, tls_client
from registry import POLICIES, fact, scenario
from scenarios.certificates import EXPIRED
from scenarios.clean import MX, NAMED, ONLY_12, TO_MX, postfix_mx, protected
from scenarios.starttls import EXPOSED, PLAIN_CLIENT, fake_mx
from scenarios.tls import WEAK_LIST
from servers import Exim, Postfix

NO_TLS = "smtp_tls_security_level = none\nsmtp_discard_ehlo_keywords = chunking\n"
VIOLATIONS = (
    "mta_sts.plaintext_delivery",
    "mta_sts.mx_mismatch",
    "mta_sts.certificate_invalid",
    "mta_sts.tls_obsolete",
)


def sts(name, severity, must_not=None, **truth):
    """A scenario with policies; `severity` maps every rule it raises."""
    rules = tuple(severity)
    must_not = tuple(rule for rule in VIOLATIONS if rule not in rules) if must_not is None else must_not
    truth.setdefault("args", POLICIES)
    return scenario(name, raises=rules, severity=severity, must_not_raise=must_not, **truth)


def plain_postfix(host, **more):
    return Postfix("inside", "out.example.org", settings=f"relayhost = {host}\n" + NO_TLS, **more)


# --- plaintext delivery ---------------------------------------------------------------------------------------


@sts(
    "mta-sts-plaintext-enforce",
    {"mta_sts.plaintext_delivery": "critical", "starttls.unused": "low"},
    messages=1,
    purpose="mail for a domain that enforces goes in the clear, though its MX offers STARTTLS",
    origin="{postfix} with TLS off to {postfix}",
    facts=EXPOSED + [fact("smtp.starttls.offered", True)],
)
def plaintext_enforce(lab):
    with postfix_mx(lab), plain_postfix("[mx.example.net]") as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-plaintext-not-offered",
    {"mta_sts.plaintext_delivery": "critical", "starttls.stripped": "high"},
    messages=1,
    purpose="mail for a domain that enforces goes in the clear, and the EHLO reply lacks STARTTLS",
    origin="{postfix} to {postfix}; a tamperer beyond the tap removes the line",
    hides=(b"STARTTLS",),
    facts=EXPOSED + [fact("smtp.starttls.offered", False)],
)
def plaintext_not_offered(lab):
    with postfix_mx(lab), tamper.tampering(tamper.strip_line), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-plaintext-masked",
    {"mta_sts.plaintext_delivery": "critical", "starttls.capability_masked": "high"},
    messages=1,
    also_allowed=("starttls.stripped",),
    purpose="the capability is masked, and mail for a domain that enforces follows in the clear",
    origin="{postfix} to {postfix}; a tamperer beyond the tap overwrites the capability",
    facts=EXPOSED,
)
def plaintext_masked(lab):
    with postfix_mx(lab), tamper.tampering(tamper.mask_capability(b"XXXXXXXX")), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-plaintext-refused-at-the-end",
    {"mta_sts.plaintext_delivery": "critical", "starttls.unused": "low"},
    messages=1,
    purpose="the message is refused behind its final dot: it was exposed all the same",
    origin="a Python client and server",
    shows=(b"554 5.7.1 Content refused",),
    facts=[
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.delivered", False),
        fact("smtp.messages.0.reply_code", 554),
    ],
)
def plaintext_refused(lab):
    def data(_server, peer, _line):
        peer.send("354 Go on\r\n")
        peer.until(b"\r\n.\r\n")
        return "554 5.7.1 Content refused"

    with serving(fake_mx(lab, replies={"DATA": data})), Client("192.0.2.25") as client:
        client.hello()
        client.mail(["bob@example.net"], expect=554)
        client.quit()


@sts(
    "mta-sts-plaintext-bdat",
    {"mta_sts.plaintext_delivery": "critical", "starttls.unused": "low"},
    messages=1,
    purpose="mail for a domain that enforces goes in the clear, in BDAT chunks",
    origin="{exim} with TLS off to {postfix}",
    facts=[fact("smtp.messages.0.transfer", "BDAT"), fact("smtp.messages.0.exposed", True)],
)
def plaintext_bdat(lab):
    with postfix_mx(lab), Exim("inside", "out.example.org", route=MX, transport="  hosts_avoid_tls = *") as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-plaintext-testing",
    {"mta_sts.plaintext_delivery": "low", "starttls.unused": "low"},
    messages=1,
    purpose="mail for a domain that only tests its policy goes in the clear",
    origin="{postfix} with TLS off to {postfix}",
    facts=[fact("smtp.messages.0.rcpt_to", ["dora@example.com"])],
)
def plaintext_testing(lab):
    with Postfix(
        "outside", "mx.example.com", "198.51.100.25", lab.ca.issue(["mx.example.com"]), domains="example.com"
    ), plain_postfix("[mx.example.com]") as out:
        out.send(["dora@example.com"])


@sts(
    "mta-sts-plaintext-banner-elsewhere",
    {"mta_sts.plaintext_delivery": "critical", "starttls.unused": "low"},
    messages=1,
    purpose="the server greets with a name outside the policy, which proves no mismatch; the plaintext counts",
    origin="{postfix} with TLS off to {postfix} that calls itself mta7.example.com",
    facts=EXPOSED + [fact("smtp.server_name", "mta7.example.com")],
)
def banner_elsewhere(lab):
    with Postfix("outside", "mta7.example.com", "192.0.2.25", lab.ca.issue([MX]), domains="example.net"), plain_postfix(
        "[mx.example.net]"
    ) as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-inbound-own-domain",
    {"mta_sts.plaintext_delivery": "medium", "starttls.unused": "low"},
    messages=1,
    purpose="a stranger sends our enforcing domain mail in the clear; he may not know MTA-STS",
    tap="outside",
    origin="{postfix} with TLS off to {postfix}",
    args=POLICIES + ("--home-domain", "example.org"),
    facts=[fact("hop", "inbound")],
)
def inbound_own(lab):
    with Postfix(
        "inside", "mx.example.org", "10.1.0.25", lab.ca.issue(["mx.example.org"]), domains="example.org"
    ), Postfix(
        "outside",
        "out.example.com",
        settings="relayhost = [mx.example.org]\nsmtp_bind_address = 203.0.113.25\n" + NO_TLS,
    ) as out:
        out.send(["alice@example.org"], sender="carol@example.com")


@sts(
    "mta-sts-no-policy",
    {"starttls.unused": "low"},
    messages=1,
    purpose="near miss: the recipient's domain publishes nothing",
    origin="{postfix} with TLS off to {postfix}",
    facts=[fact("smtp.messages.0.exposed", True)],
)
def no_policy(lab):
    with Postfix("outside", MX, "192.0.2.25", lab.ca.issue([MX]), domains="club.example.com"), plain_postfix(
        "[mx.example.net]"
    ) as out:
        out.send(["eve@club.example.com"])


@sts(
    "mta-sts-mode-none",
    {"starttls.unused": "low"},
    messages=1,
    purpose="near miss: the policy's mode is none",
    origin="{postfix} with TLS off to {postfix}",
    facts=[fact("smtp.messages.0.exposed", True)],
)
def mode_none(lab):
    with Postfix("outside", MX, "192.0.2.25", lab.ca.issue([MX]), domains="lists.example.com"), plain_postfix(
        "[mx.example.net]"
    ) as out:
        out.send(["list@lists.example.com"])


@sts(
    "mta-sts-recipients-refused",
    {},
    purpose="near miss: each recipient is refused, nothing is exposed",
    max_severity="info",
    origin="{postfix} with TLS off to {postfix} that does not take the domain",
    shows=(b"554 5.7.1 <bob@example.net>",),
)
def recipients_refused(lab):
    with Postfix("outside", MX, "192.0.2.25", lab.ca.issue([MX]), domains="example.com"), plain_postfix(
        "[mx.example.net]"
    ) as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-internal-relay",
    {},
    messages=1,
    max_severity="info",
    must_not=VIOLATIONS + ("starttls.stripped",),
    purpose="near miss: the hop goes to our own relay, which is not the domain's MX",
    origin="{postfix} to {postfix} without TLS",
    facts=[fact("hop", "internal"), fact("dest_ip", "10.1.0.53")] + EXPOSED,
)
def internal_relay(lab):
    with Postfix("outside", "relay.example.org", "10.1.0.53", domains="example.net"), plain_postfix(
        "[relay.example.org]"
    ) as out:
        out.send(["bob@example.net"])


AUTH_PLAIN = "plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  server_condition = true\n"
CRAM = "cram:\n  driver = cram_md5\n  public_name = CRAM-MD5\n  server_secret = sesame\n  server_set_id = $auth1\n"
SUBMISSION = "auth_advertise_hosts = *\n"


@sts(
    "mta-sts-submission-port",
    {"auth.plaintext_credentials": "high"},
    messages=1,
    also_allowed=("starttls.unused",),
    purpose="near miss: submission to a provider on port 587 is no delivery to the MX; the secret in the clear counts",
    origin="a Python client to {exim}",
    must_not=VIOLATIONS + ("starttls.stripped",),
    facts=[fact("dest_port", 587), fact("smtp.auth.mechanism", "PLAIN"), fact("smtp.auth.reply_code", 235)],
)
def submission_port(lab):
    with Exim(
        "outside", MX, "203.0.113.25", settings=SUBMISSION, domains="example.net", port=587, authenticators=AUTH_PLAIN
    ), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask("AUTH PLAIN AGFsaWNlAHNlc2FtZQ==", 235)
        client.mail(["bob@example.net"])
        client.quit()


@sts(
    "mta-sts-after-auth",
    {"auth.plaintext_credentials": "low"},
    messages=1,
    also_allowed=("starttls.unused",),
    purpose="near miss: submission on port 25, told by AUTH",
    origin="a Python client to {exim}",
    must_not=VIOLATIONS + ("starttls.stripped",),
    facts=[fact("smtp.auth.mechanism", "CRAM-MD5"), fact("smtp.auth.reply_code", 235)],
)
def after_auth(lab):
    with Exim("outside", MX, "203.0.113.25", settings=SUBMISSION, domains="example.net", authenticators=CRAM), Client(
        "203.0.113.25"
    ) as client:
        client.hello()
        client.cram_md5("alice", "sesame")
        client.mail(["bob@example.net"])
        client.quit()


# --- the MX's name --------------------------------------------------------------------------------------------


def named_then_tls(lab, address, name, recipient, sni):
    """The recipient is seen in the clear, then the client thinks better of it and asks for TLS by a name."""
    with Postfix("outside", name, address, lab.ca.issue([sni]), domains=recipient.split("@")[1]), Client(
        address
    ) as client:
        client.hello()
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask(f"RCPT TO:<{recipient}>", 250)
        client.ask("RSET", 250)
        client.starttls(tls_client(), sni)
        client.hello_again()
        client.mail([recipient])
        client.quit()


@sts(
    "mta-sts-mx-mismatch",
    {"mta_sts.mx_mismatch": "high"},
    purpose="SNI names a host that the enforced policy does not list",
    origin="a Python client, which names the recipient before it asks for TLS, to {postfix}",
    facts=[
        fact("tls.sni", "mail.elsewhere.example.com"),
        fact("tls.outcome", "established"),
        fact("smtp.starttls.before", ["EHLO", "MAIL", "RCPT", "RSET"]),
    ],
)
def mx_mismatch(lab):
    named_then_tls(lab, "203.0.113.25", "mail.elsewhere.example.com", "bob@example.net", "mail.elsewhere.example.com")


@sts(
    "mta-sts-mx-mismatch-testing",
    {"mta_sts.mx_mismatch": "low"},
    purpose="the same for a domain that only tests its policy",
    origin="a Python client, which names the recipient before it asks for TLS, to {postfix}",
    facts=[fact("tls.sni", "mail.elsewhere.example.com")],
)
def mx_mismatch_testing(lab):
    named_then_tls(lab, "203.0.113.25", "mail.elsewhere.example.com", "dora@example.com", "mail.elsewhere.example.com")


@sts(
    "mta-sts-mx-wildcard",
    {},
    purpose="near miss: SNI matches the policy's wildcard",
    max_severity="info",
    origin="a Python client, which names the recipient before it asks for TLS, to {postfix}",
    facts=[fact("tls.sni", "b.mx.example.net")],
)
def mx_wildcard(lab):
    named_then_tls(lab, "192.0.2.26", "b.mx.example.net", "bob@example.net", "b.mx.example.net")


@sts(
    "mta-sts-mx-wildcard-too-deep",
    {"mta_sts.mx_mismatch": "high"},
    purpose="the wildcard stands for one label, not for two",
    origin="a Python client, which names the recipient before it asks for TLS, to {postfix}",
    facts=[fact("tls.sni", "a.b.mx.example.net")],
)
def mx_wildcard_deep(lab):
    named_then_tls(lab, "192.0.2.26", "a.b.mx.example.net", "bob@example.net", "a.b.mx.example.net")


# --- certificate and version of the MX ------------------------------------------------------------------------


def to_mx(lab, certificate):
    with postfix_mx(lab, certificate=certificate), Postfix(
        "inside", "out.example.org", settings=TO_MX + ONLY_12
    ) as out:
        out.send(["bob@example.net"])


@sts(
    "mta-sts-certificate-expired",
    {"mta_sts.certificate_invalid": "critical", "certificate.expired": "medium"},
    purpose="the MX of a domain that enforces shows an expired certificate",
    origin="{postfix} to {postfix}, TLS 1.2",
    facts=[fact("tls.sni", MX), fact("tls.outcome", "established")],
)
def certificate_expired(lab):
    to_mx(lab, lab.ca.issue([MX], ends=EXPIRED))


@sts(
    "mta-sts-certificate-untrusted",
    {"mta_sts.certificate_invalid": "critical", "certificate.untrusted": "low"},
    purpose="the MX of a domain that enforces shows a self-signed certificate",
    origin="{postfix} to {postfix}, TLS 1.2",
)
def certificate_untrusted(lab):
    to_mx(lab, lab.ca.issue([MX], self_signed=True))


@sts(
    "mta-sts-certificate-other-name",
    {"mta_sts.certificate_invalid": "critical", "certificate.host_mismatch": "medium"},
    purpose="the MX of a domain that enforces shows a certificate for another name",
    origin="{postfix} to {postfix}, TLS 1.2",
)
def certificate_other_name(lab):
    to_mx(lab, lab.ca.issue(["www.example.net"]))


@sts(
    "mta-sts-certificate-refused",
    {
        "mta_sts.certificate_invalid": "critical",
        "certificate.expired": "medium",
        "starttls.handshake_aborted": "medium",
    },
    purpose="the sender refuses the expired certificate, as the policy demands",
    origin="a verifying Python client to {postfix}, TLS 1.2",
    facts=[fact("tls.alert", "certificate_expired"), fact("tls.outcome", "failed"), fact("tls.ended_by", "client")],
)
def certificate_refused(lab):
    with postfix_mx(lab, certificate=lab.ca.issue([MX], ends=EXPIRED)), Client("192.0.2.25") as client:
        client.hello()
        with contextlib.suppress(ssl.SSLError):
            client.starttls(tls_client(ca=lab.ca_path, highest=ssl.TLSVersion.TLSv1_2))
            raise AssertionError("the certificate was accepted")


@sts(
    "mta-sts-certificate-good",
    {},
    purpose="near miss: the MX shows a good certificate",
    origin="{postfix} to {postfix}, TLS 1.2",
    max_severity="info",
    facts=protected("TLS 1.2"),
)
def certificate_good(lab):
    to_mx(lab, lab.ca.issue([MX]))


@sts(
    "mta-sts-certificate-no-policy",
    {"certificate.expired": "medium"},
    origin="{postfix} to {postfix}, TLS 1.2",
    purpose="near miss: an expired certificate on a server that serves no domain with a policy",
    facts=[fact("tls.sni", "mx.club.example.com")],
)
def certificate_no_policy(lab):
    with Postfix(
        "outside",
        "mx.club.example.com",
        "203.0.113.25",
        lab.ca.issue(["mx.club.example.com"], ends=EXPIRED),
        domains="club.example.com",
    ), Postfix("inside", "out.example.org", settings=TO_MX.replace(MX, "mx.club.example.com") + ONLY_12) as out:
        out.send(["eve@club.example.com"])


def tls_10(lab, name, address, domain):
    only = ">=TLSv1, <=TLSv1\n"
    with Postfix(
        "outside",
        name,
        address,
        lab.ca.issue([name], key=pki.rsa_key(2048)),
        f"smtpd_tls_protocols = {only}{WEAK_LIST}",
        domains=domain,
    ), Postfix(
        "inside", "out.example.org", settings=TO_MX.replace(MX, name) + f"{NAMED}smtp_tls_protocols = {only}{WEAK_LIST}"
    ) as out:
        out.send([f"bob@{domain}"])


@sts(
    "mta-sts-tls-obsolete",
    {"mta_sts.tls_obsolete": "medium", "tls.version_obsolete": "medium"},
    purpose="TLS 1.0 to the MX of a domain that enforces",
    origin="{postfix} to {postfix}, both allowed TLS 1.0 only",
    facts=[fact("tls.version", "TLSv1"), fact("tls.sni", MX)],
)
def obsolete(lab):
    tls_10(lab, MX, "192.0.2.25", "example.net")


@sts(
    "mta-sts-tls-obsolete-no-policy",
    {"tls.version_obsolete": "medium"},
    origin="{postfix} to {postfix}, both allowed TLS 1.0 only",
    purpose="near miss: TLS 1.0 to a server that serves no domain with a policy",
    facts=[fact("tls.version", "TLSv1")],
)
def obsolete_no_policy(lab):
    tls_10(lab, "mx.club.example.com", "203.0.113.25", "club.example.com")
