"""Servers that are no MX, providers with names of their own, decrypting mirrors, and clients that refuse."""
import ssl

from peers import Server, serving, tls_client
from registry import POLICIES, alert, fact, scenario
from scenarios.clean import MX, postfix_mx
from scenarios.history import ABORTED, FALLBACK, UNUSED, history, outcomes
from scenarios.mta_sts import VIOLATIONS
from scenarios.starttls import OFFERING
from servers import Postfix
from visitors import APP, MX_ADDRESS, OUT

SMARTHOST, SMARTHOST_NAME = "203.0.113.25", "smarthost.example.com"
UNRELATED = [f"{word}.example" for word in "alpha bravo delta echo golf hotel kilo lima oscar papa romeo tango".split()]
CONFIGURED = "# The smarthost relays for us: what it takes is no delivery to an MX.\nrelays:\n  - 203.0.113.25/32\n"


def smarthost(domains):
    return Postfix("outside", SMARTHOST_NAME, SMARTHOST, domains=" ".join(domains))


# --- relays -------------------------------------------------------------------------------------------------------


@scenario(
    "relay-smarthost-many-domains",
    sessions=13,
    messages=13,
    args=POLICIES,
    purpose="near miss: a smarthost outside takes mail for many unrelated domains, at last for one that enforces",
    origin="a Python client to {postfix} without TLS, on port 25 and without AUTH",
    max_severity="info",
    facts=[fact("hop", "outbound", 12), fact("smtp.messages.0.rcpt_to", ["bob@example.net"], 12)],
)
def many_domains(_lab):
    with smarthost(UNRELATED + ["example.net"]):
        for domain in UNRELATED:
            OUT.plain(SMARTHOST, recipient=f"postmaster@{domain}")
        OUT.plain(SMARTHOST)


@history(
    "relay-not-few-domains",
    {"mta_sts.plaintext_delivery": "critical", "starttls.stripped": "high"},
    sessions=3,
    messages=3,
    args=POLICIES,
    purpose="a server outside takes mail for three domains of which one enforces: a host of few domains is their MX",
    origin="a Python client to {postfix} without TLS, on port 25 and without AUTH",
    facts=[fact("hop", "outbound", 2), fact("smtp.messages.0.rcpt_to", ["bob@example.net"], 2)],
)
def few_domains(_lab):
    with smarthost(UNRELATED[:2] + ["example.net"]):
        for domain in UNRELATED[:2]:
            OUT.plain(SMARTHOST, recipient=f"postmaster@{domain}")
        OUT.plain(SMARTHOST)


@history(
    "relay-not-provider",
    {"mta_sts.plaintext_delivery": "critical", UNUSED: "low"},
    sessions=13,
    messages=13,
    args=POLICIES,
    purpose="the host of many unrelated domains is the MX that the policy names: the policy binds",
    origin="a Python client to {postfix}, on port 25 and without AUTH",
    alerts=(alert("mta_sts.plaintext_delivery", "critical", 1), alert(UNUSED, "low", 13)),
    facts=[fact("smtp.server_name", MX, 12), fact("smtp.messages.0.rcpt_to", ["bob@example.net"], 12)],
)
def provider_of_many(lab):
    with Postfix("outside", MX, MX_ADDRESS, lab.ca.issue([MX]), domains=" ".join(UNRELATED + ["example.net"])):
        for domain in UNRELATED:
            OUT.plain(recipient=f"postmaster@{domain}")
        OUT.plain()


@scenario(
    "relay-configured",
    messages=1,
    args=POLICIES + ("--config", "mxtap.yaml"),
    files={"mxtap.yaml": CONFIGURED},
    purpose="near miss: the smarthost outside is configured as a relay",
    origin="a Python client to {postfix} without TLS",
    must_not_raise=VIOLATIONS + ("starttls.stripped",),
    max_severity="info",
    facts=[fact("hop", "outbound"), fact("smtp.messages.0.rcpt_to", ["bob@example.net"])],
)
def configured(_lab):
    with smarthost(["example.net"]):
        OUT.plain(SMARTHOST)


@history(
    "relay-configured-another",
    {"mta_sts.plaintext_delivery": "critical", "starttls.unused": "low"},
    messages=1,
    args=POLICIES + ("--config", "mxtap.yaml"),
    files={"mxtap.yaml": CONFIGURED},
    purpose="a relay is configured, and the mail goes in the clear to another server, the domain's MX",
    origin="a Python client to {postfix}",
    facts=[fact("dest_ip", MX_ADDRESS)],
)
def configured_another(lab):
    with postfix_mx(lab):
        OUT.plain()


# --- names of providers -------------------------------------------------------------------------------------------


@scenario(
    "provider-banner-outside-policy",
    sessions=2,
    args=POLICIES,
    purpose="near miss: a provider greets with a name that its policy does not list; SNI and certificate are right",
    origin="Python clients, of which one names the recipient before it asks for TLS, to {postfix} that calls itself "
    "mta7.example.com",
    must_not_raise=VIOLATIONS + ("certificate.host_mismatch",),
    max_severity="info",
    facts=outcomes("established", "established") + [fact("smtp.server_name", "mta7.example.com"), fact("tls.sni", MX)],
)
def provider_banner(lab):
    with Postfix("outside", "mta7.example.com", MX_ADDRESS, lab.ca.issue([MX]), domains="example.net"):
        OUT.encrypted(highest=ssl.TLSVersion.TLSv1_2)
        recipient_first(APP, MX)


@scenario(
    "provider-banner-no-sni",
    args=POLICIES,
    purpose="near miss: no SNI, and the banner's name is outside the policy: a banner proves no mismatch",
    origin="a Python client, which names the recipient before it asks for TLS, to {postfix} that calls itself "
    "mta7.example.com",
    must_not_raise=VIOLATIONS,
    max_severity="info",
    facts=outcomes("established") + [fact("smtp.server_name", "mta7.example.com")],
)
def provider_no_sni(lab):
    name = "mta7.example.com"
    with Postfix("outside", name, MX_ADDRESS, lab.ca.issue([name]), domains="example.net"):
        recipient_first(OUT, None)


def recipient_first(client, sni):
    """The recipient is seen in the clear, then TLS is asked for."""
    with client.call(MX_ADDRESS) as call:
        call.hello(client.name)
        call.ask(f"MAIL FROM:<{client.sender}>", 250)
        call.ask(f"RCPT TO:<{client.recipient}>", 250)
        call.ask("RSET", 250)
        call.starttls(tls_client(highest=ssl.TLSVersion.TLSv1_2), sni)
        call.hello_again(client.name)
        call.mail([client.recipient], client.sender)
        call.quit()


# --- a decrypting mirror ------------------------------------------------------------------------------------------


def decrypted_session():
    """What a mirror behind a decrypting appliance shows: the 220, and SMTP in the clear without a handshake."""
    with OUT.call(MX_ADDRESS) as client:
        client.hello(OUT.name)
        client.ask("STARTTLS", 220)
        client.hello_again(OUT.name)
        client.mail([OUT.recipient])
        client.quit()


def mirrored():
    offering = Server(MX, OFFERING, replies={"STARTTLS": "220 2.0.0 Ready to start TLS"})
    return serving(offering)


@scenario(
    "mirror-decrypted-policy",
    sessions=3,
    messages=None,
    args=POLICIES,
    purpose="near miss: a decrypting mirror shows mail for a domain that enforces; on the wire it was encrypted",
    origin="a Python client and server that leave the handshake out, as such a mirror does",
    must_not_raise=VIOLATIONS + (UNUSED, FALLBACK, ABORTED, "starttls.stripped", "starttls.not_offered"),
    max_severity="info",
    facts=outcomes("decrypted", "decrypted", "decrypted"),
)
def mirror(_lab):
    with mirrored():
        for _ in range(3):
            decrypted_session()


@history(
    "mirror-decrypted-habit",
    {UNUSED: "medium"},
    sessions=5,
    messages=None,
    purpose="behind a decrypting mirror a client that always encrypts leaves STARTTLS unused",
    origin="a Python client and server that leave the handshake out, as such a mirror does",
    alerts=(alert(UNUSED, "medium", 1),),
    facts=outcomes(*["decrypted"] * 4, None),
)
def mirror_habit(_lab):
    with mirrored():
        for _ in range(4):
            decrypted_session()
        OUT.plain()


# --- a client that refuses ----------------------------------------------------------------------------------------


@history(
    "refused-tls13-again-and-again",
    {ABORTED: "medium"},
    sessions=3,
    args=POLICIES,
    purpose="TLS 1.3: a verifying client refuses the certificate at each attempt and keeps its mail",
    origin="a verifying Python client to {postfix} whose issuer it does not know",
    must_not_raise=VIOLATIONS + (FALLBACK, "certificate.untrusted"),
    alerts=(alert(ABORTED, "medium", 3),),
    facts=outcomes("failed", "failed", "failed") + [fact("tls.version", "TLS 1.3"), fact("tls.ended_by", "client")],
)
def refused_13(lab):
    with postfix_mx(lab, certificate=lab.stranger.issue([MX])):
        for _ in range(3):
            OUT.fail(ca=lab.ca_path)
