"""A mirror port in network namespaces: hosts on two sides of a bridge that forgets at once where anybody is, and so sends every frame to every port, also
to the one on which the sensor listens.

    inside (10.1.0.25)  ---  bridge in "middle"  ---  outside (192.0.2.25)
                                  |
                                 tap               the sensor's interface
"""
import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "lab"))  # behind its own: the lab has files of the same names
import namespaces  # noqa: E402
from namespaces import run  # noqa: E402

SENSOR = os.environ.get("MXTAP_SENSOR", "")
PREFIX = f"mxtaplive{os.getpid()}-"
SIDES = {"inside": ["10.1.0.25/32", "2001:db8:1::25/128"], "outside": ["192.0.2.25/32", "2001:db8:2::25/128"]}
WAIT = 20  # seconds for what ought to come at once: the machine may be busy
LARGEST_MTU = 65000


def in_namespace(side, *command):
    return namespaces.command_in(PREFIX + side, *command)


def ip(side, *arguments, check=True):
    return run("ip", "-n", PREFIX + side, *arguments, check=check)


def entered(side):
    """Sockets that this thread opens meanwhile belong to that side, and stay there."""
    return namespaces.entered(PREFIX + side)


def add_tap():
    """The mirror port: one end in the bridge, the other for the sensor."""
    ip("middle", "link", "add", "mirror", "mtu", str(LARGEST_MTU), "type", "veth", "peer", "name", "tap")
    ip("middle", "link", "set", "tap", "mtu", str(LARGEST_MTU), "up")
    ip("middle", "link", "set", "mirror", "master", "bridge", "up")


def build():
    tear_down()
    for side in ("inside", "middle", "outside"):
        run("ip", "netns", "add", PREFIX + side)
        run(*in_namespace(side, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"))
        ip(side, "link", "set", "lo", "up")
    ip("middle", "link", "add", "bridge", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0")
    ip("middle", "link", "set", "bridge", "up")
    for side, addresses in SIDES.items():
        ip("middle", "link", "add", side, "type", "veth", "peer", "name", "eth0", "netns", PREFIX + side)
        ip("middle", "link", "set", side, "master", "bridge", "up")
        ip(side, "link", "set", "eth0", "up")
        for address in addresses:
            ip(side, "addr", "add", address, "dev", "eth0")
        ip(side, "route", "add", "default", "dev", "eth0")
        ip(side, "-6", "route", "add", "default", "dev", "eth0")
    add_tap()


def tear_down():
    for side in ("inside", "middle", "outside"):
        run("ip", "netns", "del", PREFIX + side, check=False)


@contextlib.contextmanager
def span():
    try:
        build()
        yield
    finally:
        tear_down()


class Sensor:
    """The sensor on an interface of the middle, its events as they come: a context manager."""

    def __init__(self, *options, interface="tap", output="json"):
        self.command = in_namespace("middle", SENSOR, "-i", interface, "-o", output, *options)
        self.events, self.errors, self.lines = [], [], queue.Queue()

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.readers = [threading.Thread(target=self._read_events), threading.Thread(target=self._read_errors)]
        for reader in self.readers:
            reader.start()
        self.wait_for(lambda: any("listening on" in line for line in self.errors) or self.process.poll() is not None, "to listen")
        if self.process.poll() is not None:
            self.__exit__()
            raise RuntimeError("the sensor does not run: " + "".join(self.errors))
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read_events(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line) if line.startswith("{") else line)

    def _read_errors(self):
        self.errors.extend(iter(self.process.stderr.readline, ""))

    def wait_for(self, is_there, what):
        """Until is_there() answers something; that."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            found = is_there()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"waited {WAIT} s for the sensor {what}; events: {self.kinds()}; stderr: {''.join(self.errors)}")

    def kinds(self):
        return [event["event_type"] if isinstance(event, dict) else event for event in self.events]

    def of_kind(self, kind):
        return [event for event in self.events if event["event_type"] == kind]

    def sessions(self, is_final=True):
        return [event for event in self.of_kind("session") if event["final"] == is_final]

    def alert(self, rule):
        """The alert of that rule, once it is told."""
        return self.wait_for(lambda: next((alert for alert in self.of_kind("alert") if alert["mxtap"]["rule"] == rule), None), f"to tell {rule}")

    def stop(self, number=signal.SIGTERM):
        """Asks it to leave; its exit status and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(timeout=WAIT)
        for reader in self.readers:
            reader.join()
        return status, time.monotonic() - began


class Server:
    """A scripted mail server on the outside, for one connection at a time: answers[verb] is what it says, in turn."""

    GREETING = "220 mx.example.net ESMTP\r\n"

    def __init__(self, ehlo, answers=None, address="192.0.2.25", port=25):
        self.answers = {"EHLO": ehlo, "DATA": "354 go ahead\r\n", ".": "250 2.0.0 queued\r\n", "QUIT": "221 bye\r\n", **(answers or {})}
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with entered("outside"):
            self.listener = socket.create_server((address, port), family=family)
        self.listener.settimeout(WAIT)

    def __enter__(self):
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.thread.join()
        self.listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, connection.makefile("rb") as lines:
                    connection.settimeout(WAIT)
                    connection.sendall(self.GREETING.encode())
                    with contextlib.suppress(OSError):
                        self._speak(connection, lines)

    def _speak(self, connection, lines):
        is_body = False
        for line in lines:
            verb = line.strip().decode("ascii", "replace").upper().split(" ")[0].split(":")[0]
            if is_body and verb != ".":
                continue
            connection.sendall(self.answers.get(verb, "250 2.0.0 ok\r\n").encode())
            is_body = verb == "DATA"
            if verb == "QUIT":
                return


class Client:
    """A scripted client on the inside: say() waits for the whole answer."""

    def __init__(self, address="192.0.2.25", port=25):
        with entered("inside"):
            self.socket = socket.create_connection((address, port), timeout=WAIT)
        self.lines = self.socket.makefile("rb")
        self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def answer(self):
        while True:
            line = self.lines.readline()
            if line[3:4] != b"-":
                return line.decode()

    def say(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())
        return self.answer()

    def port(self):
        return self.socket.getsockname()[1]

    def mail(self):
        for line in ("MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.net>", "DATA"):
            self.say(line)
        return self.say("Subject: hello", "", "Hello.", ".")


def inject(frames, pause=0.0):
    """Frames into the mirror port as a switch would send them."""
    with entered("middle"), contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as link:
        link.bind(("mirror", 0))
        for frame in frames:
            link.send(frame)
            if pause:
                time.sleep(pause)
