"""Traffic that wants all of the sensor's memory, with real sessions among it. Raw IPv4 frames; numbers are chosen by a seed."""
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "evasion"))
import wire  # noqa: E402
from wire import ACK, FIN, PSH, RST, SYN  # noqa: E402

SERVER = bytes([192, 0, 2, 25])
MSS = 1400


class Forger:
    """Makes packets of many connections quickly: headers from templates, checksums left out (0 in IP, any in TCP: nothing is seen of these hosts that says they
    send right ones)."""

    def __init__(self, seed, host_bits=24):
        self.random = random.Random(seed)
        self.host_bits = host_bits

    def host(self):
        return struct.pack("!I", 0x0B000000 | self.random.getrandbits(self.host_bits))

    @staticmethod
    def packet(src, dst, sport, dport, seq, ack, flags, payload=b""):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, src, dst)
        return head + struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0) + payload

    def half_open(self, count):
        """SYNs that nobody answers."""
        for _ in range(count):
            yield self.packet(self.host(), SERVER, self.random.randint(1024, 65535), 25, self.random.getrandbits(32), 0, SYN)

    def handshake(self):
        """(client, port, sequence numbers, the three packets)."""
        client, port, isn, peer = self.host(), self.random.randint(1024, 65535), self.random.getrandbits(32), self.random.getrandbits(32)
        frames = [
            self.packet(client, SERVER, port, 25, isn, 0, SYN),
            self.packet(SERVER, client, 25, port, peer, isn + 1, SYN | ACK),
            self.packet(client, SERVER, port, 25, isn + 1, peer + 1, ACK),
        ]
        return client, port, isn + 1, peer + 1, frames

    def strangers(self, count):
        """Connections that say something, and nobody answers."""
        for _ in range(count):
            client, port, seq, ack, frames = self.handshake()
            yield from frames
            yield self.packet(client, SERVER, port, 25, seq, ack, PSH | ACK, b"EHLO flood.example.com\r\n")

    def holes(self, flows, segments, acknowledged=False):
        """Early data everywhere: every second segment is missing for ever."""
        for _ in range(flows):
            client, port, seq, ack, frames = self.handshake()
            yield from frames
            for i in range(segments):
                yield self.packet(client, SERVER, port, 25, seq + MSS * (2 * i + 1), ack, PSH | ACK, bytes(MSS))
            if acknowledged:
                yield self.packet(SERVER, client, 25, port, ack, seq + MSS * 2, ACK)

    def endless_lines(self, flows, segments):
        """Both sides begin a line and never end it."""
        talks = [self.handshake() for _ in range(flows)]
        for _, _, _, _, frames in talks:
            yield from frames
        for i in range(segments):
            for client, port, seq, ack, _ in talks:
                sent, came = i * MSS, i * MSS
                yield self.packet(SERVER, client, 25, port, ack + came, seq + sent, PSH | ACK, (b"220 " if i == 0 else b"") .ljust(MSS, b"a"))
                yield self.packet(client, SERVER, port, 25, seq + sent, ack + came + MSS, PSH | ACK, (b"EHLO " if i == 0 else b"").ljust(MSS, b"b"))

    def greedy_sessions(self, flows, messages):
        """Messages with as many and as long recipients as the sensor is willing to keep."""
        for _ in range(flows):
            client, port, seq, ack, frames = self.handshake()
            yield from frames
            for reply, command in self.greedy_lines(messages):
                yield self.packet(SERVER, client, 25, port, ack, seq, PSH | ACK, reply)
                ack += len(reply)
                yield self.packet(client, SERVER, port, 25, seq, ack, PSH | ACK, command)
                seq += len(command)

    @staticmethod
    def greedy_lines(messages):
        yield b"220 mx ESMTP\r\n", b"EHLO greedy.example.com\r\n"
        last = b"250-mx\r\n250 PIPELINING\r\n"
        for i in range(messages):
            for j in range(10):
                group = b"".join(b"RCPT TO:<%s%d@example.net>\r\n" % (b"r" * 110, i * 100 + j * 10 + k) for k in range(10))
                yield last, (b"RSET\r\nMAIL FROM:<a@example.com>\r\n" if j == 0 else b"") + group
                last = b"250 ok\r\n" * (12 if j == 0 else 10)

    def fragments(self, count):
        """First and middle fragments of datagrams that never end, to the mail port."""
        head = struct.pack("!HHIIBBHHH", 40000, 25, 1, 1, 0x50, PSH | ACK, 65535, 0, 0)
        for i in range(count):
            src = self.host()
            yield wire.ipv4(src, SERVER, head + bytes(516), ident=i & 0xFFFF, more=True)
            yield wire.ipv4(src, SERVER, bytes(1024), ident=i & 0xFFFF, offset=2048, more=True)

    def behind_ends(self, flows, segments):
        """Data behind a RST and a FIN."""
        for i in range(flows):
            client, port, seq, ack, frames = self.handshake()
            yield from frames
            yield self.packet(client, SERVER, port, 25, seq, ack, (RST if i % 2 else FIN) | ACK)
            for j in range(segments):
                yield self.packet(client, SERVER, port, 25, seq + j * MSS, ack, PSH | ACK, bytes(MSS))


def sender_of(number):
    return f"sender{number}@example.org"


def real_session(number):
    """The frames of an honest session; its sender tells it from others."""
    talk = wire.Talk(client=f"10.1.{number // 250}.{number % 250 + 1}", sport=20000 + number)
    talk.greet()
    talk.send_mail(f"MAIL FROM:<{sender_of(number)}>\r\n".encode())
    talk.quit()
    return [frame for _, frame in talk.frames]


def among(attack, sessions, every, session_of=real_session):
    """The attack, with the sessions' packets strewn in: they begin one after the other and go on side by side, a packet of each after `every` of the attack."""
    waiting = [iter(session_of(number)) for number in range(sessions)]
    running = []
    for i, frame in enumerate(attack):
        yield frame
        if i % every:
            continue
        if waiting:
            running.append(waiting.pop(0))
        for session in list(running):
            packet = next(session, None)
            if packet is None:
                running.remove(session)
            else:
                yield packet
    for session in running + waiting:
        yield from session


def record(time_us, frame):
    """A packet as it stands in a capture file."""
    return struct.pack("<IIII", time_us // 1_000_000, time_us % 1_000_000, len(frame), len(frame)) + frame


def capture(frames, step_us):
    """A capture file's chunks; a packet every `step_us`."""
    yield wire.pcap([])
    now, chunk = wire.START_US, []
    for frame in frames:
        now += step_us
        chunk.append(record(now, frame))
        if len(chunk) == 1000:
            yield b"".join(chunk)
            chunk = []
    yield b"".join(chunk)
