"""What runs beside the collector's partitions: sinks and metrics, from a capture's records to an alert in a file and a number on a page."""
import json
import os
import signal
import subprocess

import pytest
from pages import check_page, fetch
from receivers import wait_for
from redis_server import die_with_parent, free_port

SENSOR, COLLECTOR = os.environ["MXTAP_SENSOR"], os.environ["MXTAP_COLLECTOR"]
CAPTURES = os.path.join(os.path.dirname(__file__), "..", "captures")


def feed(redis, scenario):
    """Puts the records of a capture into the stream `events`; how many."""
    done = subprocess.run([SENSOR, "-r", os.path.join(CAPTURES, scenario, "capture.pcap"), "-o", "json"], capture_output=True, text=True, check=True)
    client, records = redis.client(), 0
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event_type"] == "session":
            records += 1
            client.xadd("mxtap:events", {"type": "session", "sensor": event["sensor"], "session": event["session_id"], "event": line})
    return records


def scenario():
    """A scenario whose capture raises something."""
    for name in sorted(os.listdir(CAPTURES)):
        if name.startswith("starttls-") and os.path.exists(os.path.join(CAPTURES, name, "capture.pcap")):
            done = subprocess.run([SENSOR, "-r", os.path.join(CAPTURES, name, "capture.pcap"), "-o", "json"], capture_output=True, text=True, check=True)
            if '"event_type":"alert"' in done.stdout.replace(": ", ":"):
                return name
    raise AssertionError("no capture raises an alert")


class Collector:
    def __init__(self, redis, folder, sinks, *words):
        self.port, self.config, self.errors = free_port(), folder / "collector.yaml", folder / "stderr"
        self.configure(sinks)
        self.process = subprocess.Popen([COLLECTOR, "--redis", redis.unix_url, "--config", str(self.config), *words], stderr=self.errors.open("w"), preexec_fn=die_with_parent)

    def configure(self, sinks):
        self.config.write_text(json.dumps({"sinks": sinks, "metrics": {"listen": f"127.0.0.1:{self.port}"}}))

    def said(self):
        return self.errors.read_text()

    def page(self):
        status, text = fetch(self.port)
        assert status == 200
        return check_page(text)

    def is_well(self):
        try:
            return fetch(self.port, "/healthz")[0] == 200
        except OSError:
            return False


@pytest.fixture
def collect(redis, tmp_path):
    running = []

    def start(*sinks, words=()):
        running.append(Collector(redis, tmp_path, list(sinks), *words))
        return running[-1]

    yield start
    for collector in running:
        collector.process.kill()
        collector.process.wait(30)


def events(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_once_delivers_to_sinks_before_it_leaves(redis, collect, tmp_path):
    path = tmp_path / "alerts.jsonl"
    feed(redis, scenario())
    collector = collect({"name": "file", "file": str(path)}, words=["--once"])
    assert collector.process.wait(60) == 0, collector.said()
    told = [json.loads(fields["event"]) for fields in redis.events("mxtap:alerts")]
    assert told and events(path) == told


def test_a_running_collector_delivers_and_is_measured(redis, collect, tmp_path):
    path = tmp_path / "alerts.jsonl"
    collector = collect({"name": "file", "file": str(path)}, {"name": "dead", "webhook": "http://127.0.0.1:1/"})
    wait_for(collector.is_well)
    records = feed(redis, scenario())
    (first, *_) = wait_for(lambda: events(path))
    wait_for(lambda: sum(collector.page()["mxtap_collector_alerts_total"].values()) > 0)
    wait_for(lambda: collector.page()["mxtap_collector_lag_entries"]["mxtap:"] == 0)
    page = wait_for(lambda: (page := collector.page())["mxtap_sink_failing"]["dead"] == 1 and page)
    assert page["mxtap_collector_alerts_total"][first["mxtap"]["rule"]] >= 1
    assert page["mxtap_collector_records_total"][""] == records
    assert page["mxtap_collector_partition_held"]["mxtap:"] == 1 and page["mxtap_collector_redis_up"][""] == 1
    assert page["mxtap_collector_alert_latency_seconds_count"][""] == sum(page["mxtap_collector_alerts_total"].values())
    assert page["mxtap_sink_delivered_total"]["file"] == len(events(path)) and page["mxtap_sink_delivered_total"]["dead"] == 0
    collector.process.send_signal(signal.SIGTERM)
    assert collector.process.wait(30) == 0


def test_health_says_that_redis_is_away(redis, collect):
    collector = collect()
    wait_for(collector.is_well)
    redis.kill()
    wait_for(lambda: fetch(collector.port, "/healthz") == (503, "Redis does not answer\n"))
    assert collector.page()["mxtap_collector_redis_up"][""] == 0
    redis.start()
    wait_for(collector.is_well)


def test_a_reload_changes_sinks_or_is_refused_whole(redis, collect, tmp_path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    collector = collect({"name": "file", "file": str(old)})
    wait_for(collector.is_well)
    collector.configure([{"name": "file", "file": str(tmp_path / "nowhere" / "x")}])
    collector.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the configuration stays as it was" in collector.said())
    feed(redis, scenario())
    delivered = wait_for(lambda: events(old))
    collector.configure([{"name": "file", "file": str(old)}, {"name": "second", "file": str(new), "severity": "info"}])
    collector.process.send_signal(signal.SIGHUP)
    wait_for(lambda: events(new) == [json.loads(fields["event"]) for fields in redis.events("mxtap:alerts")])
    assert events(old)[:len(delivered)] == delivered


def test_a_rotated_file_is_opened_anew_by_a_reload(redis, collect, tmp_path):
    path, rotated = tmp_path / "alerts.jsonl", tmp_path / "alerts.jsonl.1"
    collector = collect({"name": "file", "file": str(path)})
    wait_for(collector.is_well)
    wait_for(path.exists)
    path.rename(rotated)
    collector.process.send_signal(signal.SIGHUP)
    wait_for(path.exists)  # before there is anything to write
    feed(redis, scenario())
    wait_for(lambda: events(path))
    assert rotated.read_bytes() == b""


def test_what_a_bound_refuses_is_told_and_counted(redis, collect):
    """More sensors see a session than one may have views."""
    collector = collect()
    wait_for(collector.is_well)
    feed(redis, scenario())
    event = next(json.loads(fields["event"]) for fields in redis.events() if fields["type"] == "session")
    for number in range(16):
        redis.client().xadd("mxtap:events", {"type": "session", "sensor": f"s{number}", "session": event["session_id"], "event": json.dumps(event | {"sensor": f"s{number}"})})
    wait_for(lambda: collector.page()["mxtap_collector_refused_total"][""] == 1)
    assert collector.said().count("refused part of what a record says") == 1


def test_a_port_that_is_taken_is_told(redis, collect):
    first = collect()
    wait_for(first.is_well)
    done = subprocess.run([COLLECTOR, "--redis", redis.unix_url, "--metrics", str(first.port)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "another program listens there: choose another port" in done.stderr
