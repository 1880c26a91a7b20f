"""STARTTLS taken out of what a server is known to offer; and offers that differ for honest reasons."""
import tamper
from peers import Server, serving
from registry import POLICIES, alert, fact, scenario, unknown
from scenarios.clean import MX, postfix_mx
from scenarios.starttls import OFFERING, PLAIN_CLIENT, fake_mx
from servers import Postfix
from visitors import APP, KNOWN, MX_ADDRESS, OUT, OUT6, SCANNER

OTHER_MX = "192.0.2.26"
STRIPPED = "starttls.stripped"
# What must not be said beside it: the client was never offered what it did not use, and the server does offer.
ONCE = ("starttls.unused", "starttls.not_offered", "starttls.fallback")


def offered(*answers):
    """Facts: what each session was offered; None where no whole EHLO reply says it."""
    path = "smtp.starttls.offered"
    return [unknown(path, at) if answer is None else fact(path, answer, at) for at, answer in enumerate(answers)]


def our_mx(lab, domains="example.org"):
    name = "mx.example.org"
    return Postfix("inside", name, "10.1.0.25", lab.ca.issue([name]), domains=domains)


def stripped(name, severity, sessions, **truth):
    """The last session is stripped, and nothing else is wrong in any of them."""
    truth.setdefault("messages", 1)
    truth.setdefault("must_not_raise", ONCE)
    truth.setdefault("facts", offered(*[True] * (sessions - 1), False))
    return scenario(
        name,
        sessions=sessions,
        raises=(STRIPPED,),
        severity={STRIPPED: severity},
        alerts=(alert(STRIPPED, severity, 1),),
        **truth,
    )


def silent(name, **truth):
    """Not stripped: whatever is said is told as info, unless the scenario names it."""
    truth.setdefault("must_not_raise", (STRIPPED,))
    if not truth.get("raises"):
        truth.setdefault("max_severity", "info")
    return scenario(name, **truth)


# --- stripped -----------------------------------------------------------------------------------------------------


def ehlo_overwritten(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=PLAIN_CLIENT) as out:
        out.send(["bob@example.net"])
        out.send(["bob@example.net"])
        with tamper.tampering(tamper.mangle_ehlo):
            out.send(["bob@example.net"])


@stripped(
    "stripped-ehlo-refused",
    "high",
    3,
    purpose="a server that always offered refuses EHLO and takes HELO",
    origin="{postfix} to {postfix}; for the third message a tamperer beyond the tap overwrites EHLO",
    shows=(b"EHLO out.example.org\r\n", b"HELO out.example.org\r\n"),
    facts=offered(True, True, None) + [fact("smtp.helo_reply_code", 250, 2)],
)
def ehlo_refused(lab):
    ehlo_overwritten(lab)


@stripped(
    "stripped-others-experience",
    "medium",
    4,
    purpose="a client's first session is offered none by a server that offered to another client of ours",
    origin="Python clients to {postfix}; for the last session a tamperer beyond the tap removes the line",
    facts=offered(True, True, True, False) + [fact("src_ip", "10.1.0.77"), fact("src_ip", "10.1.0.25", 3)],
)
def others(lab):
    with postfix_mx(lab):
        APP.encrypted(times=3)
        with tamper.tampering(tamper.strip_line):
            OUT.plain()


@stripped(
    "stripped-inbound",
    "low",
    4,
    purpose="a stranger is offered none by our server, which offers to another: perhaps configured so",
    origin="Python clients to {postfix}; for the last session a tamperer beyond the tap removes the line",
    tap="outside",
    facts=offered(True, True, True, False) + [fact("hop", "inbound", 3)],
)
def inbound(lab):
    with our_mx(lab):
        KNOWN.encrypted("10.1.0.25", "mx.example.org", 3)
        with tamper.tampering(tamper.strip_line):
            SCANNER.plain("10.1.0.25")


@stripped(
    "stripped-internal",
    "low",
    4,
    purpose="one of our hosts is offered none by our relay, which offers to another: perhaps configured so",
    origin="Python clients to {postfix}; for the last session a tamperer beyond the tap removes the line",
    facts=offered(True, True, True, False) + [fact("hop", "internal", 3)],
)
def internal(lab):
    name = "relay.example.org"
    with Postfix("outside", name, "10.1.0.53", lab.ca.issue([name]), domains="example.net"):
        APP.encrypted("10.1.0.53", name, 3)
        with tamper.tampering(tamper.strip_line):
            OUT.plain("10.1.0.53")


@stripped(
    "stripped-no-mail",
    "high",
    3,
    messages=0,
    purpose="a client that demands TLS is offered none and keeps its mail: stripped all the same",
    origin="Python clients to {postfix}; for the last session a tamperer beyond the tap removes the line",
)
def no_mail(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
        with tamper.tampering(tamper.strip_line):
            OUT.look()


@scenario(
    "stripped-lost",
    sessions=6,
    messages=3,
    purpose="an offer that always was there breaks off for days: one alert goes on, and it never becomes normal",
    origin="Python clients to {postfix}; for the last three sessions a tamperer beyond the tap removes the line",
    hours={3: 20, 4: 40, 5: 60},
    raises=(STRIPPED,),
    severity={STRIPPED: "high"},
    must_not_raise=ONCE,
    alerts=(alert(STRIPPED, "high", 3),),
    facts=offered(True, True, True, False, False, False),
)
def lost(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=3)
        with tamper.tampering(tamper.strip_line):
            OUT.plain(times=3)


@scenario(
    "stripped-lost-other-client",
    sessions=5,
    messages=2,
    purpose="days after the offer broke off another client meets the server: still stripped, not merely not offered",
    origin="Python clients to {postfix}; for the last two sessions a tamperer beyond the tap removes the line",
    hours={3: 20, 4: 60},
    raises=(STRIPPED,),
    must_not_raise=ONCE,
    facts=offered(True, True, True, False, False),
)
def lost_other(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=3)
        with tamper.tampering(tamper.strip_line):
            OUT.plain()
            APP.plain()


@stripped(
    "stripped-ipv6",
    "high",
    3,
    purpose="the same over IPv6",
    origin="a Python client to {postfix}, the last time without a certificate",
    facts=offered(True, True, False) + [fact("dest_ip", "2001:db8:2::25", 2)],
)
def ipv6(lab):
    name, address = "mx6.example.net", "2001:db8:2::25"
    with Postfix("outside", name, address, lab.ca.issue([name]), domains="example.net"):
        OUT6.encrypted(address, name, 2)
    with Postfix("outside", name, address, domains="example.net"):
        OUT6.plain(address)


@scenario(
    "stripped-known-by-name",
    sessions=4,
    messages=1,
    purpose="an address never met before, whose greeting bears the name of a server that always offered",
    origin="a Python client to {postfix} on two addresses; for the last session a tamperer beyond the tap removes "
    "the line",
    raises=(STRIPPED,),
    must_not_raise=ONCE,
    facts=offered(True, True, True, False) + [fact("dest_ip", OTHER_MX, 3), fact("smtp.server_name", MX, 3)],
)
def by_name(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=3)
    with postfix_mx(lab, address=OTHER_MX), tamper.tampering(tamper.strip_line):
        OUT.plain(OTHER_MX)


# --- near misses --------------------------------------------------------------------------------------------------


@silent(
    "stripped-not-helo-by-choice",
    sessions=4,
    messages=1,
    purpose="near miss of stripping: an old client says HELO, so nothing is offered to it",
    origin="Python clients to {postfix}",
    raises=("starttls.unused",),
    severity={"starttls.unused": "low"},
    must_not_raise=(STRIPPED, "starttls.not_offered"),
    facts=offered(True, True, True, None) + [fact("smtp.ehlo", False, 3)],
)
def helo_by_choice(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=3)
        APP.plain(verb="HELO")


@silent(
    "stripped-ehlo-overwritten",
    sessions=3,
    messages=1,
    purpose="the same seen behind the tamperer, where no EHLO is left: it looks like HELO by choice",
    origin="{postfix} to {postfix}; for the third message a tamperer before the tap overwrites EHLO",
    tap="outside",
    raises=("starttls.unused",),
    severity={"starttls.unused": "low"},
    also_allowed=(STRIPPED,),
    must_not_raise=("starttls.not_offered",),
    shows=(b"XXXX out.example.org\r\n", b"HELO out.example.org\r\n"),
    facts=offered(True, True, None) + [fact("smtp.ehlo", False, 2), fact("smtp.helo_reply_code", 250, 2)],
)
def ehlo_overwritten_behind(lab):
    ehlo_overwritten(lab)


@silent(
    "stripped-not-mixed-farm",
    sessions=7,
    messages=4,
    purpose="near miss of stripping: behind one address are machines of which some offer, some do not: told as info",
    origin="a Python client, to {postfix} with and without a certificate in turn",
    raises=(STRIPPED,),
    severity={STRIPPED: "info"},
    max_severity="info",
    must_not_raise=(),
    facts=offered(False, True, False, True, False, True, False),
)
def mixed_farm(lab):
    for offers in (False, True, False, True, False, True, False):
        with postfix_mx(lab) if offers else Postfix("outside", MX, MX_ADDRESS, domains="example.net"):
            if offers:
                OUT.encrypted()
            else:
                OUT.plain()


@silent(
    "stripped-not-farm-of-addresses",
    sessions=6,
    messages=3,
    purpose="near miss of stripping: one name with two addresses, of which one never offered",
    origin="a Python client to {postfix} and a Python server that greets with the same name",
    must_not_raise=(),
    facts=offered(False, True, False, True, False, True) + [fact("dest_ip", OTHER_MX), fact("dest_ip", MX_ADDRESS, 1)],
)
def farm_of_addresses(lab):
    with postfix_mx(lab), serving(Server(MX), OTHER_MX):
        for _ in range(3):
            OUT.plain(OTHER_MX)
            OUT.encrypted()


@silent(
    "stripped-not-per-client-offers",
    sessions=7,
    messages=3,
    purpose="near miss of stripping: the server never offers to one client, always to another",
    origin="Python clients to {postfix} with smtpd_discard_ehlo_keyword_address_maps",
    must_not_raise=(),
    facts=offered(False, False, True, True, True, True, False) + [fact("src_ip", "10.1.0.77", 6)],
)
def per_client(lab):
    with postfix_mx(lab, "smtpd_discard_ehlo_keyword_address_maps = inline:{10.1.0.77=starttls}\n"):
        APP.plain(times=2)
        OUT.encrypted(times=4)
        APP.plain()


@silent(
    "stripped-not-another-name",
    sessions=4,
    messages=1,
    purpose="near miss of stripping: another server of the domain, with a name of its own, never offered",
    origin="a Python client to {postfix}, and to a Python server",
    facts=offered(True, True, True, False) + [fact("smtp.server_name", "old.example.net", 3)],
)
def another_name(lab):
    with postfix_mx(lab), serving(Server("old.example.net"), OTHER_MX):
        OUT.encrypted(times=3)
        OUT.plain(OTHER_MX)


def refuse(reply):
    return {verb: reply for verb in ("EHLO", "HELO", "MAIL")}


@silent(
    "stripped-not-block-list",
    sessions=3,
    purpose="near miss of stripping: the client is on a DNS block list, EHLO and HELO are both refused with 554",
    origin="a Python client to {postfix} twice, then to a Python server",
    shows=(b"554 5.7.1 Service unavailable",),
    facts=offered(True, True, None) + [fact("smtp.ehlo_reply_code", 554, 2), fact("smtp.helo_reply_code", 554, 2)],
)
def block_list(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
    listed = "554 5.7.1 Service unavailable; Client host [10.1.0.25] blocked using dnsbl.example.com"
    with serving(fake_mx(lab, replies=refuse(listed))), OUT.call(MX_ADDRESS) as client:
        client.want(220)
        client.ask("EHLO out.example.org", 554)
        client.ask("HELO out.example.org", 554)
        client.quit()


@silent(
    "stripped-not-block-list-banner",
    sessions=3,
    purpose="near miss of stripping: the client is refused in the greeting, and whatever it says after",
    origin="a Python client to {postfix} twice, then to {postfix} that rejects clients at once",
    shows=(b"554 5.7.1 ",),
    facts=offered(True, True, None),
)
def block_list_banner(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
    rejecting = "smtpd_delay_reject = no\nsmtpd_client_restrictions = reject\n"
    with postfix_mx(lab, rejecting), OUT.call(MX_ADDRESS) as client:
        client.want(554)
        client.ask("EHLO out.example.org", 50)
        client.ask("HELO out.example.org", 50)
        client.quit()


@silent(
    "stripped-not-greylisting",
    sessions=4,
    purpose="near miss of stripping: EHLO is put off with 451 once; the retry is offered STARTTLS and uses it",
    origin="a Python client to {postfix}, once to a Python server",
    shows=(b"451 4.7.1 ",),
    must_not_raise=(STRIPPED, "starttls.fallback", "starttls.unused"),
    facts=offered(True, True, None, True) + [fact("smtp.ehlo_reply_code", 451, 2)],
)
def greylisting(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
    later = "451 4.7.1 Greylisting in action, please come back later"
    with serving(fake_mx(lab, replies=refuse(later))), OUT.call(MX_ADDRESS) as client:
        client.want(220)
        client.ask("EHLO out.example.org", 451)
        client.ask("HELO out.example.org", 451)
        client.quit()
    with postfix_mx(lab):
        OUT.encrypted()


@silent(
    "stripped-not-first-sight",
    sessions=3,
    messages=3,
    purpose="near miss of stripping: a server that never offered, met again and again",
    origin="Python clients to {postfix} without a certificate",
    raises=("starttls.not_offered",),
    severity={"starttls.not_offered": "info"},
    max_severity="info",
    facts=offered(False, False, False),
)
def never_offered(_lab):
    with Postfix("outside", MX, MX_ADDRESS, domains="example.net"):
        OUT.plain(times=2)
        APP.plain()


# --- one matter, one incident -------------------------------------------------------------------------------------


@scenario(
    "incident-stripped-and-policy",
    sessions=4,
    messages=2,
    args=POLICIES,
    purpose="stripped, and so delivered in the clear against an enforced policy, twice: one incident of two alerts",
    origin="Python clients to {postfix}; for the last two sessions a tamperer beyond the tap removes the line",
    raises=(STRIPPED, "mta_sts.plaintext_delivery"),
    severity={STRIPPED: "high", "mta_sts.plaintext_delivery": "critical"},
    must_not_raise=ONCE,
    alerts=(alert(STRIPPED, "high", 2), alert("mta_sts.plaintext_delivery", "critical", 2)),
    incidents=((STRIPPED, "mta_sts.plaintext_delivery"),),
    facts=offered(True, True, False, False),
)
def one_incident(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
        with tamper.tampering(tamper.strip_line):
            OUT.plain(times=2)


@scenario(
    "incident-two-matters",
    sessions=4,
    messages=2,
    purpose="one server is stripped, another's STARTTLS is left unused by another client: two incidents",
    origin="Python clients to {postfix} and a Python server; a tamperer beyond the tap removes the line once",
    raises=(STRIPPED, "starttls.unused"),
    severity={STRIPPED: "high", "starttls.unused": "low"},
    incidents=((STRIPPED,), ("starttls.unused",)),
    facts=offered(True, True, False, True),
)
def two_incidents(lab):
    with postfix_mx(lab):
        OUT.encrypted(times=2)
        with tamper.tampering(tamper.strip_line):
            OUT.plain()
    with serving(Server("mx.club.example.com", OFFERING), "203.0.113.25"):
        APP.plain("203.0.113.25", recipient="eve@club.example.com")
