"""Checks of the transformations themselves: files, checksums, and that the streams of bytes stay what they were."""

import random
import shutil
import struct
import subprocess

import pytest

import packets as pk
import streams
import transform
import wrappings

# A server that pipelines, data in several segments each way, both ends closing: enough for every transformation.
TALK = [
    ("server", [b"220 mx.example.net ESMTP\r\n"]),
    ("client", [b"EHLO out.example.org\r\n"]),
    ("server", [b"250-mx.example.net\r\n250-PIPELINING\r\n", b"250 8BITMIME\r\n"]),
    ("client", [b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n", b"DATA\r\n"]),
    ("server", [b"250 sender\r\n250 recipient\r\n354 go\r\n"]),
    ("client", [b"Subject: one\r\n\r\n" + b"A line of the message.\r\n" * 50, b"Another line.\r\n" * 90, b".\r\n"]),
    ("server", [b"250 queued\r\n"]),
    ("client", [b"QUIT\r\n"]),
    ("server", [b"221 bye\r\n"]),
]
START = 1_700_000_000_000_000_000
SACK_OPTION = bytes([1, 1, 5, 10])


class Talker:
    """Writes the packets of one TCP connection."""

    def __init__(self, client, server, numbers):
        self.ends = {"client": (client, 40000), "server": (server, 25)}
        self.next = dict(zip(("client", "server"), numbers))
        self.time = START
        self.packets = []

    def send(self, who, flags, payload=b"", options=b""):
        other = "server" if who == "client" else "client"
        (source, source_port), (destination, destination_port) = self.ends[who], self.ends[other]
        acknowledgement = self.next[other] if flags & pk.ACK else 0
        segment = pk.make_segment(self.time, source, destination, source_port, destination_port, self.next[who],
                                  acknowledgement, flags, payload, options)
        self.next[who] = segment.end
        self.time += 1_000_000
        self.packets.append(segment.packet())
        return other

    def talk(self):
        self.send("client", pk.SYN)
        self.send("server", pk.SYN | pk.ACK)
        self.send("client", pk.ACK)
        for who, parts in TALK:
            for part in parts:
                other = self.send(who, pk.ACK | pk.PSH, part)
                sack = SACK_OPTION + struct.pack("!II", self.next[who] - 2, self.next[who] - 1)
                self.send(other, pk.ACK, options=sack)
        self.send("client", pk.ACK | pk.FIN)
        self.send("server", pk.ACK | pk.FIN)
        self.send("client", pk.ACK)
        return self.packets


def sample(version):
    ends = {4: ("10.1.0.25", "192.0.2.25"), 6: ("2001:db8:1::25", "2001:db8:2::25")}[version]
    return Talker(*ends, (1000, 2000)).talk()


def read_streams(packets):
    """What each direction said, by sequence number; that two packets disagree about a byte is an error."""
    seen, start = {}, {}
    for packet in packets:
        segment = pk.segment(packet)
        assert segment is not None and segment.good_checksum
        if segment.flags & pk.SYN:
            start[segment.direction] = segment.sequence + 1
        for at, byte in enumerate(segment.payload):
            place = (segment.sequence + at - start[segment.direction]) & 0xFFFFFFFF
            assert seen.setdefault(segment.direction, {}).setdefault(place, byte) == byte
    for stream in seen.values():
        assert sorted(stream) == list(range(len(stream)))
    return {way: bytes(stream[at] for at in range(len(stream))) for way, stream in seen.items()}


def expected_streams():
    return sorted(b"".join(b"".join(parts) for who, parts in TALK if who == side) for side in ("client", "server"))


STREAM_TRANSFORMS = [name for name, entry in transform.TRANSFORMS.items()
                     if entry.rewrite.__module__ == "streams" or name in ("sll", "sll2", "raw-ip", "bsd-loopback",
                                                                          "vlan", "qinq")]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", STREAM_TRANSFORMS)
def test_streams_stay(name, version):
    rewritten = transform.TRANSFORMS[name].rewrite(sample(version), random.Random(3))
    assert sorted(read_streams(rewritten).values()) == expected_streams()
    times = [packet.time for packet in rewritten]
    assert times == sorted(times)


@pytest.mark.parametrize("name", [name for name, entry in transform.TRANSFORMS.items() if not entry.takes_others])
def test_something_changes_and_the_seed_decides(name, tmp_path):
    original, first, second = (tmp_path / part for part in ("original", "first", "second"))
    original.write_bytes(pk.pcap_bytes(sample(4)))
    transform.apply(name, original, first, 7)
    transform.apply(name, original, second, 7)
    assert first.read_bytes() == second.read_bytes() != original.read_bytes()


@pytest.mark.parametrize("name", ["nanoseconds", "big-endian", "gz", "zst", "pcapng", "pcapng-sections"])
def test_files_are_read_back(name, tmp_path):
    out = tmp_path / "out"
    original = sample(4)
    out.write_bytes(transform.TRANSFORMS[name].write(original, random.Random(1)))
    read = pk.read_capture(out)
    assert [packet.time for packet in read] == [packet.time for packet in original]
    assert [pk.ip_bytes(packet) for packet in read] == [pk.ip_bytes(packet) for packet in original]


@pytest.mark.parametrize("version", [4, 6])
def test_a_segment_is_built_as_it_was_read(version):
    for packet in sample(version):
        assert pk.segment(packet).packet() == packet


def test_checksum_of_rfc_1071():
    assert pk.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2 ^ 0xFFFF


def test_a_wrong_checksum_stays_wrong():
    broken = bytearray(sample(4)[3].data)
    broken[50] ^= 1
    packet = pk.Packet(START, pk.LINK_ETHERNET, bytes(broken), len(broken))
    assert not pk.segment(packet).good_checksum
    assert not pk.segment(pk.segment(packet).packet()).good_checksum


def test_what_the_snap_length_cut_is_left_alone():
    whole = sample(4)[3]
    cut = pk.Packet(START, pk.LINK_ETHERNET, whole.data[:60], whole.length)
    assert pk.segment(cut) is None
    assert streams.one_byte([cut], None) == [cut]
    assert wrappings.fragment([cut], random.Random(1)) == [cut]
    (tagged,) = wrappings.vlan([cut], None)
    assert (len(tagged.data), tagged.length) == (64, whole.length + 4)


def test_one_byte_cuts_to_one_byte():
    assert {len(pk.segment(packet).payload) for packet in streams.one_byte(sample(4), None)} == {0, 1}


def test_gso_exceeds_the_mtu():
    assert max(len(packet.data) for packet in streams.gso(sample(4), None)) > 1514


def test_sequence_wrap_wraps_both_ways():
    wrapped = [pk.segment(packet) for packet in streams.sequence_wrap(sample(4), random.Random(1))]
    for way in {segment.direction for segment in wrapped}:
        numbers = [segment.sequence for segment in wrapped if segment.direction == way]
        assert numbers[0] > 1 << 31 > numbers[-1]
    for segment in wrapped:
        if segment.options:
            left, right = struct.unpack("!II", segment.options[4:])
            assert (segment.acknowledgement - left) & 0xFFFFFFFF == 2
            assert (segment.acknowledgement - right) & 0xFFFFFFFF == 1


def test_causal_interleave_keeps_causality():
    for seed in range(20):
        known = {}
        for packet in streams.causal_interleave(sample(4), random.Random(seed)):
            segment = pk.segment(packet)
            back = segment.direction[2:] + segment.direction[:2]
            if segment.flags & pk.ACK:
                assert segment.acknowledgement <= known[back]
            known[segment.direction] = max(segment.end, known.get(segment.direction, 0))


def test_replies_come_ahead():
    rewritten = [pk.segment(packet) for packet in streams.replies_ahead(sample(4), None)]
    order = [segment.payload for segment in rewritten if segment.payload]
    assert order.index(b"221 bye\r\n") < order.index(b"QUIT\r\n")


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_add_up(version):
    original = sample(version)
    header = {4: 20, 6: 48}[version]
    payloads = {}
    for packet in wrappings.fragment(original, random.Random(5)):
        _, data = pk.ip_bytes(packet)
        if version == 4:
            assert pk.checksum(data[:20]) == 0
            number, word = struct.unpack_from("!HH", data, 4)
            place = (word & 0x1FFF) * 8
        else:
            assert data[6] == pk.FRAGMENT_HEADER
            place, number = struct.unpack_from("!HI", data, 42)
            place &= 0xFFF8
        payloads.setdefault(number, {})[place] = data[header:]
    joined = [b"".join(parts[place] for place in sorted(parts)) for parts in payloads.values()]
    assert joined == [pk.ip_bytes(packet)[1][{4: 20, 6: 40}[version] :] for packet in original]
    assert max(len(parts) for parts in payloads.values()) in range(3, wrappings.MOST_FRAGMENTS + 1)


def test_interleave_keeps_each_captures_order():
    other = Talker("10.1.0.26", "192.0.2.26", (5, 6)).talk()
    merged = transform.interleave(sample(4), random.Random(2), [other])
    assert sorted(read_streams(merged).values()) == sorted(expected_streams() * 2)
    for capture in (sample(4), other):
        wanted = [pk.ip_bytes(packet) for packet in capture]
        assert [pk.ip_bytes(packet) for packet in merged if pk.ip_bytes(packet) in wanted] == wanted


# What tshark makes of small segments differs by its own rules; those are checked above, byte for byte.
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize("name", [name for name, entry in transform.TRANSFORMS.items()
                                  if not entry.takes_others and entry.rewrite.__module__ != "streams"])
def test_tshark_reads_the_same_dialogue(name, tmp_path):
    original, out = tmp_path / "original.pcap", tmp_path / "out"
    sample_of_both = sample(4) + sample(6)
    original.write_bytes(pk.pcap_bytes(sample_of_both))
    transform.apply(name, original, out, 11)
    commands, replies = dialogue(out)
    assert [commands, replies] == dialogue(original)
    assert (commands.count("QUIT\\r\\n"), len(replies)) == (2, 16)


def dialogue(capture):
    """The commands and replies that tshark finds, in order."""
    command = ["tshark", "-r", str(capture), "-T", "fields", "-E", "aggregator=\x1e", "-E", "separator=\x1f",
               "-e", "smtp.command_line", "-e", "smtp.response"]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    rows = [line.split("\x1f") for line in text.split("\n") if line]
    return [[value for row in rows for value in row[column].split("\x1e") if value] for column in range(2)]
