"""
Planted secrets: sessions whose bodies, passwords and other answers to AUTH are marked, told in every way that bodies and passwords come. No output of any kind may hold a mark, plain, in base64
or in a piece. $MXTAP_SENSOR is the sensor.
"""

import base64
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from wire import Conversation, write  # noqa: E402

SENSOR = os.environ["MXTAP_SENSOR"]
MARK = "Zq7Vw3Kx9Jh5"  # no word of any protocol; long enough that a piece of it is no accident
PIECE = 6  # bytes of a mark, or of its base64, that count as a leak


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


PLAIN = b64(f"\0{MARK}user\0{MARK}pass")


def needles():
    """Every piece of a mark as it may stand in an output: as it is, in capitals or not, in base64 at each of its three alignments, in hex."""
    forms = {MARK, MARK.upper(), MARK.lower(), MARK.encode().hex(), MARK.encode().hex().upper(), PLAIN}
    for shift in range(3):
        encoded = b64(b"\0" * shift + MARK.encode())
        forms.add(encoded[4 if shift else 0 : -4])
    return {form[at : at + PIECE].encode() for form in forms for at in range(len(form) - PIECE + 1)}


NEEDLES = needles()


def leaks(data):
    return sorted(needle for needle in NEEDLES if needle in data)


def greeted(**how):
    talk = Conversation(**how)
    talk.server("220 mx.example.net ESMTP\r\n").client("EHLO out.example.org\r\n")
    return talk.server("250-mx.example.net\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n")


def envelope(talk):
    talk.client("MAIL FROM:<alice@example.org>\r\n").server("250 ok\r\n")
    return talk.client("RCPT TO:<bob@example.net>\r\n").server("250 ok\r\n")


TEXT = f"Subject: {MARK}\r\n\r\n{MARK} text\r\n..{MARK}\r\nQUIT {MARK}\r\n{b64(MARK * 3)}\r\n{MARK}"
BODY = f"{TEXT}\r\nMAIL FROM:<{MARK}@x>\r\n{MARK}"  # not where the line is a command for all that anybody, the server too, can know


def data(cut=None, twice=False, refused=False, lost_354=False):
    talk = envelope(greeted()).client("DATA\r\n")
    talk.server("554 no\r\n" if refused else "354 go\r\n", lost=lost_354)
    talk.client(BODY + "\r\n.\r\n", cut=cut, twice=twice)
    return talk.server("250 queued\r\n").client("QUIT\r\n").server("221 bye\r\n").close()


def auth(*lines, replies=("334 ", "334 ", "535 5.7.8 no\r\n"), cut=None, twice=False, lost=()):
    talk = greeted()
    for number, line in enumerate(lines):
        talk.client(line + "\r\n", cut=cut, twice=twice)
        reply = replies[min(number, len(replies) - 1)]
        talk.server(reply if reply.endswith("\r\n") else f"{reply}{b64('more')}\r\n", lost=number in lost)
    talk = envelope(talk).client("DATA\r\n").server("354 go\r\n").client(BODY + "\r\n.\r\n").server("250 ok\r\n")
    return talk.client("QUIT\r\n").server("221 bye\r\n").close()


def bdat(cut=None, announced=None):
    body = (TEXT if announced else BODY).encode()
    talk = envelope(greeted())
    talk.client(f"BDAT {announced or len(body)}\r\n".encode() + body, cut=cut).server("250 ok\r\n")
    talk.client(f"BDAT {len(MARK)} LAST\r\n{MARK}").server("250 queued\r\n")
    return talk.client("QUIT\r\n").server("221 bye\r\n").close()


def pipelined():
    talk = greeted()
    talk.client("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n").server("250 ok\r\n250 ok\r\n354 go\r\n")
    talk.client(BODY + "\r\n.\r\nQUIT\r\n").server("250 ok\r\n221 bye\r\n")
    return talk.close()


def body_in_one_flight_with_its_commands():
    talk = greeted()
    talk.client(f"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n{BODY}\r\n.\r\nQUIT\r\n")
    return talk.server("250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 bye\r\n").close()


def smuggled(mark="\n.\n"):
    talk = envelope(greeted()).client("DATA\r\n").server("354 go\r\n")
    talk.client(f"Subject: x\r\n\r\n{MARK}{mark}MAIL FROM:<{MARK}@example.org>\r\nRCPT TO:<b@x>\r\nDATA\r\n{BODY}\r\n.\r\n")
    return talk.server("250 queued\r\n").client("QUIT\r\n").server("221 bye\r\n").close()


def out_of_order():
    talk = envelope(greeted()).client("DATA\r\n").server("354 go\r\n")
    talk.client(BODY + "\r\n.\r\n", cut=20)
    talk.swap(-1, -3).swap(-4, -6)
    return talk.server("250 queued\r\n").client("QUIT\r\n").server("221 bye\r\n").close()


def conflicting():
    talk = envelope(greeted()).client("DATA\r\n").server("354 go\r\n")
    talk.client("innocent text, which is replaced by other\r\n").again("c", 43, (MARK * 4)[:43].encode())
    talk.client("more\r\n.\r\n")
    return talk.server("250 queued\r\n").close()


def conflicting_command():
    talk = greeted().client("NOOP\r\n").again("c", 6, MARK[:6].encode()).server("250 ok\r\n")
    talk = envelope(talk).client("DATA\r\n").server("354 go\r\n").client(BODY + "\r\n.\r\n")
    return talk.server("250 queued\r\n").close()


def midstream_body():
    talk = Conversation(has_handshake=False)
    talk.client(f"{TEXT}\r\n{TEXT}", cut=100).client("\r\n.\r\n").server("250 queued\r\n")
    return envelope(talk).client("DATA\r\n").server("354 go\r\n").client(BODY + "\r\n.\r\n").server("250 ok\r\n").close()


def one_sided():
    talk = Conversation()
    for line in ["EHLO out.example.org", "AUTH LOGIN", b64(MARK + "user"), b64(MARK + "pass"), "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA"]:
        talk.client(line + "\r\n").server("250 ok\r\n", lost=True)
    return talk.client(BODY + "\r\n.\r\n").client("QUIT\r\n").close()


def gap_before_body():
    talk = envelope(greeted()).client("DATA\r\n", lost=True).server("354 go\r\n", lost=True)
    return talk.client(BODY + "\r\n.\r\n").server("250 queued\r\n").client("QUIT\r\n").close()


def gap_in_body():
    talk = envelope(greeted()).client("DATA\r\n").server("354 go\r\n").client(BODY + "\r\n").client("lost\r\n.\r\n", lost=True)
    return talk.client(BODY + "\r\n").server("250 queued\r\n").client("QUIT\r\n").close()


def echoing_server():
    talk = greeted().client(f"{MARK}\r\n").server(f'500 5.5.1 Command unrecognized: "{MARK}"\r\n')
    talk.client(f"{MARK}\r\n").server(f"502 5.5.2 What is {MARK}\r\n")
    talk.client(f"AUTH PLAIN {PLAIN}\r\n").server(f"535 5.7.8 Error: authentication failed: {PLAIN}\r\n")
    return data_after(talk)


def data_after(talk):
    talk = envelope(talk).client("DATA\r\n").server("354 go\r\n").client(BODY + "\r\n.\r\n")
    return talk.server("250 queued\r\n").client("QUIT\r\n").server("221 bye\r\n").close()


def tls_payload():
    talk = greeted().client("STARTTLS\r\n").server("220 go\r\n")
    record = bytes.fromhex("170303") + len(MARK * 20).to_bytes(2, "big") + (MARK * 20).encode()
    return talk.client(record).server(record).client(record).close()


def injected():
    talk = greeted().client(f"STARTTLS\r\nMAIL FROM:<{MARK}@x>\r\n{MARK}\r\n").server("220 go\r\n")
    return talk.client(bytes.fromhex("16030100050100000100")).close()


def another_protocol(*said):
    """On the mail port; "c" in front of what the client says, "s" of what the server does."""
    talk = Conversation()
    for line in said:
        talk.say(line[0], line[1:])
    return talk.close()


def padded():
    """A short frame's padding, which is no part of the packet."""
    talk = data()
    talk.frames = [(time, frame + MARK.encode()) for time, frame in talk.frames]
    return talk


STORIES = {
    "body": data,
    "body cut": lambda: data(cut=7),
    "body byte by byte": lambda: data(cut=1),
    "body twice": lambda: data(cut=30, twice=True),
    "body refused": lambda: data(refused=True),
    "body whose 354 is lost": lambda: data(lost_354=True),
    "plain": lambda: auth(f"AUTH PLAIN {PLAIN}"),
    "plain accepted": lambda: auth(f"AUTH PLAIN {PLAIN}", replies=("235 ok\r\n",)),
    "plain cut": lambda: auth(f"AUTH PLAIN {PLAIN}", cut=5),
    "plain cut within the word": lambda: auth(f"AUTH PLAIN {PLAIN}", cut=13),
    "plain twice": lambda: auth(f"AUTH PLAIN {PLAIN}", cut=9, twice=True),
    "plain continued": lambda: auth("AUTH PLAIN", PLAIN, replies=("334 ", "235 ok\r\n")),
    "plain in small letters": lambda: auth(f"auth plain {PLAIN}"),
    "without a mechanism": lambda: auth(f"AUTH {PLAIN}"),
    "unknown mechanism": lambda: auth(f"AUTH {MARK} {PLAIN}"),
    "login": lambda: auth("AUTH LOGIN", b64(MARK + "user"), b64(MARK + "pass")),
    "login with user": lambda: auth(f"AUTH LOGIN {b64(MARK)}", b64(MARK + "pass"), replies=("334 ", "235 ok\r\n")),
    "login cut": lambda: auth("AUTH LOGIN", b64(MARK + "user"), b64(MARK + "pass"), cut=4),
    "login, challenge lost": lambda: auth("AUTH LOGIN", b64(MARK + "user"), b64(MARK + "pass"), lost=(0,)),
    "cram-md5": lambda: auth("AUTH CRAM-MD5", b64(f"{MARK} " + "0" * 32), replies=("334 ", "235 ok\r\n")),
    "xoauth2": lambda: auth("AUTH XOAUTH2 " + b64(f"user={MARK}\1auth=Bearer {MARK}\1\1"), replies=("334 ", "535 no\r\n")),
    "ntlm": lambda: auth("AUTH NTLM", b64(MARK * 2), b64(MARK * 3)),
    "digest-md5": lambda: auth("AUTH DIGEST-MD5", b64(f'username="{MARK}",response={MARK}'), ""),
    "scram": lambda: auth("AUTH SCRAM-SHA-256 " + b64(f"n,,n={MARK},r={MARK}"), b64(f"c=biws,r={MARK},p={MARK}")),
    "exchange": lambda: auth(f"X-EXPS LOGIN {b64(MARK)}", b64(MARK)),
    "password as a command": lambda: auth(f"USER {MARK}", f"PASS {MARK}", f"{MARK}", replies=("500 what?\r\n",)),
    "password as an argument": lambda: auth(f"NOOP {MARK}", f"HELP {MARK}", f"VRFY {MARK}", f"RSET {MARK}", replies=("250 ok\r\n",)),
    "xclient": lambda: auth(f"XCLIENT NAME=x LOGIN={MARK}", replies=("220 ok\r\n",)),
    "bdat": bdat,
    "bdat cut": lambda: bdat(cut=11),
    "bdat that lies": lambda: bdat(announced=20),
    "pipelined": pipelined,
    "one flight": body_in_one_flight_with_its_commands,
    "smuggled lf": smuggled,
    "smuggled cr": lambda: smuggled("\r.\r"),
    "smuggled mixed": lambda: smuggled("\n.\r\n"),
    "out of order": out_of_order,
    "conflicting": conflicting,
    "conflicting command": conflicting_command,
    "midstream": midstream_body,
    "one-sided": one_sided,
    "gap before body": gap_before_body,
    "gap in body": gap_in_body,
    "echoing server": echoing_server,
    "tls payload": tls_payload,
    "injected": injected,
    "padding": padded,
    "http": lambda: another_protocol(f"cGET /{MARK}?key={MARK} HTTP/1.1\r\nHost: {MARK}\r\nAuthorization: Basic {PLAIN}\r\n\r\n", f"sHTTP/1.1 200 OK\r\n\r\n{MARK}\r\n"),
    "http, joined": lambda: another_protocol(f"cPOST{MARK} /{MARK}HTTP/1.1\r\n{MARK}SSH-2.0-{MARK}\r\n\r\n", f"sHTTP/1.1 200 OK\r\n+OK{MARK}\r\n"),
    "pop3": lambda: another_protocol("s+OK ready\r\n", f"cUSER {MARK}\r\n", f"s+OK {MARK}\r\n", f"cPASS {MARK}\r\n", f"s+OK {MARK}\r\n", "cLIST\r\n", f"s{MARK}\r\n" * 30),
    "imap": lambda: another_protocol("s* OK IMAP4rev1 ready\r\n", f"ca LOGIN {MARK} {MARK}\r\n", f"sa OK {MARK}\r\n", f"c{MARK} LIST\r\n", f"s{MARK} OK\r\n"),
    "ssh": lambda: another_protocol("sSSH-2.0-x\r\n", "cSSH-2.0-y\r\n", f"c{MARK}", f"s{MARK}"),
}


def every_output(capture, folder, *more):
    """What each way of telling leaves behind, by name."""
    outputs = {}
    for form in ("text", "json"):
        for kept in ("kept.pcap", "kept.pcapng"):
            command = [SENSOR, "-r", capture, "-o", form, "-w", folder / kept, "--knowledge", folder / "knowledge.jsonl", *more]
            done = subprocess.run(list(map(str, command)), capture_output=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            outputs[f"{form} on stdout"], outputs[f"{form} on stderr"] = done.stdout, done.stderr
            outputs[kept] = (folder / kept).read_bytes()
    outputs["knowledge"] = (folder / "knowledge.jsonl").read_bytes()
    return outputs


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.replace(" ", "-"))
def test_no_output_holds_a_mark(story, tmp_path):
    capture = tmp_path / "in.pcap"
    write(capture, STORIES[story]())
    assert leaks(capture.read_bytes()) or story == "body byte by byte", "nothing was planted"
    outputs = every_output(capture, tmp_path)
    found = {name: leaks(data) for name, data in outputs.items() if leaks(data)}
    assert found == {}


def test_the_kept_packets_are_the_sessions(tmp_path):
    """Else an empty file would pass."""
    count = 0
    for story in STORIES.values():
        capture, kept = tmp_path / "in.pcap", tmp_path / "kept.pcap"
        write(capture, story())
        done = subprocess.run([SENSOR, "-r", capture, "-o", "json", "-w", kept], capture_output=True, timeout=60, check=True)
        has_findings = b'"findings":[{' in done.stdout
        count += has_findings
        assert (kept.stat().st_size > 24) == has_findings
    assert count > len(STORIES) * 3 // 4


def test_a_mark_that_is_told_is_found(tmp_path):
    """The search itself: a mark in the greeting, which is no secret, is in every output."""
    capture = tmp_path / "in.pcap"
    talk = Conversation()
    talk.server(f"220 {MARK} ESMTP\r\n").client(f"EHLO {MARK}\r\n").server("250 mx\r\n")
    write(capture, data_after(talk))
    outputs = every_output(capture, tmp_path)
    assert leaks(outputs["json on stdout"]) and leaks(outputs["kept.pcap"]) and leaks(outputs["kept.pcapng"])
    assert leaks(b"x" + b64(b"ab" + MARK.encode()).encode()) and leaks(PLAIN.encode())


def test_privacy_leaves_local_parts_out_of_everything(tmp_path):
    capture = tmp_path / "in.pcap"
    talk = greeted().client(f"MAIL FROM:<{MARK}@example.org>\r\n").server(f"250 <{MARK}@example.org> ok\r\n")
    talk.client(f'RCPT TO:<"{MARK} x"@example.net>\r\n').server("250 ok\r\n").client(f"RCPT TO:<{MARK}.y@example.net>\r\n").server(f"550 <{MARK}.y@example.net> no\r\n")
    talk.client(f"RCPT TO:<{MARK}z@example.net>\r\n").server(f"250-2.1.5 {MARK}z here\r\n250 2.1.5 for {MARK}Z.\r\n")
    talk.client(f"RCPT TO:<{MARK}w@example.net>\r\n", cut=11).server(f"550 5.1.1 User {MARK}w unknown\r\n", cut=9)
    talk.client(f"VRFY {MARK}v\r\n").server(f"252 {MARK}v may be\r\n")
    talk.client("AUTH LOGIN\r\n").server("334 VXNlcjo=\r\n").client(b64(MARK + "u") + "\r\n").server("334 UGFzczo=\r\n").client(b64("x") + "\r\n").server(f"535 no {MARK}u\r\n")
    talk.client("DATA\r\n").server("354 go\r\n").client("text\r\n.\r\n").server("250 ok\r\n")
    write(capture, talk.close())
    assert leaks(every_output(capture, tmp_path)["kept.pcap"]), "the addresses are there without --privacy"
    outputs = every_output(capture, tmp_path, "--privacy", "domains")
    assert {name: leaks(data) for name, data in outputs.items() if leaks(data)} == {}
    assert b"example.org" in outputs["kept.pcap"] and b"example.net" in outputs["json on stdout"]


@pytest.fixture
def all_stories(tmp_path):
    capture = tmp_path / "all.pcap"
    write(capture, *(story() for story in STORIES.values()))
    assert leaks(capture.read_bytes())
    return capture


def test_what_waits_on_disk_for_redis_holds_no_mark(all_stories, tmp_path):
    spool, config = tmp_path / "spool", tmp_path / "config.yaml"
    config.write_text(f"redis: {{url: 'unix:{tmp_path}/nobody-listens'}}\nspool: {{directory: '{spool}'}}\n", encoding="utf-8")
    done = subprocess.run([SENSOR, "-r", all_stories, "--config", config], capture_output=True, timeout=100, check=False)
    files = [file.read_bytes() for file in spool.rglob("*") if file.is_file()]
    assert b"session" in b"".join(files), done.stderr
    assert [leaks(data) for data in [*files, done.stdout, done.stderr] if leaks(data)] == []


@pytest.fixture
def redis(tmp_path):
    socket = tmp_path / "redis.sock"
    process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", tmp_path], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if socket.exists():
                break
            time.sleep(0.05)
        yield socket
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_what_goes_to_redis_holds_no_mark(all_stories, redis):
    done = subprocess.run([SENSOR, "-r", all_stories, "--redis", f"unix:{redis}"], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    events = subprocess.run(["redis-cli", "-s", redis, "--raw", "XRANGE", "mxtap:events", "-", "+"], capture_output=True, timeout=60, check=True).stdout
    assert events.count(b'"event_type":"session"') >= len(STORIES) - 5
    assert [leaks(data) for data in (events, done.stdout, done.stderr) if leaks(data)] == []
