"""Healthy deliveries between real servers: nothing above info."""
import ssl

import pki
from peers import Client, Server, serving, tls_client, tls_server
from registry import POLICIES, contains, fact, scenario, unknown
from servers import Exim, OpenSmtpd, Postfix

MX = "mx.example.net"
TO_MX = "relayhost = [mx.example.net]\nsmtp_tls_security_level = may\nsmtp_tls_servername = hostname\n"
# Left to itself opportunistic Postfix prefers an anonymous suite below TLS 1.3, and no certificate is shown.
NAMED = "smtp_tls_exclude_ciphers = aNULL\n"
ONLY_12 = NAMED + "smtp_tls_protocols = >=TLSv1.2, <=TLSv1.2\n"
EXIM_TO_MX = {"route": MX, "transport": f"  tls_sni = {MX}\n  tls_verify_certificates = /etc/lab/ca.pem"}
RESUME = "smtp_tls_session_cache_database = btree:/var/lib/postfix/smtp_scache\n"


def protected(version, session=0, resumed=False, visible=None, sni=MX):
    """The facts of a STARTTLS session in which all went well."""
    visible = (version != "TLS 1.3" and not resumed) if visible is None else visible
    facts = [
        fact("smtp.starttls.offered", True, session),
        fact("smtp.starttls.requested", True, session),
        fact("smtp.starttls.reply_code", 220, session),
        fact("tls.mode", "starttls", session),
        fact("tls.outcome", "established", session),
        fact("tls.version", version, session),
        fact("tls.certificate.visible", visible, session),
    ]
    facts.append(fact("tls.sni", sni, session) if sni else unknown("tls.sni", session))
    if visible:
        facts += [fact("tls.certificate.trust", "trusted", session), fact("tls.subjectaltname", [MX], session)]
    return facts


def clean(name, version="TLS 1.3", sni=MX, more=(), **truth):
    """A clean scenario: what most of them share is said here."""
    truth.setdefault("hides", (b"MAIL FROM", b"RCPT TO"))
    truth.setdefault("facts", protected(version, sni=sni) + [fact("hop", "outbound")] + list(more))
    return scenario(name, max_severity="info", args=POLICIES, **truth)


def postfix_mx(lab, settings="", certificate=None, address="192.0.2.25"):
    return Postfix("outside", MX, address, certificate or lab.ca.issue([MX]), settings, domains="example.net")


def exim_mx(lab, settings="", certificate=None):
    return Exim("outside", MX, "192.0.2.25", certificate or lab.ca.issue([MX]), settings, domains="example.net")


@clean(
    "clean-postfix-postfix-tls13",
    purpose="a healthy delivery, TLS 1.3",
    origin="{postfix} to {postfix}",
    more=[
        contains("smtp.capabilities", "STARTTLS"),
        fact("smtp.ehlo", True),
        fact("smtp.helo", "out.example.org"),
        fact("smtp.server_name", MX),
        fact("smtp.starttls.before", ["EHLO"]),
    ],
)
def postfix_postfix_13(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-postfix-postfix-tls12",
    version="TLS 1.2",
    purpose="a healthy delivery, TLS 1.2: certificate visible and good",
    origin="{postfix} to {postfix}; the client limited to TLS 1.2",
    more=[fact("tls.client_max_version", "TLS 1.2"), fact("tls.certificate.key", "RSA 2048")],
)
def postfix_postfix_12(lab):
    with postfix_mx(lab, certificate=lab.ca.issue([MX], key=pki.rsa_key(2048))), Postfix(
        "inside", "out.example.org", settings=TO_MX + ONLY_12
    ) as out:
        out.send(["bob@example.net"])


@clean("clean-exim-exim", purpose="a healthy delivery between GnuTLS ends, TLS 1.3", origin="{exim} to {exim}")
def exim_exim(lab):
    with exim_mx(lab), Exim("inside", "out.example.org", ca=lab.ca_text, **EXIM_TO_MX) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-exim-exim-tls12",
    version="TLS 1.2",
    purpose="a healthy delivery between GnuTLS ends, TLS 1.2",
    origin="{exim} to {exim}; the server's priority string allows TLS 1.2 only",
)
def exim_exim_12(lab):
    with exim_mx(lab, "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2"), Exim(
        "inside", "out.example.org", ca=lab.ca_text, **EXIM_TO_MX
    ) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-opensmtpd-postfix",
    sni=None,
    purpose="a healthy delivery by a client that sends no SNI to an address literal",
    origin="{opensmtpd} to {postfix}",
)
def opensmtpd_postfix(lab):
    with postfix_mx(lab), OpenSmtpd("inside", "out.example.org", route="smtp://192.0.2.25") as out:
        out.send(["bob@example.net"])


@clean(
    "clean-opensmtpd-exim",
    sni=None,
    purpose="a healthy delivery to a GnuTLS server by a client that never sends SNI",
    origin="{opensmtpd} to {exim}",
)
def opensmtpd_exim(lab):
    with exim_mx(lab), OpenSmtpd("inside", "out.example.org", route="smtp://mx.example.net") as out:
        out.send(["bob@example.net"])


@clean(
    "clean-postfix-exim", purpose="a healthy delivery, OpenSSL client to GnuTLS server", origin="{postfix} to {exim}"
)
def postfix_exim(lab):
    with exim_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-exim-postfix", purpose="a healthy delivery, GnuTLS client to OpenSSL server", origin="{exim} to {postfix}"
)
def exim_postfix(lab):
    with postfix_mx(lab), Exim("inside", "out.example.org", ca=lab.ca_text, **EXIM_TO_MX) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-ipv6",
    sni="mx6.example.net",
    purpose="a healthy delivery over IPv6, TLS 1.3",
    origin="{postfix} to {postfix}",
    more=[fact("src_ip", "2001:db8:1::25"), fact("dest_ip", "2001:db8:2::25"), fact("dest_port", 25)],
)
def ipv6(lab):
    with postfix_mx(lab, certificate=lab.ca.issue(["mx6.example.net"]), address="[2001:db8:2::25]"), Postfix(
        "inside", "out.example.org", settings=TO_MX.replace("mx.", "mx6.")
    ) as out:
        out.send(["bob@example.net"])


@clean(
    "clean-inbound",
    purpose="a healthy delivery to our own server, TLS 1.3",
    origin="{postfix} to {postfix}",
    tap="outside",
    facts=protected("TLS 1.3", sni="mx.example.org") + [fact("hop", "inbound")],
)
def inbound(lab):
    with Postfix(
        "inside", "mx.example.org", "10.1.0.25", lab.ca.issue(["mx.example.org"]), domains="example.org"
    ), Postfix(
        "outside", "out.example.com", settings=TO_MX.replace(".net", ".org") + "smtp_bind_address = 203.0.113.25\n"
    ) as out:
        out.send(["alice@example.org"], sender="carol@example.com")


@clean(
    "clean-resumption-tls12",
    sessions=2,
    purpose="the second session resumes the first (TLS 1.2): it shows no certificate",
    origin="{postfix} to {postfix}, client with a session cache, two messages",
    facts=protected("TLS 1.2")
    + protected("TLS 1.2", 1, resumed=True)
    + [fact("tls.session_resumed", False), fact("tls.session_resumed", True, 1)],
)
def resumption_12(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX + ONLY_12 + RESUME) as out:
        out.send(["bob@example.net"])
        out.send(["bob@example.net"])


@clean(
    "clean-resumption-tls13",
    sessions=2,
    purpose="the second session resumes the first by a TLS 1.3 ticket",
    origin="{postfix} to {postfix}, client with a session cache, two messages",
    facts=protected("TLS 1.3")
    + protected("TLS 1.3", 1, resumed=True)
    + [fact("tls.session_resumed", False), fact("tls.session_resumed", True, 1)],
)
def resumption_13(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX + RESUME) as out:
        out.send(["bob@example.net"])
        out.send(["bob@example.net"])


@clean(
    "clean-quit-without-mail",
    purpose="a monitoring probe: EHLO and QUIT, nothing exposed",
    hides=(),
    origin="a Python client to {postfix}",
    facts=[fact("smtp.starttls.offered", True), fact("smtp.starttls.requested", False), unknown("tls")],
)
def quit_without_mail(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.quit()


@clean(
    "clean-starttls-not-first",
    purpose="NOOP and RSET before STARTTLS are no tampering",
    origin="a Python client to {postfix}",
    facts=protected("TLS 1.3") + [fact("smtp.starttls.before", ["EHLO", "NOOP", "RSET"])],
)
def starttls_not_first(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.ask("NOOP", 250)
        client.ask("RSET", 250)
        client.starttls(tls_client())
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@clean(
    "clean-tiny-segments",
    version="TLS 1.2",
    purpose="records and replies are cut into tiny segments",
    origin="a Python client with a maximal segment size of 88 octets, to a Python server with TLS 1.2",
)
def tiny_segments(lab):
    server = Server(
        MX, ("PIPELINING", "STARTTLS"), tls=tls_server(lab.files(lab.ca.issue([MX])), highest=ssl.TLSVersion.TLSv1_2)
    )
    with serving(server), Client("192.0.2.25", segment=88) as client:
        client.hello()
        client.starttls(tls_client())
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()
