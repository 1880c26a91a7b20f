"""Every case of cases.py through the sensor, whose path comes in $MXTAP_SENSOR."""
import json
import os
import subprocess

import pytest

import wire
from cases import AMBIGUOUS, CASES, TRUE, UNKNOWN

SENSOR = os.environ["MXTAP_SENSOR"]
RULE = "tcp.conflicting_overlap"


def replay(talk):
    result = subprocess.run([SENSOR, "-r", "-", "-o", "json", "--home-net", "10.0.0.0/8"], input=wire.pcap(talk.frames), capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr.decode()
    events = [json.loads(line) for line in result.stdout.splitlines()]
    health = [event["health"] for event in events if event["event_type"] == "health"][-1]
    return [event for event in events if event["event_type"] == "session"], health


def rules(session):
    return {finding["rule"] for finding in session["findings"]}


def check_honest(smtp):
    """The session that the two hosts had."""
    assert smtp["helo"] == "out.example.org" and smtp["ehlo_reply_code"] == 250
    (message,) = smtp["messages"]
    assert message["mail_from"] == "alice@example.org" and message["rcpt_to"] == ["bob@example.net"]
    assert message["exposed"] and message["delivered"] and message["reply_code"] == 250


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_sensor_sees_what_the_receiver_took(case):
    sessions, health = replay(case.make())
    assert len(sessions) == 1, [session["capture"] for session in sessions]
    (session,) = sessions
    for counter, least in case.counters.items():
        assert health[counter] >= least, (counter, health)
    if case.outcome == TRUE:
        check_honest(session["smtp"])
        assert RULE not in rules(session) and session["capture"]["conflicting_overlaps"] == 0
        assert session["capture"]["gap_bytes_toserver"] == 0 and session["capture"]["ended"] == "fin"
    elif case.outcome == AMBIGUOUS:
        assert RULE in rules(session) and session["capture"]["conflicting_overlaps"] >= 1
    else:
        assert case.outcome == UNKNOWN
        assert "mallo" not in json.dumps(session) and session["capture"]["gap_bytes_toserver"] > 0
        assert all(message.get("mail_from") in (None, "alice@example.org") for message in session["smtp"].get("messages", []))


def test_the_honest_session_is_read_right():
    """Without an attack the cases would prove nothing."""
    talk = wire.Talk()
    talk.greet()
    talk.send_mail()
    talk.quit()
    (session,), health = replay(talk)
    check_honest(session["smtp"])
    assert session["capture"]["ended"] == "fin" and health["bad_checksums_dropped"] == 0 and health["bad_checksums_accepted"] == 0
    forged = wire.Talk()
    forged.greet()
    forged.send_mail(b"MAIL FROM:<mallo@example.com>\r\n")
    forged.quit()
    assert replay(forged)[0][0]["smtp"]["messages"][0]["mail_from"] == "mallo@example.com"
