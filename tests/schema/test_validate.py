#!/usr/bin/python3
"""The schema refuses what the design forbids, and takes what it allows. usage: test_validate.py MXTAP-EVENTS"""
import copy
import json
import subprocess
import sys
import unittest

import validate



def parents_of(event):
    """Every object within the event, itself included."""
    yield event
    for value in event.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from parents_of(item)


class Schema(unittest.TestCase):
    program = None

    @classmethod
    def setUpClass(cls):
        cls.validators = validate.load_validators(validate.SCHEMA)
        lines = subprocess.run([cls.program, "20"], check=True, stdout=subprocess.PIPE).stdout.splitlines()
        cls.events = [json.loads(line) for line in lines]

    def faults(self, event):
        return validate.faults_of(json.dumps(event).encode(), self.validators)[0]

    def first(self, kind, *names):
        """A copy of the first event of this kind that has these objects, one inside the other."""
        for event in self.events:
            inner = event if event["event_type"] == kind else {}
            for name in names:
                inner = inner.get(name, {})
            if inner:
                return copy.deepcopy(event)
        self.fail(f"no {kind} with {names} among the events")

    def test_all_kinds_are_there_and_valid(self):
        self.assertEqual({event["event_type"] for event in self.events}, set(self.validators))
        for event in self.events:
            self.assertEqual(self.faults(event), [])

    def test_an_unknown_field_is_refused_at_every_level(self):
        for event in self.events:
            for parent in parents_of(copy.deepcopy(event)):
                changed = copy.deepcopy(event)
                twin = [other for other in parents_of(changed) if other == parent][0]
                twin["Unknown Field"] = "x"
                self.assertNotEqual(self.faults(changed), [], parent)

    def test_a_required_field_is_missed(self):
        for kind, validator in self.validators.items():
            for name in validator.schema["required"]:
                event = self.first(kind)
                del event[name]
                self.assertNotEqual(self.faults(event), [], (kind, name))

    def test_what_is_unknown_is_left_out_and_never_null(self):
        for event in self.events:
            for name in event:
                self.assertNotEqual(self.faults({**event, name: None}), [], name)

    def test_forms_are_checked(self):
        for name, value in (("timestamp", "2026-01-01T00:00:00Z"), ("session_id", "ff"), ("session_id", "00000000000000FF"), ("src_port", 65536), ("src_port", -1),
                            ("dest_port", "25"), ("hop", "sideways"), ("src_ip", "mx.example.net"), ("final", 1), ("proto", "UDP"), ("vlan", [])):
            event = self.first("session")
            event[name] = value
            self.assertNotEqual(self.faults(event), [], (name, value))
        for path, name, value in ((("smtp",), "ehlo", "yes"), (("tls",), "version", "TLS 1.4"), (("tls",), "from_proto", "imap"), (("capture",), "ended", "somehow"),
                                  (("tls", "ja3"), "hash", "xyz"), (("tls", "certificate"), "trust", "perhaps"), (("tls", "certificate"), "sha256", "aa")):
            event = self.first("session", *path)
            inner = event
            for step in path:
                inner = inner[step]
            inner[name] = value
            self.assertNotEqual(self.faults(event), [], (path, name, value))

    def test_evidence_is_flat(self):
        event = self.first("alert")
        for evidence, is_valid in (({"a_key": [1]}, False), ({"a_key": ["x"]}, True), ({"a_key": {}}, False), ({"a_key": 1.5}, False), ({"A Key": 1}, False), ({"a_key": -1}, True)):
            event["mxtap"]["evidence"] = evidence
            self.assertEqual(self.faults(event) == [], is_valid, evidence)

    def test_lines_that_are_no_events(self):
        for line in (b"", b"{", b"[]", b"7", b"{}", b'{"event_type":"dns"}', b'{"event_type":[]}', b'{"event_type":"\xff"}', b'{"a":1,"a":1}'):
            self.assertNotEqual(validate.faults_of(line, self.validators)[0], [], line)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Schema.program = sys.argv.pop()
    unittest.main()
