"""Secrets sent outside TLS, and AUTH that sends none."""
import base64

from peers import Client, Server, serving, tls_client
from registry import fact, scenario, unknown
from scenarios.clean import MX
from scenarios.mta_sts import AUTH_PLAIN, CRAM, SUBMISSION
from servers import Exim

LOGIN = (
    "login:\n  driver = plaintext\n  public_name = LOGIN\n  server_prompts = Username:: : Password::\n"
    "  server_condition = ${if eq{$auth2}{sesame}}\n  server_set_id = $auth1\n"
)
SECRET = base64.b64encode(b"\0alice\0sesame").decode()
RULE = "auth.plaintext_credentials"


def auth(name, severity, mechanism, code, **truth):
    truth.setdefault("origin", "a Python client to {exim}")
    truth.setdefault(
        "facts",
        [fact("smtp.auth.mechanism", mechanism), fact("smtp.auth.plaintext", True), fact("smtp.auth.reply_code", code)],
    )
    if severity == "info":
        truth["max_severity"] = "info"
    return scenario(
        name,
        raises=(RULE,) if severity else (),
        severity={RULE: severity} if severity else {},
        must_not_raise=() if severity else (RULE,),
        **truth,
    )


def provider(authenticators, port=587, certificate=None):
    return Exim(
        "outside",
        MX,
        "203.0.113.25",
        certificate,
        SUBMISSION,
        domains="example.net",
        port=port,
        authenticators=authenticators,
    )


@auth(
    "auth-plain",
    "high",
    "PLAIN",
    235,
    purpose="AUTH PLAIN with an initial response in the clear, accepted",
    shows=(SECRET.encode(),),
)
def plain(lab):
    with provider(AUTH_PLAIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask(f"AUTH PLAIN {SECRET}", 235)
        client.quit()


@auth(
    "auth-plain-continued",
    "high",
    "PLAIN",
    235,
    purpose="AUTH PLAIN with its response on a line of its own",
    shows=(SECRET.encode(),),
)
def plain_continued(lab):
    with provider(AUTH_PLAIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask("AUTH PLAIN", 334)
        client.ask(SECRET, 235)
        client.quit()


@auth(
    "auth-login",
    "high",
    "LOGIN",
    235,
    purpose="AUTH LOGIN: user and password as two continuations",
    shows=(b"c2VzYW1l\r\n",),
)
def login(lab):
    with provider(LOGIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask("AUTH LOGIN", 334)
        client.ask("YWxpY2U=", 334)
        client.ask("c2VzYW1l", 235)
        client.quit()


@auth("auth-login-refused", "high", "LOGIN", 535, purpose="our client's password is wrong: it was sent all the same")
def login_refused(lab):
    with provider(LOGIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask("AUTH LOGIN", 334)
        client.ask("YWxpY2U=", 334)
        client.ask("d3Jvbmc=", 535)
        client.quit()


@auth(
    "auth-guess-from-outside",
    "info",
    "LOGIN",
    535,
    purpose="a stranger guesses at our server's passwords and is refused",
    tap="outside",
)
def guess(lab):
    with Exim(
        "inside", "mx.example.org", "10.1.0.25", settings=SUBMISSION, domains="example.org", authenticators=LOGIN
    ), Client("10.1.0.25", source="203.0.113.99", side="outside") as client:
        client.hello("scanner.example.com")
        client.ask("AUTH LOGIN", 334)
        client.ask("YWRtaW4=", 334)
        client.ask("MTIzNDU2", 535)
        client.quit()


@auth(
    "auth-cram-md5",
    "low",
    "CRAM-MD5",
    235,
    purpose="a challenge and its response in the clear: the secret itself is not sent",
)
def cram_md5(lab):
    with provider(CRAM), Client("203.0.113.25", 587) as client:
        client.hello()
        client.cram_md5("alice", "sesame")
        client.quit()


@auth(
    "auth-inside-tls",
    None,
    "PLAIN",
    235,
    purpose="near miss: AUTH inside TLS cannot be seen",
    max_severity="info",
    origin="a Python client to {exim} with TLS",
    hides=(SECRET.encode(),),
    facts=[unknown("smtp.auth")],
)
def inside_tls(lab):
    with provider(AUTH_PLAIN, certificate=lab.ca.issue([MX])), Client("203.0.113.25", 587) as client:
        client.hello()
        client.starttls(tls_client())
        client.hello_again()
        client.ask(f"AUTH PLAIN {SECRET}", 235)
        client.quit()


@auth(
    "auth-refused-before-secret",
    None,
    "PLAIN",
    530,
    purpose="near miss: AUTH is refused before a secret is sent",
    max_severity="info",
    origin="a Python client and server",
    shows=(b"AUTH PLAIN\r\n530 5.7.0", b"AUTH LOGIN\r\n504 5.5.4"),
    facts=[fact("dest_port", 587)],
)
def refused_first(lab):
    def refuse(_server, _peer, line):
        return (
            "504 5.5.4 Unrecognized authentication type"
            if "LOGIN" in line
            else "530 5.7.0 Must issue a STARTTLS command first"
        )

    with serving(Server(MX, ("STARTTLS", "AUTH PLAIN"), replies={"AUTH": refuse}), "203.0.113.25", 587), Client(
        "203.0.113.25", 587
    ) as client:
        client.hello()
        client.ask("AUTH LOGIN", 504)
        client.ask("AUTH PLAIN", 530)
        client.quit()


@auth(
    "auth-cancelled",
    None,
    "PLAIN",
    501,
    purpose="near miss: the client is asked for its secret and cancels with a star",
    max_severity="info",
    shows=(b"*\r\n501 ",),
    facts=[fact("smtp.auth.mechanism", "PLAIN"), fact("smtp.auth.reply_code", 501)],
)
def cancelled(lab):
    with provider(AUTH_PLAIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.ask("AUTH PLAIN", 334)
        client.ask("*", 501)
        client.quit()


@auth(
    "auth-advertised-only",
    None,
    None,
    None,
    purpose="near miss: AUTH is offered in the clear, nobody uses it",
    max_severity="info",
    origin="a Python client to {exim}",
    facts=[unknown("smtp.auth")],
)
def advertised(lab):
    with provider(AUTH_PLAIN), Client("203.0.113.25", 587) as client:
        client.hello()
        client.quit()
