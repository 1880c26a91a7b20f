"""Floods through the sensor, whose path comes in $MXTAP_SENSOR: memory stays within what the configuration says, and the real sessions are all reported.

$MXTAP_LONG=ON: a million half-open connections, and the rest in proportion. $MXTAP_SANITIZE=ON: the process's own memory says nothing, and is not looked at.
"""
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import flood
import wire

SENSOR = os.environ["MXTAP_SENSOR"]
IS_LONG = os.environ.get("MXTAP_LONG") == "ON"
IS_SANITIZED = os.environ.get("MXTAP_SANITIZE") == "ON"
SCALE = 10 if IS_LONG else 1
MIB = 1 << 20
SESSIONS = 60
LIMITS = {"memory": 16, "flows": 10000, "fragments": 1}  # MiB, connections, MiB
CONFIG = """
limits:
  memory: {memory}MiB
  flows: {flows}
  fragments: {fragments}MiB
"""
# What is not the flows': the program, its judge with the records of the flood itself, the allocator's waste.
BASE = 48 * MIB


def attacks(forger):
    """Name, packets, and a counter of health that shows that the bound was met."""
    return {
        "half_open": (forger.half_open(100_000 * SCALE), "evicted"),
        "strangers": (forger.strangers(30_000 * SCALE), "evicted"),
        "holes": (forger.holes(1500 * SCALE, 40), "relieved"),
        "acknowledged_holes": (forger.holes(600 * SCALE, 40, acknowledged=True), "gap_bytes"),
        "endless_lines": (forger.endless_lines(3500 * SCALE, 6), "evicted_for_memory"),
        "greedy_sessions": (forger.greedy_sessions(40 * SCALE, 60), "evicted_for_memory"),
        "fragments": (forger.fragments(20_000 * SCALE), "fragments_dropped"),
        "behind_ends": (forger.behind_ends(1000 * SCALE, 40), "evicted_for_memory"),
    }


def watch_memory(pid, peaks):
    """Its peak since it was started (what wait4 says begins with that of this process)."""
    try:
        while True:
            status = Path(f"/proc/{pid}/status").read_text()
            peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024)
            time.sleep(0.01)
    except (OSError, TypeError):
        pass  # it has left


def replay(chunks, *args):
    """Events, and the most memory that the process had."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        config.write(CONFIG.format(**LIMITS))
        config.flush()
        with subprocess.Popen([SENSOR, "--config", config.name, "-r", "-", "-o", "json", *args], stdin=subprocess.PIPE, stdout=output, stderr=errors) as process:

            def feed():
                try:
                    for chunk in chunks:
                        process.stdin.write(chunk)
                    process.stdin.close()
                except BrokenPipeError:
                    pass

            peaks = []
            helpers = [threading.Thread(target=feed), threading.Thread(target=watch_memory, args=(process.pid, peaks))]
            for helper in helpers:
                helper.start()
            process.wait(timeout=600)
            for helper in helpers:
                helper.join()
        errors.seek(0)
        output.seek(0)
        assert process.returncode == 0, errors.read().decode()
        return [json.loads(line) for line in output], max(peaks)


def check_real_sessions(events):
    found = {}
    for event in events:
        for message in event.get("smtp", {}).get("messages", []) if event["event_type"] == "session" else []:
            if message.get("mail_from", "").startswith("sender"):
                assert message["mail_from"] not in found, "told twice"
                found[message["mail_from"]] = (event, message)
    assert set(found) == {flood.sender_of(number) for number in range(SESSIONS)}
    for event, message in found.values():
        assert event["smtp"]["helo"] == "out.example.org" and event["smtp"]["ehlo_reply_code"] == 250
        assert message["rcpt_to"] == ["bob@example.net"] and message["exposed"] and message["delivered"] and message["reply_code"] == 250
        assert event["capture"]["gap_bytes_toserver"] == event["capture"]["gap_bytes_toclient"] == 0 and event["capture"]["ended"] == "fin"


@pytest.mark.parametrize("name", attacks(flood.Forger(1)))
def test_memory_is_bounded_and_real_sessions_are_reported(name):
    attack, counter = attacks(flood.Forger(7))[name]
    events, peak = replay(flood.capture(flood.among(attack, SESSIONS, 40), 20))
    health = [event["health"] for event in events if event["event_type"] == "health"][-1]
    check_real_sessions(events)
    assert health[counter] > 0, health
    assert health["memory_peak"] <= LIMITS["memory"] * MIB + MIB and health["flows_peak"] <= LIMITS["flows"], health
    assert health["refused"] == 0, health
    if not IS_SANITIZED:
        assert peak <= BASE + (LIMITS["memory"] + LIMITS["fragments"]) * MIB * 3 // 2, peak // MIB


def test_half_open_connections_take_no_room_from_sessions_whose_packets_are_kept(tmp_path):
    """-w: what is kept of them comes to many times keep-memory."""
    config, capture, kept = tmp_path / "config.yaml", tmp_path / "in.pcap", tmp_path / "kept.pcap"
    config.write_text(CONFIG.format(**LIMITS) + "keep-memory: 1MiB\n", encoding="utf-8")
    attack = flood.Forger(7).half_open(100_000 * SCALE)
    capture.write_bytes(b"".join(flood.capture(flood.among(attack, SESSIONS, 40, with_secret), 20)))
    done = subprocess.run([SENSOR, "--config", config, "-r", capture, "-o", "json", "-w", kept], capture_output=True, timeout=600, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    health = [event["health"] for event in events if event["event_type"] == "health"][-1]
    assert health["evicted"] > 0 and health["memory_peak"] <= LIMITS["memory"] * MIB + MIB, health
    assert health["kept"] == SESSIONS and health["kept_no_room"] == 0, health
    assert told_secrets(kept) == told_secrets(capture) == SESSIONS


def with_secret(number):
    """A session with a finding of its own."""
    talk = wire.Talk(client=f"10.1.{number // 250}.{number % 250 + 1}", sport=20000 + number)
    talk.greet()
    talk.say(talk.client, b"AUTH PLAIN AGFsaWNlAHBhc3N3b3Jk\r\n")
    talk.say(talk.server, b"235 2.7.0 ok\r\n")
    talk.quit()
    return [frame for _, frame in talk.frames]


def told_secrets(capture):
    done = subprocess.run([SENSOR, "-r", capture, "-o", "json"], capture_output=True, timeout=600, check=True)
    sessions = [event for event in map(json.loads, done.stdout.splitlines()) if event["event_type"] == "session"]
    return sum(finding["rule"] == "auth.plaintext_credentials" for event in sessions for finding in event.get("findings", []))
