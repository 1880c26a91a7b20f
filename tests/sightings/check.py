#!/usr/bin/python3
"""Two sensors on one path: what each saw is judged together, in several orders of arrival.

    check.py SENSOR JUDGE [SCENARIO...]

A scenario holds a capture for each sensor and, in scenario.json, what must come of them (the keys are those of ../captures). A line for each thing that does
not hold, "N passed, N failed" at the end; exits 1 when anything failed.
"""
import itertools
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = HERE.parent / "captures"
sys.path.insert(0, str(CAPTURES))
import check as captures  # noqa: E402

TIMEOUT = 60  # seconds for one program over one scenario


def records(sensor, folder, scenario, name):
    """The lines of one sensor's sessions."""
    arguments = [argument.replace("../", str(CAPTURES) + "/") for argument in scenario["args"]]
    command = [sensor, "-r", f"{name}.pcap", "-o", "json", "--sensor", name, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    return [line for line in done.stdout.splitlines() if json.loads(line)["event_type"] == "session"]


def judged(judge, lines, *options):
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([judge, *options], input=text, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def exposed(lines):
    return sum(message.get("exposed") is True for line in lines for message in json.loads(line).get("smtp", {}).get("messages", []))


def check(sensor, judge, folder):
    scenario = json.loads((folder / "scenario.json").read_text(encoding="utf-8"))
    seen = {name: records(sensor, folder, scenario, name) for name in scenario["sensors"]}
    for name, lines in seen.items():
        if len(lines) != scenario["sessions"]:
            yield f"{name}: {len(lines)} sessions, not {scenario['sessions']}"
    if max(map(exposed, seen.values())) != scenario["messages"]:
        yield f"{sorted(map(exposed, seen.values()))} messages exposed, not {scenario['messages']}"
    for order in itertools.permutations(seen):
        lines = [line for name in order for line in seen[name]]
        for options in ((), ("--cut", "1")):
            alerts = judged(judge, lines + lines, *options)
            where = f"{', then '.join(order)} {' '.join(options)}".rstrip()
            faults = [*captures.check_alerts(scenario, captures.alerts_of(alerts)), *captures.check_each_alert(scenario, captures.told_of(alerts))]
            yield from (f"{where}: {fault}" for fault in faults)


def main():
    if len(sys.argv) < 3:
        print("usage: check.py SENSOR JUDGE [SCENARIO...]", file=sys.stderr)
        return 2
    sensor, judge = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
    names = sys.argv[3:] or sorted(path.parent.name for path in HERE.glob("*/scenario.json"))
    return captures.tell([(name, list(check(sensor, judge, HERE / name))) for name in names])


if __name__ == "__main__":
    sys.exit(main())
