"""STARTTLS masked, mangled, refused, evaded or left unused; and what only looks so."""
import tamper
from peers import Client, Server, serving, tls_client, tls_server
from registry import contains, fact, scenario, unknown
from scenarios.clean import MX, TO_MX, exim_mx, postfix_mx
from servers import Exim, OpenSmtpd, Postfix

OFFERING = ("PIPELINING", "SIZE 10240000", "STARTTLS", "8BITMIME")
EXPOSED = [
    fact("smtp.messages.0.exposed", True),
    fact("smtp.messages.0.delivered", True),
    fact("smtp.messages.0.mail_from", "alice@example.org"),
    fact("smtp.messages.0.rcpt_to", ["bob@example.net"]),
    fact("smtp.messages.0.transfer", "DATA"),
    fact("smtp.messages.0.reply_code", 250),
]
NO_TLS_CLIENT = "relayhost = [mx.example.net]\nsmtp_tls_security_level = none\n"
# A tampered session leaves the mail in the clear; whatever else is said of that is at most info.
PLAIN_CLIENT = TO_MX + "smtp_discard_ehlo_keywords = chunking\n"


def fake_mx(lab, **settings):
    """A scripted server that offers STARTTLS and can do it."""
    settings.setdefault("capabilities", OFFERING)
    settings.setdefault("tls", tls_server(lab.files(lab.ca.issue([MX])), highest=settings.pop("highest", None)))
    return Server(MX, **settings)


# --- the capability ---------------------------------------------------------------------------------------------


@scenario(
    "starttls-masked-x",
    purpose="STARTTLS is overwritten with XXXXXXXA in the EHLO reply",
    tap="inside",
    origin="{postfix} to {postfix}; a tamperer beyond the tap overwrites the capability in place, as Cisco's "
    "inspection does",
    messages=1,
    raises=("starttls.capability_masked",),
    hides=(b"STARTTLS",),
    severity={"starttls.capability_masked": "high"},
    shows=(b"250-XXXXXXXA\r\n",),
    facts=[
        fact("smtp.starttls.masked", "XXXXXXXA"),
        contains("smtp.capabilities", "XXXXXXXA"),
        fact("smtp.starttls.requested", False),
    ]
    + EXPOSED,
)
def masked_x(lab):
    with postfix_mx(lab), tamper.tampering(tamper.mask_capability(b"XXXXXXXA")), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-masked-asterisks",
    purpose="STARTTLS is overwritten with ******** in the EHLO reply",
    tap="inside",
    origin="{exim} to {exim}; a tamperer beyond the tap overwrites the capability in place",
    messages=1,
    raises=("starttls.capability_masked",),
    severity={"starttls.capability_masked": "high"},
    hides=(b"STARTTLS",),
    shows=(b"250-********\r\n",),
    facts=[
        fact("smtp.starttls.masked", "********"),
        fact("smtp.messages.0.transfer", "BDAT"),
        fact("smtp.messages.0.exposed", True),
    ],
)
def masked_asterisks(lab):
    with exim_mx(lab), tamper.tampering(tamper.mask_capability(b"********")), Exim(
        "inside", "out.example.org", route=MX
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-x-capabilities",
    purpose="near miss of masking: the server really offers capabilities that begin with X",
    origin="a Python client to {postfix} with XCLIENT and XFORWARD, and to a Python server with Exchange's own",
    sessions=2,
    must_not_raise=("starttls.capability_masked",),
    shows=(b"250-XCLIENT NAME", b"250-XFORWARD", b"X-EXPS"),
    facts=[
        fact("smtp.starttls.offered", True),
        unknown("smtp.starttls.masked"),
        unknown("smtp.starttls.masked", 1),
        contains("smtp.capabilities", "X-ANONYMOUSTLS", 1),
    ],
)
def x_capabilities(lab):
    with postfix_mx(
        lab, "smtpd_authorized_xclient_hosts = 10.1.0.25\nsmtpd_authorized_xforward_hosts = 10.1.0.25\n"
    ), Client("192.0.2.25") as client:
        client.hello()
        client.quit()
    exchange = (
        "SIZE 37748736",
        "STARTTLS",
        "X-ANONYMOUSTLS",
        "AUTH NTLM",
        "X-EXPS GSSAPI NTLM",
        "XEXCH50",
        "XRDST",
        "XSHADOW",
    )
    with serving(Server("mx.example.com", exchange), "198.51.100.25"), Client("198.51.100.25") as client:
        client.hello()
        client.quit()


@scenario(
    "starttls-stripped-unknown-server",
    messages=1,
    must_not_raise=("starttls.stripped", "starttls.capability_masked"),
    purpose="the line is taken out whole, and nothing is known of the server: no evidence, no alert",
    origin="{postfix} to {postfix}; a tamperer beyond the tap removes the line",
    hides=(b"STARTTLS",),
    facts=[fact("smtp.starttls.offered", False)] + EXPOSED,
)
def stripped_unknown(lab):
    with postfix_mx(lab), tamper.tampering(tamper.strip_line), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-stripped",
    sessions=4,
    messages=1,
    raises=("starttls.stripped",),
    severity={"starttls.stripped": "high"},
    also_allowed=("starttls.unused", "starttls.fallback"),
    purpose="three sessions with TLS, then the same client is offered none by the same server",
    origin="{postfix} to {postfix}; for the fourth message a tamperer beyond the tap removes the line",
    facts=[fact("smtp.starttls.offered", True, at) for at in range(3)] + [fact("smtp.starttls.offered", False, 3)],
)
def stripped(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=PLAIN_CLIENT) as out:
        for _ in range(3):
            out.send(["bob@example.net"])
        with tamper.tampering(tamper.strip_line):
            out.send(["bob@example.net"])


# --- the command ------------------------------------------------------------------------------------------------


@scenario(
    "starttls-command-mangled",
    purpose="the client's STARTTLS arrives at our server as XXXXXXXX and is refused",
    origin="{postfix}, TLS mandatory, to {postfix}; a tamperer before the tap overwrites the command",
    tap="inside",
    raises=("starttls.command_mangled",),
    severity={"starttls.command_mangled": "high"},
    must_not_raise=("starttls.command_refused",),
    shows=(b"250-STARTTLS", b"XXXXXXXX\r\n500 5.5.2"),
    facts=[
        fact("smtp.starttls.offered", True),
        fact("smtp.starttls.mangled_command", "XXXXXXXX"),
        fact("hop", "inbound"),
    ],
)
def command_mangled(lab):
    with Postfix(
        "inside", "mx.example.org", "10.1.0.25", lab.ca.issue(["mx.example.org"]), domains="example.org"
    ), tamper.tampering(tamper.mangle_command), Postfix(
        "outside",
        "out.example.com",
        settings=TO_MX.replace(".net", ".org").replace("= may", "= encrypt") + "smtp_bind_address = 203.0.113.25\n",
    ) as out:
        out.send(["alice@example.org"], sender="carol@example.com")


@scenario(
    "starttls-unknown-verb",
    purpose="near miss of mangling: verbs nobody knows, to a server that offers no STARTTLS",
    origin="a Python client to {postfix} without TLS",
    must_not_raise=("starttls.command_mangled",),
    shows=(b"XFOO\r\n", b"XXXX\r\n", b"500 5.5.2"),
    facts=[fact("smtp.starttls.offered", False), unknown("smtp.starttls.mangled_command")],
)
def unknown_verb(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.ask("XFOO", 50)
        client.ask("XXXX", 50)
        client.quit()


@scenario(
    "starttls-command-of-its-own",
    purpose="near miss of mangling: Exchange's own command, refused by a server that offers STARTTLS",
    origin="a Python client to {postfix}",
    must_not_raise=("starttls.command_mangled", "starttls.command_refused"),
    max_severity="info",
    shows=(b"XEXCH50 1064 2\r\n", b"500 5.5.2"),
    facts=[fact("smtp.starttls.offered", True), unknown("smtp.starttls.mangled_command")],
)
def command_of_its_own(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.ask("XEXCH50 1064 2", 50)
        client.quit()


@scenario(
    "starttls-asked-too-early",
    purpose="near miss of refusal: asked for before EHLO and put right, then granted",
    origin="a Python client to {exim}",
    must_not_raise=("starttls.command_refused", "starttls.fallback"),
    max_severity="info",
    shows=(b"STARTTLS\r\n503 ",),
    facts=[fact("smtp.starttls.reply_code", 220), fact("tls.outcome", "established")],
)
def asked_too_early(lab):
    with exim_mx(lab), Client("192.0.2.25") as client:
        client.want(220)
        client.ask("STARTTLS", 503)
        client.ask("EHLO out.example.org", 250)
        client.starttls(tls_client())
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "starttls-refused-454",
    purpose="STARTTLS is offered, asked for and put off; the client leaves",
    origin="a Python client and server",
    raises=("starttls.command_refused",),
    shows=(b"454 4.7.0",),
    severity={"starttls.command_refused": "medium"},
    must_not_raise=("starttls.fallback", "starttls.handshake_aborted"),
    facts=[fact("smtp.starttls.reply_code", 454), fact("smtp.starttls.requested", True), unknown("tls")],
)
def refused_454(lab):
    with serving(fake_mx(lab, replies={"STARTTLS": "454 4.7.0 TLS not available due to local problem"})), Client(
        "192.0.2.25"
    ) as client:
        client.hello()
        client.ask("STARTTLS", 454)
        client.quit()


@scenario(
    "starttls-refused-502",
    purpose="STARTTLS is offered, asked for, and said not to exist; the client leaves",
    origin="a Python client and {postfix}; a tamperer beyond the tap answers in the server's place",
    raises=("starttls.command_refused",),
    severity={"starttls.command_refused": "high"},
    shows=(b"502 5.5.2",),
    must_not_raise=("starttls.fallback", "starttls.command_mangled"),
    facts=[fact("smtp.starttls.reply_code", 502)],
)
def refused_502(lab):
    with postfix_mx(lab), tamper.tampering(
        tamper.refuse_command(b"502 5.5.2 Error: command not recognized\r\n")
    ), Client("192.0.2.25") as client:
        client.hello()
        client.ask("STARTTLS", 502)
        client.quit()


@scenario(
    "starttls-asked-not-offered",
    purpose="near miss of refusal: asked for all the same where it is not offered",
    origin="a Python client to {postfix} without TLS",
    must_not_raise=("starttls.command_refused",),
    shows=(b"STARTTLS\r\n", b"502 5.5.1"),
    facts=[
        fact("smtp.starttls.offered", False),
        fact("smtp.starttls.requested", True),
        fact("smtp.starttls.reply_code", 502),
    ],
)
def asked_not_offered(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.ask("STARTTLS", 502)
        client.quit()


# --- falling back to plaintext ----------------------------------------------------------------------------------


@scenario(
    "starttls-fallback-same-session",
    messages=1,
    purpose="refused with 454, and the mail goes in the clear in the same session",
    origin="opportunistic {postfix} to a Python server",
    raises=("starttls.command_refused", "starttls.fallback"),
    severity={"starttls.fallback": "high", "starttls.command_refused": "medium"},
    must_not_raise=("starttls.unused",),
    shows=(b"454 4.7.0", b"MAIL FROM:<alice@example.org>"),
    facts=[fact("smtp.starttls.reply_code", 454)] + EXPOSED,
)
def fallback_same(lab):
    with serving(fake_mx(lab, replies={"STARTTLS": "454 4.7.0 TLS not available due to local problem"})), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-fallback-next-session",
    sessions=3,
    messages=1,
    purpose="handshakes are reset, and opportunistic Postfix delivers in the clear in a third session",
    origin="{postfix} to {postfix}; a tamperer beyond the tap resets connections at the ClientHello. Postfix defers "
    "the message first, and falls back when that has not helped",
    raises=("starttls.handshake_aborted", "starttls.fallback"),
    severity={"starttls.fallback": "high", "starttls.handshake_aborted": "medium"},
    also_allowed=("starttls.unused",),
    shows=(b"STARTTLS\r\n", b"MAIL FROM:<alice@example.org>"),
    facts=[
        fact("tls.outcome", "failed"),
        fact("tls.outcome", "failed", 1),
        fact("smtp.starttls.requested", False, 2),
        fact("smtp.messages.0.exposed", True, 2),
    ],
)
def fallback_next(lab):
    with postfix_mx(lab), tamper.tampering(tamper.close_at_handshake("rst")), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])
        out.retry()


@scenario(
    "starttls-fallback-opensmtpd",
    sessions=2,
    messages=1,
    purpose="the server breaks off the handshake, and opportunistic OpenSMTPD delivers in the clear at once",
    origin="{opensmtpd} to {opensmtpd}, whose server side fails with OpenSSL 3 (OpenSMTPD's issue 1171)",
    shows=(b"MAIL FROM:<alice@example.org>",),
    raises=("starttls.handshake_aborted", "starttls.fallback"),
    also_allowed=("starttls.unused",),
    severity={"starttls.fallback": "high", "starttls.handshake_aborted": "medium"},
    facts=[fact("tls.outcome", "failed"), fact("tls.ended_by", "server"), fact("smtp.messages.0.exposed", True, 1)],
)
def fallback_opensmtpd(lab):
    with OpenSmtpd("outside", MX, "192.0.2.25", lab.ca.issue([MX]), domains="example.net"), OpenSmtpd(
        "inside", "out.example.org", route="smtp://192.0.2.25"
    ) as out:
        out.send(["bob@example.net"])


# --- offered or not, and mail in the clear -------------------------------------------------------------------


@scenario(
    "starttls-unused",
    messages=1,
    purpose="STARTTLS is offered, the client does not ask, mail is exposed",
    origin="{postfix} with TLS off to {postfix}",
    raises=("starttls.unused",),
    severity={"starttls.unused": "low"},
    must_not_raise=("starttls.not_offered",),
    facts=[fact("smtp.starttls.offered", True), fact("smtp.starttls.requested", False)] + EXPOSED,
)
def unused(lab):
    with postfix_mx(lab), Postfix(
        "inside", "out.example.org", settings=NO_TLS_CLIENT + "smtp_discard_ehlo_keywords = chunking\n"
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-unused-no-mail",
    purpose="near miss: offered, not asked for, and the client leaves without mail",
    origin="a Python client to {postfix}",
    must_not_raise=("starttls.unused",),
    max_severity="info",
    facts=[fact("smtp.starttls.offered", True), fact("smtp.starttls.requested", False)],
)
def unused_no_mail(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask("RSET", 250)
        client.quit()


@scenario(
    "starttls-not-offered",
    messages=1,
    purpose="a server that has no TLS takes mail",
    origin="{postfix} to {postfix} without a certificate",
    raises=("starttls.not_offered",),
    severity={"starttls.not_offered": "info"},
    must_not_raise=("starttls.stripped", "starttls.unused"),
    max_severity="info",
    facts=[fact("smtp.starttls.offered", False)] + EXPOSED,
)
def not_offered(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "starttls-not-offered-no-mail",
    purpose="near miss: no TLS, but the only recipient is refused and nothing is exposed",
    origin="{postfix} to {postfix} without a certificate, for a domain it does not take",
    must_not_raise=("starttls.not_offered",),
    shows=(b"554 5.7.1",),
    max_severity="info",
    facts=[fact("smtp.starttls.offered", False)],
)
def not_offered_no_mail(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.com"), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])
