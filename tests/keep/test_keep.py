"""-w: the packets of sessions with findings, kept as a capture that replays to the same findings. $MXTAP_SENSOR is the sensor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "secrets"))
from wire import Conversation, write  # noqa: E402

SENSOR = os.environ["MXTAP_SENSOR"]
CAPTURES = sorted((HERE.parent / "captures").glob("*/capture.pcap"))


def run(*args, **more):
    return subprocess.run([SENSOR, *map(str, args)], capture_output=True, timeout=60, check=False, **more)


def findings(capture, *args):
    done = run("-r", capture, "-o", "json", *args)
    assert done.returncode == 0, done.stderr
    sessions = [event for event in map(json.loads, done.stdout.splitlines()) if event["event_type"] == "session"]
    told = {}
    for event in sessions:
        rules = sorted((f["rule"], f["severity"], f["evidence"].get("protocol")) for f in event.get("findings", []))
        if rules:
            told.setdefault((event["src_ip"], event["src_port"], event["dest_ip"]), []).append(rules)
    return told


def health(done):
    return json.loads(done.stdout.splitlines()[-1])["health"]


@pytest.mark.parametrize("ending", ["pcap", "pcapng"])
def test_what_was_kept_replays_to_the_same_findings(tmp_path, ending):
    different, kept_something = [], 0
    captures = CAPTURES if ending == "pcapng" else CAPTURES[::8]
    for capture in captures:
        kept = tmp_path / f"kept.{ending}"
        before = findings(capture, "-w", kept)
        after = findings(kept)
        kept_something += bool(after)
        if before != after:
            different.append(capture.parent.name)
    assert different == []
    assert kept_something > len(captures) // 3


@pytest.mark.parametrize("rewriting", ["duplicate", "vlan", "raw-ip"])
def test_fragments_are_kept_as_what_they_were_put_together_to(tmp_path, rewriting):
    compared = 0
    for name in ("auth-plain", "smuggling-accepted", "starttls-masked-x", "bdat-with-dots"):
        way, capture, kept = tmp_path / "way", tmp_path / "in.pcap", tmp_path / "kept.pcapng"
        transform(rewriting, HERE.parent / "captures" / name / "capture.pcap", way)
        transform("fragment", way, capture)
        before = findings(capture, "-w", kept)
        assert findings(kept) == before
        compared += bool(before)
    assert compared >= 3


def transform(name, source, target):
    command = [sys.executable, HERE.parent / "metamorphic" / "transform.py", name, source, target]
    subprocess.run(list(map(str, command)), check=True, timeout=60)


def test_tshark_finds_every_checksum_right(tmp_path):
    kept = tmp_path / "kept.pcapng"
    for name in ("auth-plain", "smuggling-accepted", "bdat-with-dots"):
        run("-r", HERE.parent / "captures" / name / "capture.pcap", "-w", kept)
        command = ["tshark", "-r", kept, "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status == 0", "-T", "fields", "-e", "frame.number"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == ""
        count = subprocess.run(["tshark", "-r", kept], capture_output=True, text=True, timeout=60, check=True).stdout.count("\n")
        assert count > 5


OTHERS = {
    "http": ("cGET /a?key=1 HTTP/1.1\r\nHost: mx.example.net\r\nAuthorization: Basic YTpi\r\n\r\n", "sHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n"),
    "ssh": ("sSSH-2.0-OpenSSH_9.2p1 Debian\r\n", "cSSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
    "pop3": ("s+OK ready <1.2@mx.example.net>\r\n", "cUSER joe\r\n", "s+OK joe\r\n", "cPASS pearl\r\n", "s+OK\r\n"),
    "imap": ("s* OK IMAP4rev1 ready\r\n", "ca1 LOGIN joe pearl\r\n", "sa1 OK\r\n", "ca2 LIST\r\n", "sa2 OK\r\n"),
    "irc": ("cNICK joe\r\nUSER joe 0 * :joe\r\n", "s:irc.example.net 001 joe :Welcome\r\n", "cJOIN #pearl\r\n", "s:joe JOIN #pearl\r\n"),
    "vnc": ("sRFB 003.008\n", "cRFB 003.008\n"),
}


@pytest.mark.parametrize("protocol", OTHERS)
def test_another_protocol_is_named_again_by_what_is_kept_of_it(tmp_path, protocol):
    capture, kept = tmp_path / "in.pcap", tmp_path / "kept.pcap"
    talk = Conversation()
    for line in OTHERS[protocol]:
        talk.say(line[0], line[1:])
    write(capture, talk.close())
    before = findings(capture, "-w", kept)
    assert [("smtp.other_protocol", "low", protocol)] in [rules for sessions in before.values() for rules in sessions]
    assert findings(kept) == before
    assert all(word not in kept.read_bytes() for word in (b"key", b"YTpi", b"Basic", b"hi\n", b"Debian", b"joe", b"pearl"))


def exposed(port, body):
    talk = Conversation(port=port).server("220 mx.example.net ESMTP\r\n").client("EHLO a.example.org\r\n").server("250 mx.example.net\r\n")
    talk.client("MAIL FROM:<a@example.org>\r\n").server("250 ok\r\n").client("RCPT TO:<b@example.net>\r\n").server("250 ok\r\n").client("DATA\r\n").server("354 go\r\n")
    return talk.client(body + "\r\n.\r\n", cut=1000).server("250 ok\r\n").client("QUIT\r\n").server("221 bye\r\n").close()


def test_kept_packets_are_found_again_among_thousands_of_connections(tmp_path):
    """The table of what is kept grows in the midst of a session."""
    capture, kept = tmp_path / "flood.pcap", tmp_path / "kept.pcapng"
    talks = [exposed(20000 + i, "x") for i in range(2)]
    strangers = [Conversation(port=30000 + i, start=1_700_000_000.05) for i in range(5000)]
    write(capture, *talks, *strangers)
    before = findings(capture, "-w", kept)
    assert len(before) == len(talks)
    assert findings(kept) == before


def test_of_a_long_session_its_beginning_and_end_are_kept(tmp_path):
    capture, kept = tmp_path / "in.pcap", tmp_path / "kept.pcap"
    write(capture, exposed(40000, "text " * 60000))
    before = findings(capture, "-w", kept)
    assert before and findings(kept) == before
    assert 40_000 < kept.stat().st_size < 60_000


def test_what_finds_no_room_is_counted(tmp_path):
    capture, kept, config = tmp_path / "in.pcap", tmp_path / "kept.pcap", tmp_path / "config.yaml"
    config.write_text("keep-memory: 1MiB\n", encoding="utf-8")
    talks = [exposed(port, "text " * 12000) for port in range(40000, 40040)]
    for number, talk in enumerate(talks):  # all at once
        talk.frames = [(time + number / 1e6, frame) for time, frame in talk.frames]
    write(capture, *talks)
    done = run("-r", capture, "-o", "json", "-w", kept, "--config", config)
    assert done.returncode == 0, done.stderr
    counted = health(done)
    assert counted["kept"] > 0 and counted["kept_no_room"] > 0
    assert counted["kept"] + counted["kept_no_room"] == 40
    assert sum(len(rules) for rules in findings(kept).values()) == counted["kept"]


def test_a_full_disk_is_told_once_and_the_rest_goes_on(tmp_path):
    capture = tmp_path / "in.pcap"
    write(capture, exposed(40000, "text"), exposed(40001, "text"))
    done = run("-r", capture, "-o", "json", "-w", "/dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().count("/dev/full: No space left on device") == 1
    assert health(done)["kept_lost"] == 2
    assert sum(b'"event_type":"session"' in line for line in done.stdout.splitlines()) == 2


def test_the_capture_that_is_read_is_not_written_over(tmp_path):
    capture = tmp_path / "in.pcap"
    write(capture, exposed(40000, "text"))
    size = capture.stat().st_size
    done = run("-r", capture, "-w", capture)
    assert done.returncode == 1 and b"name another file" in done.stderr
    assert capture.stat().st_size == size


def test_a_file_that_cannot_be_made_is_named(tmp_path):
    done = run("-r", CAPTURES[0], "-w", tmp_path / "no" / "kept.pcap")
    assert done.returncode == 1
    assert b"no/kept.pcap: No such file" in done.stderr


def test_without_findings_the_file_is_a_capture_without_packets(tmp_path):
    kept = tmp_path / "kept.pcapng"
    assert findings(HERE.parent / "captures" / "clean-exim-exim" / "capture.pcap", "-w", kept) == {}
    done = run("-r", kept)
    assert done.returncode == 0 and b"holds no packets" in done.stderr


def test_only_its_user_may_read_it(tmp_path):
    kept = tmp_path / "kept.pcapng"
    run("-r", CAPTURES[0], "-w", kept)
    assert kept.stat().st_mode & 0o077 == 0
