"""One path watched at two places: a host between them that rewrites the session, and what only looks so."""
import dpkt

import captures
import tamper
from registry import scenario
from scenarios.clean import exim_mx, postfix_mx
from scenarios.starttls import PLAIN_CLIENT
from servers import Exim, Postfix
from visitors import MX, OUT

SPLIT = "starttls.split_view"
STARTTLS_LINE = b"250-STARTTLS\r\n"


def sightings(name, **truth):
    """Both links are tapped; `shows` and `hides` are pairs of a tap and bytes."""
    truth.setdefault("taps", ("inside", "outside"))
    if not truth.get("raises"):
        truth.setdefault("must_not_raise", (SPLIT,))
    return scenario(name, **truth)


def split(name, **truth):
    """Tampering between the taps. That the client was offered nothing, or did not ask, is one side's word."""
    truth.setdefault("raises", (SPLIT,))
    truth.setdefault("severity", {SPLIT: "critical"})
    truth.setdefault("must_not_raise", ("starttls.unused", "starttls.not_offered"))
    truth.setdefault("shows", (("inside", b"MAIL FROM"), ("outside", b"STARTTLS\r\n")))
    truth.setdefault("hides", (("inside", b"STARTTLS\r\n"),))
    truth.setdefault("messages", 1)
    truth.setdefault("alerts", [{"rule": SPLIT, "severity": "critical", "count": 1}])
    return sightings(name, **truth)


def _with_tcp(packet, change):
    """The packet with its TCP header and payload changed, lengths and checksums made anew."""
    frame = dpkt.ethernet.Ethernet(packet.frame)
    ip, segment = frame.data, frame.data.data
    change(segment)
    ip.len = ip.hl * 4 + len(bytes(segment))
    segment.sum = ip.sum = 0
    return captures.Packet(packet.time_us, bytes(frame))


def without_starttls(packets):
    """As if a host in the stream, which keeps the connection's sequence numbers, had taken the line out: what follows moves up."""
    removed_at = None
    out = []
    for packet in packets:
        segment = packet.tcp()
        if removed_at is None and segment.sport == 25 and STARTTLS_LINE in segment.data:
            removed_at = segment.seq + segment.data.index(STARTTLS_LINE)

            def change(it):
                it.data = it.data.replace(STARTTLS_LINE, b"")

        else:

            def change(it):
                if removed_at is None:
                    return
                if it.sport == 25 and it.seq > removed_at:
                    it.seq -= len(STARTTLS_LINE)
                elif it.dport == 25 and it.ack > removed_at:
                    it.ack -= len(STARTTLS_LINE)

        out.append(_with_tcp(packet, change))
    if removed_at is None:
        raise AssertionError("no line to take out")
    return out


def without_reply(packets):
    """Less the packet that holds the EHLO reply, as a mirror under load would lose it."""
    kept = [packet for packet in packets if b"250-SIZE" not in packet.tcp().data]
    if len(kept) != len(packets) - 1:
        raise AssertionError(f"{len(packets) - len(kept)} packets hold an EHLO reply")
    return kept


@split(
    "stripped-between-by-a-proxy",
    purpose="a host between two sensors ends the connection and speaks on under the client's address and port, without STARTTLS: other sequence numbers",
    origin="{postfix} to {postfix}; a tamperer between the taps removes the line",
)
def by_a_proxy(lab):
    with postfix_mx(lab), tamper.tampering(tamper.strip_line, keeps_port=True), Postfix(
        "inside", "out.example.org", settings=PLAIN_CLIENT
    ) as out:
        out.send(["bob@example.net"])


@split(
    "stripped-between-in-the-stream",
    purpose="a host between two sensors takes STARTTLS out of the stream and leaves the connection as it is",
    origin="A Python client to {postfix}; the line was taken out of what was captured inside",
    cuts={"inside": without_starttls},
)
def in_the_stream(lab):
    with postfix_mx(lab):
        OUT.plain()


@split(
    "masked-between",
    purpose="a host between two sensors overwrites STARTTLS in place, as firewalls with SMTP inspection do",
    origin="{exim} to {exim}; a tamperer between the taps overwrites the capability",
    raises=(SPLIT, "starttls.capability_masked"),
    severity={SPLIT: "critical", "starttls.capability_masked": "high"},
    shows=(("inside", b"250-XXXXXXXA\r\n"), ("outside", b"STARTTLS\r\n")),
)
def masked(lab):
    with exim_mx(lab), tamper.tampering(tamper.mask_capability(b"XXXXXXXA"), keeps_port=True), Exim("inside", "out.example.org", route=MX) as out:
        out.send(["bob@example.net"])


@sightings(
    "another-line-between",
    purpose="near miss: a host between two sensors takes out VRFY, not STARTTLS",
    origin="A Python client to {postfix}; a proxy between the taps removes the line",
    messages=1,
    raises=(SPLIT, "starttls.unused"),
    severity={SPLIT: "info", "starttls.unused": "low"},
    shows=(("inside", b"STARTTLS"), ("outside", b"VRFY")),
    hides=(("inside", b"VRFY"),),
)
def another_line(lab):
    with postfix_mx(lab), tamper.tampering(tamper.drop_line(b"VRFY"), keeps_port=True):
        OUT.plain()


@sightings(
    "stripped-between-behind-a-gap",
    purpose="near miss: the line is taken out between two sensors, of which the outer lost the packet with the reply: no evidence",
    origin="A Python client to {postfix}; a tamperer between the taps removes the line; the reply was taken out of what was captured outside",
    messages=1,
    cuts={"outside": without_reply},
    hides=(("inside", b"STARTTLS"), ("outside", b"STARTTLS")),
    shows=(("inside", b"250-SIZE"),),
)
def behind_a_gap(lab):
    with postfix_mx(lab), tamper.tampering(tamper.strip_line, keeps_port=True):
        OUT.plain()


@sightings(
    "tls-inside",
    purpose="near miss: two sensors on an honest path see the offer, and TLS follows",
    origin="A Python client to {postfix}",
    messages=0,
    max_severity="info",
    shows=(("inside", b"STARTTLS"), ("outside", b"STARTTLS")),
    hides=(("inside", b"MAIL FROM"), ("outside", b"MAIL FROM")),
)
def tls_inside(lab):
    with postfix_mx(lab):
        OUT.encrypted()


@sightings(
    "plaintext-at-both",
    purpose="two sensors on an honest path see mail in the clear: one session, counted once",
    origin="A Python client to {postfix}, which it does not ask for TLS",
    messages=1,
    raises=("starttls.unused",),
    severity={"starttls.unused": "low"},
    must_not_raise=(SPLIT,),
    alerts=[{"rule": "starttls.unused", "severity": "low", "count": 1}],
    shows=(("inside", b"MAIL FROM"), ("outside", b"MAIL FROM")),
)
def plaintext_at_both(lab):
    with postfix_mx(lab):
        OUT.plain()
