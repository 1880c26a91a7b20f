"""Sinks over a real Redis: each kind delivers, a dead one holds nothing up, nothing is lost over restarts, what is lost to trimming is counted."""
import hashlib
import hmac
import json
import os
import stat
import subprocess
import time

import pytest
import redis_server
from receivers import Datagrams, Stream, Web, wait_for

PROGRAM = os.environ["MXTAP_RUN_SINKS"]
SECRET = "0123456789abcdef0123456789abcdef"


def add(redis, n=1, severity="high", start=None):
    """Adds alerts to the stream; their JSON texts."""
    client, texts = redis.client(), []
    for _ in range(n):
        number = client.incr("made")
        text = json.dumps({"timestamp": "2026-11-21T10:00:00.000000Z", "event_type": "alert", "mxtap": {"alert_id": f"{number:016x}", "rule": "starttls.stripped",
                                                                                                  "evidence": {"banner": "22\\x1b[0m \u20ac"}}}, ensure_ascii=False)
        client.xadd("mxtap:alerts", {"rule": "starttls.stripped", "severity": severity, "domain": "", "server": "192.0.2.1:25", "event": text})
        texts.append(text)
    return texts


class Runner:
    """The sinks' program with its configuration."""

    def __init__(self, redis, folder, sinks):
        self.config = folder / "sinks.yaml"
        self.config.write_text(json.dumps({"sinks": sinks}))
        self.words = [PROGRAM, "--redis", redis.unix_url, "--config", str(self.config)]
        self.errors = folder / "stderr"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors.open("a"), text=True,
                                        preexec_fn=redis_server.die_with_parent)

    def said(self):
        return self.errors.read_text()

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().strip()) != ".":
            assert self.process.poll() is None or line, self.said()
            lines.append(line)
        return lines

    def states(self):
        """Counters by sink: failing, delivered, refused, retries, lost, behind."""
        keys = ("failing", "delivered", "refused", "retries", "lost", "behind")
        return {line.split()[0]: dict(zip(keys, map(int, line.split()[1:]))) for line in self.ask("state")}

    def drain(self):
        assert self.ask("drain")[0] == "drained", self.said()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(30)
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def run(redis, tmp_path):
    runners = []

    def start(*sinks):
        runners.append(Runner(redis, tmp_path, list(sinks)))
        return runners[-1]

    yield start
    for runner in runners:
        runner.kill()


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


# files


def test_a_file_gets_lines_and_survives_rotation(redis, run, tmp_path):
    path, rotated = tmp_path / "alerts.jsonl", tmp_path / "alerts.jsonl.1"
    first = add(redis, 3)
    runner = run({"name": "file", "file": str(path)})
    runner.drain()
    assert lines(path) == first
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
    path.rename(rotated)
    second = add(redis, 2)
    runner.drain()
    assert lines(path) == second and lines(rotated) == first  # seen by the path alone
    assert runner.stop() == 0


def test_a_torn_last_line_is_ended(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"torn')
    texts = add(redis, 1)
    run({"name": "file", "file": str(path)}).drain()
    assert lines(path) == ['{"torn', *texts]


def test_a_full_disk_is_told_and_waited_for(redis, run, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    path = tmp_path / "alerts.jsonl"
    path.symlink_to("/dev/full")
    texts = add(redis, 3)
    runner = run({"name": "full", "file": str(path)})
    wait_for(lambda: "alerts.jsonl: No space left on device; trying again" in runner.said())
    path.unlink()
    runner.drain()
    assert lines(path) == texts and runner.said().count("No space") == 1


def test_a_folder_that_is_not_there_is_told_at_once(redis, run, tmp_path):
    runner = run({"name": "file", "file": str(tmp_path / "nowhere" / "alerts.jsonl")})
    assert runner.process.wait(30) == 1
    assert "No such file or directory; name a file in a folder" in runner.said()


# syslog


def check_syslog(message, text, severity):
    head, _, body = message.decode().partition(" alert - ")
    assert body == text
    priority, rest = head.split(">1 ")
    assert priority == f"<{16 * 8 + severity}"
    timestamp, host, app, pid = rest.split(" ")
    assert timestamp == "2026-11-21T10:00:00.000000Z" and host and app == "mxtap-collector" and pid.isdigit()
    assert not any(byte < 0x20 or byte == 0x7f for byte in message)


@pytest.mark.parametrize("severity, code", [("critical", 2), ("high", 3), ("medium", 4), ("low", 5), ("info", 6)])
def test_syslog_over_a_unix_socket(redis, run, severity, code):
    receiver = Datagrams(redis.socket_folder / "log")
    (text,) = add(redis, 1, severity)
    run({"name": "log", "syslog": receiver.address})
    check_syslog(receiver.receive(), text, code)
    receiver.close()


def test_syslog_over_udp(redis, run):
    receiver = Datagrams()
    texts = add(redis, 5)
    run({"name": "log", "syslog": receiver.address})
    for text in texts:
        check_syslog(receiver.receive(), text, 3)
    receiver.close()


def test_syslog_over_tcp_counts_octets_and_comes_back(redis, run):
    receiver = Stream()
    texts = add(redis, 5)
    runner = run({"name": "log", "syslog": receiver.address})
    for text in texts:
        check_syslog(receiver.receive(), text, 3)
    receiver.hang_up()
    (text,) = add(redis, 1)
    check_syslog(receiver.receive(), text, 3)  # over a new connection
    port = receiver.port
    receiver.close()
    add(redis, 1)
    wait_for(lambda: runner.states()["log"]["failing"])
    again = Stream(port)
    again.receive()
    runner.drain()
    assert runner.states()["log"]["failing"] == 0
    assert runner.said().count("trying again") == 1 and "delivers again" in runner.said()
    again.close()


def test_a_datagram_that_is_too_long_is_told_and_passed_over(redis, run):
    receiver = Datagrams()
    redis.client().xadd("mxtap:alerts", {"severity": "high", "event": json.dumps({"x": "y" * 70000})})
    (text,) = add(redis, 1)
    runner = run({"name": "log", "syslog": receiver.address})
    check_syslog(receiver.receive(), text, 3)
    runner.drain()
    assert runner.states()["log"]["refused"] == 1 and "use tcp://" in runner.said()
    receiver.close()


# webhooks


def test_a_webhook_is_signed(redis, run, tmp_path, redis_tls):
    web = Web(tls=redis_tls)
    (tmp_path / "secret").write_text(SECRET + "\n")
    texts = add(redis, 3)
    run({"name": "hook", "webhook": web.url, "secret_file": str(tmp_path / "secret"), "ca": str(redis_tls.ca)}).drain()
    assert [body.decode() for body in web.taken()] == texts
    for headers, body, _ in web.requests:
        signed_at, signature = (part.split("=")[1] for part in headers["Mxtap-Signature"].split(","))
        assert signature == hmac.new(SECRET.encode(), signed_at.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert abs(int(signed_at) - time.time()) < 60
        assert headers["Content-Type"] == "application/json"
    assert len({headers["Mxtap-Delivery"] for headers, _, _ in web.requests}) == 3
    web.close()


def test_a_server_that_nobody_vouches_for_gets_nothing(redis, run, redis_tls):
    web = Web(tls=redis_tls)
    add(redis, 1)
    runner = run({"name": "hook", "webhook": web.url, "ca": str(redis_tls.other_ca)})
    wait_for(lambda: "certificate" in runner.said())
    assert web.requests == []
    web.close()


def test_a_webhook_is_tried_again_as_asked(redis, run):
    web = Web([(503, {}), (429, {"Retry-After": "2"}), (200, {})])
    texts = add(redis, 2)
    runner = run({"name": "hook", "webhook": web.url})
    started = time.monotonic()
    runner.drain()
    assert time.monotonic() - started >= 2
    assert [body.decode() for body in web.taken()] == texts
    assert len(web.requests) == 4
    assert len({headers["Mxtap-Delivery"] for headers, _, _ in web.requests[:3]}) == 1  # a repeat can be recognised
    assert runner.states()["hook"]["retries"] == 2
    web.close()


@pytest.mark.parametrize("status", [400, 404, 301])
def test_what_a_webhook_refuses_is_told_and_not_repeated(redis, run, status):
    web = Web([(status, {"Location": "/elsewhere"}), (200, {})])
    texts = add(redis, 2)
    runner = run({"name": "hook", "webhook": web.url})
    runner.drain()
    assert [body.decode() for body in web.taken()] == texts[1:] and len(web.requests) == 2
    assert runner.states()["hook"]["refused"] == 1
    assert f"answered {status}" in runner.said() and "is not delivered" in runner.said()
    web.close()


def test_a_secret_that_can_be_guessed_is_refused(redis, run, tmp_path):
    (tmp_path / "secret").write_text("short\n")
    runner = run({"name": "hook", "webhook": "http://127.0.0.1:1/", "secret_file": str(tmp_path / "secret")})
    assert runner.process.wait(30) == 1 and "a key of 16 to 4096 bytes" in runner.said()


# commands


def script(folder, text):
    path = folder / "command"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_a_command_gets_json_and_its_own_words(redis, run, tmp_path):
    out = tmp_path / "out"
    path = script(tmp_path, f'cat >> {out}; echo >> {out}; printf "%s|" "$@" "$MXTAP_DELIVERY" "$MXTAP_REDIS_PASSWORD" >> {out}.words; ls /proc/self/fd >> {out}.fds\n')
    texts = add(redis, 2)
    run({"name": "page", "command": [str(path), "a b", "$(id)", "c;d"]}).drain()
    assert lines(out) == texts
    words = (tmp_path / "out.words").read_text().split("|")
    assert words[:3] == ["a b", "$(id)", "c;d"] and words[3].startswith("/") and words[4] == ""  # no shell, no password
    assert set((tmp_path / "out.fds").read_text().split()) <= {"0", "1", "2", "3"}  # 3 is what ls reads


def test_a_command_that_fails_is_tried_three_times(redis, run, tmp_path):
    out = tmp_path / "out"
    path = script(tmp_path, f"cat >> {out}; echo >> {out}; exit 3\n")
    texts = add(redis, 1)
    runner = run({"name": "page", "command": [str(path)]})
    runner.drain()
    assert lines(out) == texts * 3
    assert runner.states()["page"]["refused"] == 1 and "exit status 3" in runner.said()


def test_a_command_that_hangs_is_ended_with_its_children(redis, run, tmp_path):
    pids, out = tmp_path / "pids", tmp_path / "out"
    path = script(tmp_path, f"if [ -e {pids} ]; then cat >> {out}; exit 0; fi\nsleep 1000 & echo $! $$ > {pids}; wait\n")
    add(redis, 1)
    runner = run({"name": "page", "command": [str(path)], "timeout": "1s"})
    runner.drain()
    assert out.exists() and "ended after its 1 s" in runner.said()
    for pid in pids.read_text().split():
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or " Z " in open(f"/proc/{pid}/stat").read())


def test_a_command_that_does_not_read_is_fed_no_further(redis, run, tmp_path):
    path = script(tmp_path, "exit 0\n")
    redis.client().xadd("mxtap:alerts", {"severity": "high", "event": json.dumps({"x": "y" * 300000})})
    runner = run({"name": "page", "command": [str(path)]})
    runner.drain()
    assert runner.states()["page"]["delivered"] == 1


def test_the_helper_ends_with_the_program(redis, run, tmp_path):
    runner = run({"name": "page", "command": ["/bin/true"]})
    runner.drain()
    children = wait_for(lambda: open(f"/proc/{runner.process.pid}/task/{runner.process.pid}/children").read().split())
    runner.kill()
    for pid in children:
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or " Z " in open(f"/proc/{pid}/stat").read())


# the stream


def test_a_dead_sink_holds_nothing_up(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    runner = run({"name": "dead", "webhook": "http://127.0.0.1:1/"}, {"name": "file", "file": str(path)})
    texts = add(redis, 20)
    wait_for(lambda: lines(path) == texts)
    wait_for(lambda: runner.states()["dead"]["failing"])
    assert runner.states()["file"]["delivered"] == 20
    assert runner.stop() == 0  # and does not keep the program from leaving


def test_only_what_is_grave_enough(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    wanted = [add(redis, 1, severity)[0] for severity in ("info", "low", "medium", "high", "critical")][2:]
    run({"name": "file", "file": str(path), "severity": "medium"}).drain()
    assert lines(path) == wanted


def test_nothing_is_lost_over_kills(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    runner, texts = run({"name": "file", "file": str(path)}), []
    for _ in range(6):
        texts += add(redis, 40)
        wait_for(lambda: lines(path))
        runner.kill()
        runner.start()
    runner.drain()
    got = lines(path)
    assert set(got) == set(texts)  # at least once, whole lines
    assert list(dict.fromkeys(got)) == texts  # in order, repeats aside


def test_a_restart_repeats_nothing_that_was_kept(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    runner = run({"name": "file", "file": str(path)})
    texts = add(redis, 10)
    runner.drain()
    assert runner.stop() == 0
    runner.start()
    texts += add(redis, 10)
    runner.drain()
    assert lines(path) == texts


def test_redis_goes_and_comes_back(make_redis, tmp_path):
    redis = make_redis(appendonly="yes", appendfsync="always")
    path = tmp_path / "alerts.jsonl"
    runner = Runner(redis, tmp_path, [{"name": "file", "file": str(path)}])
    try:
        texts = add(redis, 5)
        runner.drain()
        redis.kill()
        wait_for(lambda: "its alerts wait in the stream" in runner.said())
        redis.start()
        texts += add(redis, 5)
        runner.drain()
        assert lines(path) == texts
        assert runner.said().count("wait in the stream") == 1 and " is back" in runner.said()
    finally:
        runner.kill()


def test_a_redis_that_forgot_everything_is_read_from_its_start(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    runner = run({"name": "file", "file": str(path)})
    texts = add(redis, 5)
    runner.drain()
    redis.client().flushall()
    redis.client().xadd("mxtap:alerts", {"severity": "high", "event": "{}"}, id="1-1")
    wait_for(lambda: lines(path) == texts + ["{}"])
    assert "read from its start" in runner.said()


def test_what_is_trimmed_unread_is_counted_and_told(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    add(redis, 7)
    redis.client().xtrim("mxtap:alerts", maxlen=5, approximate=False)  # before there is a sink: not its loss
    runner = run({"name": "file", "file": str(path)})
    runner.drain()
    assert runner.states()["file"]["lost"] == 0 and len(lines(path)) == 5
    runner.stop()
    add(redis, 30)
    redis.client().xtrim("mxtap:alerts", maxlen=10, approximate=False)
    runner.start()
    runner.drain()
    assert runner.states()["file"]["lost"] == 20 and len(lines(path)) == 15
    assert "20 alerts were trimmed off the stream before they were delivered; raise limits: alert_stream" in runner.said()


def test_entries_that_are_none_of_ours_are_passed_over(redis, run, tmp_path):
    path = tmp_path / "alerts.jsonl"
    redis.client().xadd("mxtap:alerts", {"nothing": "here"})
    redis.client().xadd("mxtap:alerts", {"severity": "loud", "event": "{}"})
    texts = add(redis, 1)
    runner = run({"name": "file", "file": str(path), "severity": "low"})
    runner.drain()
    assert lines(path) == texts


def test_a_key_of_the_wrong_type_is_told(redis, run, tmp_path):
    redis.client().set("mxtap:alerts", "no stream")
    runner = run({"name": "file", "file": str(tmp_path / "alerts.jsonl")})
    wait_for(lambda: "its alerts wait in the stream" in runner.said())
    assert runner.stop() == 0
