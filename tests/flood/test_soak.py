"""Days of traffic in two minutes ($MXTAP_LONG=ON: an hour): memory stays flat once a day of it was seen, and no descriptor is lost. Through a pipe that stays open.

The capture's clock runs 2,000 times as fast as ours, so that all that is kept for a time (connections, a day of records, alerts) has come and gone many times.
"""
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import flood
import wire

SENSOR = os.environ["MXTAP_SENSOR"]
SECONDS = 3600 if os.environ.get("MXTAP_LONG") == "ON" else 120
HOURS_PER_SECOND = 0.6
STEP = 0.25  # seconds between two batches
WARM_UP_HOURS = 30  # behind it, whatever is kept for a day is in balance
SESSIONS = 12  # of a batch
MIB = 1 << 20
CONFIG = "any-port: yes\nlimits:\n  memory: 16MiB\n  flows: 5000\n  fragments: 1MiB\n"
# AddressSanitizer keeps freed memory for a while, 256 MiB of it, so that its use would be seen.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"}


def session(serial):
    """A session of one of twenty clients with one of ten servers; numbers of its own."""
    talk = wire.Talk(client=f"10.1.0.{serial % 20 + 1}", server=f"192.0.2.{serial % 10 + 1}", sport=20000 + serial % 30000, dport=25 if serial % 4 else 26025,
                     client_isn=serial * 1_000_003, server_isn=serial * 7_000_003)
    talk.greet()
    talk.send_mail()
    talk.quit()
    return [frame for _, frame in talk.frames]


def foreign(serial):
    """Another protocol on another port."""
    talk = wire.Talk(client=f"10.1.1.{serial % 250 + 1}", dport=8080, sport=20000 + serial % 30000, client_isn=serial * 1_000_003)
    talk.open()
    talk.say(talk.client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    talk.say(talk.server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    return [frame for _, frame in talk.frames]  # and no end


def batch(forger, serial):
    for i in range(SESSIONS):
        yield from session(serial + i)
        yield from foreign(serial + i)
    yield from forger.half_open(100)
    yield from forger.strangers(10)
    yield from forger.holes(3, 20)
    yield from forger.endless_lines(3, 4)
    yield from forger.fragments(20)
    yield from forger.behind_ends(3, 10)


def state_of(pid):
    """Resident bytes, descriptors, threads."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024, len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"Threads:\s+(\d+)", status)[1])


def feed(process):
    """Writes batch after batch; the states seen behind each, with the capture's hours."""
    forger, states, serial = flood.Forger(3, host_bits=7), [], 0
    begun, hours = time.monotonic(), 0.0
    process.stdin.write(wire.pcap([]))
    while time.monotonic() - begun < SECONDS:
        packets = list(batch(forger, serial))
        serial += SESSIONS
        step_us = int(HOURS_PER_SECOND * STEP * 3600e6 / len(packets) / 4)  # a batch in a quarter of its time: connections live side by side
        now = wire.START_US + int(hours * 3600e6)
        process.stdin.write(b"".join(flood.record(now + i * step_us, packet) for i, packet in enumerate(packets)))
        process.stdin.flush()
        hours += HOURS_PER_SECOND * STEP
        time.sleep(STEP)
        states.append((hours, *state_of(process.pid)))
    return states, serial


def test_memory_is_flat_and_no_descriptor_is_lost():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config, tempfile.TemporaryFile() as output:
        config.write(CONFIG)
        config.flush()
        command = [SENSOR, "--config", config.name, "-r", "-", "-o", "json"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
            try:
                states, serial = feed(process)
                process.stdin.close()
                assert process.wait(timeout=120) == 0
            finally:
                process.kill()
        output.seek(0)
        health = json.loads(output.readlines()[-1])["health"]
    warm = [state for state in states if state[0] > WARM_UP_HOURS]
    assert len(warm) > 100 and len(warm) > len(states) // 2
    third = len(warm) // 3
    early, late = (max(state[1] for state in part) for part in (warm[:third], warm[-third:]))
    assert late <= early * 1.05 + MIB, (early, late)
    assert len({state[2:] for state in warm}) == 1, {state[2:] for state in warm}
    assert health["messages_delivered"] == serial and health["refused"] == 0 and health["passed_flows"] > 0, health
