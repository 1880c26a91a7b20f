"""Packets made by hand: a TCP conversation whose every field can be wrong on purpose. Raw IPv4 frames in a pcap."""
import dataclasses
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
LINK_RAW = 101
START_US = 1_700_000_000_000_000


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, payload, *, ttl=64, ident=1, offset=0, more=False, bad_checksum=False, protocol=6):
    """`offset` in bytes, a multiple of eight."""
    flags = (0x2000 if more else 0) | offset // 8
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, flags, ttl, protocol, 0, src, dst)
    total = checksum(head)
    return head[:10] + struct.pack("!H", total ^ 0x0101 if bad_checksum else total) + head[12:] + payload


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b"", *, options=b"", urgent=0, window=64240, bad_checksum=False):
    options += bytes(-len(options) % 4)
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, window, 0, urgent)
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(head) + len(options) + len(payload))
    total = checksum(pseudo + head + options + payload)
    return head[:16] + struct.pack("!H", total ^ 0x0101 if bad_checksum else total) + head[18:] + options + payload


def pcap(frames, link=LINK_RAW):
    """`frames` are pairs of microseconds and bytes."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for time_us, frame in frames:
        out.append(struct.pack("<IIII", time_us // 1_000_000, time_us % 1_000_000, len(frame), len(frame)) + frame)
    return b"".join(out)


@dataclasses.dataclass
class Side:
    address: bytes
    port: int
    isn: int
    next: int = 0  # stream offset of the next byte it sends
    ttl: int = 64
    tsval: int = 1000


class Talk:
    """A connection. `say` sends what an honest host would; `forge` sends anything in a side's name and moves nothing on."""

    def __init__(self, *, client="10.0.0.25", server="192.0.2.25", sport=40000, dport=25, client_isn=1_000_000, server_isn=5_000_000, timestamps=False,
                 start_us=START_US):
        self.client = Side(ipaddress.ip_address(client).packed, sport, client_isn)
        self.server = Side(ipaddress.ip_address(server).packed, dport, server_isn)
        self.timestamps = timestamps
        self.now = start_us
        self.ident = 1
        self.frames = []

    def other(self, side):
        return self.server if side is self.client else self.client

    def _options(self, side, tsval):
        if not self.timestamps:
            return b""
        return struct.pack("!BBBBII", 1, 1, 8, 10, side.tsval if tsval is None else tsval, self.other(side).tsval)

    def segment(self, side, flags, payload=b"", *, at=None, ack=None, tsval=None, **fields):
        """A TCP segment; `at` and `ack` are stream offsets, 0 the first byte behind the SYN. (seq and ack as sent.)"""
        peer = self.other(side)
        seq = side.isn + 1 + (side.next if at is None else at)
        acked = peer.isn + 1 + (peer.next if ack is None else ack)
        return tcp(side.address, peer.address, side.port, peer.port, seq, acked if flags & ACK else 0, flags, payload, options=self._options(side, tsval), **fields)

    def emit(self, side, segment, **ip):
        """Puts a segment on the wire in one packet."""
        self.put(ipv4(side.address, self.other(side).address, segment, **{"ttl": side.ttl, "ident": self.ident, **ip}))
        self.ident += 1

    def put(self, frame, step_us=10_000):
        self.now += step_us
        self.frames.append((self.now, frame))

    def forge(self, side, flags, payload=b"", *, ip=None, **fields):
        self.emit(side, self.segment(side, flags, payload, **fields), **(ip or {}))

    def say(self, side, payload, *, acked=True):
        """The next bytes, and the peer's acknowledgement."""
        side.tsval += 1
        self.forge(side, PSH | ACK, payload)
        side.next += len(payload)
        if acked:
            self.acknowledge(self.other(side))

    def acknowledge(self, side, **fields):
        side.tsval += 1
        self.forge(side, ACK, **fields)

    def open(self, *, syn_payload=b""):
        self.forge(self.client, SYN, syn_payload, at=-1)
        self.forge(self.server, SYN | ACK, at=-1)
        self.acknowledge(self.client)

    def close(self):
        """FIN both ways, each acknowledged."""
        self.forge(self.client, FIN | ACK)
        self.client.next += 1
        self.forge(self.server, FIN | ACK)
        self.server.next += 1
        self.acknowledge(self.client)

    def greet(self):
        """The session up to the reply to EHLO."""
        self.open()
        self.say(self.server, b"220 mx.example.net ESMTP\r\n")
        self.say(self.client, b"EHLO out.example.org\r\n")
        self.say(self.server, b"250-mx.example.net\r\n250 SIZE 1000\r\n")

    def send_mail(self, mail=b"MAIL FROM:<alice@example.org>\r\n"):
        """One message; `mail` None: its MAIL was sent already."""
        if mail is not None:
            self.say(self.client, mail)
        self.say(self.server, b"250 2.1.0 ok\r\n")
        self.say(self.client, b"RCPT TO:<bob@example.net>\r\n")
        self.say(self.server, b"250 2.1.5 ok\r\n")
        self.say(self.client, b"DATA\r\n")
        self.say(self.server, b"354 go ahead\r\n")
        self.say(self.client, b"Subject: hello\r\n\r\nhello\r\n.\r\n")
        self.say(self.server, b"250 2.0.0 queued\r\n")

    def quit(self):
        self.say(self.client, b"QUIT\r\n")
        self.say(self.server, b"221 bye\r\n")
        self.close()
