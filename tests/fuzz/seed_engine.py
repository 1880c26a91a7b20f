#!/usr/bin/python3
"""Turns kept captures into seeds of fuzz_engine: seed_engine.py CAPTURE... writes corpus/engine/<scenario>.

A seed is a byte for the link type (0: Ethernet), then a frame each: a byte of time in 10 ms, two of length, its bytes.
"""
import pathlib
import struct
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "corpus" / "engine"
TICK_US = 10000


def frames(capture):
    """Time in microseconds and bytes of each frame of a little-endian pcap file."""
    at = 24
    while at + 16 <= len(capture):
        seconds, fraction, captured, _wire = struct.unpack_from("<IIII", capture, at)
        yield seconds * 1000000 + fraction, capture[at + 16 : at + 16 + captured]
        at += 16 + captured


def seed_of(capture):
    seed, last = bytearray([0]), None
    for time, frame in frames(capture):
        ticks = 0 if last is None else min(255, (time - last) // TICK_US)
        seed += bytes([ticks]) + struct.pack(">H", len(frame)) + frame
        last = time
    return bytes(seed)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        (FOLDER / path.resolve().parent.name).write_bytes(seed_of(path.read_bytes()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
