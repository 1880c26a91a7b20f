#!/usr/bin/python3
"""check.py against a pretended sensor: it must accept what holds, and name each thing that does not."""
import json
import pathlib
import tempfile
import unittest
import unittest.mock

import check

SCENARIO = {
    "args": [],
    "sessions": 1,
    "messages": 1,
    "raises": ["starttls.unused"],
    "severity": {"starttls.unused": "low"},
    "must_not_raise": ["starttls.not_offered"],
    "also_allowed": ["tls.cipher_weak"],
    "facts": [
        {"path": "smtp.starttls.offered", "value": True, "session": 0},
        {"path": "smtp.messages.0.rcpt_to", "value": ["bob@example.net"]},
        {"path": "smtp.capabilities", "contains": "STARTTLS", "session": 0},
        {"path": "tls", "absent": True, "session": 0},
    ],
}
SESSION = {
    "event_type": "session",
    "session_id": "0123456789abcdef",
    "start": "2026-01-01T00:00:00.000000Z",
    "smtp": {
        "capabilities": ["PIPELINING", "STARTTLS"],
        "starttls": {"offered": True},
        "messages": [{"exposed": True, "rcpt_to": ["bob@example.net"]}],
    },
}


def alert(rule, severity):
    return {"event_type": "alert", "mxtap": {"rule": rule, "severity": severity}}


def altered(path, value):
    """The good session with one value changed."""
    session = json.loads(json.dumps(SESSION))
    *steps, last = path.split(".")
    inner = session
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return session


def any_event(line, _validators):
    """Stands for the schema, which the short events here do not follow."""
    try:
        return [], json.loads(line)["event_type"]
    except ValueError:
        return ["no event"], None


class Check(unittest.TestCase):
    def setUp(self):
        patch = unittest.mock.patch("validate.faults_of", any_event)
        patch.start()
        self.addCleanup(patch.stop)

    def faults(self, *events, text=None, status=0, **scenario):
        """What check.py finds when the sensor prints these events."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "scenario.json").write_text(json.dumps({**SCENARIO, **scenario}), encoding="utf-8")
            printed = text if text is not None else "".join(json.dumps(event) + "\n" for event in events)
            (folder / "output").write_text(printed, encoding="utf-8")
            sensor = folder / "sensor"
            sensor.write_text(f"#!/bin/sh\ncat output\nexit {status}\n", encoding="ascii")
            sensor.chmod(0o755)
            return check.check(str(sensor), folder)

    def test_all_holds(self):
        self.assertEqual(self.faults(SESSION, alert("starttls.unused", "low")), [])
        self.assertEqual(self.faults(SESSION, SESSION, alert("starttls.unused", "low")), [])
        self.assertEqual(self.faults(SESSION, alert("starttls.unused", "low"), alert("tls.cipher_weak", "medium")), [])
        self.assertEqual(self.faults(SESSION, alert("starttls.unused", "low"), alert("smtp.smuggling", "info")), [])

    def test_alerts(self):
        good = alert("starttls.unused", "low")
        for events, wanted in (
            ([], "starttls.unused is not raised"),
            ([alert("starttls.unused", "medium")], "is medium, not low"),
            ([good, alert("starttls.not_offered", "info")], "must not be"),
            ([good, alert("smtp.smuggling", "low")], "not expected"),
            ([good, alert("smtp.smuggling", "loud")], "unknown severity"),
        ):
            with self.subTest(wanted):
                faults = self.faults(SESSION, *events)
                self.assertEqual(len(faults), 1)
                self.assertIn(wanted, faults[0])
        self.assertEqual(len(self.faults(SESSION, good, max_severity="info")), 1)

    def test_exact_alerts(self):
        def counted(count, severity="low", rule="starttls.unused"):
            event = alert(rule, severity)
            event["mxtap"]["count"] = count
            return event

        def wanted(*counts):
            return [{"rule": "starttls.unused", "severity": "low", "count": count} for count in counts]

        other = counted(7, "medium", "tls.cipher_weak")
        self.assertEqual(self.faults(SESSION, counted(2), other, alerts=wanted(2)), [])
        self.assertEqual(self.faults(SESSION, counted(1), counted(1), alerts=wanted(1, 1)), [])
        for events, counts, fault in (
            ([counted(3)], [2], "that counts 2"),
            ([counted(1)], [1, 1], "no alert"),
            ([counted(1), counted(1)], [1], "not expected"),
            ([counted(1), counted(2)], [1], "not expected"),
            ([alert("starttls.unused", "low")], [1], "no alert"),
        ):
            with self.subTest(fault):
                self.assertIn(fault, self.faults(SESSION, *events, alerts=wanted(*counts))[0])

    def test_incidents(self):
        def of(rule, incident):
            event = alert(rule, "low")
            event["mxtap"]["incident_id"] = incident
            return event

        def faults(*incidents, groups):
            pair = ("starttls.unused", "tls.cipher_weak")
            return self.faults(SESSION, *(of(*one) for one in zip(pair, incidents)), incidents=groups)

        together, apart = [["starttls.unused", "tls.cipher_weak"]], [["starttls.unused"], ["tls.cipher_weak"]]
        self.assertEqual(faults("a", "a", groups=together), [])
        self.assertEqual(faults("a", "b", groups=apart), [])
        self.assertIn("share no incident", faults("a", "b", groups=together)[0])
        self.assertIn("should be two", faults("a", "a", groups=apart)[0])
        self.assertIn("share no incident", faults("a", groups=together)[0])
        self.assertIn("share no incident", faults(None, None, groups=together)[0])

    def test_facts(self):
        good = alert("starttls.unused", "low")
        for session in (
            altered("smtp.starttls.offered", 1),
            altered("smtp.starttls", {}),
            altered("smtp.capabilities", ["PIPELINING"]),
            altered("tls", {"outcome": "failed"}),
        ):
            self.assertEqual(len(self.faults(session, good)), 1)

    def test_counts(self):
        good = alert("starttls.unused", "low")
        self.assertIn("2 sessions, not 1", self.faults(SESSION, altered("session_id", "f" * 16), good)[0])
        self.assertIn(
            "0 messages",
            self.faults(altered("smtp.messages", [{"exposed": False, "rcpt_to": ["bob@example.net"]}]), good)[0],
        )

    def test_output(self):
        self.assertIn("exit status 1", self.faults(SESSION, alert("starttls.unused", "low"), status=1)[0])
        self.assertIn("no event", self.faults(text="hello\n")[0])
        self.assertTrue(self.faults(text=""))


if __name__ == "__main__":
    unittest.main()
