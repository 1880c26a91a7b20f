"""Reading, checking and writing what was captured."""
import socket

import dpkt

SYN, ACK = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK


class Packet:
    """One frame with its time in microseconds."""

    def __init__(self, time_us, frame):
        self.time_us, self.frame = time_us, frame

    def tcp(self):
        return dpkt.ethernet.Ethernet(self.frame).data.data

    def ends(self):
        """Source and destination, each (address, port)."""
        ip = dpkt.ethernet.Ethernet(self.frame).data
        family = socket.AF_INET6 if ip.v == 6 else socket.AF_INET
        return ((socket.inet_ntop(family, ip.src), ip.data.sport), (socket.inet_ntop(family, ip.dst), ip.data.dport))


def read(path):
    with open(path, "rb") as file:
        return [Packet(round(time * 1e6), frame) for time, frame in dpkt.pcap.Reader(file)]


def write(path, packets):
    with open(path, "wb") as file:
        writer = dpkt.pcap.Writer(file, snaplen=262144, linktype=dpkt.pcap.DLT_EN10MB)
        for packet in packets:
            writer.writepkt(packet.frame, packet.time_us / 1e6)


def text(packets):
    """All payload in order of capture: good enough to look for what a scenario says it did."""
    return b"".join(packet.tcp().data for packet in packets)


def check(scenario, packets):
    """Refuse a capture that does not hold what the scenario claims. The sensor's opinion is not asked here."""
    begun = sum(1 for packet in packets if packet.tcp().flags & (SYN | ACK) == SYN)
    if begun != scenario.sessions:
        raise AssertionError(f"{scenario.name}: {begun} connections, not {scenario.sessions}")
    seen = text(packets)
    for wanted in scenario.shows:
        if wanted not in seen:
            raise AssertionError(f"{scenario.name}: {wanted!r} not in the capture: {seen[:1500]!r}")
    for unwanted in scenario.hides:
        if unwanted in seen:
            raise AssertionError(f"{scenario.name}: {unwanted!r} in the capture: {seen[:1500]!r}")
