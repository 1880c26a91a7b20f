#!/usr/bin/python3
"""Rewrites a capture without changing what the mail hosts said to each other.

    transform.py NAME IN OUT [--seed N] [--with CAPTURE]...
    transform.py --list
"""

import argparse
import dataclasses
import pathlib
import random as random_module
import sys
import typing

import packets as pk
import streams
import wrappings

# What of the sensor's answer has to be the same. Never compared are times, packet counts, vlan, session_id, snapshot.
EVERYTHING = ("sessions", "alerts")
# Another capture's sessions beside these: knowledge about shared servers, and so alerts, may rightly differ.
SESSIONS_ONLY = ("sessions",)
# The packets contradict each other: nothing may be claimed that the original did not show.
NOTHING_MORE = ("nothing more",)


@dataclasses.dataclass(frozen=True)
class Transform:
    rewrite: typing.Callable = lambda packets, random: packets
    write: typing.Callable = wrappings.pcap
    suffix: str = ".pcap"
    compare: tuple = EVERYTHING
    takes_others: bool = False


def interleave(packets, random, others=()):
    """Sessions of other captures beside these, each in its own order and pace, begun anywhere while these last."""
    captures = [packets, *others]
    start, end = packets[0].time, packets[-1].time
    merged = [(packet.time, 0, at, packet) for at, packet in enumerate(packets)]
    for number, other in enumerate(captures[1:], 1):
        shift = random.randint(start, max(start, end)) - other[0].time
        for at, packet in enumerate(other):
            merged.append((packet.time + shift, number, at, dataclasses.replace(packet, time=packet.time + shift)))
    # Within a capture the order is kept even where its clock ran backwards.
    latest = {}
    for at, (time, number, place, packet) in enumerate(merged):
        latest[number] = max(latest.get(number, time), time)
        merged[at] = (latest[number], number, place, packet)
    merged.sort(key=lambda entry: entry[:3])
    return wrappings.raw_ip([entry[3] for entry in merged], None)


TRANSFORMS = {
    "one-byte": Transform(streams.one_byte),
    "small-segments": Transform(streams.small_segments),
    "reorder": Transform(streams.reorder),
    "duplicate": Transform(streams.duplicate),
    "retransmit-overlap": Transform(streams.retransmit_overlap),
    "gso": Transform(streams.gso),
    "causal-interleave": Transform(streams.causal_interleave),
    "replies-ahead": Transform(streams.replies_ahead, compare=NOTHING_MORE),
    "sequence-wrap": Transform(streams.sequence_wrap),
    "interleave": Transform(interleave, compare=SESSIONS_ONLY, takes_others=True),
    "fragment": Transform(wrappings.fragment),
    "vlan": Transform(wrappings.vlan),
    "qinq": Transform(wrappings.qinq),
    "mpls": Transform(wrappings.mpls),
    "pppoe": Transform(wrappings.pppoe),
    "gre": Transform(wrappings.gre),
    "erspan": Transform(wrappings.erspan),
    "vxlan": Transform(wrappings.vxlan),
    "ipip": Transform(wrappings.ipip),
    "sll": Transform(wrappings.sll),
    "sll2": Transform(wrappings.sll2),
    "raw-ip": Transform(wrappings.raw_ip),
    "bsd-loopback": Transform(wrappings.bsd_loopback),
    "pcapng": Transform(write=wrappings.pcapng, suffix=".pcapng"),
    "pcapng-sections": Transform(write=wrappings.pcapng_sections, suffix=".pcapng"),
    "nanoseconds": Transform(write=wrappings.nanoseconds),
    "big-endian": Transform(write=wrappings.big_endian),
    "gz": Transform(write=wrappings.gz, suffix=".pcap.gz"),
    "zst": Transform(write=wrappings.zst, suffix=".pcap.zst"),
}


def apply(name, capture, out, seed, others=()):
    """Writes the transformed capture to `out`. The same name, captures and seed always give the same bytes."""
    transform = TRANSFORMS[name]
    random = random_module.Random(seed)
    packets = pk.read_capture(capture)
    if not packets:
        raise pk.CaptureError(f"{capture}: holds no packet")
    more = ([pk.read_capture(other) for other in others],) if transform.takes_others else ()
    rewritten = transform.rewrite(packets, random, *more)
    pathlib.Path(out).write_bytes(transform.write(rewritten, random))


def main():
    parser = argparse.ArgumentParser(description="Rewrite a capture without changing what was said in it.")
    parser.add_argument("--list", action="store_true", help="print the transformations' names and leave")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="CAPTURE",
                        help="another capture, for interleave")
    parser.add_argument("name", nargs="?", choices=sorted(TRANSFORMS))
    parser.add_argument("capture", nargs="?")
    parser.add_argument("out", nargs="?")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(TRANSFORMS))
        return 0
    if arguments.out is None:
        parser.error("NAME, IN and OUT are needed")
    try:
        apply(arguments.name, arguments.capture, arguments.out, arguments.seed, arguments.others)
    except (OSError, pk.CaptureError) as error:
        print(f"transform.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
