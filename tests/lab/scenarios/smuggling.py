"""End-of-data look-alikes in message bodies, and BDAT, where nothing looks like an end."""
from peers import Client, Server, serving
from registry import fact, scenario
from scenarios.clean import MX
from scenarios.starttls import EXPOSED
from servers import Exim, Postfix

SMUGGLED = b"MAIL FROM:<mallory@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\nBoo.\r\n"
SMUGGLING = "smtp.smuggling"


def smuggle(name, mark, shown, severity="medium", after=SMUGGLED):
    """One message whose body holds `mark`, to a server that ends messages by the book only."""

    @scenario(
        name,
        messages=1,
        raises=(SMUGGLING,),
        severity={SMUGGLING: severity},
        shows=(b"Hello." + mark + after[:9],),
        purpose=f"the body holds {shown}"
        + (" and commands behind it" if severity == "medium" else ", and no command follows"),
        origin="a Python client, and a Python server that ends messages by the book",
        facts=EXPOSED,
        **({"max_severity": "info"} if severity == "info" else {}),
    )
    def make(_lab):
        with serving(Server(MX)), Client("192.0.2.25") as client:
            client.hello()
            client.mail(["bob@example.net"], body=b"Subject: lab\r\n\r\nHello." + mark + after)
            client.quit()

    return make


smuggle("smuggling-lf-dot-lf", b"\n.\n", "LF dot LF")
smuggle("smuggling-lf-dot-crlf", b"\n.\r\n", "LF dot CRLF")
smuggle("smuggling-cr-dot-cr", b"\r.\r", "CR dot CR")
smuggle("smuggling-no-verb", b"\n.\n", "LF dot LF", "info", b"Regards, Alice\r\n")


@scenario(
    "smuggling-accepted",
    messages=None,
    raises=(SMUGGLING,),
    severity={SMUGGLING: "medium"},
    shows=(b"\n.\r\nMAIL FROM:<mallory@",),
    purpose="LF dot CRLF, and the server takes what follows for a second message: a 250 to each",
    origin="a Python client to {postfix}, which ends messages at a bare LF in its default configuration",
    facts=[fact("smtp.messages.0.exposed", True)],
)
def smuggling_accepted(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask("RCPT TO:<bob@example.net>", 250)
        client.ask("DATA", 354)
        client.send(b"Subject: lab\r\n\r\nHello.\n.\r\n" + SMUGGLED + b".\r\n")
        for code in (250, 250, 250, 354, 250):
            client.want(code)
        client.quit()


@scenario(
    "smuggling-dot-stuffed",
    messages=1,
    max_severity="info",
    must_not_raise=(SMUGGLING,),
    facts=EXPOSED,
    purpose="near miss: stuffed dots, lines that begin with dots, bare line feeds, and SMTP commands as text",
    origin="a Python client to {postfix}",
    shows=(b"\r\n..\r\nMAIL FROM:<eve@example.org>\r\n",),
)
def dot_stuffed(lab):
    body = (
        b"Subject: lab\r\n\r\nOn its own line a dot:\r\n..\r\nMAIL FROM:<eve@example.org>\r\n...\r\n..hidden\r\n"
        b"a line feed\nalone, and . a dot\r\nend of sentence.\r\n"
    )
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.mail(["bob@example.net"], body=body)
        client.quit()


@scenario(
    "bdat-with-dots",
    messages=1,
    max_severity="info",
    must_not_raise=(SMUGGLING,),
    shows=(b"BDAT 24\r\n", b"LAST\r\n"),
    purpose="two BDAT chunks; in them a dot and commands mean nothing (RFC 3030 2)",
    origin="a Python client to {postfix}",
    facts=[
        fact("smtp.messages.0.transfer", "BDAT"),
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.delivered", True),
    ],
)
def bdat(lab):
    first, last = b"Subject: lab\r\n\r\nHello.\r\n", b"\n.\nMAIL FROM:<eve@example.org>\r\n.\r\nQUIT\r\n"
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Client("192.0.2.25") as client:
        client.hello()
        client.ask("MAIL FROM:<alice@example.org>", 250)
        client.ask("RCPT TO:<bob@example.net>", 250)
        client.send(b"BDAT %d\r\n" % len(first) + first)
        client.want(250)
        client.send(b"BDAT %d LAST\r\n" % len(last) + last)
        client.want(250)
        client.quit()


@scenario(
    "bdat-exim",
    messages=1,
    max_severity="info",
    purpose="a real client's BDAT, pipelined",
    origin="{exim} to {postfix} without TLS",
    facts=[
        fact("smtp.messages.0.transfer", "BDAT"),
        fact("smtp.messages.0.exposed", True),
        fact("smtp.messages.0.delivered", True),
    ],
)
def bdat_exim(lab):
    with Postfix("outside", MX, "192.0.2.25", domains="example.net"), Exim(
        "inside", "out.example.org", route=MX
    ) as out:
        out.send(["bob@example.net"])
