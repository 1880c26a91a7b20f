"""What happens below SMTP: segments injected, repeated, reordered, lost, or never captured."""
import threading
import time

import dpkt

import captures
import net
from peers import Client, Server, serving
from registry import fact, scenario, unknown
from scenarios.clean import MX, TO_MX, postfix_mx, protected
from scenarios.starttls import EXPOSED, NO_TLS_CLIENT
from servers import Postfix

CONFLICT = "tcp.conflicting_overlap"
OFFERING = ("PIPELINING", "STARTTLS", "8BITMIME")


def recheck(frame):
    """An Ethernet frame with IPv4 and TCP lengths and checksums made right."""
    frame.data.sum = frame.data.data.sum = 0
    frame.data.len = len(frame.data)
    return bytes(frame)


def wait_for(path, found):
    """The first captured packet for which `found` holds, as soon as it is in the file."""
    for _ in range(500):
        for packet in captures.read_growing(path):
            if found(packet):
                return packet
        time.sleep(0.005)
    raise AssertionError("the packet to forge from did not come")


def transmit(frame):
    """Put a frame on the client's link, as from the middle."""
    with net.entered("middle"):
        link = net.raw_socket("inside")
    with link:
        link.send(frame)


def forged(packet, edit, break_checksum=False):
    """The packet again, with other bytes in the same place."""
    frame = dpkt.ethernet.Ethernet(packet.frame)
    size = len(frame.data.data.data)
    frame.data.data.data = edit(frame.data.data.data)
    assert len(frame.data.data.data) == size
    out = bytearray(recheck(frame))
    if break_checksum:
        out[14 + 20 + 16] ^= 0x55
    return bytes(out)


def is_ehlo_reply(packet):
    return b"250-STARTTLS" in packet.tcp().data


def session_with(lab, what):
    """A session in which `what` is put on the wire behind the EHLO reply; no mail."""
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        transmit(what(wait_for(lab.capture, is_ehlo_reply)))
        time.sleep(0.05)
        client.quit()


def without_starttls(data):
    return data.replace(b"STARTTLS", b"XSTARTUP")


@scenario(
    "tcp-overlap-late",
    purpose="the EHLO reply comes a second time with other bytes: an injection that lost the race",
    origin="a Python client to {postfix}; a raw segment is injected in the middle",
    raises=(CONFLICT,),
    severity={CONFLICT: "medium"},
    shows=(b"250-XSTARTUP",),
    facts=[fact("capture.conflicting_overlaps", 1)],
)
def overlap_late(lab):
    session_with(lab, lambda packet: forged(packet, without_starttls))


@scenario(
    "tcp-overlap-early",
    purpose="a forged EHLO reply arrives before the true one: the client believes it",
    origin="a Python client and server; a raw segment is injected in the middle",
    raises=(CONFLICT,),
    severity={CONFLICT: "medium"},
    shows=(b"250-XSTARTUP\r\n250 8BITMIME\r\n", b"250-STARTTLS\r\n250 8BITMIME\r\n"),
    facts=[fact("capture.conflicting_overlaps", 1)],
)
def overlap_early(lab):
    reply = b"250-mx.example.net\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n"

    def slowly(_server, _peer, _line):
        time.sleep(0.4)
        return reply.decode().rstrip()

    def inject():
        ehlo = dpkt.ethernet.Ethernet(wait_for(lab.capture, lambda packet: packet.tcp().data.startswith(b"EHLO")).frame)
        ip, tcp = ehlo.data, ehlo.data.data
        answer = dpkt.tcp.TCP(
            sport=25,
            dport=tcp.sport,
            seq=tcp.ack,
            ack=tcp.seq + len(tcp.data),
            win=64,
            flags=dpkt.tcp.TH_ACK | dpkt.tcp.TH_PUSH,
            data=without_starttls(reply),
        )
        packet = dpkt.ip.IP(src=ip.dst, dst=ip.src, p=6, ttl=63, data=answer)
        transmit(recheck(dpkt.ethernet.Ethernet(src=ehlo.dst, dst=ehlo.src, type=0x0800, data=packet)))

    with serving(Server(MX, OFFERING, replies={"EHLO": slowly})), Client("192.0.2.25") as client:
        forger = threading.Thread(target=inject)
        forger.start()
        greeting = client.hello()
        forger.join()
        if "XSTARTUP" not in greeting:
            raise AssertionError("the injection lost the race")
        time.sleep(0.6)
        client.quit()


@scenario(
    "tcp-retransmission",
    purpose="near miss: the same segment a second time, with the same bytes",
    max_severity="info",
    origin="a Python client to {postfix}; the raw segment is repeated in the middle",
    must_not_raise=(CONFLICT,),
    facts=[fact("capture.conflicting_overlaps", 0), fact("smtp.starttls.offered", True)],
)
def retransmission(lab):
    session_with(lab, lambda packet: packet.frame)


@scenario(
    "tcp-bad-checksum",
    purpose="near miss: other bytes in a segment that no receiver accepts, for its checksum is wrong",
    origin="a Python client to {postfix}; a raw segment is injected in the middle",
    must_not_raise=(CONFLICT,),
    max_severity="info",
    facts=[fact("smtp.starttls.offered", True)],
)
def bad_checksum(lab):
    session_with(lab, lambda packet: forged(packet, without_starttls, break_checksum=True))


# --- what the capture did to the packets: the traffic is healthy or known, the record of it is not -----------


def plain_delivery(lab):
    with postfix_mx(lab), Postfix(
        "inside", "out.example.org", settings=NO_TLS_CLIENT + "smtp_discard_ehlo_keywords = chunking\n"
    ) as out:
        out.send(["bob@example.net"])


def clean_delivery(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])


def without(found):
    return lambda packets: [packet for packet in packets if not found(packet)]


def swapped(packets):
    """Exchange the first two segments of the EHLO reply, and the first two of the message."""

    def exchange(port, mark):
        at = next(at for at, packet in enumerate(packets) if packet.tcp().sport == port and mark in packet.tcp().data)
        behind = next(
            n
            for n in range(at + 1, len(packets))
            if packets[n].tcp().sport == packets[at].tcp().sport and packets[n].tcp().data
        )
        packets[at].frame, packets[behind].frame = packets[behind].frame, packets[at].frame

    exchange(25, b"250-mx.example.net")
    exchange(next(packet.tcp().dport for packet in packets if packet.tcp().sport == 25), b"Subject: lab")
    return packets


def offloaded(packets):
    """Checksums of one direction as a capture on the sending machine shows them: never filled in."""
    for packet in packets:
        frame = dpkt.ethernet.Ethernet(packet.frame)
        if frame.data.data.dport == 25:
            out = bytearray(packet.frame)
            out[14 + 20 + 16 : 14 + 20 + 18] = b"\xcc\x44"
            packet.frame = bytes(out)
    return packets


def tagged(packets):
    """The frames as on a trunk: VLAN 12."""
    for packet in packets:
        packet.frame = packet.frame[:12] + b"\x81\x00\x00\x0c" + packet.frame[12:]
    return packets


@scenario(
    "tcp-out-of-order",
    purpose="segments of the EHLO reply and of the message are captured in the wrong order",
    messages=1,
    origin="a Python client with a maximal segment size of 88 octets to {postfix}; packets of the capture exchanged",
    raises=("starttls.unused",),
    severity={"starttls.unused": "low"},
    must_not_raise=(CONFLICT,),
    cut=swapped,
    facts=EXPOSED + [fact("smtp.starttls.offered", True), fact("capture.gap_bytes_toclient", 0)],
)
def out_of_order(lab):
    with postfix_mx(lab), Client("192.0.2.25", segment=88) as client:
        client.hello()
        client.mail(["bob@example.net"], body="Subject: lab\r\n\r\n" + "Hello, Bob. " * 16 + "\r\n")
        client.quit()


scenario(
    "tcp-checksum-offload",
    purpose="all checksums of one direction are wrong: offload, and everything counts",
    messages=1,
    origin="{postfix} with TLS off to {postfix}; the client's checksums overwritten",
    raises=("starttls.unused",),
    cut=offloaded,
    severity={"starttls.unused": "low"},
    facts=EXPOSED + [fact("smtp.starttls.offered", True)],
)(plain_delivery)

scenario(
    "tcp-gap-ehlo-reply",
    purpose="near miss: the EHLO reply was not captured; what it offered is unknown",
    messages=1,
    origin="{postfix} with TLS off to {postfix}; one packet taken out",
    max_severity="info",
    cut=without(is_ehlo_reply),
    must_not_raise=("starttls.stripped", "starttls.unused", "starttls.not_offered"),
    facts=[unknown("smtp.starttls.offered"), fact("smtp.messages.0.exposed", True)],
)(plain_delivery)

scenario(
    "tcp-one-sided",
    purpose="near miss: only the client's packets were captured",
    messages=None,
    max_severity="info",
    origin="{postfix} with TLS off to {postfix}; the server's packets taken out",
    cut=without(lambda packet: packet.tcp().sport == 25),
    must_not_raise=("starttls.stripped", "starttls.unused", "starttls.not_offered"),
    facts=[
        unknown("smtp.starttls.offered"),
        unknown("smtp.messages.0.rcpt_to"),
        fact("smtp.messages.0.rcpt_unanswered.0", "bob@example.net"),
        fact("capture.one_sided", True),
    ],
)(plain_delivery)

scenario(
    "tcp-midstream",
    sessions=None,
    purpose="near miss: the capture begins behind the EHLO reply",
    messages=None,
    max_severity="info",
    origin="{postfix} with TLS off to {postfix}; the packets up to the EHLO reply taken out",
    cut=lambda packets: packets[next(at for at, packet in enumerate(packets) if is_ehlo_reply(packet)) + 1 :],
    must_not_raise=("starttls.stripped", "starttls.unused", "starttls.not_offered"),
    facts=[unknown("smtp.starttls.offered"), fact("capture.midstream", True)],
)(plain_delivery)

scenario(
    "tcp-vlan",
    purpose="a healthy delivery seen on a trunk",
    origin="{postfix} to {postfix}; the frames tagged with VLAN 12",
    max_severity="info",
    cut=tagged,
    facts=protected("TLS 1.3") + [fact("vlan", [12])],
)(clean_delivery)
