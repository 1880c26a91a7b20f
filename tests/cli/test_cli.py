"""The command line as a person meets it: exit statuses, messages, inputs of every kind. The sensor's path comes in $MXTAP_SENSOR."""
import contextlib
import gzip
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "schema"))
import validate  # noqa: E402

VALIDATORS = validate.load_validators(validate.SCHEMA)
SENSOR = os.environ["MXTAP_SENSOR"]
CAPTURES = Path(__file__).resolve().parent.parent / "captures"
CLEAN = CAPTURES / "clean-postfix-postfix-tls13" / "capture.pcap"
MASKED = CAPTURES / "starttls-masked-x" / "capture.pcap"
TRUST = ["--trust", str(CAPTURES / "ca.pem")]


def run(*args, stdin=None):
    return subprocess.run([SENSOR, *map(str, args)], input=stdin, capture_output=True, timeout=60, check=False)


def events(output):
    for line in output.splitlines():
        assert validate.faults_of(line, VALIDATORS)[0] == []
    return [json.loads(line) for line in output.splitlines()]


def sessions(output):
    return [event for event in events(output) if event["event_type"] == "session"]


def test_help_names_every_option_and_leaves_with_0():
    result = run("--help")
    assert result.returncode == 0
    for option in ("--read", "--interface", "--buffer", "--workers", "--policies", "--knowledge", "--trust", "--home-net", "--home-domain", "--ports", "--output", "--sensor", "--filter", "--privacy",
                   "--config", "--check-config", "--rules", "--version"):
        assert option in result.stdout.decode()


def test_version():
    result = run("--version")
    assert result.returncode == 0 and result.stdout.startswith(b"mxtap-sensor ")


def test_rules_lists_ids_and_rfcs():
    result = run("--rules")
    assert result.returncode == 0
    lines = result.stdout.decode().splitlines()
    masked = [line for line in lines if line.startswith("starttls.capability_masked")]
    assert len(masked) == 1 and "3207002" in masked[0] and "RFC 3207" in masked[0]
    assert len({line.split()[1] for line in lines}) == len(lines)


@pytest.mark.parametrize("args, named", [
    ((), "--help"),
    (("-r",), "-r"),
    (("--nonsense",), "--nonsense"),
    (("-r", CLEAN, "--ports", "mail"), "mail"),
    (("-r", CLEAN, "--home-net", "10.0.0.0/64"), "/64"),
    (("-r", CLEAN, "-o", "yaml"), "yaml"),
    (("-r", CLEAN, "-i", "lo"), "-i and -r"),
    (("-r", CLEAN, "--workers", "2"), "--workers"),
    (("-i", "lo", "--workers", "0"), "from 1 to 64"),
    (("-i", "lo,lo"), "twice"),
    (("-i", "lo", "--buffer", "64"), "1MiB"),
])
def test_wrong_usage_is_2_and_names_the_place(args, named):
    result = run(*args)
    assert result.returncode == 2 and named in result.stderr.decode() and result.stdout == b""


@pytest.mark.parametrize("args, named", [
    (("-r", "/nonexistent/mail.pcap"), "/nonexistent/mail.pcap"),
    (("-r", CLEAN, "--trust", "/nonexistent/ca.pem"), "/nonexistent/ca.pem"),
    (("-r", CLEAN, "--trust", __file__), "test_cli.py"),
    (("-r", CLEAN, "--policies", "/nonexistent"), "/nonexistent"),
    (("-r", CLEAN, "--filter", "port port"), "port port"),
    (("-r", __file__), "test_cli.py"),
])
def test_what_cannot_be_opened_is_1_and_names_the_file(args, named):
    result = run(*args)
    assert result.returncode == 1 and named in result.stderr.decode() and result.stdout == b""


def test_a_truncated_file_is_used_up_to_the_damage(tmp_path):
    whole = run("-r", MASKED, *TRUST, "-o", "json")
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(MASKED.read_bytes()[:-7])
    result = run("-r", cut, *TRUST, "-o", "json")
    assert result.returncode == 1
    assert len(sessions(result.stdout)) == len(sessions(whole.stdout)) == 1
    assert str(cut) in result.stderr.decode() and "packet" in result.stderr.decode()


def test_a_damaged_file_does_not_hide_the_others(tmp_path):
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(MASKED.read_bytes()[:60])
    result = run("-r", damaged, CLEAN, *TRUST, "-o", "json")
    assert result.returncode == 1 and len(sessions(result.stdout)) == 1


def test_a_capture_without_packets_is_no_fault_and_told(tmp_path):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(MASKED.read_bytes()[:24])
    result = run("-r", empty, MASKED, *TRUST, "-o", "json")
    assert result.returncode == 0 and len(sessions(result.stdout)) == 1
    assert str(empty) in result.stderr.decode() and str(MASKED) not in result.stderr.decode()


@pytest.mark.parametrize("how", ["gz", "zst", "stdin", "stdin-gz", "folder", "twice"])
def test_the_same_sessions_whatever_the_wrapping(tmp_path, how):
    plain = sessions(run("-r", MASKED, *TRUST, "-o", "json").stdout)
    data = MASKED.read_bytes()
    if how == "gz":
        path = tmp_path / "mail.bin"
        path.write_bytes(gzip.compress(data))
        result = run("-r", path, *TRUST, "-o", "json")
    elif how == "zst":
        path = tmp_path / "mail.bin"
        path.write_bytes(subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout)
        result = run("-r", path, *TRUST, "-o", "json")
    elif how == "stdin":
        result = run("-r", "-", *TRUST, "-o", "json", stdin=data)
    elif how == "stdin-gz":
        result = run("-r", "-", *TRUST, "-o", "json", stdin=gzip.compress(data))
    elif how == "folder":
        shutil.copy(MASKED, tmp_path)
        result = run("-r", tmp_path, *TRUST, "-o", "json")
    else:
        result = run("-r", MASKED, CLEAN, *TRUST, "-o", "json")
        assert len(sessions(result.stdout)) == 2
        return
    assert result.returncode == 0, result.stderr
    assert sessions(result.stdout) == plain


def test_a_pipe_that_never_ends_is_ended_by_sigterm_with_its_sessions_told():
    process = subprocess.Popen([SENSOR, "-r", "-", *TRUST, "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(MASKED.read_bytes())
    process.stdin.flush()
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    told = events(output)
    assert [event["event_type"] for event in told].count("session") == 1 and told[-1]["event_type"] == "health"


@contextlib.contextmanager
def running(*args):
    process = subprocess.Popen([SENSOR, *map(str, args), *TRUST, "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_pipe_that_stalls_within_a_packet_keeps_no_session_waiting():
    """What came before is told at once, the packet when its rest comes."""
    whole, later = CLEAN.read_bytes(), MASKED.read_bytes()[24:]
    hour = struct.pack("<I", struct.unpack_from("<I", later)[0] + 3600) + later[4:16 + struct.unpack_from("<I", later, 8)[0]]  # its time ends what went before
    with running("-r", "-") as process:
        process.stdin.write(whole + hour + hour[:30])
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 20)[0]
        assert json.loads(process.stdout.readline())["event_type"] == "session"
        assert process.poll() is None
        process.stdin.write(hour[30:])
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert json.loads(output.splitlines()[-1])["health"]["packets"] == len(list(records(whole))) + 2


def records(capture):
    at = 24
    while at < len(capture):
        size = 16 + struct.unpack_from("<I", capture, at + 8)[0]
        yield capture[at:at + size]
        at += size


def test_a_file_that_is_cut_while_it_is_read_is_told_and_the_rest_reported(tmp_path):
    """The other capture is a pipe that stalls, so that the file is open and half read when it is cut; what is lost of it is no packets."""
    whole = MASKED.read_bytes()
    frames = list(records(whole)) * (100_000 // len(whole))
    frames.sort(key=lambda frame: struct.unpack_from("<II", frame))
    path, pipe = tmp_path / "cut.pcap", tmp_path / "pipe"
    path.write_bytes(whole[:24] + b"".join(frames))
    os.mkfifo(pipe)
    with running("-r", pipe, "-r", path) as process:
        with open(pipe, "wb") as out:
            out.write(whole[:24] + b"".join(frames[:len(frames) // 2]))
            out.flush()
            time.sleep(2)
            os.truncate(path, 4096)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"cut.pcap: packet" in errors and b"the file became shorter while it was read" in errors
    told = events(output)
    assert [event["event_type"] for event in told].count("session") == 1
    assert len(frames) // 2 < told[-1]["health"]["packets"] <= len(frames) + 1


def test_a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([SENSOR, "-r", str(MASKED), *TRUST, "-o", "json"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == 1 and b"not complete" in result.stderr


def test_an_invalid_policy_is_named_and_the_rest_is_used(tmp_path):
    (tmp_path / "example.net.txt").write_text("version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 86400\n")
    (tmp_path / "example.org.txt").write_text("hello\n")
    result = run("-r", CLEAN, *TRUST, "--policies", tmp_path, "-o", "json")
    assert result.returncode == 0 and "example.org.txt" in result.stderr.decode() and "example.net.txt" not in result.stderr.decode()


def test_privacy_domains_drops_local_parts(tmp_path):
    open_output = run("-r", MASKED, *TRUST, "-o", "json").stdout.decode()
    senders = [message["mail_from"] for session in sessions(open_output.encode()) for message in session["smtp"]["messages"]]
    assert senders and all(not sender.startswith("@") for sender in senders)
    for form in ("json", "text"):
        private = run("-r", MASKED, *TRUST, "--privacy", "domains", "-o", form).stdout.decode()
        for sender in senders:
            assert sender not in private and sender[sender.index("@"):] in private


def test_filter_restricts_the_frames():
    all_sessions = sessions(run("-r", MASKED, *TRUST, "-o", "json").stdout)
    port = all_sessions[0]["src_port"]
    assert len(sessions(run("-r", MASKED, *TRUST, "-o", "json", "--filter", f"port {port}").stdout)) == 1
    assert sessions(run("-r", MASKED, *TRUST, "-o", "json", "--filter", f"not port {port}").stdout) == []


def test_text_has_no_escape_codes_when_it_is_no_terminal():
    result = run("-r", MASKED, *TRUST)
    assert result.returncode == 0 and b"\033" not in result.stdout
    text = result.stdout.decode()
    assert "starttls.capability_masked" in text and "Summary" in text
