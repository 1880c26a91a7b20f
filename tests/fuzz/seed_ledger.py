#!/usr/bin/python3
"""Turns captures into seeds of fuzz_ledger: seed_ledger.py BUILD CAPTURE... writes corpus/ledger/<scenario>.

BUILD is a folder with both programs. They work each capture through a Redis of its own; what it then holds is the seed: all that was kept, and the events with
the time at which each arrived.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "redis"))
from redis_server import RedisServer  # noqa: E402

FOLDER = HERE / "corpus" / "ledger"
LETTERS = {"session": "s", "subject": "a", "sensor": "w"}
OTHERS = {"alert", "sink", "meta", "policy", "name"}
EVENTS = {"session": "r", "health": "h"}


def kept_lines(client):
    for key in sorted(client.scan_iter("mxtap:*", _type="hash")):
        kind, _, name = key[len("mxtap:") :].partition(":")
        if kind in OTHERS or not name:
            continue
        for field, value in sorted(client.hgetall(key).items()):
            what = [LETTERS[kind] + name] if kind in LETTERS else ["b" + kind + " " + name, field]
            yield "\t".join([*what, value])


def event_lines(entries):
    for entry, fields in entries:
        yield "c" + entry.split("-", 1)[0] + "000"
        letter = EVENTS.get(fields["type"])
        if letter:
            yield letter + fields["event"]


def work(build, capture, server):
    client = server.client()
    client.flushall()
    subprocess.run([build / "mxtap-sensor", "-r", capture, "--redis", server.unix_url], check=True, capture_output=True)
    entries = client.xrange("mxtap:events")
    subprocess.run([build / "mxtap-collector", "--redis", server.unix_url, "--once"], check=True, capture_output=True)
    return "\n".join([*kept_lines(client), *event_lines(entries)]) + "\n"


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with RedisServer() as server:
        for name in sys.argv[2:]:
            path = pathlib.Path(name).resolve()
            (FOLDER / path.parent.name).write_text(work(pathlib.Path(sys.argv[1]), path, server))
    return 0


if __name__ == "__main__":
    sys.exit(main())
