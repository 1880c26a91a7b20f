#!/usr/bin/python3
"""Asks the sensor the same question twice: about a capture and about the capture transformed.

    run.py SENSOR CAPTURES [--seed N] [--only NAME]... [--scenario NAME]... [--keep DIR]

CAPTURES holds scenarios (directories with scenario.json and a capture), bare captures, or both.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

import packets as pk
import transform

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "schema"))
import validate  # noqa: E402

VALIDATORS = validate.load_validators(validate.SCHEMA)

# The machine that runs the tests has two processors.
PROCESSES = 2
# A scenario's capture is a few KiB; a sensor that takes longer hangs.
SENSOR_SECONDS = 60
DIFFERENCES_SHOWN = 6
VALUE_SHOWN = 160
# How many other captures are played beside one, and how far apart in time they may be: certificates are judged by the
# capture's clock, and moving a capture by years would rightly change what is said about them.
COMPANIONS = 3
COMPANION_NS = 86400 * 10**9
CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcapng.gz", ".pcapng.zst")
SEVERITIES = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
# Facts that a transformation may rightly change wherever they stand, in evidence too: times, names of records, and counts of
# packets, as of those that overlap.
VOLATILE = {"timestamp", "start", "duration_ms", "vlan", "snapshot", "session_id", "sessions", "first_seen",
             "last_seen", "seen_at", "packets", "overlaps", "alert_id", "incident_id", "failed_session"}


class SensorFailed(Exception):
    """The sensor crashed, hung, left with an error or wrote what is not JSON."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    directory: pathlib.Path
    capture: pathlib.Path
    arguments: tuple
    skipped: dict


def scenarios(directory):
    """The scenarios below a directory, in the order of their names."""
    found = []
    for path in sorted(directory.iterdir()):
        if path.name.endswith(CAPTURE_SUFFIXES):
            found.append(Scenario(path.name, directory, path, (), {}))
        elif (path / "scenario.json").is_file():
            captures = sorted(entry for entry in path.iterdir() if entry.name.endswith(CAPTURE_SUFFIXES))
            told = json.loads((path / "scenario.json").read_text(encoding="utf-8"))
            skipped = told.get("skip_transforms", {})
            unknown = set(skipped) - set(transform.TRANSFORMS)
            if unknown or len(captures) != 1:
                raise SystemExit(f"{path}: skips unknown {sorted(unknown)}" if unknown else
                                 f"{path}: holds {len(captures)} captures, not one")
            found.append(Scenario(path.name, path, captures[0], tuple(told.get("args", [])), skipped))
    return found


# --- the sensor's answer, in a form that can be compared ---------------------------------------------------------


def ask(sensor, scenario, capture):
    """The sensor's events about a capture, judged as the scenario says."""
    command = [sensor, "-r", str(capture), "-o", "json", *scenario.arguments]
    try:
        done = subprocess.run(command, cwd=scenario.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SENSOR_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SensorFailed(f"no answer within {SENSOR_SECONDS} s") from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SensorFailed(f"exit status {done.returncode}: {' '.join(last)[:400]}")
    lines = done.stdout.splitlines()
    for number, line in enumerate(lines, 1):
        for fault in validate.faults_of(line, VALIDATORS)[0]:
            raise SensorFailed(f"line {number} of the output: {fault}")
    return [json.loads(line) for line in lines]


def steady(value):
    """The value without what may rightly change."""
    if isinstance(value, dict):
        return {key: steady(entry) for key, entry in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [steady(entry) for entry in value]
    return value


def in_order(values):
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))


def ends(event):
    return (f"{event.get('src_ip')}:{event.get('src_port')} > {event.get('dest_ip')}:{event.get('dest_port')}")


def sessions(events):
    """Who spoke to whom -> what is known of it, from each session's last snapshot."""
    last = {}
    for event in events:
        if event.get("event_type") == "session":
            last[(event.get("session_id"), event.get("sensor"))] = event
    found = {}
    for event in last.values():
        known = {part: steady(event[part]) for part in ("smtp", "tls") if part in event}
        known["findings"] = in_order(steady(event.get("findings", [])))
        found.setdefault(ends(event), []).append(known)
    return {key: in_order(entries) for key, entries in found.items()}


def alerts(events):
    """Each alert by its rule, severity, domain, ends and evidence."""
    found = []
    for event in events:
        if event.get("event_type") == "alert":
            told = event.get("mxtap", {})
            known = {part: told.get(part) for part in ("rule", "severity", "domain")}
            found.append({**known, "ends": ends(event), "evidence": steady(told.get("evidence"))})
    return in_order(found)


# --- comparison --------------------------------------------------------------------------------------------------


def leaves(value, path=""):
    """path -> value for everything below, so that a difference names its place."""
    if isinstance(value, dict) and value:
        pairs = value.items()
    elif isinstance(value, list) and value:
        pairs = enumerate(value)
    else:
        return {path: value}
    return {place: leaf for key, entry in pairs for place, leaf in leaves(entry, f"{path}/{key}").items()}


def differences(expected, found):
    """Lines that say where two answers differ; empty where they do not."""
    before, after, lines = leaves(expected), leaves(found), []
    for place in sorted(before.keys() | after.keys()):
        if place not in after:
            lines.append(f"- {place}: {shown(before[place])}")
        elif place not in before:
            lines.append(f"+ {place}: {shown(after[place])}")
        elif before[place] != after[place]:
            lines.append(f"! {place}: {shown(before[place])} -> {shown(after[place])}")
    return lines


def shown(value):
    text = json.dumps(value)
    return text if len(text) <= VALUE_SHOWN else text[:VALUE_SHOWN] + "..."


def claims(events):
    """What a set of events accuses and asserts: rule -> severity, and how many messages were exposed or delivered."""
    worst, exposed, delivered = {}, 0, 0
    for entries in sessions(events).values():
        for known in entries:
            for finding in known["findings"]:
                raise_to(worst, finding)
            messages = known.get("smtp", {}).get("messages", [])
            exposed += sum(message.get("exposed") is True for message in messages)
            delivered += sum(message.get("delivered") is True for message in messages)
    for alert in alerts(events):
        raise_to(worst, alert)
    return worst, exposed, delivered


def raise_to(worst, claim):
    rule, severity = claim.get("rule"), SEVERITIES.get(claim.get("severity"), len(SEVERITIES))
    worst[rule] = max(worst.get(rule, 0), severity)


def inventions(expected, found):
    """Lines about what the second answer claims beyond the first."""
    (worst, exposed, delivered), (now, now_exposed, now_delivered) = claims(expected), claims(found)
    lines = [f"+ {rule}: raised, or graver than before" for rule, severity in sorted(now.items())
             if severity > worst.get(rule, -1)]
    if now_exposed > exposed:
        lines.append(f"! messages exposed: {exposed} -> {now_exposed}")
    if now_delivered > delivered:
        lines.append(f"! messages delivered: {delivered} -> {now_delivered}")
    return lines


def compare(how, expected, found):
    if how == transform.NOTHING_MORE:
        return inventions(expected, found)
    lines = []
    if "sessions" in how:
        lines += differences(sessions(expected), sessions(found))
    if "alerts" in how:
        lines += differences({"alerts": alerts(expected)}, {"alerts": alerts(found)})
    return lines


# --- running -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Result:
    scenario: str
    transform: str
    lines: list
    skipped: str = ""


def companions(scenario, every):
    """Captures to play beside a scenario's, none with a connection between the same ends."""
    place = every.index(scenario)
    begun, taken = start_and_flows(scenario)
    chosen = []
    for other in every[place + 1 :] + every[:place]:
        if len(chosen) == COMPANIONS:
            break
        start, theirs = start_and_flows(other)
        if theirs and not theirs & taken and abs(start - begun) < COMPANION_NS:
            chosen.append(other)
            taken = taken | theirs
    return chosen


def start_and_flows(scenario):
    """When a capture begins and which connections are in it."""
    packets = pk.read_capture(scenario.capture)
    segments = (pk.segment(packet) for packet in packets)
    return (packets[0].time if packets else 0), {segment.flow for segment in segments if segment is not None}


def check(sensor, scenario, name, original, every, options, directory):
    """Runs one transformation of one scenario."""
    entry = transform.TRANSFORMS[name]
    out = pathlib.Path(directory) / (name + entry.suffix)
    beside = companions(scenario, every) if entry.takes_others else []
    if entry.takes_others and not beside:
        return Result(scenario.name, name, [], "no other capture to play beside it")
    try:
        transform.apply(name, scenario.capture, out, options.seed, [other.capture for other in beside])
    except pk.CaptureError as error:
        return Result(scenario.name, name, [], str(error))
    try:
        # What plays beside is asked for alone, but judged as this scenario is.
        expected = original + [event for other in beside for event in ask(sensor, scenario, other.capture)]
        lines = compare(entry.compare, expected, ask(sensor, scenario, out))
    except SensorFailed as error:
        lines = [str(error)]
    if lines and options.keep:
        kept = pathlib.Path(options.keep) / f"{scenario.name}.{name}{entry.suffix}"
        kept.write_bytes(out.read_bytes())
    return Result(scenario.name, name, lines)


def check_scenario(sensor, scenario, every, options):
    """All transformations of one scenario."""
    try:
        original = ask(sensor, scenario, scenario.capture)
        if not any(event.get("event_type") == "session" for event in original):
            raise SensorFailed("no session in the answer: nothing could differ")
    except SensorFailed as error:
        return [Result(scenario.name, "original", [str(error)])]
    results = []
    with tempfile.TemporaryDirectory(prefix="mxtap-metamorphic-") as directory:
        for name in options.only or transform.TRANSFORMS:
            if name in scenario.skipped:
                results.append(Result(scenario.name, name, [], scenario.skipped[name]))
            else:
                results.append(check(sensor, scenario, name, original, every, options, directory))
    return results


def report(result, options):
    if result.skipped:
        print(f"skip {result.scenario} {result.transform}: {result.skipped}")
    if not result.lines:
        return
    print(f"FAIL {result.scenario} {result.transform} (seed {options.seed})")
    for line in result.lines[:DIFFERENCES_SHOWN]:
        print(f"     {line}")
    if len(result.lines) > DIFFERENCES_SHOWN:
        print(f"     ... and {len(result.lines) - DIFFERENCES_SHOWN} more")


def arguments():
    parser = argparse.ArgumentParser(description="Compare the sensor's answers about captures and their rewritings.")
    parser.add_argument("sensor", type=pathlib.Path)
    parser.add_argument("captures", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], choices=sorted(transform.TRANSFORMS))
    parser.add_argument("--scenario", action="append", default=[], help="only this scenario")
    parser.add_argument("--keep", metavar="DIR", help="where to keep the captures that failed")
    return parser.parse_args()


def main():
    options = arguments()
    every = scenarios(options.captures.resolve())
    wanted = [scenario for scenario in every if not options.scenario or scenario.name in options.scenario]
    if not wanted:
        print(f"run.py: no scenario in {options.captures}", file=sys.stderr)
        return 2
    if options.keep:
        pathlib.Path(options.keep).mkdir(parents=True, exist_ok=True)
    sensor = str(options.sensor.resolve())
    results = []
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        running = [pool.submit(check_scenario, sensor, scenario, every, options) for scenario in wanted]
        for future in running:
            for result in future.result():
                report(result, options)
                results.append(result)
    failed = sum(bool(result.lines) for result in results)
    skipped = sum(bool(result.skipped) for result in results)
    print(f"{skipped} skipped")
    print(f"{len(results) - failed - skipped} passed, {failed} failed")
    return 1 if failed or failed + skipped == len(results) else 0


if __name__ == "__main__":
    sys.exit(main())
