"""The programs under test, and what they say and write."""
import functools
import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from redis_server import die_with_parent, environment

SENSOR = os.environ["MXTAP_SENSOR"]
COLLECTOR = os.environ["MXTAP_COLLECTOR"]
CAPTURES = Path(__file__).resolve().parent.parent / "captures"
SECONDS = 60  # for anything: sanitizers, and a busy machine


def wait_until(holds, what, seconds=SECONDS):
    """Until `holds` answers something true, which is returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = holds()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


@functools.lru_cache(maxsize=None)
def events_of(scenario):
    """What the sensor's own judge says of a capture: every event, as text."""
    folder = CAPTURES / scenario
    arguments = json.loads((folder / "scenario.json").read_text())["args"]
    done = subprocess.run([SENSOR, "-r", "capture.pcap", "-o", "json", *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def records_of(scenario):
    """Its entries for the stream `events`."""
    entries = []
    for line in events_of(scenario):
        event = json.loads(line)
        if event["event_type"] in ("session", "health"):
            entries.append({"type": event["event_type"], "sensor": event["sensor"], "session": event.get("session_id", ""), "event": line})
    return entries


def alert_key(event):
    """What makes two alerts the same: rule, subject, severity."""
    detail = event["mxtap"]
    return (detail["rule"], detail["severity"], detail.get("domain"), event.get("dest_ip"), event.get("dest_port"), detail["alert_id"])


def embedded_alerts(scenario):
    """Each alert of the sensor's own judge and its count."""
    events = (json.loads(line) for line in events_of(scenario))
    return {alert_key(event): event["mxtap"]["count"] for event in events if event["event_type"] == "alert"}


def judge_arguments(scenario):
    """What the collector must be told to judge as the scenario's sensor does."""
    arguments, mine = json.loads((CAPTURES / scenario / "scenario.json").read_text())["args"], []
    for name, value in zip(arguments, arguments[1:]):
        if name in ("--policies", "--config"):
            mine += [name, str((CAPTURES / scenario / value).resolve())]
        elif name == "--home-domain":
            mine += [name, value]
    return mine


def alerts_in(client, prefix="mxtap:"):
    """Each alert that Redis holds, and its count; those that were withdrawn left out."""
    held = {}
    for key in client.scan_iter(f"{prefix}alert:*", count=1000):
        alert = client.hgetall(key)
        event = json.loads(alert["event"])
        assert event["mxtap"]["count"] == int(alert["count"]) and event["mxtap"]["rule"] == alert["rule"]
        if int(alert["count"]) > 0:
            held[alert_key(event)] = int(alert["count"])
    return held


def told_in(client, prefix="mxtap:"):
    """What the stream of alerts says last of each."""
    told = {}
    for _, fields in client.xrange(f"{prefix}alerts"):
        event = json.loads(fields["event"])
        assert fields["rule"] == event["mxtap"]["rule"] and fields["severity"] == event["mxtap"]["severity"]
        told[event["mxtap"]["alert_id"]] = (alert_key(event), event["mxtap"]["count"])
    return {key: count for key, count in told.values() if count > 0}


def add(client, entries, key="mxtap:events"):
    """Adds entries to the stream; their ids."""
    pipe = client.pipeline(transaction=False)
    for entry in entries:
        pipe.xadd(key, entry)
    return pipe.execute()


def is_applied(client, last_id, prefix="mxtap:"):
    """Whether the collector has applied the entry of this id, or a later one."""
    def order(text):
        return tuple(int(part) for part in text.split("-"))

    cursor = client.get(f"{prefix}cursor")
    return cursor is not None and order(cursor) >= order(last_id)


def sensor_publishes(server, scenario, *more):
    """Replays a capture into Redis by the sensor's own publisher."""
    folder = CAPTURES / scenario
    arguments = json.loads((folder / "scenario.json").read_text())["args"]
    done = subprocess.run([SENSOR, "-r", "capture.pcap", "--redis", server.unix_url, *arguments, *more], cwd=folder, capture_output=True, text=True, timeout=SECONDS,
                          env=environment())
    assert done.returncode == 0, done.stderr
    return done


class Collector:
    """One mxtap-collector that runs."""

    def __init__(self, server_url, *arguments, log):
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen([COLLECTOR, "--redis", server_url, *arguments], stdout=file, stderr=file, env=environment(), preexec_fn=die_with_parent)

    def said(self):
        return self.log.read_text()

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(SECONDS)

    def stop(self):
        """Asks it to leave; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


class Collectors:
    """All that a test starts."""

    def __init__(self):
        import tempfile
        self.folder = Path(tempfile.mkdtemp(prefix="mxtap-collectors-"))
        self.all = []

    def __call__(self, server, *arguments, url=None):
        log = self.folder / f"collector-{len(self.all)}.log"
        self.all.append(Collector(url or server.unix_url, *map(str, arguments), log=log))
        return self.all[-1]

    def once(self, server, *arguments, expect=0):
        """Works off what is there. What it said."""
        done = subprocess.run([COLLECTOR, "--redis", server.unix_url, "--once", *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS, env=environment())
        assert done.returncode == expect, f"exit status {done.returncode}: {done.stderr}"
        return done.stderr

    def close(self):
        import shutil
        for collector in self.all:
            if collector.process.poll() is None:
                collector.process.send_signal(signal.SIGCONT)
                collector.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def counts(alerts):
    """How many alerts of each rule there are."""
    return Counter(key[0] for key in alerts)
