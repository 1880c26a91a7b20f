"""Captures of many sessions, and sensors that publish them."""
import os
import struct
import subprocess
import threading
from pathlib import Path

from redis_server import die_with_parent, environment

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
SENSOR = os.environ["MXTAP_SENSOR"]
MASKED = CAPTURES / "starttls-masked-x" / "capture.pcap"
TIMEOUT = 120


def _packet(seconds, client, port, server, flags, seq, ack, payload=b""):
    """A frame of Ethernet, IPv4 and TCP; checksums are left zero and corrected below."""
    def checksum(data):
        data += b"\0" * (len(data) % 2)
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    source, target, source_port, target_port = (client, server, port, 25) if flags >> 8 == 0 else (server, client, 25, port)
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, seq, ack, 5 << 4, flags & 0xFF, 65535, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), 0, 0, 64, 6, 0) + source + target
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + payload
    whole = int(seconds)
    return struct.pack("<IIII", whole, int((seconds - whole) * 1e6), len(frame), len(frame)) + frame


REPLY = 0x100  # with flags: the packet is the server's
SYN, ACK, FIN = 0x02, 0x10, 0x01


def session(number, step=100, start=1763700000.0):
    """One session in which mail crosses in the clear to a server of 16. Client and time are the number's own, `step` seconds apart: a session is told some time after its end."""
    client, server = struct.pack("!I", 0x0A000000 + number % 60000 + 1), bytes([192, 0, 2, 10 + number % 16])
    port, at = 1025 + number // 60000, start + number * step
    lines = [(REPLY, b"220 mx.example.net ESMTP\r\n"), (0, b"EHLO out.example.org\r\n"), (REPLY, b"250-mx.example.net\r\n250-SIZE 1000\r\n250 XXXXXXXA\r\n"),
             (0, f"MAIL FROM:<n{number}@example.org>\r\n".encode()), (REPLY, b"250 ok\r\n"), (0, b"RCPT TO:<bob@example.net>\r\n"), (REPLY, b"250 ok\r\n"),
             (0, b"DATA\r\n"), (REPLY, b"354 go\r\n"), (0, b"Subject: x\r\n\r\nx\r\n.\r\n"), (REPLY, b"250 queued\r\n"), (0, b"QUIT\r\n"), (REPLY, b"221 bye\r\n")]
    seq = {0: 1000 + number, REPLY: 5000 + number}
    out = [_packet(at, client, port, server, SYN, seq[0], 0), _packet(at, client, port, server, REPLY | SYN | ACK, seq[REPLY], seq[0] + 1)]
    seq = {side: value + 1 for side, value in seq.items()}
    out.append(_packet(at, client, port, server, ACK, seq[0], seq[REPLY]))
    for side, payload in lines:
        out.append(_packet(at, client, port, server, side | ACK, seq[side], seq[REPLY - side], payload))
        seq[side] += len(payload)
    out.append(_packet(at, client, port, server, FIN | ACK, seq[0], seq[REPLY]))
    out.append(_packet(at, client, port, server, REPLY | FIN | ACK, seq[REPLY], seq[0] + 1))
    out.append(_packet(at, client, port, server, ACK, seq[0] + 1, seq[REPLY] + 1))
    return b"".join(out)


HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def write_capture(path, numbers, step=100):
    Path(path).write_bytes(HEADER + b"".join(session(number, step) for number in numbers))
    return Path(path)


def command(server_url, capture, *args):
    return [SENSOR, "-r", str(capture), "--redis", server_url, *map(str, args)]


def publish(url, capture, *args, password=None):
    """Replays a capture into Redis, to its end."""
    return subprocess.run(command(url, capture, *args), capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment(password))


def config(folder, **sections):
    """A configuration file: config(tmp_path, spool={"directory": ...}, redis={"ca": ...})"""
    path = Path(folder) / "sensor.yaml"
    path.write_text("".join(f"{name}:\n" + "".join(f"  {key}: {value}\n" for key, value in values.items()) for name, values in sections.items()))
    return path


class Stream:
    """A sensor that reads a capture from its standard input while it is written: sessions are fed as the test wants."""

    def __init__(self, url, *args, password=None):
        self.process = subprocess.Popen(command(url, "-", *args), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(password),
                                        preexec_fn=die_with_parent)
        self.errors, self.out = [], []
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in ((self.process.stderr, self.errors), (self.process.stdout, self.out))]
        for reader in self.readers:
            reader.start()
        self.process.stdin.write(HEADER)

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode())

    def feed(self, numbers, step=100):
        for number in numbers:
            self.process.stdin.write(session(number, step))
        self.process.stdin.flush()

    def finish(self):
        """Ends its input; exit status and what it said."""
        self.process.stdin.close()
        status = self.process.wait(TIMEOUT)
        for reader in self.readers:
            reader.join()
        return status, "".join(self.errors)

    def kill(self):
        self.process.kill()
        self.process.wait()
