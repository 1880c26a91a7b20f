"""Transformations of TCP: other packets that carry the same two streams of bytes.

Each takes the packets of a capture and a random.Random and returns packets. Times stay where they were, or are those
of the packet that a new one stands beside, so that they never run backwards further than they did before.
"""

import collections
import dataclasses
import struct

import packets as pk

# How far apart in the capture's time two packets may be that are put in another order.
REORDER_WINDOW_NS = 200_000_000
# The largest piece that reordering cuts the streams into; ordinary SMTP commands must become several pieces.
REORDER_PIECE = 40
# How much of the data before it a retransmission may cover.
OVERLAP = 64
# Total Length is 16 bits; 14 bytes of link header and the largest headers leave room.
GSO_LIMIT = 65000
MAIL_PORTS = (25, 465, 587, 2525)


def decode(packets):
    """The packets with their segments: a list of (packet, segment or None)."""
    return [(packet, pk.segment(packet)) for packet in packets]


def flow_positions(pairs):
    """Where in the capture each flow's segments are: flow -> positions in order."""
    positions = collections.defaultdict(list)
    for at, (_, segment) in enumerate(pairs):
        if segment is not None:
            positions[segment.flow].append(at)
    return positions


def _cut(segment, sizes):
    """The segment's payload in pieces of the sizes that the iterator yields. FIN and PSH stay on the last."""
    at, pieces = 0, []
    while at < len(segment.payload):
        size = next(sizes)
        last = at + size >= len(segment.payload)
        flags = segment.flags if last else segment.flags & ~(pk.FIN | pk.PSH)
        piece = segment.payload[at : at + size]
        pieces.append(segment.change(sequence=(segment.sequence + at) & 0xFFFFFFFF, flags=flags, payload=piece))
        at += size
    return pieces


def _cut_all(packets, sizes):
    out = []
    for packet, segment in decode(packets):
        if segment is None or len(segment.payload) < 2 or segment.flags & (pk.SYN | pk.RST | pk.URG):
            out.append(packet)
        else:
            out.extend(piece.packet() for piece in _cut(segment, sizes))
    return out


def one_byte(packets, _random):
    """Every segment cut into segments of one byte."""
    return _cut_all(packets, iter(lambda: 1, None))


def small_segments(packets, random):
    """Every segment cut into pieces of a few bytes."""
    return _cut_all(packets, iter(lambda: random.randint(1, REORDER_PIECE), None))


def duplicate(packets, _random):
    """Every packet twice, as a mirror of both ports of a switch shows it."""
    return [packet for packet in packets for _ in range(2)]


def retransmit_overlap(packets, random):
    """Behind each segment another one that covers it and some of what went before, with the same bytes."""
    out, sent = [], {}
    for packet, segment in decode(packets):
        out.append(packet)
        if segment is None:
            continue
        known = sent.get(segment.direction)
        if segment.flags & (pk.SYN | pk.RST | pk.URG) or not segment.payload:
            if segment.flags & pk.SYN:
                sent.pop(segment.direction, None)
            continue
        before = known[1] if known is not None and known[0] == segment.sequence else b""
        sent[segment.direction] = (segment.end, (before + segment.payload)[-OVERLAP:])
        back = random.randint(0, len(before))
        payload = before[len(before) - back :] + segment.payload
        sequence = (segment.sequence - back) & 0xFFFFFFFF
        out.append(segment.change(sequence=sequence, payload=payload, flags=segment.flags & ~pk.FIN).packet())
    return out


def reorder(packets, random):
    """Small pieces, of which neighbours of one direction change places while the other direction is silent."""
    pairs = decode(small_segments(packets, random))
    out = [packet for packet, _ in pairs]
    for positions in flow_positions(pairs).values():
        at = 0
        while at + 1 < len(positions):
            first, second = positions[at], positions[at + 1]
            if _may_overtake(pairs[first][1], pairs[second][1]) and random.random() < 0.5:
                _exchange(out, first, second)
                at += 1
            at += 1
    return out


def _may_overtake(first, second):
    """SYN stays first, and nothing passes a reset: what comes behind one is no longer part of the connection."""
    return (first.direction == second.direction and not (first.flags | second.flags) & (pk.SYN | pk.RST)
            and 0 <= second.time - first.time <= REORDER_WINDOW_NS)


def _exchange(packets, first, second):
    """Two packets change places; the times stay, as the capture's clock does not know what it sees."""
    early, late = packets[first], packets[second]
    packets[first] = dataclasses.replace(late, time=early.time)
    packets[second] = dataclasses.replace(early, time=late.time)


def causal_interleave(packets, random):
    """Packets of opposite directions change places where neither acknowledges what is new in the other."""
    pairs = decode(packets)
    out = [packet for packet, _ in pairs]
    for positions in flow_positions(pairs).values():
        segments = [pairs[at][1] for at in positions]
        at = _handshake_length(segments)
        while at + 1 < len(positions):
            if _is_independent(segments[at], segments[at + 1]) and random.random() < 0.5:
                _exchange(out, positions[at], positions[at + 1])
                at += 1
            at += 1
    return out


def _handshake_length(segments):
    """How many of a flow's first segments belong to the handshake."""
    return 3 if segments and segments[0].flags & pk.SYN else 0


def _is_independent(first, second):
    """Whether `second` could have been captured before `first` by a tap elsewhere on the path.

    The end of a connection keeps its place: who closed first is a fact of its own.
    """
    if first.direction == second.direction or (first.flags | second.flags) & (pk.SYN | pk.FIN | pk.RST):
        return False
    return (first.sequence - second.acknowledgement) & 0xFFFFFFFF < 1 << 31 or not first.payload


def replies_ahead(packets, _random):
    """Each of the server's data segments captured before the client's data that it answers, which cannot be."""
    pairs = decode(packets)
    out = [packet for packet, _ in pairs]
    for positions in flow_positions(pairs).values():
        segments = [pairs[at][1] for at in positions]
        client = _client_direction(segments)
        for at in range(_handshake_length(segments), len(segments)):
            if segments[at].direction == client or not segments[at].payload:
                continue
            back = at
            while back > 0 and not (segments[back - 1].direction == client and segments[back - 1].payload):
                back -= 1
            _move_ahead(out, positions, segments, at, back - 1)
    return out


def _move_ahead(out, positions, segments, at, to):
    if to < 0:
        return
    for place in range(at, to, -1):
        _exchange(out, positions[place - 1], positions[place])
        segments[place - 1], segments[place] = segments[place], segments[place - 1]


def _client_direction(segments):
    """Who opened the connection; without a SYN, who speaks to a mail port, else to the lower port."""
    for segment in segments:
        if segment.flags & (pk.SYN | pk.ACK) == pk.SYN:
            return segment.direction
    first = segments[0]
    is_server_first = first.source_port in MAIL_PORTS or (
        first.destination_port not in MAIL_PORTS and first.source_port < first.destination_port)
    if is_server_first:
        return (first.destination, first.destination_port, first.source, first.source_port)
    return first.direction


def gso(packets, _random):
    """Segments of one direction that follow each other become one frame larger than any MTU, as a host that leaves
    segmentation to its network card captures them."""
    out, open_runs = [], {}
    for packet, segment in decode(packets):
        if segment is None:
            out.append(packet)
            continue
        run = open_runs.get(segment.flow)
        if run is not None and _continues(run[1], segment):
            merged = run[1].change(payload=run[1].payload + segment.payload, flags=run[1].flags | segment.flags)
            out[run[0]] = merged.packet()
            open_runs[segment.flow] = (run[0], merged)
            continue
        out.append(packet)
        if segment.payload and not segment.flags & (pk.SYN | pk.FIN | pk.RST | pk.URG):
            open_runs[segment.flow] = (len(out) - 1, segment)
        elif segment.payload or segment.flags & (pk.SYN | pk.FIN | pk.RST):
            open_runs.pop(segment.flow, None)
    return out


def _continues(run, segment):
    return (segment.direction == run.direction and segment.payload and segment.sequence == run.end
            and segment.acknowledgement == run.acknowledgement and not run.flags & pk.FIN
            and not segment.flags & (pk.SYN | pk.RST | pk.URG) and segment.good_checksum == run.good_checksum
            and len(run.payload) + len(segment.payload) <= GSO_LIMIT)


def sequence_wrap(packets, random):
    """Initial sequence numbers moved so that each direction passes 2^32 somewhere inside its data."""
    pairs = decode(packets)
    first, last = {}, {}
    for _, segment in pairs:
        if segment is not None:
            base = first.setdefault(segment.direction, segment.sequence)
            length = (segment.end - base) & 0xFFFFFFFF
            if length < 1 << 31:
                last[segment.direction] = max(length, last.get(segment.direction, 0))
    shift = {way: -(base + random.randint(1, max(1, last.get(way, 1)))) for way, base in first.items()}
    return [packet if segment is None else _shifted(segment, shift).packet() for packet, segment in pairs]


def _shifted(segment, shift):
    source, source_port, destination, destination_port = segment.direction
    back = shift.get((destination, destination_port, source, source_port), 0)
    acknowledgement = segment.acknowledgement + back if segment.flags & pk.ACK else segment.acknowledgement
    return segment.change(sequence=(segment.sequence + shift[segment.direction]) & 0xFFFFFFFF,
                          acknowledgement=acknowledgement & 0xFFFFFFFF,
                          options=_shift_sack(segment.options, back))


def _shift_sack(options, shift):
    """SACK blocks (RFC 2018) speak of the other direction's numbers."""
    out, at = bytearray(options), 0
    while at < len(out) and out[at] != 0:
        if out[at] == 1:
            at += 1
            continue
        size = out[at + 1] if at + 1 < len(out) else 0
        if size < 2 or at + size > len(out):
            break
        if out[at] == 5:
            for edge in range(at + 2, at + size - 3, 4):
                value = struct.unpack_from("!I", out, edge)[0]
                struct.pack_into("!I", out, edge, (value + shift) & 0xFFFFFFFF)
        at += size
    return bytes(out)
