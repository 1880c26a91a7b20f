"""`mxtap-collector alerts` over what a collector made of real captures."""
import json
import os
import pty
import re
import subprocess
import time

import pytest
from programs import COLLECTOR, records_of
from redis_server import die_with_parent, environment

SCENARIOS = ("starttls-stripped", "certificate-self-signed", "starttls-masked-x")


@pytest.fixture
def filled(redis):
    """A Redis in which a collector has worked off some captures."""
    collect(redis, SCENARIOS)
    return redis


def collect(redis, scenarios=()):
    client = redis.client()
    for scenario in scenarios:
        for entry in records_of(scenario):
            client.xadd("mxtap:events", entry)
    done = subprocess.run([COLLECTOR, "--redis", redis.unix_url, "--once"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def alerts(redis, *words):
    return subprocess.run([COLLECTOR, "alerts", *words, "--redis", redis.unix_url], capture_output=True, text=True, timeout=60)


def listed(redis, *words):
    """What `list --json` says; the filters are checked to mean the same in the table."""
    done = alerts(redis, "list", "--json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    table = alerts(redis, "list", *words).stdout.splitlines()
    if found:
        assert table[0].startswith("ALERT") and [line.split()[0] for line in table[1:]] == [alert["alert"] for alert in found]
    else:
        assert table == ["no such alerts"]
    return found


def test_a_redis_that_nobody_used_is_said(redis):
    done = alerts(redis, "list")
    assert (done.returncode, done.stdout) == (0, "no alerts: neither a sensor nor a collector has used this Redis yet\n")
    assert redis.client().keys() == []  # looking changes nothing


def test_the_list_is_gravest_first_and_says_what_redis_holds(filled):
    found = listed(filled)
    order = ["critical", "high", "medium", "low", "info"]
    ranks = [order.index(alert["severity"]) for alert in found]
    assert len(found) >= 3 and ranks == sorted(ranks)
    for alert in found:
        held = filled.client().hgetall(f"mxtap:alert:{alert['alert']}")
        assert alert["event"] == json.loads(held["event"]) and alert["count"] == int(held["count"]) and alert["status"] == "open"


def test_filters(filled):
    everything = listed(filled)
    rule = everything[0]["event"]["mxtap"]["rule"]
    assert [alert["event"]["mxtap"]["rule"] for alert in listed(filled, "--rule", rule)] == [rule] * sum(a["event"]["mxtap"]["rule"] == rule for a in everything)
    assert {alert["severity"] for alert in listed(filled, "--severity", "high")} <= {"critical", "high"}
    server = filled.client().hget(f"mxtap:alert:{everything[0]['alert']}", "server")
    assert everything[0]["alert"] in [alert["alert"] for alert in listed(filled, "--server", server)]
    assert listed(filled, "--server", "198.51.100.99:25") == []
    assert listed(filled, "--domain", "nowhere.example") == []
    assert listed(filled, "--status", "closed") == []
    assert len(alerts(filled, "list", "--json", "-n", "1").stdout.splitlines()) == 1
    assert f"and {len(everything) - 1} more" in alerts(filled, "list", "-n", "1").stdout


def test_show_tells_all(filled):
    alert = listed(filled)[0]
    done = alerts(filled, "show", alert["alert"])
    detail = alert["event"]["mxtap"]
    assert done.returncode == 0
    for text in (alert["alert"], detail["rule"], detail["explanation"], detail["remedy"], detail["sessions"][0], f"seen       {detail['count']} times"):
        assert text in done.stdout
    assert json.loads(alerts(filled, "show", "--json", alert["alert"]).stdout) == alert


def test_ack_and_close_are_applied_by_the_collector(filled):
    first, second, *_ = (alert["alert"] for alert in listed(filled))
    done = alerts(filled, "ack", first, "--by", "ann")
    assert done.returncode == 0 and "noted; it will be acknowledged when a collector works its partition" in done.stdout
    collector = subprocess.Popen([COLLECTOR, "--redis", filled.unix_url], preexec_fn=die_with_parent)
    try:
        done = alerts(filled, "close", first, second, "--by", "bob")
        assert (done.returncode, done.stderr) == (0, "") and done.stdout == f"{first}: closed\n{second}: closed\n"
        assert alerts(filled, "close", first).stdout == f"{first}: is closed already\n"
        late = alerts(filled, "ack", first)
        assert late.returncode == 1 and "is closed; there is nothing to acknowledge any more" in late.stderr
    finally:
        collector.terminate()
        assert collector.wait(30) == 0
    shown = alerts(filled, "show", first).stdout
    assert re.search(r"status     closed by bob at 20\d\d-\d\d-\d\d ", shown)
    assert first not in [alert["alert"] for alert in listed(filled)]
    assert {alert["alert"] for alert in listed(filled, "--status", "closed")} == {first, second}
    assert first in [alert["alert"] for alert in listed(filled, "--status", "all")]


def test_what_is_mistyped(filled):
    cases = [(("show", "0" * 16), 1, "there is no such alert; `mxtap-collector alerts list --status all`"),
             (("ack", "0" * 16), 1, "there is no such alert"),
             (("show", "xyz"), 2, '"xyz" is not an alert\'s id: 16 hex digits'),
             (("show",), 2, "which alert?"),
             (("list", "0" * 16), 2, "ids go with show, ack and close"),
             (("lst",), 2, "did you mean list?"),
             (("list", "--rule", "certificate.week"), 2, "did you mean certificate.weak?"),
             (("list", "--severity", "loud"), 2, "info, low, medium, high or critical"),
             (("ack", "0" * 16, "--by", "a\x1bb"), 2, "without control characters")]
    for words, status, text in cases:
        done = alerts(filled, *words)
        assert done.returncode == status and text in done.stderr and done.stdout == "", words
    done = subprocess.run([COLLECTOR, "alerts"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "write list, show, ack, close or tail" in done.stderr
    done = subprocess.run([COLLECTOR, "alerts", "list"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "which Redis?" in done.stderr
    done = subprocess.run([COLLECTOR, "alerts", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "--severity" in done.stdout and "The file of" not in done.stdout


def test_a_collectors_file_says_where_redis_is(filled, tmp_path):
    config = tmp_path / "collector.yaml"
    config.write_text(f"redis: {{url: \"{filled.unix_url}\"}}\nsinks:\n  - {{name: a, file: /nowhere/x}}\n")
    done = subprocess.run([COLLECTOR, "alerts", "list", "--config", str(config)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("ALERT")


def test_nothing_in_redis_drives_a_terminal(filled):
    client, bad = filled.client(), "\x1b]0;owned\x07\x1b[2J\u202e"
    (alert, *_) = listed(filled)
    client.hset(f"mxtap:alert:{alert['alert']}", mapping={"server": bad, "domain": bad, "by": bad, "at": bad, "status": bad, "rule": bad})
    client.xadd("mxtap:alerts", {"alert": bad, "rule": bad, "severity": "high", "server": bad, "event": bad})
    for words in (("list",), ("list", "--json"), ("show", alert["alert"]), ("show", "--json", alert["alert"])):
        output = alerts(filled, *words).stdout
        assert output and not set(output) & set("\x1b\x07\u202e"), words
    tail = tail_of(filled, "-n", "1")
    try:
        assert "\x1b" not in tail.stdout.readline()
    finally:
        tail.kill()
        tail.wait(30)


def tail_of(redis, *words):
    return subprocess.Popen([COLLECTOR, "alerts", "tail", *words, "--redis", redis.unix_url], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)


def test_tail_shows_the_last_and_what_comes(filled):
    entries = filled.events("mxtap:alerts")
    tail = tail_of(filled, "--json", "-n", "2")
    try:
        assert [json.loads(tail.stdout.readline())["event"] for _ in range(2)] == [json.loads(fields["event"]) for fields in entries[-2:]]
        collect(filled, ("certificate-other-name",))
        fresh = filled.events("mxtap:alerts")[len(entries):]
        assert fresh and [json.loads(tail.stdout.readline())["event"] for _ in fresh] == [json.loads(fields["event"]) for fields in fresh]
    finally:
        tail.kill()
        tail.wait(30)


def test_colour_only_on_a_terminal(filled):
    ours, theirs = pty.openpty()
    values = {key: value for key, value in environment().items() if key != "NO_COLOR"}
    subprocess.run([COLLECTOR, "alerts", "list", "--redis", filled.unix_url], stdout=theirs, env=values, check=True, timeout=60)
    os.close(theirs)
    time.sleep(0.1)
    assert b"\x1b[" in os.read(ours, 65536)
    os.close(ours)
    assert "\x1b" not in alerts(filled, "list").stdout


def test_partitions_are_all_looked_at(redis):
    client = redis.client()
    client.hset("mxtap:meta", "partitions", "3")
    for number, scenario in enumerate(SCENARIOS):  # whole: what belongs together is in one partition
        for entry in records_of(scenario):
            client.xadd(f"mxtap:{{{number}}}:events", entry)
    collect(redis)
    found = listed(redis)
    held = [key for key in client.scan_iter("mxtap:*:alert:*", count=1000) if client.hget(key, "count") != "0"]  # 0: taken back by an earlier session's record
    assert len({key.split(":")[1] for key in held}) > 1 and len(found) == len(held)
    assert alerts(redis, "show", *(alert["alert"] for alert in found)).returncode == 0


def test_a_redis_that_is_not_there(tmp_path):
    done = subprocess.run([COLLECTOR, "alerts", "list", "--redis", f"unix:{tmp_path}/none"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("mxtap-collector: unix:") and done.stdout == ""
