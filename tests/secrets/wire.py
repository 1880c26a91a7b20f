"""SMTP conversations as captures, made packet by packet, so that a test decides what is split, repeated, late or lost."""

import itertools
import struct

CLIENT, SERVER = bytes([10, 1, 0, 25]), bytes([192, 0, 2, 25])
ETHERNET = bytes.fromhex("02000000000102000000000208" "00")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, target, ports, seq, ack, flags, payload=b""):
    tcp = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0) + payload
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, source, target)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ETHERNET + head + tcp


class Conversation:
    """One connection. Each step appends packets; `frames` can be shuffled before they are written."""

    ports = itertools.cycle(range(40000, 60000))  # each has its own, so that all fit into one capture

    def __init__(self, port=None, has_handshake=True, start=1_700_000_000.0):
        self.port, self.time, self.frames = port or next(self.ports), start, []
        self.seq = {"c": 1000, "s": 5000}
        if has_handshake:
            self._send("c", b"", SYN)
            self.seq["c"] += 1
            self._send("s", b"", SYN | ACK)
            self.seq["s"] += 1
            self._send("c", b"", ACK)

    def _send(self, side, payload, flags=PSH | ACK, seq=None):
        other = "s" if side == "c" else "c"
        addresses = (CLIENT, SERVER) if side == "c" else (SERVER, CLIENT)
        ports = (self.port, 25) if side == "c" else (25, self.port)
        ack = 0 if flags == SYN else self.seq[other]
        self.time += 0.01
        self.frames.append((self.time, packet(*addresses, ports, self.seq[side] if seq is None else seq, ack, flags, payload)))

    def say(self, side, data, cut=None, lost=False, twice=False):
        """Sends bytes, in pieces of `cut`; `lost`: they are not captured; `twice`: each piece is sent again."""
        data = data.encode() if isinstance(data, str) else data
        for at in range(0, len(data), cut or len(data) or 1):
            piece = data[at : at + (cut or len(data))]
            if not lost:
                self._send(side, piece)
                if twice:
                    self._send(side, piece)
            self.seq[side] += len(piece)
        return self

    def client(self, data, **how):
        return self.say("c", data, **how)

    def server(self, data, **how):
        return self.say("s", data, **how)

    def again(self, side, back, data):
        """Sends bytes that lie `back` bytes behind the front of the stream."""
        self._send(side, data, seq=self.seq[side] - back)
        return self

    def swap(self, first, second):
        """Packets counted from the end change places, their times do not."""
        (t1, p1), (t2, p2) = self.frames[first], self.frames[second]
        self.frames[first], self.frames[second] = (t1, p2), (t2, p1)
        return self

    def close(self):
        for side in "cs":
            self._send(side, b"", FIN | ACK)
            self.seq[side] += 1
        return self


def write(path, *conversations):
    frames = sorted((frame for conversation in conversations for frame in conversation.frames), key=lambda frame: frame[0])
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for time, data in frames:
            file.write(struct.pack("<IIII", int(time), round(time % 1 * 1e6) % 1_000_000, len(data), len(data)) + data)
