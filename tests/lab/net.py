"""The lab's network: three namespaces in a row, and the tap between them.

    inside (10.1.0.0/16, ours)  ---  middle (router, tamperer)  ---  outside (the world)
                          link "inside"                      link "outside"

Captures are taken in the middle, on either link, where a SPAN port would sit. Every host address is a /32
(or /128) routed over the middle, so that two of our own hosts can be on different sides of it.
"""
import contextlib
import os
import signal
import socket
import subprocess
import time

import namespaces
from namespaces import run

PREFIX = "mxtaplab-"

# Addresses by side. 10.1.0.53 is ours too, but in another building: the hop to it is internal.
ADDRESSES = {
    "inside": ["10.1.0.25", "10.1.0.77", "2001:db8:1::25"],
    "outside": [
        "192.0.2.25",
        "192.0.2.26",
        "198.51.100.25",
        "203.0.113.25",
        "203.0.113.99",
        "10.1.0.53",
        "2001:db8:2::25",
    ],
}
GATEWAY = {"inside": "10.1.255.1", "outside": "203.0.113.1"}

HOSTS = """127.0.0.1 localhost
10.1.0.25 out.example.org
10.1.0.25 mx.example.org
10.1.0.53 relay.example.org
10.1.0.77 app.example.org
192.0.2.25 mx.example.net
192.0.2.26 b.mx.example.net
198.51.100.25 mx.example.com
203.0.113.25 out.example.com
203.0.113.99 scanner.example.com
203.0.113.25 mx.club.example.com
2001:db8:1::25 out6.example.org
2001:db8:2::25 mx6.example.net
"""


def in_namespace(side, *command):
    return namespaces.command_in(PREFIX + side, *command)


def entered(side):
    """Sockets this thread opens meanwhile belong to that side, and stay there."""
    return namespaces.entered(PREFIX + side)


def _sysctl(side, key, value):
    run(*in_namespace(side, "sh", "-c", f"echo {value} > /proc/sys/net/{key}"))


def _link(side):
    """Join one side to the middle."""
    outer, inner = f"{PREFIX}{side}", f"{PREFIX}middle"
    run("ip", "-n", outer, "link", "add", "eth0", "type", "veth", "peer", "name", side, "netns", inner)
    for where, device in ((side, "eth0"), ("middle", side)):
        # Without this the kernel leaves checksums to a card that is not there, and hands over giant segments.
        run(*in_namespace(where, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off"))
        _sysctl(where, f"ipv6/conf/{device}/accept_dad", 0)
        run("ip", "-n", PREFIX + where, "link", "set", device, "up")
    run("ip", "-n", inner, "addr", "add", f"{GATEWAY[side]}/32", "dev", side)
    run("ip", "-n", inner, "addr", "add", "fe80::1/64", "dev", side, "nodad")
    for address in ADDRESSES[side]:
        v6 = ":" in address
        run(
            "ip",
            "-n",
            outer,
            "addr",
            "add",
            f"{address}/{128 if v6 else 32}",
            "dev",
            "eth0",
            *(["nodad"] if v6 else []),
        )
        run("ip", "-n", inner, "route", "add", address, "dev", side)
    run("ip", "-n", outer, "route", "add", "default", "via", GATEWAY[side], "dev", "eth0", "onlink")
    run("ip", "-n", outer, "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")


def build():
    tear_down()
    for side in ("inside", "middle", "outside"):
        run("ip", "netns", "add", PREFIX + side)
        run("ip", "-n", PREFIX + side, "link", "set", "lo", "up")
    for side in ("inside", "outside"):
        _link(side)
    _sysctl("middle", "ipv4/ip_forward", 1)
    _sysctl("middle", "ipv6/conf/all/forwarding", 1)
    # With the rules below absent the middle only routes; a tamperer (tamper.py) turns all of it to itself.
    run("ip", "-n", PREFIX + "middle", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100")


def tear_down():
    for side in ("inside", "middle", "outside"):
        run("ip", "netns", "del", PREFIX + side, check=False)


def raw_socket(device):
    """A socket for whole frames on that device, in the namespace the thread is in."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((device, 0))
    return link


@contextlib.contextmanager
def diverted():
    """While it lasts every IPv4 packet that crosses the middle ends there, whatever its destination."""
    rules = [("iif", side, "lookup", "100") for side in ("inside", "outside")]
    for rule in rules:
        run("ip", "-n", PREFIX + "middle", "rule", "add", *rule)
    try:
        yield
    finally:
        for rule in rules:
            run("ip", "-n", PREFIX + "middle", "rule", "del", *rule)


@contextlib.contextmanager
def captured(link, path):
    """Write the TCP packets of one link to a capture."""
    command = in_namespace(
        "middle", "tcpdump", "-i", link, "-Z", "root", "--immediate-mode", "-U", "-s0", "-w", path, "tcp"
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tcpdump:
        for line in tcpdump.stderr:
            if "listening on" in line:
                break
        try:
            yield
            time.sleep(0.2)  # the last FIN and its ACK
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.communicate()
    if not os.path.getsize(path):
        raise RuntimeError(f"{path}: nothing captured")
