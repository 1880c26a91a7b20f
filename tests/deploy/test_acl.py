"""The rights in deploy/redis/mxtap.conf: each program runs with exactly these, and is refused what is another's."""
import json
import re
import subprocess
from pathlib import Path

import pytest
import redis as library
from programs import CAPTURES, COLLECTOR, SENSOR, records_of
from redis_server import environment

CONF = Path(__file__).resolve().parent.parent.parent / "deploy" / "redis" / "mxtap.conf"
USERS = ("mxtap-sensor", "mxtap-collector", "mxtap-analyst", "mxtap-dashboard")
SCENARIO = "starttls-stripped"


def lines():
    """The users as the file has them; `default` stays on, for the tests themselves."""
    found = re.findall(r"^user (.*)$", CONF.read_text(), re.M)
    assert found[0].split()[:2] == ["default", "off"] and [line.split()[0] for line in found[1:]] == list(USERS)
    return found[1:]


def password(user):
    return f"CHANGE-ME-{user.removeprefix('mxtap-').upper()}"


@pytest.fixture
def server(make_redis):
    return make_redis(acl=lines())


def url(server, user):
    return f"unix:{server.socket}?user={user}"


def run(server, user, *words):
    return subprocess.run([str(word) for word in words] + ["--redis", url(server, user)], capture_output=True, text=True, timeout=60, env=environment(password(user)))


def denied(server):
    """What was refused, by Redis's own log."""
    return [(entry["username"], entry["object"]) for entry in server.client().execute_command("ACL", "LOG")]


def publish(server):
    done = run(server, "mxtap-sensor", SENSOR, "-r", CAPTURES / SCENARIO / "capture.pcap")
    assert done.returncode == 0, done.stderr


def collect(server, *words):
    done = run(server, "mxtap-collector", COLLECTOR, "--once", *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("partitions", [1, 3])
def test_all_programs_run_with_their_rights_alone(server, tmp_path, partitions):
    (tmp_path / "collector.yaml").write_text(json.dumps({"sinks": [{"name": "file", "file": str(tmp_path / "alerts.jsonl")}], "partitions": partitions}))
    collect(server, "--config", tmp_path / "collector.yaml")
    publish(server)
    collect(server, "--config", tmp_path / "collector.yaml")
    assert (tmp_path / "alerts.jsonl").read_text()
    listed = run(server, "mxtap-analyst", COLLECTOR, "alerts", "list", "--json")
    alert = json.loads(listed.stdout.splitlines()[0])["alert"]
    assert run(server, "mxtap-analyst", COLLECTOR, "alerts", "show", alert).returncode == 0
    assert run(server, "mxtap-analyst", COLLECTOR, "alerts", "close", alert, "--by", "ann").returncode == 0
    collect(server)
    assert json.loads(run(server, "mxtap-analyst", COLLECTOR, "alerts", "show", "--json", alert).stdout)["status"] == "closed"
    assert denied(server) == []


def test_a_long_life_needs_no_more(server):
    """What happens only now and then: a bound is reached, a collector comes back to what it knew, a record is not one."""
    client = server.client()
    for scenario in ("starttls-stripped", "certificate-self-signed", "starttls-masked-x"):
        for entry in records_of(scenario):
            client.xadd("mxtap:events", entry)
    client.xadd("mxtap:events", {"type": "session", "event": "nonsense"})
    for _ in range(2):
        collect(server)
    assert client.xlen("mxtap:rejected") == 1
    for _ in range(2):
        publish(server)
        collect(server)
    assert denied(server) == []


def as_user(server, user):
    return library.Redis(unix_socket_path=str(server.socket), username=user, password=password(user), decode_responses=True)


def test_a_dashboard_reads_what_it_shows(server):
    publish(server)
    collect(server)
    client = as_user(server, "mxtap-dashboard")
    assert client.xrevrange("mxtap:alerts", count=10) and client.xlen("mxtap:events") >= 0 and client.xinfo_stream("mxtap:alerts")["length"] > 0
    assert all(client.hgetall(f"mxtap:alert:{alert}") for alert in client.zrange("mxtap:alert_index", 0, -1))
    assert denied(server) == []


REFUSED = {
    "mxtap-sensor": ["XRANGE mxtap:events - +", "XREAD STREAMS mxtap:events 0", "XADD mxtap:alerts * a b", "XADD other * a b", "DEL mxtap:events", "XTRIM mxtap:events MAXLEN 0",
                     "HGETALL mxtap:alert:0", "HSET mxtap:meta partitions 9", "KEYS *", "SCAN 0", "CONFIG GET *", "FLUSHALL", "EVAL return(1) 0", "CLIENT LIST", "ACL LIST"],
    "mxtap-collector": ["GET other", "SET other 1", "KEYS *", "CONFIG GET *", "CONFIG SET maxmemory 1", "FLUSHALL", "FLUSHDB", "EVAL return(1) 0", "SHUTDOWN", "ACL LIST",
                        "CLIENT LIST", "MONITOR", "SCRIPT FLUSH", "XGROUP DESTROY mxtap:events collector", "REPLICAOF NO ONE"],
    "mxtap-analyst": ["HSET mxtap:alert:0 status closed", "DEL mxtap:alert:0", "XADD mxtap:alerts * a b", "XREVRANGE mxtap:events + -", "HGETALL mxtap:session:0",
                      "HGETALL mxtap:server:0", "KEYS *", "SCAN 0", "CONFIG GET *", "FLUSHALL", "GET mxtap:lease"],
    "mxtap-dashboard": ["XADD mxtap:events * a b", "XADD mxtap:alerts * a b", "HSET mxtap:alert:0 status closed", "DEL mxtap:alerts", "HGETALL mxtap:session:0", "KEYS *",
                        "CONFIG GET *", "FLUSHALL", "SET other 1", "GET other"],
}


@pytest.mark.parametrize("user, command", [(user, command) for user, commands in REFUSED.items() for command in commands])
def test_what_is_another_s_is_refused(server, user, command):
    with pytest.raises(library.exceptions.NoPermissionError):
        as_user(server, user).execute_command(*command.split())


def test_a_wrong_user_is_told_the_mend(server):
    done = run(server, "mxtap-dashboard", COLLECTOR, "--once")
    assert done.returncode == 1 and "compare its ACL with those in deploy/" in done.stderr


def test_the_passwords_are_to_be_changed():
    assert {password(user) for user in USERS} == set(re.findall(r"CHANGE-ME-[A-Z]+", "\n".join(lines())))


def test_the_file_is_one_that_redis_takes(make_redis, tmp_path):
    server = make_redis(include=CONF)
    client = as_user(server, "mxtap-collector")
    assert client.info("memory")["maxmemory_policy"] == "noeviction"
    with pytest.raises(library.exceptions.AuthenticationError):
        server.client().ping()
