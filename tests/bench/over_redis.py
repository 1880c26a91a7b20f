"""Records through Redis and one collector: the publisher's cost, records a second, alert latency."""
import json
import pathlib
import resource
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "redis"))
from redis_server import RedisServer, die_with_parent, environment  # noqa: E402

RECORDS = 100000
RATE, EVERY, SECONDS = 5000, 50, 20   # records a second, every so many with an alert, for so long
COLLECTOR_LIMIT = 30000               # records a second, at least
LATENCY_LIMIT_MS = 100                # p99, at most
ALERTING = pathlib.Path(__file__).resolve().parent.parent / "captures" / "starttls-masked-x" / "capture.pcap"


def publish(build, server, records, *arguments):
    """Runs mxtap-bench-publish; what it says."""
    with records.open("rb") as source:
        done = subprocess.run([str(build / "mxtap-bench-publish"), server.unix_url, *map(str, arguments)], stdin=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"mxtap-bench-publish: {done.stderr}")
    return json.loads(done.stdout)


def verdict(is_met, limit):
    return f"{'pass' if is_met else 'MISS'} (limit {limit})"


def measure_publisher(build, records):
    with RedisServer(save='""') as server:
        cost = publish(build, server, records, RECORDS)
        taken = server.client().xlen("mxtap:events")
        size = server.client().memory_usage("mxtap:events", samples=0) / max(taken, 1)
    if taken != RECORDS:
        raise OSError(f"Redis has {taken} records of {RECORDS}")
    print(f"publisher: {(cost['publish_ns'] - cost['encode_ns']) / 1000:.1f} us of processor time a record (encoding one: {cost['encode_ns'] / 1000:.1f} us), "
          f"{cost['records'] / cost['seconds']:.0f} records a second into Redis, {size:.0f} bytes each there", flush=True)


def measure_collector(build, records):
    """One collector works off what is there."""
    with RedisServer() as server:
        publish(build, server, records, RECORDS)
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([str(build / "mxtap-collector"), "--redis", server.unix_url, "--once"], capture_output=True, text=True, check=False, env=environment())
        seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise OSError(f"mxtap-collector: {done.stderr}")
        sessions = sum(1 for _ in server.client().scan_iter("mxtap:session:*", count=10000))
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"collector: {RECORDS / seconds:.0f} records a second ({RECORDS / processor:.0f} a second of its processor time), {sessions} sessions kept, "
          f"{verdict(RECORDS / seconds >= COLLECTOR_LIMIT, f'at least {COLLECTOR_LIMIT}')}", flush=True)


def measure_latency(build, records):
    """From the moment a record is made (its packet) to the moment somebody who waits at the stream of alerts has the alert."""
    latencies, last = [], "0"
    with RedisServer() as server:
        client = server.client()
        collector = subprocess.Popen([str(build / "mxtap-collector"), "--redis", server.unix_url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
                                     preexec_fn=die_with_parent)
        while not client.exists("mxtap:lease"):
            time.sleep(0.05)
        with records.open("rb") as source:
            publisher = subprocess.Popen([str(build / "mxtap-bench-publish"), server.unix_url, str(RATE * SECONDS), str(RATE), str(EVERY)], stdin=source,
                                         stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        quiet = 0
        while quiet < 3:
            entries = client.xread({"mxtap:alerts": last}, block=1000)
            now = time.time()
            quiet = 0 if entries or publisher.poll() is None else quiet + 1
            for last, fields in (entries[0][1] if entries else []):
                event = json.loads(fields["event"])
                if event["mxtap"]["rule"] == "starttls.capability_masked":
                    seen = event["mxtap"]["last_seen"].rstrip("Z").partition(".")
                    stamp = time.mktime(time.strptime(seen[0], "%Y-%m-%dT%H:%M:%S")) - time.timezone
                    latencies.append((now - stamp - float("0." + seen[2])) * 1000)
        collector.terminate()
        collector.wait()
    expected = RATE * SECONDS // EVERY
    if len(latencies) < expected:
        raise OSError(f"{len(latencies)} alerts came of {expected}")
    latencies.sort()
    p50, p99 = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    print(f"alerts: {p50:.1f} ms p50, {p99:.1f} ms p99, {latencies[-1]:.1f} ms at most, from packet to stream ({len(latencies)} alerts in {RATE} records a second), "
          f"{verdict(p99 < LATENCY_LIMIT_MS, f'{LATENCY_LIMIT_MS} ms p99')}", flush=True)


def measure(build, directory, mail_records, alerting_records):
    """`mail_records`, `alerting_records`: the sensor's JSON lines of the mail mix and of a capture that alerts."""
    records = pathlib.Path(directory) / "records.jsonl"
    records.write_bytes(alerting_records + mail_records)
    measure_publisher(build, records)
    measure_collector(build, records)
    measure_latency(build, records)
    records.unlink()
