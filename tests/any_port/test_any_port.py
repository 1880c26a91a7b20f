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
from wire import ACK, PSH, RST, SYN, Talk  # noqa: E402

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


def stir(change):
    """Mail on an odd port whose beginning is not the usual one; `change` is what is done in place of opening the connection."""
    talk = Talk(dport=ODD)
    change(talk)
    for side, line in ((talk.server, b"220 mx.example.net ESMTP\r\n"), (talk.client, b"EHLO out.example.org\r\n"), (talk.server, b"250-mx.example.net\r\n250 SIZE 1000\r\n")):
        talk.say(side, line)
    talk.send_mail()
    talk.quit()
    return talk


def open_twice(talk):
    """Each segment of the handshake is sent again."""
    for _ in range(3):
        talk.forge(talk.client, SYN, at=-1)
    for _ in range(2):
        talk.forge(talk.server, SYN | ACK, at=-1)
    for _ in range(2):
        talk.acknowledge(talk.client)


def open_after_another(talk):
    """Its ports were tried before, with another number, and nobody answered."""
    talk.put(wire.ipv4(talk.client.address, talk.server.address, wire.tcp(talk.client.address, talk.server.address, talk.client.port, ODD, 77, 0, SYN)))
    talk.open()


def open_refused(talk):
    """A SYN is refused, the next one is not."""
    other = talk.client.isn
    talk.client.isn = 33_000_000
    talk.forge(talk.client, SYN, at=-1)
    talk.put(wire.ipv4(talk.server.address, talk.client.address, wire.tcp(talk.server.address, talk.client.address, ODD, talk.client.port, 0, 33_000_001, RST | ACK)))
    talk.client.isn = other
    talk.open()


def refuse_falsely(talk):
    """Somebody else refuses the SYN; the server does not."""
    talk.forge(talk.client, SYN, at=-1)
    talk.put(wire.ipv4(talk.server.address, talk.client.address, wire.tcp(talk.server.address, talk.client.address, ODD, talk.client.port, 0, talk.client.isn + 1, RST | ACK)))
    talk.forge(talk.server, SYN | ACK, at=-1)
    talk.acknowledge(talk.client)


def open_answer_first(talk):
    """The capture shows the answer before the SYN."""
    talk.forge(talk.server, SYN | ACK, at=-1)
    talk.forge(talk.client, SYN, at=-1)
    talk.acknowledge(talk.client)


def open_without_syn(talk):
    talk.forge(talk.server, SYN | ACK, at=-1)
    talk.acknowledge(talk.client)


def open_with_data(talk):
    """TCP Fast Open, with something that the server does not take."""
    talk.open(syn_payload=b"xyz")


def open_with_a_forged_answer(talk):
    """What looks like a web server's answer has a bad checksum, or lies where no window reaches."""
    talk.open()
    talk.forge(talk.server, PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", bad_checksum=True)
    talk.forge(talk.server, PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n", at=900_000_000)
    talk.forge(talk.client, RST, at=900_000_000)


def open_and_wait(talk):
    """The server thinks for long; keep-alives meanwhile."""
    talk.open()
    for _ in range(5):
        talk.now += 60_000_000
        talk.forge(talk.client, ACK, at=-1)
        talk.acknowledge(talk.server)


STIRRED = [open_twice, open_after_another, open_refused, refuse_falsely, open_answer_first, open_without_syn, open_with_data, open_with_a_forged_answer, open_and_wait]


@pytest.mark.parametrize("change", STIRRED, ids=lambda change: change.__name__)
def test_mail_is_found_however_it_began(change):
    talk = stir(change)
    found, health = replay([talk], "--any-port")
    (session,) = (one for one in found if "smtp" in one)
    check_mail(session)
    assert health["claimed"] == 1
    # Where its port says what it is, it is followed from its first segment on: nothing may be told otherwise.
    (followed,) = (one for one in replay([talk], "--ports", str(ODD))[0] if "smtp" in one)
    assert told([session]) == told([followed])


def test_a_greeting_before_its_handshake():
    talk = mail()
    banner = next(i for i, (_, frame) in enumerate(talk.frames) if b"220 mx" in frame)
    for places in ((0, banner), (1, banner), (2, banner)):
        frames = [frame for _, frame in talk.frames]
        first, second = places
        frames[first], frames[second] = frames[second], frames[first]
        source = wire.pcap([(wire.START_US + i * 1000, frame) for i, frame in enumerate(frames)])
        anywhere, on_port = (run(["-r", "-", "--home-net", "10.0.0.0/8", *args], source)[0] for args in (("--any-port",), ("--ports", str(ODD))))
        assert len(anywhere) == 1 and anywhere[0]["smtp"]["helo"] == "out.example.org"
        assert told(anywhere) == told(on_port), places


def test_every_cut_of_mail_that_began_before_the_capture():
    frames = mail().frames
    for skipped in range(len(frames) - 12):
        source = wire.pcap(frames[skipped:])
        anywhere, on_port = (run(["-r", "-", "--home-net", "10.0.0.0/8", *args], source)[0] for args in (("--any-port",), ("--ports", str(ODD))))
        evident = [session for session in on_port if session.get("smtp", {}).get("helo")]
        assert len(anywhere) >= len(evident), skipped
        if skipped < 3:
            assert told(anywhere) == told(on_port), skipped


def test_a_flood_of_new_connections_moves_no_answered_one_out(tmp_path):
    """More SYNs than there is room for, while a server takes its time to greet."""
    config = tmp_path / "config.yaml"
    config.write_text("any-port: yes\nlimits:\n  new-flows: 1000\n")
    talk = Talk(dport=ODD)
    talk.open()
    start = talk.now
    flood = []
    for i in range(20000):
        source = bytes([11, i >> 16, i >> 8 & 255, i & 255])
        flood.append((start + i * 100, wire.ipv4(source, talk.server.address, wire.tcp(source, talk.server.address, 1024 + i, 8080, i * 7, 0, SYN))))
    talk.now = start + 20_000_000
    talk.say(talk.server, b"220 mx.example.net ESMTP\r\n")
    talk.say(talk.client, b"EHLO out.example.org\r\n")
    talk.say(talk.server, b"250-mx.example.net\r\n250 SIZE 1000\r\n")
    talk.send_mail()
    talk.quit()
    sessions, health = run(["-r", "-", "--config", config, "--home-net", "10.0.0.0/8"], wire.pcap(sorted(talk.frames + flood)))
    (session,) = sessions
    check_mail(session)
    assert health["newcomers_forgotten"] > 15000 and health["flows"] == 20001 and health["flows_peak"] < 10
    assert session["capture"]["packets"] == len(talk.frames)


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
