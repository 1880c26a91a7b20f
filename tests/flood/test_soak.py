"""Days of traffic in two minutes ($MXTAP_LONG=ON: an hour; $MXTAP_SOAK_SECONDS: as many): memory stays flat once all that is kept has filled up, and no descriptor is lost. Through a pipe that
stays open.

The capture's clock runs 2,000 times as fast as ours, so that what is kept for a time (connections, alerts) has come and gone many times. What is kept by number (the
judge's 20,000 records) is filled up first, as fast as it goes.
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
SECONDS = int(os.environ.get("MXTAP_SOAK_SECONDS", 3600 if os.environ.get("MXTAP_LONG") == "ON" else 75))
WARM_UP_SESSIONS = 30_000
HOURS_PER_BATCH = 0.15
STEP = 0.25  # seconds between two batches
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
    yield from foreign(serial)
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


def send(process, packets, number):
    """The batch of that number; its packets lie in a quarter of its time, so that connections live side by side."""
    step_us = int(HOURS_PER_BATCH * 3600e6 / len(packets) / 4)
    now = wire.START_US + int(number * HOURS_PER_BATCH * 3600e6)
    process.stdin.write(b"".join(flood.record(now + i * step_us, packet) for i, packet in enumerate(packets)))
    process.stdin.flush()


def feed(process):
    """Writes batch after batch; the states seen behind each, the warm-up's left out, and how many sessions there were."""
    forger, states, number = flood.Forger(3, host_bits=7), [], 0
    process.stdin.write(wire.pcap([]))
    begun = None
    while begun is None or time.monotonic() - begun < SECONDS:
        send(process, list(batch(forger, number * SESSIONS)), number)
        number += 1
        if number * SESSIONS < WARM_UP_SESSIONS:
            continue
        begun = time.monotonic() if begun is None else begun
        time.sleep(STEP)
        states.append(state_of(process.pid))
    return states, number * SESSIONS


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
    third = len(states) // 3
    early, late = (max(state[0] for state in part) for part in (states[:third], states[-third:]))
    assert third > 20 and late <= early * 1.03 + MIB, (early, late)
    assert len({state[1:] for state in states}) == 1, {state[1:] for state in states}
    assert health["messages_delivered"] == serial and health["refused"] == 0 and health["passed_flows"] > 0, health
