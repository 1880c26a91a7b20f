#!/usr/bin/python3
"""Plays random histories to the judge, each in several orders of arrival, and compares its alerts with the model's.

    run.py JUDGE [--seeds N] [--first SEED] [--differences N]

On a difference the smallest history that still shows it is printed, with both answers.
"""

import argparse
import collections
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

import history
import model

# Histories that go to the judge in one run of it.
BATCH = 100
JUDGE_SECONDS = 300


class JudgeFailed(Exception):
    """The judge crashed, hung or refused its input."""


@dataclasses.dataclass(frozen=True)
class Judge:
    """The program and the policies that it is given."""

    program: str
    policies: tuple

    def command(self, options):
        given = [argument for domain, path in self.policies for argument in ("--policy", domain, path)]
        return [self.program, *given, *options]


def write_policies(directory):
    found = []
    for domain, text in history.POLICIES.items():
        path = pathlib.Path(directory) / domain
        path.write_text(text, encoding="ascii")
        found.append((domain, str(path)))
    return tuple(found)


def run_judge(judge, played, *options):
    """What the judge prints of each history, decoded."""
    text = "".join("".join(json.dumps(event) + "\n" for event in events) + "\n" for events in played)
    done = subprocess.run(judge.command(options), input=text, capture_output=True, text=True, timeout=JUDGE_SECONDS, check=False)
    if done.returncode != 0:
        raise JudgeFailed(f"exit {done.returncode}: {done.stderr[-2000:]}")
    answers = [[]]
    for line in done.stdout.splitlines():
        if line:
            answers[-1].append(json.loads(line))
        else:
            answers.append([])
    if len(answers) != len(played) + 1:
        raise JudgeFailed(f"{len(answers) - 1} answers to {len(played)} histories")
    return answers[:-1]


def alerts_of(answer):
    """The alerts of the rules that the model knows, in its words."""
    found = []
    for event in answer:
        detail = event["mxtap"]
        if detail["rule"] not in model.RULES:
            continue
        alert = model.Alert(detail["rule"], detail.get("hop", "unknown"), detail["severity"], history.parse_time(detail["first_seen"]),
                            history.parse_time(detail["last_seen"]), sessions_of(detail))
        if detail["count"] != detail.get("sessions_total", len(detail["sessions"])):
            alert = dataclasses.replace(alert, rule=f"{alert.rule}, counted {detail['count']}")
        found.append(alert)
    return sorted(found)


def sessions_of(detail):
    """Which sessions an alert rests on; of a list that was cut, how many are not named."""
    missing = detail.get("sessions_total", 0) - len(detail["sessions"])
    return tuple(sorted(detail["sessions"])) if missing <= 0 else (f"{detail['sessions_total']} sessions",)


def shown(alerts):
    """The model's alerts as the judge would name their sessions."""
    return [alert if alert.count <= SESSIONS_SHOWN else dataclasses.replace(alert, sessions=(f"{alert.count} sessions",)) for alert in alerts]


# The judge begins anew at one record in so many.
CUTS = ("1", "7")
# Of longer histories everything would be loaded too often.
CUT_RECORDS = 60

# Of an alert's sessions so many are named.
SESSIONS_SHOWN = 20


def arrivals(records):
    return [history.arrival(records, order) for order in range(history.ORDERS)]


def difference(judge, records):
    """The first order in which the judge and the model differ: (order, judge's alerts, model's alerts); None."""
    if not records:
        return None
    expected = shown(model.alerts([record.event for record in records]))
    return first_difference(run_judge(judge, arrivals(records)), sorted(expected))


def first_difference(answers, expected):
    for order, answer in enumerate(answers):
        said = alerts_of(answer)
        if said != expected:
            return order, said, expected
    return None


def shrink(judge, records):
    """Drops records as long as some difference is left.

    A session keeps its last word, since the model speaks of whole sessions.
    """
    size = max(len(records) // 2, 1)
    while True:
        place = 0
        while place < len(records):
            fewer = records[:place] + records[place + size:]
            if is_whole(fewer) and difference(judge, fewer):
                records = fewer
            else:
                place += size
        if size == 1:
            return records
        size //= 2


def is_whole(records):
    return {record.event["session_id"] for record in records} == {record.event["session_id"] for record in records if record.event["final"]}


def last_findings(judge, events):
    """What was last said of each session."""
    said = {}
    for event in run_judge(judge, [events], "--findings")[0]:
        if event["event_type"] == "session":
            said[event["session_id"]] = sorted((one["rule"], one["severity"]) for one in event.get("findings", []) if one["rule"] in model.RULES)
    return said


def show_alerts(title, alerts):
    print(title)
    for alert in alerts:
        first, last = history.format_time(alert.first_seen), history.format_time(alert.last_seen)
        sessions = " ".join(name.lstrip("0") for name in alert.sessions)
        print(f"  {alert.rule} {alert.severity} {alert.hop} count {alert.count}, {first} to {last}: {sessions}")


def story(event):
    """What happened in a session, on a line."""
    smtp, tls = event["smtp"], event.get("tls", {})
    starttls, certificate = smtp["starttls"], tls.get("certificate", {})
    facts = [f"{key} {starttls[key]}" for key in ("offered", "masked", "requested", "reply_code") if key in starttls]
    facts += [f"{key} {smtp[key]}" for key in ("ehlo", "ehlo_reply_code", "helo_reply_code") if smtp.get(key, 250) not in (250, True)]
    facts += [f"{key} {tls[key]}" for key in ("outcome", "sni", "notafter") if key in tls]
    facts += [f"{key} {str(certificate[key])[:4]}" for key in ("spki_sha256", "issuer_org", "key_rsa", "trust") if key in certificate]
    for message in smtp.get("messages", []):
        facts += ["exposed" if message.get("exposed") else "named", *message["rcpt_to"]]
    return (f"  {event['session_id'].lstrip('0')}.{event['snapshot']} {event['start'][8:19]} {event['src_ip']} ({smtp['helo']}) "
            f"to {event['dest_ip']} ({smtp['server_name']}), {event['hop']}: {', '.join(facts)}")


def show(judge, seed, records):
    """A difference, as small as it gets."""
    order, said, expected = difference(judge, records)
    events = history.arrival(records, order)
    findings = last_findings(judge, events)
    wanted = collections.defaultdict(list)
    for finding in model.findings(events):
        wanted[finding.session.identity].append((finding.rule, finding.severity))
    print(f"seed {seed}, order {order}: {len(records)} records in their order of arrival")
    for event in events:
        print(story(event))
    for event in events:
        print(json.dumps(event))
    for session in sorted({event["session_id"] for event in events}):
        if findings.get(session, []) != sorted(wanted[session]):
            print(f"session {session}: judge {findings.get(session, [])}, model {sorted(wanted[session])}")
    show_alerts("judge:", [alert for alert in said if alert not in expected])
    show_alerts("model:", [alert for alert in expected if alert not in said])


def batches(first, count):
    for begin in range(first, first + count, BATCH):
        yield range(begin, min(begin + BATCH, first + count))


def differing(judge, seeds):
    """The seeds of a batch whose history is answered otherwise than by the model, and how many alerts were compared."""
    histories = [history.history(seed) for seed in seeds]
    answers = run_judge(judge, [events for records in histories for events in arrivals(records)])
    found, compared = [], collections.Counter()
    for place, (seed, records) in enumerate(zip(seeds, histories)):
        expected = sorted(shown(model.alerts([record.event for record in records])))
        compared.update(alert.rule for alert in expected)
        if first_difference(answers[place * history.ORDERS:(place + 1) * history.ORDERS], expected):
            found.append((seed, records))
    return found, compared


def cut_differing(judge, seeds):
    """The seeds of a batch for which it matters that the judge was stopped and begun anew from what it had kept."""
    histories = {seed: history.history(seed) for seed in seeds}
    seeds = [seed for seed in seeds if len(histories[seed]) <= CUT_RECORDS]
    orders = [history.arrival(histories[seed], seed % history.ORDERS) for seed in seeds]
    whole = run_judge(judge, orders, "--told")
    answers = [run_judge(judge, orders, "--told", "--cut", cut) for cut in CUTS]
    return [(seed, cut) for cut, answer in zip(CUTS, answers) for seed, said, expected in zip(seeds, answer, whole) if said != expected]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judge")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--differences", type=int, default=1, help="stop after so many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return compare(Judge(options.judge, write_policies(directory)), options)


def compare(judge, options):
    compared, failed = collections.Counter(), 0
    for seeds in batches(options.first, options.seeds):
        found, alerts = differing(judge, seeds)
        compared += alerts
        for seed, records in found[:max(options.differences - failed, 0)]:
            show(judge, seed, shrink(judge, records))
        failed += len(found)
        cuts = cut_differing(judge, seeds)
        for seed, cut in cuts[:max(options.differences - failed, 0)]:
            print(f"seed {seed}: the answer is another when the judge begins anew, --told --cut {cut}")
        failed += len(cuts)
        if failed >= options.differences:
            break
    counts = ", ".join(f"{rule} {count}" for rule, count in sorted(compared.items()))
    print(f"{options.seeds} histories, {history.ORDERS} orders each; alerts: {counts}")
    missing = sorted(model.RULES - compared.keys())
    if missing and options.seeds >= BATCH:
        print("no history raises", ", ".join(missing))
        return 1
    if failed:
        print(f"{failed} histories differ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
