"""mxtap-sensor --redis: every way to Redis, what it says when there is none, and that nothing is lost or reordered while Redis comes and goes."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from publish import MASKED, SENSOR, Stream, command, config, publish, write_capture
from redis_server import environment, free_port

SENSOR_RIGHTS = "~mxtap:events ~mxtap:meta resetchannels -@all +xadd +hget +hsetnx +ping +select"


def senders(server, key="mxtap:events"):
    """The numbers of the sessions in the stream, in order: each session's envelope tells its own."""
    return [int(re.search(r'"mail_from":"n(\d+)@', fields["event"])[1]) for fields in server.events(key) if fields["type"] == "session"]


def once(numbers):
    """Order of first arrival: what is unanswered when a connection breaks is sent again."""
    return list(dict.fromkeys(numbers))


def until(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.02)


# Ways to Redis


def test_what_a_sensor_publishes(redis):
    result = publish(redis.url, MASKED, "--sensor", "edge-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Redis has taken 2 events" in result.stdout
    session, health = redis.events()
    event = json.loads(session["event"])
    assert session == {"type": "session", "sensor": "edge-1", "session": event["session_id"], "event": session["event"]}
    assert event["findings"][0]["rule"] == "starttls.capability_masked"
    assert health["type"] == "health" and json.loads(health["event"])["final"] is True and "session" not in health
    assert redis.client().hgetall("mxtap:meta") == {"partitions": "1"}


def test_unix_socket_and_database(redis):
    assert publish(redis.unix_url + "?db=3", MASKED).returncode == 0
    assert redis.client().xlen("mxtap:events") == 0 and redis.client(db=3).xlen("mxtap:events") == 2


def test_json_output_is_the_last_health(redis):
    result = publish(redis.url, MASKED, "-o", "json")
    assert json.loads(result.stdout)["health"]["published"] == 2


def test_partitions_by_server(make_redis, tmp_path):
    server = make_redis()
    server.client().hset("mxtap:meta", "partitions", 4)
    assert publish(server.url, write_capture(tmp_path / "c.pcap", range(64))).returncode == 0
    client, servers = server.client(), {}
    for part in range(4):
        for fields in server.events(f"mxtap:{{{part}}}:events"):
            servers.setdefault(json.loads(fields["event"])["dest_ip"], set()).add(part)
    assert len(servers) == 16 and all(len(parts) == 1 for parts in servers.values()) and len(set().union(*servers.values())) > 1
    assert [fields["type"] for fields in server.events("mxtap:{control}:events")] == ["health"]
    assert client.exists("mxtap:events") == 0


def test_tls_with_private_ca(make_redis, redis_tls, tmp_path):
    server = make_redis(tls=redis_tls)
    good = publish(server.tls_url, MASKED, "--config", config(tmp_path, redis={"ca": redis_tls.ca}))
    assert (good.returncode, good.stderr) == (0, "")
    bad = publish(server.tls_url, MASKED, "--config", config(tmp_path, redis={"ca": redis_tls.other_ca}))
    assert bad.returncode == 1 and "its certificate is not accepted" in bad.stderr and "redis.ca" in bad.stderr
    assert len(server.events()) == 2


def test_tls_wants_the_name_of_the_url(make_redis, redis_tls, tmp_path):
    server = make_redis(tls=redis_tls)
    result = publish(server.tls_url.replace("localhost", "127.0.0.2"), MASKED, "--config", config(tmp_path, redis={"ca": redis_tls.ca}))
    assert result.returncode == 1 and ("not accepted" in result.stderr or "refused" in result.stderr)


def test_tls_with_client_certificate(make_redis, redis_tls, tmp_path):
    server = make_redis(tls=redis_tls, tls_auth_clients="yes")
    without = publish(server.tls_url, MASKED, "--config", config(tmp_path, redis={"ca": redis_tls.ca}))
    assert without.returncode == 1 and "redis.certificate" in without.stderr
    keys = {"ca": redis_tls.ca, "certificate": redis_tls.client, "key": redis_tls.client_key}
    assert publish(server.tls_url, MASKED, "--config", config(tmp_path, redis=keys)).returncode == 0


def test_plain_where_tls_is_spoken_and_the_reverse_are_told(make_redis, redis_tls, tmp_path):
    server = make_redis(tls=redis_tls)
    plain = publish(f"redis://127.0.0.1:{server.tls_port}", MASKED)
    assert plain.returncode == 1 and "TLS" in plain.stderr
    tls = publish(f"rediss://localhost:{server.port}", MASKED, "--config", config(tmp_path, redis={"ca": redis_tls.ca}))
    assert tls.returncode == 1 and "does Redis speak TLS on this port" in tls.stderr


# Who we are


def test_least_rights_are_enough(make_redis):
    server = make_redis(acl=["default on nopass ~* &* +@all", f"edge on >s3cret {SENSOR_RIGHTS}"])
    result = publish(f"redis://edge@127.0.0.1:{server.port}", MASKED, password="s3cret")
    assert (result.returncode, result.stderr) == (0, "")
    assert len(server.events()) == 2


@pytest.mark.parametrize("password, word", [("wrong", "WRONGPASS"), (None, "NOAUTH|WRONGPASS")])
def test_a_wrong_password_is_told(make_redis, password, word):
    server = make_redis(requirepass="s3cret")
    result = publish(server.url, MASKED, password=password)
    assert result.returncode == 1 and re.search(word, result.stderr) and "MXTAP_REDIS_PASSWORD" in result.stderr
    assert "s3cret" not in result.stderr and "events are lost" in result.stderr


def test_a_missing_right_is_told_once(make_redis):
    server = make_redis(acl=["default on nopass ~* &* +@all", "edge on >s3cret ~mxtap:* +hget +hsetnx +ping"])
    result = publish(f"redis://edge@127.0.0.1:{server.port}", MASKED, password="s3cret")
    assert result.returncode == 1 and result.stderr.count("NOPERM") == 1 and "lacks a right" in result.stderr


def test_no_secret_in_the_process_list(make_redis, tmp_path):
    server = make_redis(requirepass="s3cret")
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    with_file = Stream(server.url, "--config", config(tmp_path, redis={"password_file": secret}))
    with_environment = Stream(server.url, password="s3cret")
    for stream in (with_file, with_environment):
        stream.feed(range(1))
        listing = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(stream.process.pid)], capture_output=True, text=True, check=True).stdout
        assert "--redis" in listing and "s3cret" not in listing
        assert stream.finish()[0] == 0


def test_a_password_in_the_url_is_refused(redis):
    result = publish(f"redis://edge:s3cret@127.0.0.1:{redis.port}", MASKED)
    assert result.returncode != 0 and "MXTAP_REDIS_PASSWORD" in result.stderr and "s3cret" not in result.stderr


# While Redis comes and goes


def test_nobody_there(tmp_path):
    port = free_port()
    result = publish(f"redis://127.0.0.1:{port}", MASKED)
    assert result.returncode == 1
    assert f"redis://127.0.0.1:{port}: Connection refused: is Redis running there?" in result.stderr and "2 events are lost" in result.stderr
    spool = config(tmp_path, spool={"directory": tmp_path / "spool"})
    result = publish(f"redis://127.0.0.1:{port}", MASKED, "--config", spool)
    assert result.returncode == 1 and "2 events wait in the spool" in result.stderr and "lost" not in result.stderr


def test_the_spool_goes_out_first_with_the_next_run(redis, tmp_path):
    spool = config(tmp_path, spool={"directory": tmp_path / "spool"})
    away = publish(f"redis://127.0.0.1:{free_port()}", write_capture(tmp_path / "a.pcap", range(50)), "--config", spool)
    assert away.returncode == 1 and "51 events wait in the spool" in away.stderr
    back = publish(redis.url, write_capture(tmp_path / "b.pcap", range(50, 100)), "--config", spool)
    assert (back.returncode, back.stderr) == (0, "")
    assert senders(redis) == list(range(100))
    assert list((tmp_path / "spool").glob("*.spool")) == []


@pytest.mark.parametrize("has_spool", [True, False])
def test_restart_loses_and_reorders_nothing(make_redis, tmp_path, has_spool):
    server = make_redis(appendonly="yes", appendfsync="always")
    args = ["--config", config(tmp_path, spool={"directory": tmp_path / "spool"})] if has_spool else []
    stream = Stream(server.url, *args)
    for round_ in range(3):
        stream.feed(range(round_ * 200, round_ * 200 + 100))
        server.kill()
        stream.feed(range(round_ * 200 + 100, round_ * 200 + 200))
        server.start()
    status, said = stream.finish()
    assert status == 0, said
    assert once(senders(server)) == list(range(600))


def test_a_redis_that_holds_still(make_redis, tmp_path):
    server = make_redis()
    stream = Stream(server.url, "--config", config(tmp_path, spool={"directory": tmp_path / "spool"}))
    stream.feed(range(100))
    until(lambda: len(senders(server)) >= 95)
    server.pause()
    stream.feed(range(100, 200))
    until(lambda: "no answer" in "".join(stream.errors))
    server.resume()
    stream.feed(range(200, 300))
    status, said = stream.finish()
    assert status == 0 and said.count("no answer") == 1 and "takes records again" in said
    assert once(senders(server)) == list(range(300))


@pytest.mark.parametrize("break_it, mend_it, word", [
    (lambda server: server.client().config_set("maxmemory", "1"), lambda server: server.client().config_set("maxmemory", "0"), "its memory is full"),
    (lambda server: server.client().replicaof("127.0.0.1", free_port()), lambda server: server.client().replicaof("NO", "ONE"), "it is a replica"),
])
def test_a_redis_that_refuses(make_redis, tmp_path, break_it, mend_it, word):
    server = make_redis(maxmemory_policy="noeviction")
    stream = Stream(server.url, "--config", config(tmp_path, spool={"directory": tmp_path / "spool"}))
    stream.feed(range(50))
    until(lambda: len(senders(server)) >= 45)
    break_it(server)
    stream.feed(range(50, 150))
    until(lambda: word in "".join(stream.errors))
    stream.feed(range(150, 200))
    time.sleep(0.5)  # several attempts
    assert len(senders(server)) <= 50
    mend_it(server)
    status, said = stream.finish()
    assert status == 0 and said.count(word) == 1, said
    assert once(senders(server)) == list(range(200))


def test_a_full_spool_makes_a_replay_wait_and_loses_nothing(make_redis, tmp_path):
    server = make_redis()
    server.stop()
    stream = Stream(server.url, "--config", config(tmp_path, spool={"directory": tmp_path / "spool", "limit": "1MiB"}))
    stream.feed(range(1500))
    until(lambda: "the spool takes no more: is full (spool.limit)" in "".join(stream.errors))
    server.start()
    status, said = stream.finish()
    assert status == 0 and said.count("takes no more") == 1, said
    assert once(senders(server)) == list(range(1500))


def test_a_killed_sensor_leaves_a_spool_that_is_whole(make_redis, tmp_path):
    server = make_redis()
    server.stop()
    spool = config(tmp_path, spool={"directory": tmp_path / "spool"})
    stream = Stream(server.url, "--config", spool)
    stream.feed(range(300))
    files = lambda: b"".join(path.read_bytes() for path in sorted((tmp_path / "spool").glob("*.spool")))  # noqa: E731
    until(lambda: b"<n100@" in files() or b'"n100@' in files())
    stream.kill()
    whole = [int(number) for number in re.findall(rb'"mail_from":"n(\d+)@', files())]
    server.start()
    assert publish(server.url, MASKED, "--config", spool).returncode == 0
    assert senders_of(server)[:len(whole)] == whole == list(range(len(whole)))


def senders_of(server):
    return [int(number) for fields in server.events() for number in re.findall(r'"mail_from":"n(\d+)@', fields["event"])]


def test_one_spool_for_two_sensors_is_refused(redis, tmp_path):
    spool = config(tmp_path, spool={"directory": tmp_path / "spool"})
    first = Stream(redis.url, "--config", spool)
    until(lambda: (tmp_path / "spool" / "lock").exists())
    second = publish(redis.url, MASKED, "--config", spool)
    assert second.returncode == 1 and "another mxtap-sensor uses it" in second.stderr
    assert first.finish()[0] == 0


def test_what_is_no_redis_is_told():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        with subprocess.Popen(command(url, MASKED), stderr=subprocess.PIPE, text=True, env=environment()) as sensor:
            connection = listener.accept()[0]
            connection.sendall(b"220 mx.example.net ESMTP\r\n")
            line = sensor.stderr.readline()
            connection.close()
            sensor.kill()
    assert "not Redis's protocol" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: no interface can be watched")
@pytest.mark.parametrize("has_spool", [True, False])
def test_a_live_sensor_leaves_in_time_while_redis_holds_still(redis, tmp_path, has_spool):
    spool = Path(tempfile.mkdtemp(prefix="mxtap-spool-"))  # not pytest's, which the account that the sensor turns into may not enter
    spool.chmod(0o777)
    args = ["--config", str(config(tmp_path, spool={"directory": spool}))] if has_spool else []
    with subprocess.Popen([SENSOR, "-i", "lo", "--redis", redis.url, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as sensor:
        assert any("listening on lo" in line for line in sensor.stderr)
        until(lambda: redis.client().exists("mxtap:meta"))
        redis.pause()
        begin = time.monotonic()
        sensor.terminate()
        said = sensor.communicate(timeout=30)[1]
        assert time.monotonic() - begin < 20  # four seconds, on a machine that is busy
    redis.resume()
    shutil.rmtree(spool)
    assert sensor.returncode == 1
    assert ("1 events wait in the spool" if has_spool else "1 events are lost") in said
