"""Reading, checking and writing what was captured."""
import contextlib

import dpkt

SYN, ACK = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK


class Packet:
    """One frame with its time in microseconds."""

    def __init__(self, time_us, frame):
        self.time_us, self.frame = time_us, frame

    def tcp(self):
        return dpkt.ethernet.Ethernet(self.frame).data.data


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
