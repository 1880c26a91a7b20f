"""What SMTP looks like in the field: facts to get right, and nothing to raise."""
import socket
import ssl
import struct

from peers import Client, Server, serving, tls_client, tls_server
from registry import contains, fact, scenario, unknown
from scenarios.clean import MX, postfix_mx
from scenarios.starttls import EXPOSED, fake_mx
from servers import Postfix


@scenario(
    "shape-implicit-tls",
    max_severity="info",
    purpose="TLS from the first byte, port 465",
    origin="a Python client to {postfix}",
    facts=[
        fact("tls.mode", "implicit"),
        fact("tls.outcome", "established"),
        fact("dest_port", 465),
        fact("tls.version", "TLS 1.3"),
        fact("tls.sni", MX),
        unknown("smtp.starttls.offered"),
    ],
)
def implicit(lab):
    with Postfix(
        "outside",
        MX,
        "192.0.2.25",
        lab.ca.issue([MX]),
        "smtpd_tls_wrappermode = yes\n",
        domains="example.net",
        services="smtps inet n - n - - smtpd\n",
    ), Client("192.0.2.25", 465) as client:
        client.secure(tls_client(), MX)
        client.hello()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-implicit-tls12",
    max_severity="info",
    purpose="TLS 1.2 from the first byte: the certificate is visible and good",
    origin="a Python client to {postfix}",
    facts=[
        fact("tls.mode", "implicit"),
        fact("tls.version", "TLS 1.2"),
        fact("tls.certificate.trust", "trusted"),
        fact("tls.subjectaltname", [MX]),
    ],
)
def implicit_12(lab):
    with Postfix(
        "outside",
        MX,
        "192.0.2.25",
        lab.ca.issue([MX]),
        "smtpd_tls_wrappermode = yes\n",
        domains="example.net",
        services="smtps inet n - n - - smtpd\n",
    ), Client("192.0.2.25", 465) as client:
        client.secure(tls_client(highest=ssl.TLSVersion.TLSv1_2), MX)
        client.hello()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-lmtp",
    messages=1,
    max_severity="info",
    purpose="LMTP: LHLO, and a reply for each recipient behind the dot (RFC 2033 4.2)",
    origin="{postfix}'s LMTP client to a Python server on port 2525",
    shows=(b"LHLO out.example.org\r\n",),
    facts=[
        fact("dest_port", 2525),
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.rcpt_to", ["bob@example.net", "carol@example.net"]),
    ],
)
def lmtp(_lab):
    def data(_server, peer, _line):
        peer.send("354 Go on\r\n")
        peer.until(b"\r\n.\r\n")
        return "250 2.1.5 <bob@example.net> delivered\r\n250 2.1.5 <carol@example.net> delivered"

    with serving(Server("store.example.net", replies={"DATA": data}), port=2525), Postfix(
        "inside", "out.example.org", settings="default_transport = lmtp:[192.0.2.25]:2525\n"
    ) as out:
        out.send(["bob@example.net", "carol@example.net"])


def proxied(lab, header):
    """Our proxy in front of our server hands on a stranger's connection."""
    with Postfix(
        "inside",
        "mx.example.org",
        "10.1.0.25",
        lab.ca.issue(["mx.example.org"]),
        "smtpd_upstream_proxy_protocol = haproxy\n",
        domains="example.org",
    ), Client("10.1.0.25", source="10.1.0.53", side="outside") as client:
        client.send(header)
        client.hello("out.example.com")
        client.quit()


PROXIED = [
    fact("proxied_src_ip", "198.51.100.77"),
    fact("src_ip", "10.1.0.53"),
    fact("smtp.starttls.offered", True),
    fact("smtp.helo", "out.example.com"),
]


@scenario(
    "shape-proxy-v1",
    max_severity="info",
    purpose="a PROXY header, version 1, before the banner",
    facts=PROXIED,
    tap="outside",
    origin="a Python client in the place of HAProxy to {postfix}",
    shows=(b"PROXY TCP4 198.51.100.77",),
)
def proxy_v1(lab):
    proxied(lab, "PROXY TCP4 198.51.100.77 10.1.0.25 40123 25\r\n")


@scenario(
    "shape-proxy-v2",
    max_severity="info",
    purpose="a PROXY header, version 2, before the banner",
    facts=PROXIED,
    tap="outside",
    origin="a Python client in the place of HAProxy to {postfix}",
    shows=(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",),
)
def proxy_v2(lab):
    proxied(
        lab,
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
        + struct.pack(">H", 12)
        + socket.inet_aton("198.51.100.77")
        + socket.inet_aton("10.1.0.25")
        + struct.pack(">HH", 40123, 25),
    )


@scenario(
    "shape-xclient",
    messages=1,
    max_severity="info",
    purpose="XCLIENT: a second 220 in mid-session, which begins no TLS",
    origin="a Python client to {postfix} without TLS",
    shows=(b"XCLIENT ADDR=198.51.100.77",),
    facts=EXPOSED,
)
def xclient(_lab):
    with Postfix(
        "outside", MX, "192.0.2.25", settings="smtpd_authorized_xclient_hosts = 10.1.0.25\n", domains="example.net"
    ), Client("192.0.2.25") as client:
        client.hello()
        client.ask("XCLIENT ADDR=198.51.100.77 NAME=[UNAVAILABLE]", 220)
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-x-anonymoustls",
    max_severity="info",
    purpose="Exchange's own command begins TLS between two of its servers",
    origin="a Python client and server that speak as Exchange does",
    shows=(b"X-ANONYMOUSTLS\r\n220 2.0.0 SMTP server ready\r\n",),
    facts=[fact("tls.mode", "x-anonymoustls"), fact("tls.outcome", "established"), fact("hop", "internal")],
)
def x_anonymoustls(lab):
    def begin(server, peer, _line):
        peer.send("220 2.0.0 SMTP server ready\r\n")
        server.secure(peer)

    name = "relay.example.org"
    server = Server(
        name,
        ("SIZE", "X-ANONYMOUSTLS", "X-EXPS GSSAPI NTLM", "XEXCH50"),
        tls=tls_server(lab.files(lab.ca.issue([name]))),
        replies={"X-ANONYMOUSTLS": begin},
    )
    with serving(server, "10.1.0.53"), Client("10.1.0.53") as client:
        client.hello()
        client.ask("X-ANONYMOUSTLS", 220)
        client.secure(tls_client())
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-decrypted-mirror",
    messages=None,
    max_severity="info",
    purpose="behind the 220 plaintext SMTP goes on, both ways: " "a mirror behind a decrypting appliance",
    shows=(b"STARTTLS\r\n220 2.0.0 Ready to start TLS\r\nEHLO out.example.org\r\n",),
    origin="a Python client and server that leave the handshake out, as such a mirror does",
    must_not_raise=(
        "starttls.injection_toserver",
        "starttls.injection_toclient",
        "starttls.handshake_aborted",
        "starttls.fallback",
    ),
    facts=[
        fact("tls.outcome", "decrypted"),
        fact("smtp.starttls.reply_code", 220),
        fact("smtp.messages.0.rcpt_to", ["bob@example.net"]),
    ],
)
def decrypted(lab):
    with serving(fake_mx(lab, replies={"STARTTLS": "220 2.0.0 Ready to start TLS"})), Client("192.0.2.25") as client:
        client.hello()
        client.ask("STARTTLS", 220)
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-pipelining",
    messages=1,
    max_severity="info",
    purpose="an envelope in one segment, one recipient of three refused",
    origin="a Python client to {postfix} without TLS",
    shows=(b"RCPT TO:<dora@example.com>\r\nRCPT TO:<carol@example.net>\r\nDATA\r\n",),
    facts=[
        fact("smtp.messages.0.rcpt_to", ["bob@example.net", "carol@example.net"]),
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.rcpt_rejected", [{"rcpt": "dora@example.com", "code": 554}]),
        fact("smtp.messages.0.delivered", True),
    ],
)
def pipelining(_lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.send(
            "MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<dora@example.com>\r\n"
            "RCPT TO:<carol@example.net>\r\nDATA\r\n"
        )
        for code in (250, 250, 554, 250, 354):
            client.want(code)
        client.send("Subject: lab\r\n\r\nHello.\r\n.\r\nQUIT\r\n")
        client.want(250)
        client.want(221)


@scenario(
    "shape-refused-at-the-end",
    messages=1,
    max_severity="info",
    purpose="the message is refused behind the dot: exposed, not delivered",
    origin="a Python client and server",
    facts=[
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.delivered", False),
        fact("smtp.messages.0.reply_code", 554),
    ],
)
def refused_at_end(_lab):
    def data(_server, peer, _line):
        peer.send("354 Go on\r\n")
        peer.until(b"\r\n.\r\n")
        return "554-5.7.1 Refused\r\n554 5.7.1 for its content"

    with serving(Server(MX, replies={"DATA": data})), Client("192.0.2.25") as client:
        client.hello()
        client.mail(["bob@example.net"], expect=554)
        client.quit()


@scenario(
    "shape-smtputf8",
    messages=1,
    max_severity="info",
    purpose="addresses outside ASCII (RFC 6531)",
    origin="a Python client to {postfix}",
    facts=[
        fact("smtp.messages.0.mail_from", "jürgen@example.org"),
        fact("smtp.messages.0.rcpt_to", ["bøb@example.net"]),
    ],
)
def smtputf8(_lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.ask("MAIL FROM:<jürgen@example.org> SMTPUTF8", 250)
        client.ask("RCPT TO:<bøb@example.net>", 250)
        client.ask("DATA", 354)
        client.send("Subject: Grüße\r\n\r\nHallo.\r\n")
        client.ask(".", 250)
        client.quit()


@scenario(
    "shape-several-messages",
    messages=2,
    max_severity="info",
    purpose="two messages in a session, and between them one given up by RSET",
    origin="a Python client to {postfix} without TLS",
    shows=(b"RSET\r\n",),
    facts=[fact("smtp.messages.0.rcpt_to", ["bob@example.net"])],
)
def several(_lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.mail(["bob@example.net"])
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask("RCPT TO:<nobody@example.net>", 250)
        client.ask("RSET", 250)
        client.mail(["carol@example.net"])
        client.quit()


@scenario(
    "shape-helo",
    messages=1,
    max_severity="info",
    purpose="HELO only: whether the server offers STARTTLS stays unknown",
    origin="a Python client to {postfix} with TLS",
    must_not_raise=("starttls.stripped",),
    facts=EXPOSED + [fact("smtp.ehlo", False), unknown("smtp.starttls.offered"), fact("smtp.helo_reply_code", 250)],
)
def helo(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello(verb="HELO")
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-ehlo-refused",
    messages=1,
    max_severity="info",
    purpose="an old server refuses EHLO and takes HELO; nothing else is known of it",
    origin="a Python client and server",
    must_not_raise=("starttls.stripped",),
    facts=[fact("smtp.ehlo_reply_code", 502), fact("smtp.helo_reply_code", 250), unknown("smtp.starttls.offered")],
)
def ehlo_refused(_lab):
    with serving(Server(MX, replies={"EHLO": "502 Command not implemented"})), Client("192.0.2.25") as client:
        client.want(220)
        client.ask("EHLO out.example.org", 502)
        client.ask("HELO out.example.org", 250)
        client.mail(["bob@example.net"])
        client.quit()


@scenario(
    "shape-greylisting",
    max_severity="info",
    purpose="the recipient is put off with 451: no mail",
    origin="a Python client and server",
    shows=(b"451 4.7.1",),
    facts=[fact("smtp.starttls.offered", True)],
)
def greylisting(lab):
    with serving(fake_mx(lab, replies={"RCPT": "451 4.7.1 Greylisted, come back in 5 minutes"})), Client(
        "192.0.2.25"
    ) as client:
        client.hello()
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask("RCPT TO:<bob@example.net>", 451)
        client.quit()


@scenario(
    "shape-busy-server",
    max_severity="info",
    purpose="a greeting of several lines that says 421, and the end",
    origin="a Python client and server",
    shows=(b"421-mx.example.net\r\n421 4.3.2",),
    facts=[unknown("smtp.starttls.offered"), unknown("tls")],
)
def busy(_lab):
    def serve(peer):
        peer.send("421-mx.example.net\r\n421 4.3.2 too busy\r\n")

    with serving(serve), Client("192.0.2.25") as client:
        client.want(421)


@scenario(
    "shape-other-protocol",
    sessions=None,
    purpose="HTTP on port 25: nothing of SMTP is made of it, and the protocol is named",
    origin="a Python client and server",
    raises=("smtp.other_protocol",),
    severity={"smtp.other_protocol": "low"},
    facts=[fact("app_proto", "http")],
    shows=(b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n"),
)
def other_protocol(_lab):
    def serve(peer):
        peer.until(b"\r\n\r\n")
        peer.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"
        )

    with serving(serve), Client("192.0.2.25") as client:
        client.send("GET / HTTP/1.1\r\nHost: mx.example.net\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n")
        client.until(b"hello\n")


@scenario(
    "shape-hostile-banner",
    max_severity="info",
    purpose="a banner with terminal escapes, NUL and bytes that are not UTF-8",
    origin="a Python client and server",
    shows=(b"\x1b]0;owned\x07",),
    facts=[contains("smtp.banner", "\\x1b"), contains("smtp.banner", "\\xff")],
)
def hostile_banner(_lab):
    def serve(peer):
        peer.send(b"220 mx.example.net \x1b[2J\x1b]0;owned\x07 \0 \xff\xfe ESMTP\r\n")
        while (line := peer.line()) is not None:
            peer.send(b"221 Bye\r\n" if line == "QUIT" else b"250 mx.example.net\r\n")

    with serving(serve), Client("192.0.2.25") as client:
        client.hello()
        client.quit()
