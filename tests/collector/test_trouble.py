"""What goes wrong around a collector: it says so once, waits, and every record is applied exactly once in the end."""
import json
import os
import random
import signal

import programs
import pytest
from programs import add, alerts_in, embedded_alerts, is_applied, judge_arguments, records_of, told_in, wait_until

SCENARIO = "alert-goes-on-for-days"


def copies(scenario, number):
    """The records of a scenario as `number` sensors' networks would have them: each copy has servers, clients and ids of its own. And the alerts' counts, by rule."""
    records, rng = [], random.Random(7)
    for copy in range(number):
        ids = {}
        for entry in records_of(scenario):
            if entry["type"] != "session":
                continue
            event = json.loads(entry["event"])
            event["session_id"] = ids.setdefault(event["session_id"], f"{rng.getrandbits(64):016x}")
            event["dest_ip"], event["src_ip"] = f"198.51.{copy // 250}.{copy % 250 + 1}", f"10.9.{copy // 250}.{copy % 250 + 1}"
            event.pop("community_id", None)
            records.append({"type": "session", "sensor": event["sensor"], "session": event["session_id"], "event": json.dumps(event)})
    return records


def counts_by_server(alerts):
    return sorted((key[0], key[3], count) for key, count in alerts.items())


def expected_of(scenario, number):
    counts = sorted((key[0], count) for key, count in embedded_alerts(scenario).items())
    return sorted((rule, f"198.51.{copy // 250}.{copy % 250 + 1}", count) for copy in range(number) for rule, count in counts)


def test_runs_until_it_is_told_to_stop(redis, collectors):
    client = redis.client()
    collector = collectors(redis)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)
    assert collector.stop() == 0
    assert not client.exists("mxtap:lease") and client.zcard("mxtap:collectors") == 0
    assert collector.said() == ""


def test_a_replay_that_comes_twice_changes_nothing(redis, collectors):
    client = redis.client()
    for _ in range(2):
        add(client, records_of(SCENARIO))
        collectors.once(redis, *judge_arguments(SCENARIO))
        assert alerts_in(client) == embedded_alerts(SCENARIO)
        assert told_in(client) == embedded_alerts(SCENARIO)


def test_once_again_says_nothing_new(redis, collectors):
    client = redis.client()
    add(client, records_of(SCENARIO))
    collectors.once(redis)
    told = client.xlen("mxtap:alerts")
    collectors.once(redis)
    assert client.xlen("mxtap:alerts") == told


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_time(redis, collectors, seed):
    """SIGKILL again and again, while records come: each is applied once, each alert told once at each step of gravity."""
    client, rng, number = redis.client(), random.Random(seed), 60
    records = copies(SCENARIO, number)
    last = None
    while records:
        collector = collectors(redis)
        for _ in range(rng.randint(1, 3)):
            part = rng.randint(5, 60)
            last = add(client, records[:part])[-1] if records else last
            records = records[part:]
            if rng.random() < 0.7:
                wait_until(lambda: client.get("mxtap:cursor"), "a first batch")
        collector.kill()
    collectors(redis)
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, number)
    told = [fields["alert"] for _, fields in client.xrange("mxtap:alerts")]
    assert len(told) == len(set(told)) == number


def test_stopped_and_let_go(redis, collectors):
    """A collector that slept through its lease finds another at work, and writes nothing."""
    client = redis.client()
    first = collectors(redis, "--name", "first")
    wait_until(lambda: client.get("mxtap:lease"), "a lease")
    first.send(signal.SIGSTOP)
    second = collectors(redis, "--name", "second")
    wait_until(lambda: (client.get("mxtap:lease") or "").endswith(" second"), "a take-over")
    last = add(client, copies(SCENARIO, 5))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    first.send(signal.SIGCONT)
    last = add(client, copies(SCENARIO, 10)[15:])[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, 10)
    assert second.stop() == 0
    wait_until(lambda: (client.get("mxtap:lease") or "").endswith(" first"), "the lease is taken back")
    assert first.stop() == 0


def test_take_over_within_seconds_of_a_kill(redis, collectors):
    client = redis.client()
    first = collectors(redis, "--name", "first")
    wait_until(lambda: (client.get("mxtap:lease") or "").endswith(" first"), "a lease")
    collectors(redis, "--name", "second")
    first.kill()
    wait_until(lambda: (client.get("mxtap:lease") or "").endswith(" second"), "a take-over", seconds=30)
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)


def test_collectors_share_the_partitions(redis, collectors):
    client = redis.client()

    def shares():
        """How many partitions each holder has."""
        leases = [client.get(key) for key in client.scan_iter("mxtap:*lease")]
        return dict(programs.Counter(lease.split(" ")[-1] for lease in leases if lease))

    first = collectors(redis, "--partitions", 4, "--name", "a")
    wait_until(lambda: shares() == {"a": 5}, "one has all: four, and one for what concerns no server")
    collectors(redis, "--name", "b")
    wait_until(lambda: sorted(shares().values()) == [2, 3], "two share")
    third = collectors(redis, "--name", "c")
    wait_until(lambda: sorted(shares().values()) == [1, 2, 2], "three share")
    assert third.stop() == 0
    first.kill()
    wait_until(lambda: shares() == {"b": 5}, "one is left")


def test_what_is_emptied_stays_divided(redis, collectors):
    """A sensor that connects anew would take an empty Redis for undivided, and nobody would work what it adds."""
    client = redis.client()
    collectors(redis, "--partitions", 3, "--name", "a")
    wait_until(lambda: client.hget("mxtap:meta", "partitions") == "3" and client.get("mxtap:{control}:lease"), "it is divided")
    client.flushall()
    wait_until(lambda: client.hget("mxtap:meta", "partitions") == "3", "it is divided again")
    programs.sensor_publishes(redis, SCENARIO)
    expected = embedded_alerts(SCENARIO)

    def held():
        return {key: count for place in (0, 1, 2) for key, count in alerts_in(client, f"mxtap:{{{place}}}:").items()}

    wait_until(lambda: held() == expected, "all is applied")


def test_many_sensors_stop_nobody(redis, collectors):
    """More names of sensors than are watched, in healths and in what cannot be read: the entries behind them are applied."""
    client = redis.client()
    health = json.dumps({"timestamp": "2026-01-01T00:00:00.000000Z", "event_type": "health", "sensor": "NAME", "final": False, "health": {"packets": 1}})
    names = [f"box-{i}" for i in range(4200)]
    add(client, [{"type": "health", "sensor": name, "event": health.replace("NAME", name)} for name in names])
    add(client, [{"type": "session", "sensor": f"odd-{i}", "event": "{"} for i in range(50)])
    last = add(client, records_of(SCENARIO))[-1]
    collectors.once(redis)
    assert is_applied(client, last)
    assert len(list(client.scan_iter("mxtap:sensor:*"))) == 4096
    alerts = {key: count for key, count in alerts_in(client).items() if not key[0].startswith("sensor.")}
    assert alerts == embedded_alerts(SCENARIO)


def test_partitions_give_the_same_alerts(redis, collectors):
    client = redis.client()
    client.hset("mxtap:meta", "partitions", 3)
    programs.sensor_publishes(redis, SCENARIO)
    collectors.once(redis)
    held = {}
    for prefix in ("mxtap:{0}:", "mxtap:{1}:", "mxtap:{2}:", "mxtap:{control}:"):
        held.update(alerts_in(client, prefix))
    assert held == embedded_alerts(SCENARIO)


def test_an_entry_that_is_no_record_is_set_aside(redis, collectors):
    client = redis.client()
    records = records_of(SCENARIO)
    bad = [{"type": "session", "event": "{"}, {"type": "session"}, {"type": "telepathy", "event": "{}"}, {"hello": "world"}, {"type": "session", "event": "[1,2,3]"},
           {"type": "session", "sensor": "s", "event": json.dumps(json.loads(records[0]["event"]) | {"src_ip": "nowhere"})}]
    ids = add(client, [bad[0], *records[:2], *bad[1:5], *records[2:], bad[5]])
    collectors.once(redis)
    rejected = client.xrange("mxtap:rejected")
    assert [entry for entry, _ in rejected] == [ids[0], *ids[3:7], ids[-1]]
    assert all(fields["reason"] for _, fields in rejected)
    assert "src_ip" in rejected[-1][1]["reason"] and rejected[-1][1]["sensor"] == "s"
    alerts = {key: count for key, count in alerts_in(client).items() if not key[0].startswith("sensor.")}
    assert alerts == embedded_alerts(SCENARIO)


@pytest.mark.parametrize("key", ["mxtap:alerts", "mxtap:cursor", "mxtap:lease", "mxtap:alert_index", "mxtap:rejected"])
def test_a_key_of_another_kind_is_named(redis, collectors, key):
    """Nothing is written while a key stands in the way; when it is gone, all is applied once."""
    client = redis.client()
    client.hset(key, "somebody", "else")
    last = add(client, records_of(SCENARIO))[-1]
    collector = collectors(redis)
    wait_until(lambda: f"{key} is a hash" in collector.said(), "it is said")
    assert not alerts_in(client)
    client.delete(key)
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)
    wait_until(lambda: "again" in collector.said(), "that it is well")
    assert len(collector.said().splitlines()) == 2


def test_a_thing_of_another_kind_is_replaced(redis, collectors):
    client = redis.client()
    session = records_of(SCENARIO)[0]["session"]
    client.set(f"mxtap:session:{session}", "something else")
    add(client, records_of(SCENARIO))
    assert f"mxtap:session:{session}" in collectors.once(redis)
    assert client.type(f"mxtap:session:{session}") == "hash"
    assert alerts_in(client) == embedded_alerts(SCENARIO)


def test_a_thing_that_was_tampered_with_is_passed_over(redis, collectors):
    client = redis.client()
    add(client, records_of(SCENARIO))
    collectors.once(redis)
    for key in client.scan_iter("mxtap:*:*"):
        if key.startswith(("mxtap:server:", "mxtap:session:", "mxtap:subject:")):
            for field in client.hkeys(key):
                client.hset(key, field, "{nonsense")
    assert "passed over" in collectors.once(redis)


def test_out_of_memory(redis, collectors):
    client = redis.client()
    collector = collectors(redis)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    pipe = client.pipeline(transaction=True)  # the records come in, and then there is no room
    for entry in copies(SCENARIO, 20):
        pipe.xadd("mxtap:events", entry)
    pipe.config_set("maxmemory", 1)
    last = pipe.execute()[-2]
    wait_until(lambda: "maxmemory" in collector.said(), "it is said")
    assert not is_applied(client, last) and not alerts_in(client)
    client.config_set("maxmemory", 0)
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, 20)
    wait_until(lambda: "again" in collector.said(), "it is said")
    assert collector.said().count("maxmemory") == 1


def test_read_only(redis, make_redis, collectors):
    client, primary = redis.client(), make_redis()
    collector = collectors(redis)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    add(primary.client(), records_of(SCENARIO))
    client.replicaof("127.0.0.1", primary.port)
    wait_until(lambda: "replica" in collector.said(), "it is said")
    last = primary.client().xinfo_stream("mxtap:events")["last-generated-id"]
    wait_until(lambda: client.xrange("mxtap:events", min=last), "the primary's records are here")
    client.replicaof("NO", "ONE")
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)


def test_restarted(make_redis, collectors):
    server = make_redis(appendonly="yes", appendfsync="always")
    client, number = server.client(), 10
    records = copies(SCENARIO, number)
    collector = collectors(server)
    for part in range(0, len(records), 6):
        last = add(client, records[part:part + 6])[-1]
        server.kill()
        server.start()
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, number)
    assert collector.process.poll() is None


def test_empty_after_a_restart(redis, collectors):
    client = redis.client()
    collector = collectors(redis)
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    redis.restart()
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)
    assert "begins anew" in collector.said()


def test_slow(redis, collectors):
    """Redis is stopped and let go: what was under way is applied once."""
    client, number = redis.client(), 10
    collector = collectors(redis)
    records = copies(SCENARIO, number)
    for part in range(0, len(records), 10):
        last = add(client, records[part:part + 10])[-1]
        redis.pause()
        redis.resume()
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, number)
    assert collector.process.poll() is None


def test_an_evicting_redis_is_refused(make_redis, collectors):
    server = make_redis(maxmemory_policy="allkeys-lru")
    collector = collectors(server)
    assert collector.process.wait(programs.SECONDS) == 1
    assert "allkeys-lru" in collector.said() and "noeviction" in collector.said()


def test_once_without_redis_fails(redis, collectors):
    redis.kill()
    assert "running there" in collectors.once(redis, expect=1)


def test_it_waits_for_redis(redis, collectors):
    client = redis.client()
    redis.kill()
    collector = collectors(redis)
    wait_until(lambda: "running there" in collector.said(), "it is said")
    redis.start()
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    assert len(collector.said().splitlines()) == 2


def test_data_of_a_newer_version_is_left_alone(redis, collectors):
    redis.client().hset("mxtap:meta", "schema", 99)
    assert "newer" in collectors.once(redis, expect=1)


def test_policies_are_read_again(redis, collectors, tmp_path):
    """SIGHUP: what is judged from then on goes by the new policies; a faulty file leaves the old ones."""
    scenario = next(name for name in sorted(os.listdir(programs.CAPTURES)) if (programs.CAPTURES / name / "scenario.json").exists()
                    and "mta_sts.plaintext_delivery" in programs.counts(embedded_alerts(name)))
    client, policies = redis.client(), tmp_path / "policies"
    policies.mkdir()
    collector = collectors(redis, "--policies", policies)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    last = add(client, records_of(scenario))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert not any(key[0].startswith("mta_sts") for key in alerts_in(client))
    arguments = judge_arguments(scenario)
    source = programs.Path(arguments[arguments.index("--policies") + 1])
    for file in source.iterdir():
        (policies / file.name).write_text(file.read_text())
    collector.send(signal.SIGHUP)
    wait_until(lambda: "read again" in collector.said(), "it is said")
    renamed = [entry | {"event": json.dumps(json.loads(entry["event"]) | {"session_id": f"{i:016x}"}), "session": f"{i:016x}"}
               for i, entry in enumerate(records_of(scenario), 1) if entry["type"] == "session"]
    last = add(client, renamed)[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert any(key[0] == "mta_sts.plaintext_delivery" for key in alerts_in(client))


def test_a_person_acknowledges_and_closes(redis, collectors):
    client = redis.client()
    add(client, records_of(SCENARIO))
    collectors.once(redis)
    (key,) = client.scan_iter("mxtap:alert:*")
    alert = key.rsplit(":", 1)[1]
    assert client.hget(key, "status") == "open"
    add(client, [{"type": "command", "command": "ack", "alert": alert, "by": "ann"}])
    collectors.once(redis)
    assert (client.hget(key, "status"), client.hget(key, "by")) == ("acknowledged", "ann")
    add(client, [{"type": "command", "command": "close", "alert": alert, "by": "bob"}, {"type": "command", "command": "ack", "alert": "0" * 16, "by": "bob"},
                 {"type": "command", "command": "sing", "alert": alert}])
    collectors.once(redis)
    assert (client.hget(key, "status"), client.hget(key, "by")) == ("closed", "bob")
    assert not client.exists("mxtap:alert:" + "0" * 16)
    assert client.xlen("mxtap:rejected") == 1


def test_a_faulty_configuration_leaves_the_old_one(redis, collectors, tmp_path):
    client, config = redis.client(), tmp_path / "collector.yaml"
    config.write_text("rules:\n  starttls.unused: high\n")
    collector = collectors(redis, "--config", config)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    config.write_text("rules:\n  starttls.unusd: low\n")
    collector.send(signal.SIGHUP)
    wait_until(lambda: "stays as it was" in collector.said(), "it is said")
    assert "starttls.unused" in collector.said()  # which was meant
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert {key[:2] for key in alerts_in(client)} == {("starttls.unused", "high")}
    config.write_text("rules:\n  starttls.unused: medium\n")
    collector.send(signal.SIGHUP)
    wait_until(lambda: "read again" in collector.said(), "it is said")
    last = add(client, copies(SCENARIO, 1))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert ("starttls.unused", "medium") in {key[:2] for key in alerts_in(client)}


def test_policies_that_cannot_be_read(redis, collectors, tmp_path):
    said = collectors.once(redis, "--policies", tmp_path / "nowhere", expect=1)
    assert "nowhere" in said and len(said.splitlines()) == 1


def test_once_beside_another(redis, collectors):
    client = redis.client()
    collectors(redis, "--name", "first")
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    assert "worked by another" in collectors.once(redis, expect=1)


def test_once_after_a_kill(redis, collectors):
    """The lease of a collector that is no more runs out."""
    client = redis.client()
    add(client, records_of(SCENARIO))
    client.set("mxtap:lease", "99 somebody", px=3000)
    assert collectors.once(redis) == ""
    assert alerts_in(client) == embedded_alerts(SCENARIO)


def test_large_records(redis, collectors):
    """Fewer at a time are read, and all are."""
    client, number = redis.client(), 8
    records = copies(SCENARIO, number)
    for entry in records:
        entry["event"] = json.dumps(json.loads(entry["event"]) | {"of_a_newer_sensor": "x" * 1_000_000})
    add(client, records)
    collectors.once(redis)
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, number)
    collectors.once(redis)
    assert counts_by_server(alerts_in(client)) == expected_of(SCENARIO, number)


def test_events_are_trimmed_behind_the_cursor(redis, collectors):
    client = redis.client()
    last = add(client, copies(SCENARIO, 300))[-1]
    collectors.once(redis)
    assert client.get("mxtap:cursor") == last
    assert client.xlen("mxtap:events") < 200  # whole nodes of the stream go


def test_the_group_shows_the_lag(redis, collectors):
    client = redis.client()
    last = add(client, records_of(SCENARIO))[-1]
    collectors(redis)
    wait_until(lambda: is_applied(client, last), "all is applied")
    wait_until(lambda: any(group["lag"] == 0 and group["name"] == "mxtap-collector" for group in client.xinfo_groups("mxtap:events")), "the group moves along")


def test_what_a_collector_needs_to_know_survives_every_take_over(redis, collectors):
    """Records one at a time, each judged by another collector, give what one gives."""
    client = redis.client()
    scenario = "alert-grows-graver"
    for entry in records_of(scenario):
        add(client, [entry])
        collectors.once(redis, *judge_arguments(scenario))
    assert alerts_in(client) == embedded_alerts(scenario)
    assert told_in(client) == embedded_alerts(scenario)


def test_collectors_of_one_name(redis, collectors):
    """One works, the other stands by: neither takes the other's lease for its own."""
    client = redis.client()
    one, other = collectors(redis, "--name", "same"), collectors(redis, "--name", "same")
    wait_until(lambda: client.zcard("mxtap:collectors") == 2 and client.exists("mxtap:lease"), "both are there")
    lease = client.get("mxtap:lease")
    last = add(client, copies(SCENARIO, 3))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert client.get("mxtap:lease") == lease
    assert one.said() == other.said() == ""


def test_scripts_that_redis_forgot(redis, collectors):
    client = redis.client()
    collector = collectors(redis)
    wait_until(lambda: client.exists("mxtap:lease"), "a lease")
    client.script_flush()
    last = add(client, records_of(SCENARIO))[-1]
    wait_until(lambda: is_applied(client, last), "all is applied")
    assert alerts_in(client) == embedded_alerts(SCENARIO)
    assert collector.process.poll() is None
