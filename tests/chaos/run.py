#!/usr/bin/python3
"""Sensors, collectors and Redis are killed, stopped and cut off at random; in the end every record was applied exactly once.

    run.py [--seed N] [--seconds S] [--rounds N]      $MXTAP_SENSOR and $MXTAP_COLLECTOR name the programs

The truth: each replay is run until it ends well, so all of its sessions must count; of a sensor that is fed and killed, those that were whole in its spool or that the
stream holds must count. What the alerts ought to be, the sensor's own judge says of one capture of exactly these sessions. A failure names its seed; the order of what is
done to whom is the seed's, the moment at which it strikes is the machine's.
"""
import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in ("redis", "collector")]
from programs import Collector, alerts_in  # noqa: E402
from proxy import Proxy  # noqa: E402
from publish import SENSOR, Stream, command, config, write_capture  # noqa: E402
from redis_server import RedisServer, die_with_parent, environment  # noqa: E402

STEP = 2            # seconds of capture time between sessions: all of a round lies within one day
REPLAY_SIZE = 150   # sessions of a replayed capture
SETTLE_SECONDS = 120  # for all to be applied when nothing is done to anybody any more
NUMBER = re.compile(rb'"mail_from":"n(\d+)@')


class Actor(threading.Thread):
    """Somebody who works in a loop until told to end, and can be struck. An exception in it fails the round."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.process, self.failure, self.ends = target, None, None, threading.Event()

    def run(self):
        try:
            self.target(self)
        except BaseException as failure:  # noqa: BLE001 it is raised again by the round
            self.failure = failure

    def strike(self, number):
        process = self.process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def stop_for(self, seconds):
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)


class Round:
    def __init__(self, seed, seconds):
        self.seed, self.seconds, self.random = seed, seconds, random.Random(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="mxtap-chaos-"))
        # Whole stream nodes are what an approximate trim takes: with one node for all, the stream keeps every record, to be counted at the end.
        self.redis = RedisServer(self.folder / "redis", appendonly="yes", appendfsync="always", stream_node_max_entries=0, stream_node_max_bytes=0, maxmemory_policy="noeviction")
        self.proxy = Proxy(self.redis.port)
        self.partitions = self.random.choice([1, 1, 2])
        self.redis.client().hset("mxtap:meta", "partitions", self.partitions)
        self.replayed, self.spooled, self.log = set(), set(), []
        self.next_number = 0
        self.collectors = []

    def prefixes(self):
        return ["mxtap:"] if self.partitions == 1 else [f"mxtap:{{{part}}}:" for part in range(self.partitions)]

    # The sensors

    def settings(self, name):
        (self.folder / name).mkdir(exist_ok=True)
        return ["--sensor", name, "--config", config(self.folder / name, spool={"directory": self.folder / name / "spool"})]

    def replay_until_done(self, actor):
        """Captures one after the other, each run again until it ends well; whoever strikes kills the run."""
        number = 0
        while not actor.ends.is_set():
            numbers = range(number, number + REPLAY_SIZE)
            capture = write_capture(self.folder / "replay.pcap", numbers, STEP)
            while True:
                actor.process = subprocess.Popen(command(self.proxy.url, capture, *self.settings("replayed")), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                                 env=environment(), preexec_fn=die_with_parent)
                errors = actor.process.stderr.read().decode()
                status = actor.process.wait()
                assert status in (0, 1, -signal.SIGKILL), f"a replay left with {status}: {errors}"
                assert "are lost" not in errors, errors
                if status == 0:
                    break
            self.replayed |= set(numbers)
            number += REPLAY_SIZE

    def whole_in_spool(self, name):
        found = set()
        for path in (self.folder / name / "spool").glob("*.spool"):
            try:
                found |= set(map(int, NUMBER.findall(path.read_bytes())))
            except FileNotFoundError:
                pass  # acknowledged meanwhile
        return found

    def feed_until_killed(self, actor):
        """A sensor that is fed sessions of its own; some were replayed by the other too: one session, two sightings."""
        number = 20000
        while not actor.ends.is_set():
            stream = Stream(self.proxy.url, *self.settings("fed"))
            actor.process = stream.process
            try:
                while not actor.ends.is_set():
                    stream.feed([*range(number, number + 10), *range(number - 20000, number - 20000 + 3)], STEP)
                    number += 10
                    time.sleep(0.05)
                stream.process.stdin.close()
            except (BrokenPipeError, OSError):
                pass
            status = stream.process.wait()
            assert status in (0, 1, -signal.SIGKILL), f"the fed sensor left with {status}: {''.join(stream.errors)}"
            self.spooled |= self.whole_in_spool("fed")

    def collect(self, actor):
        """A collector, started again whenever it was killed."""
        while not actor.ends.is_set():
            log = self.folder / f"collector-{len(self.log)}.log"
            self.log.append(log)
            collector = Collector(self.proxy.url, log=log)
            actor.process = collector.process
            status = collector.process.wait()
            if not actor.ends.is_set():
                assert status in (-signal.SIGKILL, 1), f"a collector left with {status}: {collector.said()}"
                time.sleep(0.1)

    # What is done to them

    def strike_once(self, sensors, collectors):
        choice = self.random.choice(["kill sensor", "kill sensor", "stop sensor", "kill collector", "kill collector", "stop collector", "stop collector long", "kill redis",
                                     "stop redis", "cut", "cut", "hold", "refuse"])
        seconds, sensor, collector = self.random.uniform(0.05, 1.0), self.random.choice(sensors), self.random.choice(collectors)
        if choice == "kill sensor":
            sensor.strike(signal.SIGKILL)
        elif choice == "stop sensor":
            sensor.stop_for(seconds)
        elif choice == "kill collector":
            collector.strike(signal.SIGKILL)
        elif choice == "stop collector":
            collector.stop_for(seconds)
        elif choice == "stop collector long":
            threading.Thread(target=collector.stop_for, args=(6,), daemon=True).start()  # past its lease: another takes over, and it wakes up beside it
        elif choice == "kill redis":
            self.redis.kill()
            time.sleep(seconds / 2)
            self.redis.start()
        elif choice == "stop redis":
            self.redis.pause()
            time.sleep(seconds)
            self.redis.resume()
        elif choice == "cut":
            self.proxy.cut()
        elif choice == "hold":
            self.proxy.hold()
            time.sleep(seconds)
            self.proxy.release()
        elif choice == "refuse":
            self.proxy.refuses = True
            self.proxy.cut()
            time.sleep(seconds)
            self.proxy.refuses = False
        return choice

    def disturb(self):
        """The wild part. How often each thing was done."""
        sensors = [Actor(self.replay_until_done), Actor(self.feed_until_killed)]
        collectors = [Actor(self.collect), Actor(self.collect)]
        done, end = Counter(), time.monotonic() + self.seconds
        for actor in sensors + collectors:
            actor.start()
        time.sleep(2)
        while time.monotonic() < end:
            done[self.strike_once(sensors, collectors)] += 1
            for actor in sensors + collectors:
                if actor.failure is not None:
                    raise actor.failure
            time.sleep(self.random.uniform(0, 0.6))
        for actor in sensors:
            actor.ends.set()
        for actor in sensors:
            actor.join(SETTLE_SECONDS)
            assert not actor.is_alive(), "a sensor does not end"
            if actor.failure is not None:
                raise actor.failure
        self.collectors = collectors
        return done

    # What came of it

    def drain(self):
        """What is in the spools goes out with one more run of each sensor."""
        empty = write_capture(self.folder / "one.pcap", [0], STEP)
        for name in ("replayed", "fed"):
            run = subprocess.run(command(self.proxy.url, empty, *self.settings(name)), capture_output=True, text=True, env=environment(), timeout=SETTLE_SECONDS, check=False)
            assert run.returncode == 0, run.stderr
            assert list((self.folder / name / "spool").glob("*.spool")) == [], "something stays in the spool"
        self.replayed.add(0)

    def in_stream(self):
        """The sessions that Redis has taken, and how many records they came as."""
        client, numbers = self.redis.client(), Counter()
        for prefix in self.prefixes():
            for _, fields in client.xrange(f"{prefix}events"):
                numbers.update(int(number) for number in NUMBER.findall(fields.get("event", "").encode()))
        return numbers

    def settle(self):
        """Until the collectors have applied all; then they are stopped."""
        client, deadline = self.redis.client(), time.monotonic() + SETTLE_SECONDS
        place = lambda text: tuple(map(int, (text or "0-0").split("-")))  # noqa: E731
        for prefix in self.prefixes():
            last = client.xinfo_stream(f"{prefix}events")["last-generated-id"] if client.exists(f"{prefix}events") else "0-0"
            while place(client.get(f"{prefix}cursor")) < place(last):
                assert time.monotonic() < deadline, f"{prefix}: applied up to {client.get(f'{prefix}cursor')} of {last}\n{self.said()}"
                time.sleep(0.1)
        for actor in self.collectors:
            actor.ends.set()
            actor.strike(signal.SIGCONT)
            actor.strike(signal.SIGTERM)
        for actor in self.collectors:
            actor.join(30)
            assert not actor.is_alive(), "a collector does not end"

    def said(self):
        return "\n".join(log.read_text() for log in self.log[-4:])

    def held(self):
        """Each alert that Redis holds, with its count; ids aside."""
        client, held = self.redis.client(), Counter()
        for prefix in self.prefixes():
            for key, count in alerts_in(client, prefix).items():
                assert held[key[:5]] == 0, f"two alerts of one subject: {key}"
                held[key[:5]] = count
        return dict(held)

    def expected(self, numbers):
        capture = write_capture(self.folder / "truth.pcap", sorted(numbers), STEP)
        run = subprocess.run([SENSOR, "-r", str(capture), "-o", "json"], capture_output=True, text=True, timeout=SETTLE_SECONDS, check=False)
        assert run.returncode == 0, run.stderr
        alerts = [event for event in map(json.loads, run.stdout.splitlines()) if event["event_type"] == "alert"]
        return {(a["mxtap"]["rule"], a["mxtap"]["severity"], a["mxtap"].get("domain"), a.get("dest_ip"), a.get("dest_port")): a["mxtap"]["count"] for a in alerts}

    def check(self):
        stream = self.in_stream()
        taken = set(stream)
        assert self.replayed <= taken, f"replayed and not in Redis: {sorted(self.replayed - taken)[:10]}"
        assert self.spooled <= taken, f"in the spool and not in Redis: {sorted(self.spooled - taken)[:10]}"
        client = self.redis.client()
        for prefix in self.prefixes():
            assert client.xlen(f"{prefix}rejected") == 0, "a record was rejected"
        held, expected = self.held(), self.expected(taken)
        wrong = {key: (held.get(key), expected.get(key)) for key in held.keys() | expected.keys() if held.get(key) != expected.get(key)}
        assert not wrong, f"alerts whose count in Redis is not the true one: {wrong}"
        return len(taken), stream.total(), sum(held.values())

    def replay_once_more(self):
        """A replay that ran before changes nothing."""
        before = self.held()
        capture = write_capture(self.folder / "again.pcap", range(REPLAY_SIZE), STEP)
        run = subprocess.run(command(self.proxy.url, capture, *self.settings("replayed")), capture_output=True, text=True, env=environment(), timeout=SETTLE_SECONDS, check=False)
        assert run.returncode == 0, run.stderr
        self.collectors = [Actor(self.collect)]
        self.collectors[0].start()
        self.settle()
        assert self.held() == before, "a replay run again changed alerts"

    def run(self):
        done = self.disturb()
        self.drain()
        self.settle()
        sessions, records, counted = self.check()
        self.replay_once_more()
        print(f"seed {self.seed}: {sessions} sessions in {records} records over {self.partitions} partitions, counted {counted} times in alerts, exactly; "
              + ", ".join(f"{what} {count}" for what, count in sorted(done.items())), flush=True)

    def close(self):
        for actor in self.collectors:
            actor.ends.set()
            actor.strike(signal.SIGKILL)
        self.proxy.close()
        self.redis.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20, help="of disturbance in a round")
    parser.add_argument("--rounds", type=int, default=1, help="seeds from --seed on")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.rounds):
        chaos = Round(seed, options.seconds)
        try:
            chaos.run()
        except BaseException:
            print(f"seed {seed} failed; its files are in {chaos.folder}\n{chaos.said()}", file=sys.stderr)
            chaos.close()
            raise
        chaos.close()
        shutil.rmtree(chaos.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
