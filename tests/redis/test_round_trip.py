"""Anything a sensor can write, the collector reads: events made at random from the field table go through Redis, and none is rejected."""
import json
import os
import subprocess

from redis_server import environment


def test_random_events_are_all_read(redis):
    lines = subprocess.run([os.environ["MXTAP_EVENTS"], "400"], capture_output=True, text=True, check=True).stdout.splitlines()
    events = [(json.loads(line), line) for line in lines]
    entries = [{"type": event["event_type"], "sensor": event["sensor"], "session": event.get("session_id", ""), "event": line}
               for event, line in events if event["event_type"] in ("session", "health")]
    assert len(entries) > 100
    client = redis.client()
    for entry in entries:
        client.xadd("mxtap:events", entry)
    collector = subprocess.run([os.environ["MXTAP_COLLECTOR"], "--redis", redis.unix_url, "--once"], capture_output=True, text=True, timeout=120, check=False, env=environment())
    assert collector.returncode == 0, collector.stderr
    assert [fields for _, fields in client.xrange("mxtap:rejected")] == []


def test_what_is_no_event_is_rejected(redis):
    """The test above can fail."""
    client = redis.client()
    client.xadd("mxtap:events", {"type": "session", "sensor": "edge-1", "session": "0123456789abcdef", "event": '{"event_type":"session"'})
    subprocess.run([os.environ["MXTAP_COLLECTOR"], "--redis", redis.unix_url, "--once"], capture_output=True, timeout=120, check=False, env=environment())
    assert client.xlen("mxtap:rejected") == 1
