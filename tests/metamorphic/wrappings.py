"""Transformations below TCP: fragments, tunnels, other link layers, other files.

Rewriters take packets and a random.Random and return packets; writers take packets and a random.Random and return
the bytes of a file.
"""

import gzip
import struct
import subprocess

import packets as pk

# More fragments than this of one datagram are an attack; a receiver may well refuse them.
MOST_FRAGMENTS = 16
# Addresses of the tunnels' ends: RFC 2544's benchmark network, no host of any scenario.
TUNNEL_SOURCE = bytes([198, 18, 0, 1])
TUNNEL_DESTINATION = bytes([198, 18, 0, 2])
PROTOCOL_IPIP, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 41, 47
ETHERTYPE_ERSPAN_II = 0x88BE
PORT_VXLAN = 4789
# What an IPv4 tunnel can still hold: Total Length has 16 bits, the largest wrapping here takes 50 bytes.
TUNNEL_LIMIT = 65000


# --- fragments -------------------------------------------------------------------------------------------------


def fragment(packets, random):
    """Every IP packet in fragments, for half of them out of order."""
    out, number = [], random.randint(1, 1000)
    for packet in packets:
        found = pk.ip_bytes(packet)
        if found is None or packet.length > len(packet.data):
            out.append(packet)
            continue
        prefix = packet.data[: pk.network_layer(packet)[1]]
        cut = _fragments_ipv4 if found[0] == pk.ETHERTYPE_IPV4 else _fragments_ipv6
        number += 1
        pieces = cut(found[1], number, random)
        if random.random() < 0.5:
            random.shuffle(pieces)
        out.extend(packet.with_data(prefix + piece) for piece in pieces)
    return out


def _pieces(payload, random):
    """(offset, bytes, is last), every piece but the last a multiple of eight bytes."""
    least = max(1, -(-len(payload) // (8 * MOST_FRAGMENTS)))
    at = 0
    while at < len(payload):
        size = 8 * random.randint(least, least + 8)
        yield at, payload[at : at + size], at + size >= len(payload)
        at += size


def _fragments_ipv4(data, number, random):
    """RFC 791 3.2. A fragment that is a fragment already is left alone."""
    header = (data[0] & 15) * 4
    if header != 20 or struct.unpack_from("!H", data, 6)[0] & 0x3FFF or len(data) - header <= 16:
        return [data]
    out = []
    for at, piece, is_last in _pieces(data[header:], random):
        word = at // 8 | (0 if is_last else 0x2000)
        out.append(pk.ipv4_header(data[12:16], data[16:20], data[9], len(piece), number & 0xFFFF, word, data[8])
                   + piece)
    return out


def _fragments_ipv6(data, number, random):
    """RFC 8200 4.5. Only packets without extension headers: nothing else is unfragmentable part then."""
    if data[6] in (*pk.EXTENSION_HEADERS, pk.FRAGMENT_HEADER) or len(data) - 40 <= 16:
        return [data]
    out = []
    for at, piece, is_last in _pieces(data[40:], random):
        extension = struct.pack("!BBHI", data[6], 0, at | (0 if is_last else 1), number)
        length = struct.pack("!H", len(extension) + len(piece))
        out.append(data[:4] + length + bytes([pk.FRAGMENT_HEADER]) + data[7:40] + extension + piece)
    return out


# --- tags and tunnels ------------------------------------------------------------------------------------------


def _as_ethernet(packet):
    """The frame with an Ethernet header, made up where the capture had another, or None."""
    if packet.link == pk.LINK_ETHERNET:
        return packet.data
    found = pk.network_layer(packet)
    return None if found is None else pk.ethernet_header(found[0]) + packet.data[found[1] :]


def _each_frame(packets, wrap):
    """Every frame that is or can be made Ethernet through `wrap`; the others are dropped."""
    frames = [(packet, _as_ethernet(packet)) for packet in packets]
    return [packet.with_data(wrap(frame), pk.LINK_ETHERNET) for packet, frame in frames
            if frame is not None and len(frame) >= 14]


def _each_ip(packets, wrap, link=pk.LINK_ETHERNET):
    """Every IP packet through `wrap`, which gets its EtherType and bytes; other frames are dropped."""
    found = [(packet, pk.ip_bytes(packet)) for packet in packets]
    return [packet.with_data(wrap(*ip), link) for packet, ip in found if ip is not None]


def vlan(packets, _random):
    """An 802.1Q tag."""
    return _each_frame(packets, lambda frame: frame[:12] + bytes.fromhex("8100600c") + frame[12:])


def qinq(packets, _random):
    """Two tags, the outer of 802.1ad."""
    return _each_frame(packets, lambda frame: frame[:12] + bytes.fromhex("88a800648100000c") + frame[12:])


def mpls(packets, _random):
    """Two MPLS labels (RFC 3032)."""
    labels = struct.pack("!II", 16001 << 12 | 64, 299 << 12 | 1 << 8 | 64)
    return _each_ip(packets, lambda _, data: pk.ethernet_header(0x8847) + labels + data)


def pppoe(packets, _random):
    """A PPPoE session (RFC 2516)."""
    def wrap(kind, data):
        protocol = 0x0021 if kind == pk.ETHERTYPE_IPV4 else 0x0057
        return pk.ethernet_header(0x8864) + struct.pack("!BBHHH", 0x11, 0, 0x2F, len(data) + 2, protocol) + data
    return _each_ip(packets, wrap)


def _outer(protocol, payload):
    header = pk.ipv4_header(TUNNEL_SOURCE, TUNNEL_DESTINATION, protocol, len(payload))
    return pk.ethernet_header(pk.ETHERTYPE_IPV4) + header + payload


def gre(packets, _random):
    """GRE with a key (RFC 2784, RFC 2890)."""
    return _each_ip(_that_fit(packets), lambda kind, data: _outer(
        PROTOCOL_GRE, struct.pack("!HHI", 0x2000, kind, 0x1234) + data))


def ipip(packets, _random):
    """IPv4 or IPv6 in IPv4 (RFC 2003, RFC 4213)."""
    return _each_ip(_that_fit(packets), lambda kind, data: _outer(
        PROTOCOL_IPIP if kind == pk.ETHERTYPE_IPV4 else PROTOCOL_IPV6, data))


def erspan(packets, _random):
    """ERSPAN type II: GRE with a sequence number, eight bytes of its own, the whole frame."""
    numbers = iter(range(1 << 32))
    def wrap(frame):
        head = struct.pack("!HHI", 0x1000, ETHERTYPE_ERSPAN_II, next(numbers)) + struct.pack("!HHI", 0x1000, 0x1007, 1)
        return _outer(PROTOCOL_GRE, head + frame)
    return _each_frame(_that_fit(packets), wrap)


def vxlan(packets, _random):
    """VXLAN (RFC 7348)."""
    def wrap(frame):
        inner = struct.pack("!II", 0x08000000, 42 << 8) + frame
        datagram = pk.udp_datagram(TUNNEL_SOURCE, TUNNEL_DESTINATION, 50000, PORT_VXLAN, inner)
        return _outer(pk.PROTOCOL_UDP, datagram)
    return _each_frame(_that_fit(packets), wrap)


def _that_fit(packets):
    """A tunnel cannot carry the largest frames of a capture made before segmentation."""
    too_large = [packet for packet in packets if len(packet.data) > TUNNEL_LIMIT]
    if too_large:
        raise pk.CaptureError(f"a frame of {len(too_large[0].data)} bytes fits into no tunnel")
    return packets


# --- link types ------------------------------------------------------------------------------------------------


def sll(packets, _random):
    """Linux's cooked capture."""
    head = struct.pack("!HHH8s", 0, 1, 6, bytes.fromhex("0200000000020000"))
    return _each_ip(packets, lambda kind, data: head + struct.pack("!H", kind) + data, pk.LINK_SLL)


def sll2(packets, _random):
    """Linux's cooked capture, second version."""
    tail = struct.pack("!HIHBB8s", 0, 2, 1, 0, 6, bytes.fromhex("0200000000020000"))
    return _each_ip(packets, lambda kind, data: struct.pack("!H", kind) + tail + data, pk.LINK_SLL2)


def raw_ip(packets, _random):
    """No link layer."""
    return _each_ip(packets, lambda _, data: data, pk.LINK_RAW)


def bsd_loopback(packets, _random):
    """BSD's loopback: the address family in the byte order of the host that captured."""
    return _each_ip(packets, lambda kind, data: struct.pack("<I", 2 if kind == pk.ETHERTYPE_IPV4 else 30) + data,
                    pk.LINK_NULL)


# --- files -----------------------------------------------------------------------------------------------------


def pcap(packets, _random):
    return pk.pcap_bytes(packets)


def nanoseconds(packets, _random):
    return pk.pcap_bytes(packets, nanoseconds=True)


def big_endian(packets, _random):
    return pk.pcap_bytes(packets, order=">")


def gz(packets, _random):
    return gzip.compress(pk.pcap_bytes(packets))


def zst(packets, _random):
    return subprocess.run(["zstd", "-cq"], input=pk.pcap_bytes(packets), stdout=subprocess.PIPE, check=True).stdout


def _on_two_interfaces(packets):
    """A tap hands each direction to an interface of its own: here Ethernet and cooked, micro- and nanoseconds."""
    interfaces = [pk.Interface(pk.LINK_ETHERNET, 6, "tap0"), pk.Interface(pk.LINK_SLL, 9, "tap1")]
    placed = []
    for packet in packets:
        segment = pk.segment(packet)
        if segment is not None and segment.direction > (segment.destination, segment.destination_port,
                                                        segment.source, segment.source_port):
            placed.extend((1, other) for other in sll([packet], None))
        else:
            placed.extend((0, other) for other in _each_frame([packet], lambda frame: frame))
    return placed, interfaces


def pcapng(packets, _random):
    """pcapng with two interfaces of different link types and time resolutions, one for each direction."""
    return pk.pcapng_section(*_on_two_interfaces(packets))


def pcapng_sections(packets, _random):
    """The same in two sections, the second big-endian and with its interfaces the other way round."""
    placed, interfaces = _on_two_interfaces(packets)
    half = len(placed) // 2
    second = [(1 - number, packet) for number, packet in placed[half:]]
    return pk.pcapng_section(placed[:half], interfaces) + pk.pcapng_section(second, interfaces[::-1], ">")
