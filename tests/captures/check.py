#!/usr/bin/python3
"""Run the sensor over the kept captures and compare with what each scenario is known to hold.

    check.py SENSOR [SCENARIO...]

A line for each thing that does not hold, "N passed, N failed" at the end; exits 1 when anything failed.
Rules above info that a scenario neither names under "raises" nor under "also_allowed" must stay silent.
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "schema"))
import validate  # noqa: E402

VALIDATORS = validate.load_validators(validate.SCHEMA)
RANK = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
TIMEOUT = 60  # seconds for one capture; they are a few KiB each
MISSING = object()


def run(sensor, folder, arguments):
    """The sensor's events for one capture, and what went wrong, if anything did."""
    # Without the sandbox, behind which LeakSanitizer is off: this is where leaks are looked for. That both say the same is tests/sandbox's.
    command = [sensor, "--no-sandbox", "-r", "capture.pcap", "-o", "json", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return [], [f"still running after {TIMEOUT} s"]
    faults = []
    if done.returncode:
        faults.append(f"exit status {done.returncode}: {done.stderr.strip()[-500:]}")
    events = []
    for number, line in enumerate(done.stdout.splitlines(), 1):
        broken, kind = validate.faults_of(line.encode(), VALIDATORS)
        faults += [f"line {number} of the output: {fault}" for fault in broken]
        if kind is not None:
            events.append(json.loads(line))
    return events, faults


def sessions_of(events):
    """The last snapshot of each session, in the order of their beginnings."""
    last = {}
    for event in events:
        if event["event_type"] == "session":
            last[event.get("session_id")] = event
    return sorted(last.values(), key=lambda event: (event.get("start", ""), event.get("src_port", 0)))


def alerts_of(events):
    """Rule to severity, the gravest where a rule was told more than once."""
    alerts = {}
    for event in events:
        if event["event_type"] == "alert":
            detail = event.get("mxtap", {})
            rule, severity = detail.get("rule", "(no rule)"), detail.get("severity", "(none)")
            if rule not in alerts or RANK.get(severity, 9) > RANK.get(alerts[rule], 9):
                alerts[rule] = severity
    return alerts


def told_of(events):
    """Each alert as (rule, severity, count)."""
    details = [event.get("mxtap", {}) for event in events if event["event_type"] == "alert"]
    return [(detail.get("rule"), detail.get("severity"), detail.get("count")) for detail in details]


def incidents_of(events):
    """Rule to the incidents that its alerts belong to."""
    incidents = {}
    for event in events:
        if event["event_type"] == "alert":
            detail = event.get("mxtap", {})
            incidents.setdefault(detail.get("rule"), set()).add(detail.get("incident_id"))
    return incidents


def look_up(record, path):
    """The value at a dotted path; a number steps into an array."""
    value = record
    for step in path.split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


def check_alerts(scenario, alerts):
    raises, severities = set(scenario.get("raises", [])), scenario.get("severity", {})
    allowed = raises | set(scenario.get("also_allowed", []))
    ceiling = scenario.get("max_severity")
    for rule in sorted(raises - alerts.keys()):
        yield f"{rule} is not raised"
    for rule, severity in sorted(alerts.items()):
        if severity not in RANK:
            yield f"{rule} has the unknown severity {severity}"
        elif rule in scenario.get("must_not_raise", []):
            yield f"{rule} ({severity}) is raised, and must not be"
        elif rule in severities and severity != severities[rule]:
            yield f"{rule} is {severity}, not {severities[rule]}"
        elif rule not in allowed and RANK[severity] > RANK["info"]:
            yield f"{rule} ({severity}) is raised, and not expected"
        elif ceiling and RANK[severity] > RANK[ceiling]:
            yield f"{rule} is {severity}, above {ceiling}"


def check_each_alert(scenario, told):
    """Of the rules that "alerts" names, exactly those alerts."""
    left = list(told)
    rules = {wanted["rule"] for wanted in scenario.get("alerts", [])}
    for wanted in scenario.get("alerts", []):
        one = (wanted["rule"], wanted["severity"], wanted["count"])
        if one in left:
            left.remove(one)
        else:
            yield f"no alert {one[0]} ({one[1]}) that counts {one[2]}"
    for rule, severity, count in left:
        if rule in rules:
            yield f"alert {rule} ({severity}) that counts {count} is raised, and not expected"


def check_incidents(scenario, incidents):
    """The rules of one group share one incident, and no two groups share any."""
    seen = {}
    for group in scenario.get("incidents", []):
        found = set().union(*(incidents.get(rule, {None}) for rule in group))
        if len(found) != 1 or None in found:
            yield f"{', '.join(group)} share no incident: {sorted(map(str, found))}"
        for incident in found - {None}:
            if incident in seen:
                yield f"{', '.join(group)} and {', '.join(seen[incident])} are one incident, and should be two"
            seen[incident] = group


def check_facts(scenario, sessions):
    for fact in scenario.get("facts", []):
        at, path = fact.get("session", 0), fact["path"]
        if at >= len(sessions):
            yield f"session {at} does not exist, for {path}"
            continue
        found = look_up(sessions[at], path)
        shown = "unknown" if found is MISSING else json.dumps(found, ensure_ascii=False)
        where = f"session {at}: {path} is {shown}"
        if fact.get("absent"):
            if found is not MISSING:
                yield f"{where}, and should be unknown"
        elif "contains" in fact:
            if not isinstance(found, (list, str)) or fact["contains"] not in found:
                yield f"{where}, and should contain {json.dumps(fact['contains'], ensure_ascii=False)}"
        elif found is MISSING or found != fact["value"] or isinstance(found, bool) != isinstance(fact["value"], bool):
            yield f"{where}, not {json.dumps(fact['value'], ensure_ascii=False)}"


def check(sensor, folder):
    """Everything that does not hold for one scenario."""
    scenario = json.loads((folder / "scenario.json").read_text(encoding="utf-8"))
    events, faults = run(sensor, folder, scenario.get("args", []))
    sessions = sessions_of(events)
    if len(sessions) != scenario.get("sessions", len(sessions)):
        faults.append(f"{len(sessions)} sessions, not {scenario['sessions']}")
    if scenario.get("messages") is not None:
        exposed = sum(
            message.get("exposed") is True
            for session in sessions
            for message in session.get("smtp", {}).get("messages", [])
        )
        if exposed != scenario["messages"]:
            faults.append(f"{exposed} messages exposed, not {scenario['messages']}")
    faults += check_alerts(scenario, alerts_of(events))
    faults += check_each_alert(scenario, told_of(events))
    faults += check_incidents(scenario, incidents_of(events))
    return faults + list(check_facts(scenario, sessions))


def tell(faults_of):
    """Prints the faults of each scenario and how many passed; the exit status."""
    failed = 0
    for name, faults in faults_of:
        failed += bool(faults)
        for fault in faults:
            print(f"{name}: {fault}")
    print(f"{len(faults_of) - failed} passed, {failed} failed")
    return 1 if failed or not faults_of else 0


def main():
    if len(sys.argv) < 2:
        print("usage: check.py SENSOR [SCENARIO...]", file=sys.stderr)
        return 2
    sensor = str(pathlib.Path(sys.argv[1]).resolve())
    every = {path.parent.name: path.parent for path in sorted(HERE.glob("*/scenario.json"))}
    names = sys.argv[2:] or list(every)
    for name in names:
        if name not in every:
            print(f"check.py: no scenario {name}", file=sys.stderr)
            return 2
    return tell([(name, check(sensor, every[name])) for name in names])


if __name__ == "__main__":
    sys.exit(main())
