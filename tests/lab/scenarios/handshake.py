"""Behind the 220: handshakes that come to nothing, and plaintext where only TLS should be."""
import contextlib
import ssl

import tamper
from peers import Client, serving, tls_client, tls_server
from registry import fact, scenario, unknown
from scenarios.clean import MX, TO_MX, exim_mx, postfix_mx
from scenarios.starttls import fake_mx
from servers import Exim, Postfix


ABORTED = {"raises": ("starttls.handshake_aborted",), "severity": {"starttls.handshake_aborted": "medium"}}


def refuse_certificate(lab, version):
    """A client that verifies meets a certificate of an unknown issuer. It is fatal to it."""
    with serving(fake_mx(lab, tls=tls_server(lab.files(lab.stranger.issue([MX])), highest=version))), Client(
        "192.0.2.25"
    ) as client:
        client.hello()
        with contextlib.suppress(ssl.SSLError):
            client.starttls(tls_client(ca=lab.ca_path))
            raise AssertionError("the certificate was accepted")


@scenario(
    "handshake-client-alert-tls12",
    purpose="TLS 1.2: the client refuses the certificate with a fatal alert",
    origin="a verifying Python client to a Python server whose issuer it does not know",
    **ABORTED,
    also_allowed=("certificate.untrusted",),
    facts=[
        fact("tls.outcome", "failed"),
        fact("tls.alert", "unknown_ca"),
        fact("tls.ended_by", "client"),
        fact("tls.version", "TLS 1.2"),
        fact("tls.certificate.visible", True),
    ],
)
def client_alert_12(lab):
    refuse_certificate(lab, ssl.TLSVersion.TLSv1_2)


@scenario(
    "handshake-client-alert-tls13",
    purpose="TLS 1.3: the client refuses the certificate; on the wire a lone record as " "small as an alert",
    origin="{exim} that demands a trusted certificate to {exim} whose issuer it does not know",
    **ABORTED,
    must_not_raise=("certificate.untrusted",),
    facts=[
        fact("tls.outcome", "failed"),
        fact("tls.ended_by", "client"),
        fact("tls.version", "TLS 1.3"),
        unknown("tls.alert"),
    ],
)
def client_alert_13(lab):
    with exim_mx(lab, certificate=lab.stranger.issue([MX])), Exim(
        "inside",
        "out.example.org",
        ca=lab.ca_text,
        route=MX,
        transport=f"  tls_sni = {MX}\n"
        "  tls_verify_certificates = /etc/lab/ca.pem\n  tls_verify_hosts = *\n  hosts_require_tls = *",
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "handshake-client-alert-tls13-clear",
    purpose="the same by OpenSSL 3.0, which sends this alert before its keys: readable",
    origin="a verifying Python client to a Python server whose issuer it does not know",
    **ABORTED,
    must_not_raise=("certificate.untrusted",),
    facts=[
        fact("tls.outcome", "failed"),
        fact("tls.ended_by", "client"),
        fact("tls.version", "TLS 1.3"),
        fact("tls.alert", "unknown_ca"),
    ],
)
def client_alert_13_clear(lab):
    refuse_certificate(lab, ssl.TLSVersion.TLSv1_3)


def cut_at_hello(lab, how):
    with postfix_mx(lab), tamper.tampering(tamper.close_at_handshake(how)), Client("192.0.2.25") as client:
        client.hello()
        with contextlib.suppress(OSError):
            client.starttls(tls_client())
            raise AssertionError("the handshake went through")


@scenario(
    "handshake-server-closes",
    purpose="after the 220 and the ClientHello the connection is closed",
    **ABORTED,
    origin="a Python client to {postfix}; a tamperer beyond the tap closes both sides",
    facts=[fact("tls.outcome", "failed"), fact("tls.ended_by", "server")],
)
def server_closes(lab):
    cut_at_hello(lab, "fin")


@scenario(
    "handshake-server-resets",
    purpose="after the 220 and the ClientHello the connection is reset",
    **ABORTED,
    origin="a Python client to {postfix}; a tamperer beyond the tap resets",
    facts=[fact("tls.outcome", "failed"), fact("tls.ended_by", "server"), fact("capture.ended", "rst")],
)
def server_resets(lab):
    cut_at_hello(lab, "rst")


@scenario(
    "handshake-client-no-hello",
    purpose="after the 220 the client closes without a ClientHello: its TLS cannot start",
    **ABORTED,
    origin="{postfix} whose cipher list is empty, to {postfix}",
    facts=[fact("tls.outcome", "failed"), fact("tls.ended_by", "client"), unknown("tls.version")],
)
def client_no_hello(lab):
    with postfix_mx(lab), Postfix(
        "inside", "out.example.org", settings=TO_MX + "smtp_tls_ciphers = null\n" "tls_null_cipherlist = aNULL:!aNULL\n"
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "handshake-no-common-version",
    purpose="the server refuses the ClientHello with an alert of its own",
    **ABORTED,
    origin="a Python client limited to TLS 1.2 to {exim}, which allows TLS 1.3 only",
    facts=[fact("tls.outcome", "failed"), fact("tls.alert", "handshake_failure"), fact("tls.ended_by", "server")],
)
def no_common_version(lab):
    with exim_mx(lab, "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.3"), Client("192.0.2.25") as client:
        client.hello()
        with contextlib.suppress(ssl.SSLError):
            client.starttls(tls_client(highest=ssl.TLSVersion.TLSv1_2))
            raise AssertionError("the handshake went through")


@scenario(
    "handshake-inbound-scanner",
    purpose="an unknown client from outside asks for STARTTLS and leaves: a scanner",
    origin="a Python client to {postfix}",
    tap="outside",
    raises=("starttls.handshake_aborted",),
    severity={"starttls.handshake_aborted": "info"},
    facts=[fact("hop", "inbound"), fact("tls.outcome", "failed")],
)
def inbound_scanner(lab):
    with Postfix(
        "inside", "mx.example.org", "10.1.0.25", lab.ca.issue(["mx.example.org"]), domains="example.org"
    ), Client("10.1.0.25", source="203.0.113.99", side="outside") as client:
        client.hello("scanner.example.com")
        client.ask("STARTTLS", 220)


def until_server_hello(packets):
    """Drop everything from the client's answer to the ServerHello on."""
    at = next(at for at, packet in enumerate(packets) if packet.tcp().data[:1] == b"\x16" and packet.tcp().sport == 25)
    return packets[: at + 1]


@scenario(
    "handshake-capture-ends",
    purpose="near miss: the capture ends in the middle of the handshake",
    origin="{postfix} to {postfix}; the capture is cut behind the ServerHello",
    cut=until_server_hello,
    must_not_raise=("starttls.handshake_aborted",),
    max_severity="info",
    facts=[fact("tls.outcome", "incomplete"), fact("smtp.starttls.reply_code", 220)],
)
def capture_ends(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])


# --- injection ------------------------------------------------------------------------------------------------


@scenario(
    "injection-toserver",
    purpose="commands behind STARTTLS in the same segment, then the ClientHello follows",
    origin="a Python client to {postfix}, which throws the commands away",
    raises=("starttls.injection_toserver",),
    severity={"starttls.injection_toserver": "high"},
    shows=(b"STARTTLS\r\nMAIL FROM:<mallory@example.org>\r\nNOOP\r\n",),
    facts=[fact("smtp.starttls.injected_toserver", 39), fact("tls.outcome", "established")],
)
def injection_toserver(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.send("STARTTLS\r\nMAIL FROM:<mallory@example.org>\r\nNOOP\r\n")
        client.want(220)
        client.secure(tls_client(), MX)
        client.hello_again()
        client.quit()


@scenario(
    "injection-toserver-tampered",
    purpose="the same, by a tamperer in the path of an honest client: seen on the server's side",
    origin="{postfix} to our {postfix}; a tamperer before the tap adds a command",
    tap="inside",
    raises=("starttls.injection_toserver",),
    severity={"starttls.injection_toserver": "high"},
    shows=(b"STARTTLS\r\nRSET\r\n",),
    facts=[fact("smtp.starttls.injected_toserver", 6), fact("tls.outcome", "established"), fact("hop", "inbound")],
)
def injection_toserver_tampered(lab):
    with Postfix(
        "inside", "mx.example.org", "10.1.0.25", lab.ca.issue(["mx.example.org"]), domains="example.org"
    ), tamper.tampering(tamper.inject_to_server(b"RSET\r\n")), Postfix(
        "outside", "out.example.com", settings=TO_MX.replace(".net", ".org") + "smtp_bind_address = 203.0.113.25\n"
    ) as out:
        out.send(["alice@example.org"], sender="carol@example.com")


@scenario(
    "injection-toserver-refused",
    purpose="near miss: commands pipelined behind a STARTTLS that is refused",
    origin="a Python client and server",
    must_not_raise=("starttls.injection_toserver",),
    raises=("starttls.command_refused",),
    severity={"starttls.command_refused": "medium"},
    shows=(b"STARTTLS\r\nNOOP\r\nQUIT\r\n",),
    also_allowed=(),
    facts=[fact("smtp.starttls.reply_code", 454), unknown("tls")],
)
def injection_toserver_refused(lab):
    with serving(fake_mx(lab, replies={"STARTTLS": "454 4.7.0 TLS not available"})), Client("192.0.2.25") as client:
        client.hello()
        client.send("STARTTLS\r\nNOOP\r\nQUIT\r\n")
        for code in (454, 250, 221):
            client.want(code)


@scenario(
    "injection-toclient",
    purpose="a forged reply behind the 220, then the ServerHello follows",
    tap="inside",
    origin="{postfix} to {postfix}; a tamperer beyond the tap adds a reply",
    raises=("starttls.injection_toclient",),
    severity={"starttls.injection_toclient": "high"},
    shows=(b"220 2.0.0 Ready to start TLS\r\n250 AUTH PLAIN\r\n",),
    facts=[fact("smtp.starttls.injected_toclient", 16), fact("smtp.starttls.reply_code", 220)],
)
def injection_toclient(lab):
    injected = tamper.inject_to_client(b"250 AUTH PLAIN\r\n")
    with postfix_mx(lab), tamper.tampering(injected), Client("192.0.2.25") as client:
        client.hello()
        client.send("STARTTLS\r\n")
        client.until(b"250 AUTH PLAIN\r\n")
        client.secure(tls_client(), MX)
        client.hello_again()
        client.quit()


@scenario(
    "injection-toclient-multiline",
    purpose="near miss: the 220 reply to STARTTLS has several lines",
    max_severity="info",
    origin="a Python client and server",
    must_not_raise=("starttls.injection_toclient",),
    shows=(b"220-Ready\r\n220 2.0.0 Go ahead\r\n",),
    facts=[
        fact("smtp.starttls.reply_code", 220),
        fact("tls.outcome", "established"),
    ],
)
def multiline_220(lab):
    def starttls(server, peer, _line):
        peer.send("220-Ready\r\n220 2.0.0 Go ahead\r\n")
        server.secure(peer)

    with serving(fake_mx(lab, replies={"STARTTLS": starttls})), Client("192.0.2.25") as client:
        client.hello()
        client.starttls(tls_client())
        client.hello_again()
        client.quit()
