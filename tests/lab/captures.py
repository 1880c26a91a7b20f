"""Reading, checking, moving in time and writing what was captured."""
import contextlib

import dpkt

SYN, ACK = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK
HOUR_US = 3600 * 1000000


class Packet:
    """One frame with its time in microseconds."""

    def __init__(self, time_us, frame):
        self.time_us, self.frame = time_us, frame

    def tcp(self):
        return dpkt.ethernet.Ethernet(self.frame).data.data

    def connection(self):
        """What all packets of one connection have in common."""
        packet = dpkt.ethernet.Ethernet(self.frame).data
        return frozenset(((packet.src, packet.data.sport), (packet.dst, packet.data.dport)))


def read(path):
    with open(path, "rb") as file:
        return [Packet(round(time * 1e6), frame) for time, frame in dpkt.pcap.Reader(file)]


def read_growing(path):
    """The packets that are whole so far, of a capture that is still being written."""
    packets = []
    with contextlib.suppress(ValueError, dpkt.dpkt.NeedData, FileNotFoundError), open(path, "rb") as file:
        for time, frame in dpkt.pcap.Reader(file):
            packets.append(Packet(round(time * 1e6), frame))
    return packets


def write(path, packets):
    with open(path, "wb") as file:
        writer = dpkt.pcap.Writer(file, snaplen=262144, linktype=dpkt.pcap.DLT_EN10MB)
        for packet in packets:
            writer.writepkt(packet.frame, packet.time_us / 1e6)


def moved(packets, hours):
    """The packets in a capture that lasted days: `hours` says how many hours later than it was each connection is,
    in the order they began; those it does not name stay. Only times change."""
    begun = {}
    for packet in packets:
        begun.setdefault(packet.connection(), len(begun))
    if any(at >= len(begun) for at in hours):
        raise AssertionError(f"{len(begun)} connections, of which {sorted(hours)} should be moved")
    later = [
        Packet(packet.time_us + round(hours.get(begun[packet.connection()], 0) * HOUR_US), packet.frame)
        for packet in packets
    ]
    return sorted(later, key=lambda packet: packet.time_us)


def text(packets):
    """All payload in order of capture: good enough to look for what a scenario says it did."""
    return b"".join(packet.tcp().data for packet in packets)


def check(scenario, packets):
    """Refuse a capture that does not hold what the scenario claims. The sensor's opinion is not asked here."""
    begun = sum(1 for packet in packets if packet.tcp().flags & (SYN | ACK) == SYN)
    if scenario.sessions is not None and begun != scenario.sessions:
        raise AssertionError(f"{scenario.name}: {begun} connections, not {scenario.sessions}")
    seen = text(packets)
    for wanted in scenario.shows:
        if wanted not in seen:
            raise AssertionError(f"{scenario.name}: {wanted!r} not in the capture: {seen[:1500]!r}")
    for unwanted in scenario.hides:
        if unwanted in seen:
            raise AssertionError(f"{scenario.name}: {unwanted!r} in the capture: {seen[:1500]!r}")
