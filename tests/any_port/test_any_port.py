"""Mail found on ports that are not mail ports, and other protocols named on those that are. The sensor's path comes in $MXTAP_SENSOR."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "evasion"))
import wire  # noqa: E402
from wire import ACK, PSH, Talk  # noqa: E402

SENSOR = os.environ["MXTAP_SENSOR"]
CAPTURES = TESTS / "captures"
ODD = 26025
RULE = "smtp.other_protocol"


def run(args, source=None):
    result = subprocess.run([SENSOR, "-o", "json", *map(str, args)], input=source, capture_output=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr.decode()
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return [event for event in events if event["event_type"] == "session"], events[-1]["health"]


def replay(talks, *args):
    frames = sorted(frame for talk in talks for frame in talk.frames)
    return run(["-r", "-", "--home-net", "10.0.0.0/8", *args], wire.pcap(frames))


def converse(lines, port=ODD, **options):
    """A whole connection; `lines` are bytes with "<" (to the client) or ">" in front."""
    talk = Talk(dport=port, **options)
    talk.open()
    for line in lines:
        talk.say(talk.client if line[:1] == b">" else talk.server, line[1:])
    talk.close()
    return talk


def mail(greeting=b"220 mx.example.net ESMTP\r\n", port=ODD, cut=None, **options):
    lines = [
        b"<" + greeting, b">EHLO out.example.org\r\n", b"<250-mx.example.net\r\n250 SIZE 1000\r\n", b">MAIL FROM:<alice@example.org>\r\n", b"<250 ok\r\n",
        b">RCPT TO:<bob@example.net>\r\n", b"<250 ok\r\n", b">DATA\r\n", b"<354 go\r\n", b">Subject: x\r\n\r\nx\r\n.\r\n", b"<250 queued\r\n", b">QUIT\r\n", b"<221 bye\r\n",
    ]
    if cut is not None:
        lines = [line[:1] + line[i : i + cut] for line in lines for i in range(1, len(line), cut)]
    return converse(lines, port, **options)


def check_mail(session):
    smtp = session["smtp"]
    assert smtp["helo"] == "out.example.org" and smtp["banner"].startswith("220") and smtp["starttls"]["offered"] is False
    (message,) = smtp["messages"]
    assert message["mail_from"] == "alice@example.org" and message["rcpt_to"] == ["bob@example.net"] and message["delivered"]


@pytest.mark.parametrize("greeting", [b"220 mx.example.net ESMTP\r\n", b"220 mx.example.net\r\n", b"220-hello\r\n220 mx\r\n", b"220 " + b"x" * 400 + b"\r\n"])
@pytest.mark.parametrize("cut", [None, 1, 5])
def test_mail_is_found_with_its_first_byte(greeting, cut):
    (session,), health = replay([mail(greeting, cut=cut)], "--any-port")
    check_mail(session)
    assert session["dest_port"] == ODD and health["claimed"] == 1
    assert replay([mail(greeting)])[0] == []


def test_a_client_that_speaks_first_is_heard():
    talk = Talk(dport=ODD)
    talk.open()
    talk.forge(talk.client, PSH | ACK, b"EHLO out.example.org\r\n")
    talk.client.next += 22
    talk.say(talk.server, b"220 mx.example.net ESMTP\r\n")
    talk.say(talk.server, b"250-mx.example.net\r\n250 SIZE 1000\r\n")
    talk.send_mail()
    talk.quit()
    (session,), _ = replay([talk], "--any-port")
    assert session["smtp"]["messages"][0]["mail_from"] == "alice@example.org"


def test_one_direction_is_enough():
    client_only, server_only = mail(), mail(b"220 mx.example.net\r\n", sport=40001)
    client_only.frames = [(time, frame) for time, frame in client_only.frames if frame[12:16] == client_only.client.address]
    server_only.frames = [(time, frame) for time, frame in server_only.frames if frame[12:16] == server_only.server.address]
    sessions, _ = replay([client_only], "--any-port")
    assert len(sessions) == 1 and sessions[0]["smtp"]["helo"] == "out.example.org"
    sessions, health = replay([server_only], "--any-port")  # only nDPI can say so
    assert len(sessions) == 1 and health["claimed"] == 1 and sessions[0]["smtp"]["banner"] == "220 mx.example.net"


OTHERS = {
    "http": [b">GET / HTTP/1.1\r\nHost: mx.example.net\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n", b"<HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n"],
    "ssh": [b"<SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b">SSH-2.0-OpenSSH_9.2p1 Debian\r\n"],
    "pop3": [b"<+OK POP3 ready\r\n", b">USER a\r\n", b"<+OK\r\n", b">PASS a\r\n", b"<+OK\r\n"],
    "imap": [b"<* OK IMAP4rev1 ready\r\n", b">a LOGIN a b\r\n", b"<a OK\r\n", b">b LIST\r\n", b"<b OK\r\n"],
    "ftp": [b"<220 ProFTPD 1.3 Server ready\r\n", b">USER anonymous\r\n", b"<331 Password please\r\n", b">PASS x\r\n", b"<230 ok\r\n", b">SYST\r\n", b"<215 UNIX\r\n"],
    "nntp": [b"<200 news.example.net ready\r\n", b">MODE READER\r\n", b"<200 ok\r\n"],
    "numbers": [b"<220 " + b"9" * 600 + b"\r\n"] * 12,
    "upload": [b">" + b"z" * 1400] * 12,
    "tls": [b">\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"<\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"],
    "binary": [b"<\x00\x01\x02\x03", b">\xff\xfe"],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols_are_no_mail(name):
    sessions, health = replay([converse(OTHERS[name])], "--any-port")
    assert sessions == [] and health["claimed"] == 0 and health["sessions"] == 0


@pytest.mark.parametrize("name", sorted(set(OTHERS) - {"upload"}))
def test_the_rest_of_a_foreign_connection_is_passed_over(name):
    talk = converse(OTHERS[name] + [b">" + b"y" * 1000, b"<" + b"y" * 1000] * 20)
    _, health = replay([talk], "--any-port")
    assert health["passed_flows"] == 1 and health["passed_segments"] >= 40


def test_ports_that_are_used_again_are_looked_at_again():
    first, second = converse(OTHERS["http"]), mail(start_us=wire.START_US + 5_000_000, client_isn=90_000_000, server_isn=80_000_000)
    (session,), health = replay([first, second], "--any-port")
    check_mail(session)
    assert health["passed_flows"] == 1 and health["claimed"] == 1


def test_mail_ports_are_as_they_were():
    plain, any_port = (replay([mail(port=25), converse(OTHERS["http"], port=26, sport=40007)], *args)[0] for args in ((), ("--any-port",)))
    assert plain == any_port and len(plain) == 1


NAMED = {"http": "http", "ssh": "ssh", "pop3": "pop3", "imap": "imap"}


@pytest.mark.parametrize("name", NAMED)
def test_another_protocol_on_a_mail_port_is_named(name):
    (session,), _ = replay([converse(OTHERS[name], port=25)])
    assert session["app_proto"] == NAMED[name]
    assert [(finding["rule"], finding["severity"], finding["evidence"]["protocol"]) for finding in session["findings"]] == [(RULE, "low", NAMED[name])]


@pytest.mark.parametrize(
    "lines",
    [
        [b">GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"<220 mx.example.net ESMTP\r\n", b"<221 can't talk HTTP\r\n"],  # the server speaks SMTP
        [b">GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/7.88.1\r\n\r\n"],  # nobody answers
        [b"<554 no\r\n"],
        [b"<220 mx.example.net ESMTP\r\n", b">SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b"<500 what?\r\n"],
        OTHERS["tls"],
        OTHERS["binary"],  # no name, no finding
    ],
)
def test_near_misses_of_other_protocol(lines):
    sessions, _ = replay([converse(lines, port=25)])
    assert [session.get("app_proto") for session in sessions] in ([], [None])
    assert all(finding["rule"] != RULE for session in sessions for finding in session["findings"])


# What nothing but its port shows to be mail.
SHOWN_BY_PORT_ALONE = {"shape-other-protocol", "shape-implicit-tls", "shape-implicit-tls12"}


def told(sessions):
    """What is told of sessions that does not hang on when they were found."""
    return [{key: session.get(key) for key in ("session_id", "start", "src_ip", "dest_ip", "dest_port", "capture", "smtp", "tls", "findings")} for session in sessions]


def test_kept_captures_give_the_same_on_any_port():
    compared = 0
    for capture in sorted(CAPTURES.glob("*/capture.pcap")):
        if capture.parent.name in SHOWN_BY_PORT_ALONE:
            continue
        arguments = ["-r", capture, "--trust", CAPTURES / "ca.pem", "--home-net", "10.1.0.0/16,2001:db8:1::/48"]
        on_ports, anywhere = run(arguments)[0], run([*arguments, "--any-port", "--ports", "9"])[0]
        evident = [session for session in on_ports if session.get("smtp", {}).get("helo") or "SMTP" in session.get("smtp", {}).get("banner", "")]
        by_id = {session["session_id"]: session for session in anywhere}
        assert told([by_id[session["session_id"]] for session in evident]) == told(evident), capture.parent.name
        compared += len(evident)
    assert compared > 300
