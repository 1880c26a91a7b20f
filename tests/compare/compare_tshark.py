#!/usr/bin/python3
"""Compares the sensor's facts with those that tshark states about the same captures.

    compare_tshark.py SENSOR CAPTURE... [--verbose]

Only what tshark states is compared: where it is silent (it gives up on some pipelined commands), so is this script.
Where it speaks, every disagreement is shown and counts, whoever is right. Where scenario.json lies beside a capture,
its "args" are the sensor's. known.json tells, by scenario and fact, where the two are known to differ and why; such a
difference is printed with its reason and does not count, and a reason that no longer holds counts as a difference.
Exit: 0 no other difference, 1 differences, 2 wrong usage or a program failed.
"""

import argparse
import collections
import dataclasses
import hashlib
import ipaddress
import json
import pathlib
import re
import subprocess
import sys

# Separators that occur in no field.
BETWEEN_FIELDS, BETWEEN_VALUES = "\x1f", "\x1e"
FIELDS = ("frame.number", "tcp.stream", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "tcp.flags", "tcp.len", "smtp.command_line", "smtp.response", "tls.handshake.type", "tls.handshake.version",
          "tls.handshake.extensions.supported_version", "tls.handshake.extensions_server_name", "tls.handshake.ja3",
          "tls.handshake.ja3s", "tls.handshake.certificate", "x509af.serialNumber")
# Ports that tshark takes for SMTP, or for TLS with SMTP inside, without being told.
PORTS_KNOWN_TO_TSHARK = {25, 465, 587}
# The sensor's ports unless it is told others; TLS elsewhere is none of its business.
MAIL_PORTS = PORTS_KNOWN_TO_TSHARK | {2525}
CLIENT_HELLO, SERVER_HELLO = "1", "2"
TLS_VERSIONS = {"0x0300": "SSL 3.0", "0x0301": "TLS 1.0", "0x0302": "TLS 1.1", "0x0303": "TLS 1.2", "0x0304": "TLS 1.3"}
# EVE writes the first TLS so.
EVE_NAMES = {"TLSv1": "TLS 1.0", "SSLv3": "SSL 3.0"}
KNOWN = pathlib.Path(__file__).with_name("known.json")
FACTS = ("helo", "mail_from", "rcpt_to", "starttls reply", "version", "sni", "ja3", "ja3s", "certificate sha256",
         "certificate serial")


class ProgramFailed(Exception):
    """tshark or the sensor could not be asked."""


@dataclasses.dataclass
class Stream:
    """What tshark states of one TCP stream. A fact may have several values where its message came several times (a
    second ClientHello after HelloRetryRequest); the sensor is right with one of them. Addresses must all be there."""

    ends: frozenset
    facts: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))
    client: tuple = None
    # Commands of the client's last packet that wait for their reply, as (verb, address or None).
    waiting: list = dataclasses.field(default_factory=list)


def run(command, directory=None):
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ProgramFailed(f"{command[0]}: exit status {done.returncode}: {' '.join(last)}")
    return done.stdout.decode("utf-8", "replace")


# --- what tshark says --------------------------------------------------------------------------------------------


def ask_tshark(capture, ports):
    """tshark's facts: stream number -> Stream."""
    command = ["tshark", "-r", str(capture), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields",
               "-o", "tcp.reassemble_out_of_order:TRUE", "-E", "separator=" + BETWEEN_FIELDS,
               "-E", "aggregator=" + BETWEEN_VALUES]
    for port in sorted(ports - PORTS_KNOWN_TO_TSHARK):
        command += ["-d", f"tcp.port=={port},smtp"]
    for field in FIELDS:
        command += ["-e", field]
    streams = {}
    for line in run(command).split("\n"):
        if line:
            columns = [column.split(BETWEEN_VALUES) if column else [] for column in line.split(BETWEEN_FIELDS)]
            take_frame(streams, dict(zip(FIELDS, columns)))
    return streams


def take_frame(streams, frame):
    source, destination = (end(frame, side) for side in ("src", "dst"))
    stream = streams.setdefault(int(frame["tcp.stream"][-1]), Stream(frozenset((source, destination))))
    is_syn = int(frame["tcp.flags"][-1], 16) & 0x12 == 0x02
    if is_syn or frame["smtp.command_line"] or CLIENT_HELLO in frame["tls.handshake.type"]:
        stream.client = stream.client or source
    if stream.client == source:
        take_client(stream, frame)
    else:
        take_server(stream, frame)


def end(frame, side):
    """Address and port of one side. In a tunnel the inner address comes last."""
    address = (frame["ip." + side] + frame["ipv6." + side])[-1]
    return str(ipaddress.ip_address(address)), int(frame[f"tcp.{side}port"][-1])


def take_client(stream, frame):
    if frame["tcp.len"] and frame["tcp.len"][-1] != "0":
        stream.waiting = []
    for line in frame["smtp.command_line"]:
        stream.waiting.append(take_command(stream, line.removesuffix("\\n").removesuffix("\\r").rstrip("\r\n")))
    if CLIENT_HELLO in frame["tls.handshake.type"]:
        stream.facts["sni"] += frame["tls.handshake.extensions_server_name"]
        stream.facts["ja3"] += frame["tls.handshake.ja3"]


def take_command(stream, line):
    """Notes what the command says; returns its verb and, of MAIL and RCPT, the address."""
    greeting = re.fullmatch(r"(?:HELO|EHLO|LHLO)\s+(\S+)\s*", line, re.IGNORECASE)
    if greeting:
        # The sensor keeps the last name, as servers do.
        stream.facts["helo"] = [greeting[1]]
    for verb, fact in (("MAIL FROM", "mail_from"), ("RCPT TO", "rcpt_to")):
        found = re.match(verb + r":\s*(?:<([^>]*)>|(\S*))", line, re.IGNORECASE)
        if found:
            address = found[1] if found[1] is not None else found[2]
            stream.facts[fact].append(address)
            return verb, address
    return line.upper().strip(), None


def take_reply(stream, code):
    """A reply to the first of the commands that wait. A transaction that the server never began is none (RFC 5321 4.1.1.2)."""
    if not stream.waiting:
        return
    verb, address = stream.waiting.pop(0)
    if verb == "STARTTLS":
        stream.facts["starttls reply"].append(code)
    elif verb == "MAIL FROM" and code[:1] in "45":
        stream.facts["mail_from"].remove(address)
    elif verb == "RCPT TO" and code == "503":
        stream.facts["rcpt_to"].remove(address)


def take_server(stream, frame):
    for response in frame["smtp.response"]:
        take_reply(stream, response[:3])
    types = frame["tls.handshake.type"]
    if SERVER_HELLO in types:
        chosen = frame["tls.handshake.extensions.supported_version"] or frame["tls.handshake.version"]
        stream.facts["version"] += [TLS_VERSIONS.get(value, value) for value in chosen[:1]]
        stream.facts["ja3s"] += frame["tls.handshake.ja3s"]
    if frame["tls.handshake.certificate"] and not stream.facts["certificate sha256"]:
        leaf = bytes.fromhex(frame["tls.handshake.certificate"][0].replace(":", ""))
        stream.facts["certificate sha256"].append(hashlib.sha256(leaf).hexdigest())
        stream.facts["certificate serial"] += [hexadecimal(serial) for serial in frame["x509af.serialNumber"][:1]]


def hexadecimal(number):
    """A number in any of the usual hexadecimal spellings, in one of them."""
    return str(number).lower().removeprefix("0x").replace(":", "").lstrip("0") or "0"


# --- what the sensor says ----------------------------------------------------------------------------------------


def ask_sensor(sensor, capture, arguments):
    """The last record of each session, by its ends, in the order in which the sessions began."""
    text = run([sensor, "-r", str(capture), "-o", "json", *arguments], capture.parent)
    records = {}
    for line in filter(None, text.split("\n")):
        try:
            event = json.loads(line)
        except ValueError:
            raise ProgramFailed(f"{sensor}: writes what is not JSON: {line[:80]}") from None
        if event.get("event_type") == "session":
            records[(event.get("session_id"), event.get("sensor"))] = event
    sessions = collections.defaultdict(list)
    for event in sorted(records.values(), key=lambda event: event.get("start", "")):
        ends = frozenset((str(ipaddress.ip_address(event[side + "_ip"])), event[side + "_port"])
                         for side in ("src", "dest"))
        sessions[ends].append(event)
    return sessions


def sensor_facts(event):
    """The record's facts under the names of FACTS: each a list."""
    smtp, tls = event.get("smtp", {}), event.get("tls", {})
    messages = smtp.get("messages", [])
    recipients = [address for message in messages for address in message.get("rcpt_to", []) + message.get("rcpt_unanswered", [])]
    recipients += [refused["rcpt"] for message in messages for refused in message.get("rcpt_rejected", [])]
    version = tls.get("version")
    single = {"helo": smtp.get("helo"), "starttls reply": smtp.get("starttls", {}).get("reply_code"),
              "version": EVE_NAMES.get(version, version), "sni": tls.get("sni"),
              "ja3": tls.get("ja3", {}).get("hash"), "ja3s": tls.get("ja3s", {}).get("hash"),
              "certificate sha256": tls.get("certificate", {}).get("sha256"),
              "certificate serial": hexadecimal(tls["serial"]) if "serial" in tls else None}
    facts = {name: [] if value is None else [str(value).replace(":", "") if "sha256" in name else str(value)]
             for name, value in single.items()}
    facts["mail_from"] = [message["mail_from"].strip("<>") for message in messages if "mail_from" in message]
    facts["rcpt_to"] = [address.strip("<>") for address in recipients]
    return facts


# --- comparison --------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Tally:
    agreed: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    differing: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    known: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    lines: list = dataclasses.field(default_factory=list)

    def note(self, agrees, fact, line, reason):
        """Counts a fact; `reason` says why a difference is known, None that it is not."""
        if agrees:
            self.agreed[fact] += 1
            return
        (self.differing if reason is None else self.known)[fact] += 1
        self.lines.append(line if reason is None else f"{line} (known: {reason})")


def compare_stream(tally, where, stated, found, known):
    """One stream's facts; `found` is None where the sensor reports no such session, `known` are reasons by fact."""
    for fact in FACTS:
        values = stated.get(fact, [])
        theirs = [] if found is None else list(found[fact])
        tail = "no session" if found is None else json.dumps(theirs)
        if fact in ("mail_from", "rcpt_to"):
            theirs = [as_tshark_writes(value) for value in theirs]
            for value in values:
                agrees = value in theirs
                if agrees:
                    theirs.remove(value)
                tally.note(agrees, fact, f"{where}: {fact}: tshark {json.dumps(value)}, sensor {tail}", known.get(fact))
        elif values:
            tally.note(bool(set(values) & set(theirs)), fact,
                       f"{where}: {fact}: tshark {json.dumps(values)}, sensor {tail}", known.get(fact))


def as_tshark_writes(address):
    """tshark 4.0 reads SMTP as ASCII and writes U+FFFD for every byte above it."""
    return "".join(letter if letter.isascii() else "\ufffd" * len(letter.encode()) for letter in address)


def compare_capture(tally, sensor, capture, known, verbose):
    told = capture.parent / "scenario.json"
    arguments = json.loads(told.read_text(encoding="utf-8")).get("args", []) if told.is_file() else []
    ports = listed_ports(arguments) or MAIL_PORTS
    streams = ask_tshark(capture, ports)
    sessions = ask_sensor(sensor, capture, arguments)
    name = capture.parent.name if told.is_file() else capture.name
    reasons = known.get(name, {})
    before = tally.known.copy()
    for number, stream in sorted(streams.items()):
        same_ends = sessions.get(stream.ends, [])
        event = same_ends.pop(0) if same_ends else None
        if not any(stream.facts.values()) or not {port for _, port in stream.ends} & ports:
            continue
        found = None if event is None else sensor_facts(event)
        compare_stream(tally, f"{name} stream {number}", stream.facts, found, reasons)
        if verbose:
            print(f"{name} stream {number}: {json.dumps(stream.facts)}")
    for fact in reasons:
        if tally.known[fact] == before[fact]:
            tally.note(False, fact, f"{name}: {fact}: known.json tells of a difference that is none", None)


def listed_ports(arguments):
    """Ports that a scenario tells the sensor to watch."""
    for at, argument in enumerate(arguments[:-1]):
        if argument == "--ports":
            return {int(port) for port in arguments[at + 1].split(",")}
    return set()


def print_table(tally):
    print(f"{'fact':<22}{'compared':>10}{'agreed':>10}{'differing':>10}{'known':>10}")
    for fact in FACTS:
        counts = (tally.agreed[fact], tally.differing[fact], tally.known[fact])
        print(f"{fact:<22}" + "".join(f"{count:>10}" for count in (sum(counts), *counts)))


def main():
    parser = argparse.ArgumentParser(description="Compare the sensor's facts with tshark's.")
    parser.add_argument("sensor", type=pathlib.Path)
    parser.add_argument("captures", type=pathlib.Path, nargs="+", metavar="CAPTURE")
    parser.add_argument("--verbose", action="store_true", help="print what tshark states")
    options = parser.parse_args()
    tally = Tally()
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    failed = 0
    for capture in options.captures:
        try:
            compare_capture(tally, str(options.sensor.resolve()), capture.resolve(), known, options.verbose)
        except (OSError, ProgramFailed) as error:
            print(f"compare_tshark.py: {capture}: {error}", file=sys.stderr)
            failed += 1
    for line in tally.lines:
        print(line)
    print_table(tally)
    compared = sum(tally.agreed.values()) + len(tally.lines)
    if not compared:
        print("nothing was compared: tshark states no fact about these captures")
    if failed:
        return 2
    return 1 if tally.differing or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
