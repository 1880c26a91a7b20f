"""Real mail servers on both sides of the mirror port: Postfix delivers to Postfix, the sensor listens. The servers are the lab's (tests/lab), unpacked into its cache
by `tests/lab/make`; without them the tests are skipped and say so."""
import os
import pathlib
import sys

import pytest

import span

LAB = pathlib.Path(__file__).resolve().parent.parent / "lab"
sys.path.insert(0, str(LAB))
hosts = pytest.importorskip("hosts")
net = pytest.importorskip("net")
pki = pytest.importorskip("pki", reason="needs python3-cryptography")
servers = pytest.importorskip("servers")

if not os.path.exists(os.path.join(hosts.cache(), "roots", "postfix.complete")):
    pytest.skip("no mail servers at hand: tests/lab/make unpacks them, once", allow_module_level=True)

MX = "mx.example.net"
TO_MX = "relayhost = [mx.example.net]\nsmtp_tls_security_level = may\nsmtp_tls_servername = hostname\n"


@pytest.fixture(scope="module", autouse=True)
def network():
    net.PREFIX = span.PREFIX  # the lab's hosts, in our namespaces
    with span.span():
        yield


def test_an_encrypted_delivery_is_seen_as_one():
    ca = pki.Authority("mxtap live test")
    server = servers.Postfix("outside", MX, "192.0.2.25", ca.issue([MX]), domains="example.net")
    client = servers.Postfix("inside", "out.example.org", settings=TO_MX)
    with server, client, span.Sensor("--workers", "2") as sensor:
        client.send(["bob@example.net"])
        established = sensor.wait_for(lambda: [s for s in sensor.of_kind("session") if s.get("tls", {}).get("outcome") == "established"], "to see TLS")
        assert established[0]["smtp"]["starttls"]["reply_code"] == 220
        assert sensor.stop()[0] == 0
        final, = sensor.sessions()
        assert final["smtp"]["helo"] == "out.example.org" and final["tls"]["sni"] == MX and "messages" not in final["smtp"]
        assert not final["capture"]["midstream"] and not final["capture"]["one_sided"]
        assert not [alert for alert in sensor.of_kind("alert") if alert["mxtap"]["rule"].startswith("starttls.")]


def test_a_delivery_in_the_clear_is_told_while_the_connection_is_open():
    server = servers.Postfix("outside", MX, "192.0.2.25", domains="example.net")
    client = servers.Postfix("inside", "out.example.org", settings=TO_MX)
    with server, client, span.Sensor("--workers", "2") as sensor:
        client.send(["bob@example.net"], body="Subject: secret\n\nmarked-body\n")
        told = sensor.wait_for(lambda: [s for s in sensor.sessions(is_final=False) if any(m.get("exposed") for m in s["smtp"].get("messages", []))], "to tell the exposure")
        assert told[0]["smtp"]["starttls"]["offered"] is False
        assert sensor.stop()[0] == 0
        final, = sensor.sessions()
        assert final["smtp"]["messages"][0]["delivered"] is True and final["snapshot"] > told[0]["snapshot"]
        assert [alert["mxtap"]["rule"] for alert in sensor.of_kind("alert")] == ["starttls.not_offered"]
        assert "marked-body" not in "".join(map(str, sensor.events))
