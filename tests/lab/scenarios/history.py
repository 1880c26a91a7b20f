"""What a session means beside those before it: falling back, habits, days between; and what only looks so."""
import dataclasses

import tamper
from peers import Server, serving
from registry import POLICIES, alert, fact, scenario
from scenarios.clean import MX, postfix_mx
from scenarios.starttls import OFFERING, fake_mx
from servers import Postfix
from visitors import APP, MX_ADDRESS, OUT

OTHER_MX, OTHER_NAME = "192.0.2.26", "b.mx.example.net"
FALLBACK, UNUSED, ABORTED = "starttls.fallback", "starttls.unused", "starttls.handshake_aborted"
RESET = tamper.close_at_handshake("rst")


def outcomes(*wanted):
    """Facts: how TLS went in each session; None where it was not asked for."""
    return [
        fact("tls.outcome", outcome, at) if outcome else fact("smtp.starttls.requested", False, at)
        for at, outcome in enumerate(wanted)
    ]


def history(name, severity, **truth):
    """`severity` maps every rule it raises."""
    return scenario(name, raises=tuple(severity), severity=severity, **truth)


# --- fallback -----------------------------------------------------------------------------------------------------


@history(
    "fallback-habitual-client",
    {ABORTED: "medium", FALLBACK: "high"},
    sessions=4,
    messages=1,
    also_allowed=(UNUSED,),
    purpose="a client that always encrypts has its handshake reset, and exposes its next message to the same server",
    origin="Python clients to {postfix}; a tamperer beyond the tap resets the third connection at the ClientHello",
    incidents=((ABORTED, FALLBACK),),
    facts=outcomes("established", "established", "failed", None),
)
def fallback_habitual(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
        with tamper.tampering(RESET):
            OUT.fail()
        OUT.plain()


@history(
    "fallback-other-mx",
    {ABORTED: "medium", FALLBACK: "high", "mta_sts.plaintext_delivery": "critical"},
    sessions=2,
    messages=1,
    args=POLICIES,
    also_allowed=(UNUSED,),
    purpose="the handshake with one MX of a domain is reset, and the mail goes in the clear to another",
    origin="a Python client to {postfix} twice; a tamperer beyond the tap resets the first connection",
    incidents=((ABORTED, FALLBACK, "mta_sts.plaintext_delivery"),),
    facts=outcomes("failed", None) + [fact("dest_ip", MX_ADDRESS), fact("dest_ip", OTHER_MX, 1)],
)
def fallback_other_mx(lab):
    with postfix_mx(lab), tamper.tampering(RESET):
        OUT.fail()
    with Postfix("outside", OTHER_NAME, OTHER_MX, lab.ca.issue([OTHER_NAME]), domains="example.net"):
        OUT.plain(OTHER_MX)


@history(
    "fallback-other-mx-by-recipient",
    {"starttls.command_refused": "medium", FALLBACK: "high"},
    sessions=2,
    messages=1,
    also_allowed=(UNUSED,),
    purpose="one MX refuses STARTTLS and puts the recipient off, another gets the mail in the clear",
    origin="a Python client to two Python servers",
    shows=(b"454 4.7.0", b"451 4.7.1"),
    facts=[fact("smtp.starttls.reply_code", 454), fact("smtp.starttls.requested", False, 1)],
)
def fallback_by_recipient(lab):
    refusing = {"STARTTLS": "454 4.7.0 TLS not available", "RCPT": "451 4.7.1 Try again later"}
    with serving(fake_mx(lab, replies=refusing)), OUT.call(MX_ADDRESS) as client:
        client.hello(OUT.name)
        client.ask("STARTTLS", 454)
        client.ask(f"MAIL FROM:<{OUT.sender}>", 250)
        client.ask(f"RCPT TO:<{OUT.recipient}>", 451)
        client.quit()
    with serving(Server(OTHER_NAME, OFFERING), OTHER_MX):
        OUT.plain(OTHER_MX)


@history(
    "fallback-same-name-other-address",
    {ABORTED: "medium", FALLBACK: "high"},
    sessions=2,
    messages=1,
    also_allowed=(UNUSED,),
    purpose="the handshake is reset, and the same sender, which has two addresses, exposes the mail from the other",
    origin="Python clients that call themselves alike to {postfix}; a tamperer beyond the tap resets the first",
    facts=outcomes("failed", None) + [fact("src_ip", "10.1.0.77", 1), fact("smtp.helo", "out.example.org", 1)],
)
def fallback_other_address(lab):
    with postfix_mx(lab):
        with tamper.tampering(RESET):
            OUT.fail()
        dataclasses.replace(OUT, source=APP.source).plain()


@history(
    "fallback-farm-of-senders",
    {ABORTED: "medium", FALLBACK: "high"},
    sessions=2,
    messages=1,
    also_allowed=(UNUSED,),
    purpose="the handshake is reset, and another machine of the sender's domain exposes the mail",
    origin="Python clients of one domain to {postfix}; a tamperer beyond the tap resets the first",
    facts=outcomes("failed", None) + [fact("smtp.helo", "out.example.org"), fact("smtp.helo", "app.example.org", 1)],
)
def fallback_farm(lab):
    with postfix_mx(lab):
        with tamper.tampering(RESET):
            OUT.fail()
        APP.plain()


@history(
    "fallback-not-after-hours",
    {ABORTED: "medium", UNUSED: "low"},
    sessions=2,
    messages=1,
    purpose="near miss of falling back: the plaintext comes two hours after the broken handshake",
    origin="a Python client to {postfix}; a tamperer beyond the tap resets the first connection",
    hours={1: 2},
    must_not_raise=(FALLBACK,),
    facts=outcomes("failed", None),
)
def fallback_late(lab):
    with postfix_mx(lab):
        with tamper.tampering(RESET):
            OUT.fail()
        OUT.plain()


@history(
    "fallback-not-retried-with-tls",
    {ABORTED: "medium"},
    sessions=2,
    purpose="near miss of falling back: the retry is encrypted",
    origin="a Python client to {postfix}; a tamperer beyond the tap resets the first connection",
    must_not_raise=(FALLBACK, UNUSED),
    facts=outcomes("failed", "established"),
)
def fallback_retry(lab):
    with postfix_mx(lab):
        with tamper.tampering(RESET):
            OUT.fail()
        OUT.encrypted()


@history(
    "fallback-not-another-client",
    {ABORTED: "medium", UNUSED: "low"},
    sessions=2,
    messages=1,
    purpose="near miss of falling back: one client's handshake is reset, the mail of a stranger to it goes in the clear",
    origin="Python clients to {postfix}; a tamperer beyond the tap resets the first connection",
    must_not_raise=(FALLBACK,),
    facts=outcomes("failed", None) + [fact("src_ip", "10.1.0.25"), fact("src_ip", "10.1.0.77", 1)],
)
def fallback_other_client(lab):
    with postfix_mx(lab):
        with tamper.tampering(RESET):
            OUT.fail()
        dataclasses.replace(APP, name="app.alpha.example").plain()


@history(
    "fallback-not-another-domain",
    {ABORTED: "medium", UNUSED: "low"},
    sessions=2,
    messages=1,
    purpose="near miss of falling back: the same client's mail for another domain goes in the clear to its server",
    origin="a Python client to {postfix} and to a Python server; a tamperer beyond the tap resets the first connection",
    must_not_raise=(FALLBACK,),
    facts=outcomes("failed", None) + [fact("dest_ip", "203.0.113.25", 1)],
)
def fallback_other_domain(lab):
    with postfix_mx(lab), tamper.tampering(RESET):
        OUT.fail()
    with serving(Server("mx.club.example.com", OFFERING), "203.0.113.25"):
        OUT.plain("203.0.113.25", recipient="eve@club.example.com")


@history(
    "fallback-not-before",
    {ABORTED: "medium", UNUSED: "low"},
    sessions=2,
    messages=1,
    purpose="near miss of falling back: the mail in the clear came first, the broken handshake after it",
    origin="a Python client to {postfix}; a tamperer beyond the tap resets the second connection",
    must_not_raise=(FALLBACK,),
    facts=[fact("smtp.starttls.requested", False), fact("tls.outcome", "failed", 1)],
)
def fallback_before(lab):
    with postfix_mx(lab):
        OUT.plain()
        with tamper.tampering(RESET):
            OUT.fail()


# --- habits -------------------------------------------------------------------------------------------------------


@history(
    "unused-against-habit",
    {UNUSED: "medium"},
    sessions=5,
    messages=1,
    purpose="a client that always encrypts to this server leaves STARTTLS unused",
    origin="a Python client to {postfix}",
    must_not_raise=(FALLBACK, "starttls.stripped"),
    facts=outcomes(*["established"] * 4, None),
)
def unused_habit(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=4)
        OUT.plain()


@history(
    "unused-helo-against-habit",
    {UNUSED: "medium"},
    sessions=5,
    messages=1,
    purpose="a client that always encrypts to this server says HELO, so that it cannot be offered STARTTLS",
    origin="a Python client to {postfix}",
    must_not_raise=(FALLBACK, "starttls.stripped", "starttls.not_offered"),
    facts=outcomes(*["established"] * 4) + [fact("smtp.ehlo", False, 4)],
)
def unused_helo(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=4)
        OUT.plain(verb="HELO")


@history(
    "unused-not-this-clients-habit",
    {UNUSED: "low"},
    sessions=5,
    messages=1,
    purpose="near miss of a habit: others always encrypt to this server, this client was never seen",
    origin="Python clients to {postfix}",
    must_not_raise=(FALLBACK, "starttls.stripped"),
    facts=outcomes(*["established"] * 4, None) + [fact("src_ip", "10.1.0.77", 4)],
)
def unused_other_client(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=4)
        APP.plain()


@history(
    "unused-no-steady-habit",
    {UNUSED: "low"},
    sessions=6,
    messages=3,
    purpose="near miss of a habit: this client encrypts every other time",
    origin="a Python client to {postfix}",
    must_not_raise=(FALLBACK, "starttls.stripped"),
    facts=outcomes(None, "established", None, "established", None, "established"),
)
def unused_mixed(lab):
    with postfix_mx(lab):
        for _ in range(3):
            OUT.plain()
            OUT.encrypted()


# --- days ---------------------------------------------------------------------------------------------------------


@history(
    "alert-ends-after-quiet-day",
    {UNUSED: "low"},
    sessions=2,
    messages=2,
    purpose="the same matter twice, a quiet day between: the first alert has ended, the second is new",
    origin="a Python client to {postfix}",
    hours={1: 30},
    alerts=(alert(UNUSED, "low", 1), alert(UNUSED, "low", 1)),
    facts=outcomes(None, None),
)
def quiet_day(lab):
    with postfix_mx(lab):
        OUT.plain(times=2)


@history(
    "alert-goes-on-for-days",
    {UNUSED: "low"},
    sessions=3,
    messages=3,
    purpose="near miss of an end: the same matter over two days, never quiet for one: one alert that counts three",
    origin="a Python client to {postfix}",
    hours={1: 20, 2: 40},
    alerts=(alert(UNUSED, "low", 3),),
    facts=outcomes(None, None, None),
)
def no_quiet_day(lab):
    with postfix_mx(lab):
        OUT.plain(times=3)


@history(
    "alert-per-server",
    {UNUSED: "low"},
    sessions=3,
    messages=3,
    purpose="the same rule about two servers: two alerts, of which one counts two",
    origin="a Python client to {postfix} and to a Python server",
    alerts=(alert(UNUSED, "low", 2), alert(UNUSED, "low", 1)),
    facts=outcomes(None, None, None),
)
def two_servers(lab):
    with postfix_mx(lab), serving(Server("mx.club.example.com", OFFERING), "203.0.113.25"):
        OUT.plain(times=2)
        OUT.plain("203.0.113.25", recipient="eve@club.example.com")
