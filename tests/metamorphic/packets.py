"""Captures and packets, just enough to rewrite them: pcap and pcapng files, link layers, IPv4, IPv6 and TCP.

Nothing here judges a packet: what cannot be taken apart (a fragment, a packet cut by the snap length, another
protocol) is handed back as it came. Times are nanoseconds since 1970.
"""

import dataclasses
import gzip
import pathlib
import socket
import struct
import subprocess

# https://www.tcpdump.org/linktypes.html
LINK_NULL = 0
LINK_ETHERNET = 1
LINK_RAW = 101
LINK_LOOP = 108
LINK_SLL = 113
LINK_IPV4 = 228
LINK_IPV6 = 229
LINK_SLL2 = 276

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPES_TAG = (0x8100, 0x88A8, 0x9100)

PROTOCOL_TCP = 6
PROTOCOL_UDP = 17
# Extension headers that may stand before TCP and share one layout: next header, length in units of eight bytes.
EXTENSION_HEADERS = (0, 43, 60)
FRAGMENT_HEADER = 44

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20

SNAP_LENGTH = 262144
# BSD's AF_INET6 differs between FreeBSD (28), NetBSD and OpenBSD (24) and macOS (30).
LOOPBACK_FAMILIES = {2: ETHERTYPE_IPV4, 24: ETHERTYPE_IPV6, 28: ETHERTYPE_IPV6, 30: ETHERTYPE_IPV6, 10: ETHERTYPE_IPV6}


class CaptureError(Exception):
    """The file is no capture that can be read here."""


@dataclasses.dataclass(frozen=True)
class Packet:
    """One captured frame. `length` is what crossed the wire, more than len(data) where a snap length cut it."""

    time: int
    link: int
    data: bytes
    length: int

    def with_data(self, data, link=None):
        """The same packet with another frame; what the snap length had cut stays cut."""
        cut = self.length - len(self.data)
        return Packet(self.time, self.link if link is None else link, data, len(data) + cut)


# --- files -----------------------------------------------------------------------------------------------------


def read_bytes(path):
    """The file's bytes, unpacked where it is gzip or zstd."""
    raw = pathlib.Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    if raw[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    return raw


def read_capture(path):
    """All whole packets of a pcap or pcapng file. A file that ends inside a record yields what came before."""
    raw = read_bytes(path)
    if len(raw) < 24:
        raise CaptureError(f"{path}: too short for a capture")
    if raw[:4] == b"\x0a\x0d\x0d\x0a":
        return list(_read_pcapng(raw))
    return list(_read_pcap(raw, path))


def _read_pcap(raw, path):
    for order in "<>":
        magic = struct.unpack(order + "I", raw[:4])[0]
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    else:
        raise CaptureError(f"{path}: neither pcap nor pcapng")
    unit = 1000 if magic == 0xA1B2C3D4 else 1
    link = struct.unpack(order + "I", raw[20:24])[0] & 0xFFFF
    header = struct.Struct(order + "IIII")
    at = 24
    while at + 16 <= len(raw):
        seconds, fraction, captured, length = header.unpack_from(raw, at)
        data = raw[at + 16 : at + 16 + captured]
        if len(data) < captured:
            return
        yield Packet(seconds * 10**9 + fraction * unit, link, data, max(length, captured))
        at += 16 + captured


def _read_pcapng(raw):
    at, order, interfaces = 0, "<", []
    while at + 12 <= len(raw):
        if raw[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if raw[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, total = struct.unpack_from(order + "II", raw, at)
        if total < 12 or at + total > len(raw):
            return
        body = raw[at + 8 : at + total - 4]
        at += total
        if kind == 1:
            interfaces.append(_read_interface(body, order))
        elif kind == 6:
            number, high, low, captured, length = struct.unpack_from(order + "5I", body)
            link, (numerator, denominator) = interfaces[number]
            time = (high << 32 | low) * numerator // denominator
            yield Packet(time, link, body[20 : 20 + captured], max(length, captured))
        elif kind == 3:
            (length,) = struct.unpack_from(order + "I", body)
            yield Packet(0, interfaces[0][0], body[4 : 4 + length], length)


def _read_interface(body, order):
    """Link type, and the time unit in nanoseconds as a fraction."""
    link = struct.unpack_from(order + "H", body)[0]
    resolution, at = 6, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 9:
            resolution = body[at + 4]
        at += 4 + (size + 3) // 4 * 4
    ticks = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    return link, (10**9, ticks)


def pcap_bytes(packets, order="<", nanoseconds=False):
    """A pcap file. All packets must be of one link type: the format has room for one."""
    links = {packet.link for packet in packets}
    if len(links) > 1:
        raise CaptureError(f"pcap holds one link type, these packets have {sorted(links)}")
    unit = 1 if nanoseconds else 1000
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, SNAP_LENGTH, links.pop() if links else LINK_ETHERNET)]
    for packet in packets:
        seconds, rest = divmod(packet.time, 10**9)
        out.append(struct.pack(order + "IIII", seconds, rest // unit, len(packet.data), packet.length))
        out.append(packet.data)
    return b"".join(out)


@dataclasses.dataclass(frozen=True)
class Interface:
    """A pcapng interface: `resolution` is the exponent of its time unit, 6 for microseconds."""

    link: int
    resolution: int
    name: str


def pcapng_section(packets, interfaces, order="<"):
    """One pcapng section; `packets` are pairs of an interface's number and a packet of that interface's link type."""
    out = [_block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)]
    for interface in interfaces:
        body = struct.pack(order + "HHI", interface.link, 0, 0)
        body += _option(2, interface.name.encode(), order)
        body += _option(9, bytes([interface.resolution]), order)
        out.append(_block(1, body + _option(0, b"", order), order))
    # A block of a kind that no reader knows: it has to be passed over (draft-ietf-opsawg-pcapng, 4.7).
    out.append(_block(0x80000BAD & 0x7FFFFFFF | 0x80000000, b"unknown!", order))
    for number, packet in packets:
        ticks = packet.time * 10 ** interfaces[number].resolution // 10**9
        head = struct.pack(order + "5I", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.data), packet.length)
        body = head + _pad(packet.data) + _option(1, b"a comment", order) + _option(0, b"", order)
        out.append(_block(6, body, order))
    return b"".join(out)


def _pad(data):
    return data + bytes(-len(data) % 4)


def _option(code, value, order):
    return struct.pack(order + "HH", code, len(value)) + _pad(value)


def _block(kind, body, order):
    body = _pad(body)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


# --- link layers -----------------------------------------------------------------------------------------------


def network_layer(packet):
    """(EtherType, offset) of what the link layer carries, or None."""
    data, link = packet.data, packet.link
    if link == LINK_ETHERNET:
        return _ethernet_payload(data)
    if link in (LINK_RAW, LINK_IPV4, LINK_IPV6):
        version = data[0] >> 4 if data else 0
        kinds = {4: ETHERTYPE_IPV4, 6: ETHERTYPE_IPV6}
        return (kinds[version], 0) if version in kinds else None
    if link in (LINK_NULL, LINK_LOOP) and len(data) >= 4:
        for order in "<>":
            family = struct.unpack(order + "I", data[:4])[0]
            if family in LOOPBACK_FAMILIES:
                return LOOPBACK_FAMILIES[family], 4
    if link == LINK_SLL and len(data) >= 16:
        return struct.unpack("!H", data[14:16])[0], 16
    if link == LINK_SLL2 and len(data) >= 20:
        return struct.unpack("!H", data[:2])[0], 20
    return None


def _ethernet_payload(data):
    at = 12
    while at + 2 <= len(data):
        kind = struct.unpack_from("!H", data, at)[0]
        if kind not in ETHERTYPES_TAG:
            return kind, at + 2
        at += 4
    return None


def ip_bytes(packet):
    """The IP packet in a frame without the padding behind it, as (EtherType, bytes), or None."""
    found = network_layer(packet)
    if found is None or found[0] not in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return None
    kind, at = found
    data = packet.data[at:]
    if kind == ETHERTYPE_IPV4 and len(data) >= 20:
        return kind, data[: struct.unpack_from("!H", data, 2)[0] or len(data)]
    if kind == ETHERTYPE_IPV6 and len(data) >= 40:
        return kind, data[: 40 + struct.unpack_from("!H", data, 4)[0]]
    return None


# --- checksums -------------------------------------------------------------------------------------------------


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def pseudo_header(source, destination, protocol, length):
    """RFC 9293 3.1 for IPv4, RFC 8200 8.1 for IPv6; the addresses' size tells which."""
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!IxxxB", length, protocol)


def ipv4_header(source, destination, protocol, payload_length, identification=0, fragment=0, ttl=64):
    """A header without options; `fragment` is the flags-and-offset word."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + payload_length, identification, fragment, ttl, protocol, 0,
                       source, destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def udp_datagram(source, destination, source_port, destination_port, payload):
    """A UDP datagram with its checksum, for addresses of either family."""
    length = 8 + len(payload)
    head = struct.pack("!HHHH", source_port, destination_port, length, 0)
    total = checksum(pseudo_header(source, destination, PROTOCOL_UDP, length) + head + payload)
    return head[:6] + struct.pack("!H", total or 0xFFFF) + payload


# --- TCP -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Segment:
    """A whole TCP segment with what surrounds it. `prefix` is the link header, `ip` the IP header with all options."""

    time: int
    link: int
    prefix: bytes
    ip: bytes
    source: bytes
    destination: bytes
    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    urgent: int
    options: bytes
    payload: bytes
    good_checksum: bool

    @property
    def direction(self):
        return (self.source, self.source_port, self.destination, self.destination_port)

    @property
    def flow(self):
        return tuple(sorted([(self.source, self.source_port), (self.destination, self.destination_port)]))

    @property
    def end(self):
        """The sequence number behind the segment."""
        phantom = bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.sequence + len(self.payload) + phantom) & 0xFFFFFFFF

    def change(self, **fields):
        return dataclasses.replace(self, **fields)

    def packet(self):
        """The segment as a frame. Lengths and checksums are made anew; a checksum that was wrong stays wrong."""
        length = 20 + len(self.options) + len(self.payload)
        tcp = struct.pack("!HHIIBBHHH", self.source_port, self.destination_port, self.sequence & 0xFFFFFFFF,
                          self.acknowledgement & 0xFFFFFFFF, (20 + len(self.options)) // 4 << 4, self.flags,
                          self.window, 0, self.urgent) + self.options + self.payload
        total = checksum(pseudo_header(self.source, self.destination, PROTOCOL_TCP, length) + tcp)
        if not self.good_checksum:
            total = (total + 1) & 0xFFFF
        data = self.prefix + _ip_with_length(self.ip, length) + tcp[:16] + struct.pack("!H", total) + tcp[18:]
        return Packet(self.time, self.link, data, len(data))


def _ip_with_length(header, payload_length):
    if header[0] >> 4 == 6:
        return header[:4] + struct.pack("!H", len(header) - 40 + payload_length) + header[6:]
    header = header[:2] + struct.pack("!H", len(header) + payload_length) + header[4:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def segment(packet):
    """The packet as a Segment, or None where it is no whole TCP segment."""
    found = ip_bytes(packet)
    if found is None or packet.length > len(packet.data):
        return None
    kind, data = found
    header = _ipv4_to_tcp(data) if kind == ETHERTYPE_IPV4 else _ipv6_to_tcp(data)
    if header is None or len(data) < header + 20:
        return None
    tcp = data[header:]
    tcp_header = tcp[12] >> 4 << 2
    if tcp_header < 20 or tcp_header > len(tcp):
        return None
    source, destination = (data[12:16], data[16:20]) if kind == ETHERTYPE_IPV4 else (data[8:24], data[24:40])
    (source_port, destination_port, sequence, acknowledgement, _, flags, window, _, urgent) = struct.unpack_from(
        "!HHIIBBHHH", tcp)
    good = checksum(pseudo_header(source, destination, PROTOCOL_TCP, len(tcp)) + tcp) == 0
    return Segment(packet.time, packet.link, packet.data[: network_layer(packet)[1]], data[:header], source,
                   destination, source_port, destination_port, sequence, acknowledgement, flags, window, urgent,
                   tcp[20:tcp_header], tcp[tcp_header:], good)


def _ipv4_to_tcp(data):
    """The IPv4 header's length where a whole TCP segment follows it, else None."""
    header = (data[0] & 15) * 4
    total, _, fragment = struct.unpack_from("!HHH", data, 2)
    if data[0] >> 4 != 4 or header < 20 or data[9] != PROTOCOL_TCP or fragment & 0x3FFF or total != len(data):
        return None
    return header


def _ipv6_to_tcp(data):
    """The same for IPv6, behind its extension headers."""
    if data[0] >> 4 != 6 or len(data) != 40 + struct.unpack_from("!H", data, 4)[0]:
        return None
    kind, at = data[6], 40
    while kind in EXTENSION_HEADERS and at + 8 <= len(data):
        kind, at = data[at], at + 8 + data[at + 1] * 8
    return at if kind == PROTOCOL_TCP else None


def make_segment(time, source, destination, source_port, destination_port, sequence, acknowledgement, flags,
                 payload=b"", options=b""):
    """A Segment between two addresses as people write them, in an Ethernet frame."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    raw_source, raw_destination = socket.inet_pton(family, source), socket.inet_pton(family, destination)
    if family == socket.AF_INET:
        kind, ip = ETHERTYPE_IPV4, ipv4_header(raw_source, raw_destination, PROTOCOL_TCP, 0, fragment=0x4000)
    else:
        kind, ip = ETHERTYPE_IPV6, struct.pack("!IHBB", 6 << 28, 0, PROTOCOL_TCP, 64) + raw_source + raw_destination
    prefix = ethernet_header(kind)
    return Segment(time, LINK_ETHERNET, prefix, ip, raw_source, raw_destination, source_port, destination_port,
                   sequence, acknowledgement, flags, 65535, 0, options, payload, True)


def ethernet_header(kind):
    """An Ethernet header between two made-up, locally administered stations."""
    return bytes.fromhex("020000000002020000000001") + struct.pack("!H", kind)
