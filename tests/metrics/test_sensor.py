"""A live sensor's metrics, read as Prometheus reads them. Needs to capture on the loopback; the sensor keeps its sandbox."""
import os
import socket
import subprocess
import threading
import time

import pytest
from pages import check_page, fetch
from redis_server import die_with_parent, free_port

SENSOR = os.environ["MXTAP_SENSOR"]
MASKED = ("220 mx.example.net ESMTP", "250-mx.example.net\r\n250-XXXXXXXA\r\n250 HELP", "221 Bye")


@pytest.fixture(autouse=True)
def may_capture():
    if os.geteuid() != 0:
        pytest.skip("only root may capture packets")


def wait_for(question, seconds=30):
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return answer


class Sensor:
    def __init__(self, folder, mail_port, *words):
        self.port, self.errors = free_port(), folder / "stderr"
        self.process = subprocess.Popen([SENSOR, "-i", "lo", "--ports", str(mail_port), "--metrics", str(self.port), "-o", "json", *words], stdout=subprocess.DEVNULL,
                                        stderr=self.errors.open("w"), preexec_fn=die_with_parent)
        wait_for(lambda: self.process.poll() is not None or "listening on lo" in self.errors.read_text())
        assert self.process.poll() is None, self.errors.read_text()

    def page(self):
        status, text = fetch(self.port)
        assert status == 200
        return check_page(text)


@pytest.fixture
def sense(tmp_path):
    sensors = []

    def start(*words):
        sensors.append(Sensor(tmp_path, *words))
        return sensors[-1]

    yield start
    for sensor in sensors:
        sensor.process.kill()
        sensor.process.wait(30)


def talk(port):
    """One session whose offer of STARTTLS is masked."""
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            for reply in MASKED:
                connection.sendall(reply.encode() + b"\r\n")
                connection.recv(1000)

    with socket.create_server(("127.0.0.1", port)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            for word in (b"EHLO out.example.org\r\n", b"QUIT\r\n", b""):
                client.recv(1000)
                client.sendall(word)
        server.join(30)


def test_what_is_seen_is_counted(sense):
    port = free_port()
    sensor = sense(port)
    assert sensor.page()["mxtap_sensor_sessions_total"][""] == 0
    assert "mxtap_sensor_protected_share" not in sensor.page()  # of no session nothing is known
    talk(port)
    page = wait_for(lambda: (page := sensor.page())["mxtap_sensor_sessions_total"][""] == 1 and page)
    assert page["mxtap_sensor_findings_total"]["starttls.capability_masked"] == 1
    assert sum(page["mxtap_sensor_findings_total"].values()) == 1
    assert page["mxtap_sensor_packets_total"][""] >= 8 and page["mxtap_sensor_flows_total"][""] == 1
    assert page["mxtap_sensor_alerts_total"][""] == 1
    assert page["mxtap_sensor_dropped_total"]["kernel"] == 0 and page["mxtap_sensor_queue_records"][""] == 0
    assert fetch(sensor.port, "/healthz") == (200, "ok\n")
    sensor.process.terminate()
    assert sensor.process.wait(30) == 0


def test_redis_comes_and_goes(sense, redis, tmp_path):
    port = free_port()
    sensor = sense(port, "--redis", redis.url)
    wait_for(lambda: sensor.page()["mxtap_sensor_redis_up"][""] == 1)
    talk(port)
    wait_for(lambda: sensor.page()["mxtap_sensor_published_total"][""] >= 1)
    assert sensor.page()["mxtap_sensor_redis_latency_seconds"][""] > 0
    redis.kill()
    wait_for(lambda: sensor.page()["mxtap_sensor_redis_up"][""] == 0)
    assert fetch(sensor.port, "/healthz")[0] == 503  # without a spool


def test_a_port_that_is_taken_ends_the_sensor(sense):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = subprocess.run([SENSOR, "-i", "lo", "--metrics", str(port)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and f"metrics at 127.0.0.1 port {port}: Address already in use; another program listens there" in done.stderr
