"""Those who come to our own servers: scanners, strangers, and senders whose habits are known."""
import ssl

import tamper
from registry import POLICIES, alert, fact, scenario
from scenarios.history import history, outcomes
from scenarios.stripped import our_mx
from visitors import KNOWN, SCANNER, Visitor

OURS, OUR_NAME = "10.1.0.25", "mx.example.org"
ABORTED, PLAINTEXT, UNUSED = "starttls.handshake_aborted", "mta_sts.plaintext_delivery", "starttls.unused"
HOME = POLICIES + ("--home-domain", "example.org")
OTHER_SCANNER = Visitor("probe.example.com", "198.51.100.25", "outside")


@history(
    "inbound-scanners",
    {ABORTED: "info"},
    sessions=4,
    max_severity="info",
    tap="outside",
    purpose="two scanners ask our server for STARTTLS again and again, and leave",
    origin="Python clients to {postfix}",
    facts=[fact("hop", "inbound", at) for at in range(4)] + outcomes(*["failed"] * 4),
)
def scanners(lab):
    with our_mx(lab):
        for scanner in (SCANNER, OTHER_SCANNER, SCANNER, OTHER_SCANNER):
            scanner.leave_at_hello(OURS)


@history(
    "inbound-scanner-certificate",
    {ABORTED: "info"},
    max_severity="info",
    tap="outside",
    purpose="a scanner looks at our certificate, does not like it and leaves",
    origin="a verifying Python client that knows another root to {postfix}, TLS 1.2",
    facts=[fact("hop", "inbound"), fact("tls.outcome", "failed"), fact("tls.ended_by", "client")],
)
def scanner_certificate(lab):
    with our_mx(lab):
        root = lab.files((lab.pem(lab.stranger), b""))[0]
        SCANNER.fail(OURS, OUR_NAME, ca=root, highest=ssl.TLSVersion.TLSv1_2)


@history(
    "inbound-known-sender-aborted",
    {ABORTED: "medium"},
    sessions=4,
    tap="outside",
    purpose="a sender who always encrypts has his handshake with our server reset: no scanner",
    origin="Python clients to {postfix}; a tamperer before our server resets the last connection at the ClientHello",
    alerts=(alert(ABORTED, "medium", 1),),
    facts=outcomes(*["established"] * 3, "failed"),
)
def known_aborted(lab):
    with our_mx(lab):
        KNOWN.encrypted(OURS, OUR_NAME, 3)
        with tamper.tampering(tamper.close_at_handshake("rst")):
            KNOWN.fail(OURS, OUR_NAME)


@history(
    "alert-grows-graver",
    {ABORTED: "medium"},
    sessions=5,
    tap="outside",
    purpose="a stranger's broken handshake, which is told as info, and another when he is known: one alert, the graver",
    origin="a Python client to {postfix}; a tamperer before our server resets the first and the last connection",
    alerts=(alert(ABORTED, "medium", 2),),
    facts=outcomes("failed", *["established"] * 3, "failed"),
)
def grows_graver(lab):
    with our_mx(lab):
        with tamper.tampering(tamper.close_at_handshake("rst")):
            KNOWN.fail(OURS, OUR_NAME)
        KNOWN.encrypted(OURS, OUR_NAME, 3)
        with tamper.tampering(tamper.close_at_handshake("rst")):
            KNOWN.fail(OURS, OUR_NAME)


@history(
    "inbound-plaintext-against-habit",
    {PLAINTEXT: "critical", UNUSED: "medium"},
    sessions=5,
    messages=1,
    tap="outside",
    args=HOME,
    purpose="a sender who always encrypts to our enforcing domain sends in the clear",
    origin="Python clients to {postfix}",
    facts=outcomes(*["established"] * 4, None) + [fact("hop", "inbound", 4)],
)
def plaintext_habit(lab):
    with our_mx(lab):
        KNOWN.encrypted(OURS, OUR_NAME, 4)
        KNOWN.plain(OURS)


@history(
    "inbound-plaintext-stranger-beside-habit",
    {PLAINTEXT: "medium", UNUSED: "low"},
    sessions=5,
    messages=1,
    tap="outside",
    args=HOME,
    purpose="near miss of the critical: another sender always encrypts to us, this one is a stranger",
    origin="Python clients to {postfix}",
    facts=outcomes(*["established"] * 4, None) + [fact("src_ip", "203.0.113.99", 4)],
)
def plaintext_stranger(lab):
    with our_mx(lab):
        KNOWN.encrypted(OURS, OUR_NAME, 4)
        SCANNER.plain(OURS)


@scenario(
    "inbound-plaintext-no-policy",
    messages=1,
    tap="outside",
    args=POLICIES + ("--home-domain", "club.example.com"),
    purpose="near miss: plaintext for a domain of ours that publishes no policy",
    origin="a Python client to {postfix}",
    raises=(UNUSED,),
    severity={UNUSED: "low"},
    must_not_raise=(PLAINTEXT,),
    facts=[fact("hop", "inbound"), fact("smtp.messages.0.exposed", True)],
)
def plaintext_no_policy(lab):
    with our_mx(lab, "club.example.com"):
        SCANNER.plain(OURS, recipient="eve@club.example.com")
