"""The sensor on a mirror port: what it tells while sessions go on, what it survives, and how it leaves. The sensor's path comes in $MXTAP_SENSOR."""
import fcntl
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import termios
import time

import pytest

import span

TESTS = pathlib.Path(__file__).resolve().parent.parent
CAPTURES = TESTS / "captures"
TRUST = ["--trust", str(CAPTURES / "ca.pem")]
sys.path.insert(0, str(TESTS / "metamorphic"))
import packets as pk  # noqa: E402
import wrappings  # noqa: E402

OFFER = "250-mx.example.net\r\n250-STARTTLS\r\n250 HELP\r\n"
NO_OFFER = "250-mx.example.net\r\n250 HELP\r\n"
MASKED = "250-mx.example.net\r\n250-XXXXXXXA\r\n250 HELP\r\n"


@pytest.fixture(scope="module", autouse=True)
def network():
    with span.span():
        yield


def test_an_alert_comes_while_the_session_is_open():
    with span.Server(MASKED), span.Sensor(*TRUST) as sensor, span.Client() as client:
        client.say("EHLO out.example.org")
        alert = sensor.alert("starttls.capability_masked")
        assert alert["dest_ip"] == "192.0.2.25" and alert["src_port"] == client.port()
        assert sensor.sessions() == []
        snapshot = sensor.wait_for(lambda: sensor.sessions(is_final=False), "to tell the session")[0]
        assert snapshot["snapshot"] == 1 and "ended" not in snapshot["capture"] and snapshot["in_iface"] == "tap"
        client.say("QUIT")
        status, seconds = sensor.stop()
        assert status == 0 and seconds < 5
        final = sensor.sessions()
        assert len(final) == 1 and final[0]["session_id"] == snapshot["session_id"] and final[0]["snapshot"] > 1
        numbers = [session["sequence"] for session in sensor.of_kind("session")]
        assert numbers == sorted(set(numbers)) and len({session["sensor_start"] for session in sensor.of_kind("session")}) == 1


def test_exposure_is_told_at_once_and_credentials_when_accepted():
    with span.Server(NO_OFFER, {"AUTH": "235 2.7.0 welcome\r\n"}), span.Sensor(*TRUST) as sensor, span.Client() as client:
        client.say("EHLO out.example.org")
        client.say("AUTH PLAIN AGFsaWNlAGh1c2g=")
        sensor.alert("auth.plaintext_credentials")
        client.mail()
        sensor.wait_for(lambda: any(s["smtp"]["messages"][0]["exposed"] for s in sensor.sessions(False) if "messages" in s["smtp"]), "to tell the exposure")
        assert sensor.sessions() == []


def test_text_tells_an_alert_when_it_is_raised_and_a_summary_at_the_end():
    with span.Server(MASKED), span.Sensor(*TRUST, output="text") as sensor, span.Client() as client:
        client.say("EHLO out.example.org")
        sensor.wait_for(lambda: any("starttls.capability_masked" in line for line in sensor.events), "to print the alert")
        assert not any("Summary" in line for line in sensor.events)
        client.say("QUIT")
        assert sensor.stop()[0] == 0
        text = "".join(sensor.events)
        assert text.count("starttls.capability_masked") == 1 and "sessions      1:" in text and "1 high" in text


def test_ipv6_and_filters():
    with span.Server(MASKED, address="2001:db8:2::25"), span.Sensor(*TRUST, "--filter", "not ip6") as deaf, span.Sensor(*TRUST) as sensor:
        with span.Client("2001:db8:2::25") as client:
            client.say("EHLO out.example.org")
            assert sensor.alert("starttls.capability_masked")["dest_ip"] == "2001:db8:2::25"
            client.say("QUIT")
        deaf.stop()
        assert deaf.of_kind("session") == []


def test_asked_for_health_comes_at_once_and_counts():
    with span.Server(OFFER), span.Sensor(*TRUST) as sensor, span.Client() as client:
        client.say("EHLO out.example.org")
        # What is counted is no older than a second.
        def ask():
            sensor.process.send_signal(signal.SIGUSR1)
            return any(health["health"]["segments"] > 0 for health in sensor.of_kind("health"))
        sensor.wait_for(ask, "to tell its health")
        assert not any(health["final"] for health in sensor.of_kind("health"))
        sensor.stop()
        assert [health["final"] for health in sensor.of_kind("health")][-1] is True


def test_an_interface_that_goes_down_is_waited_for_and_one_that_disappears_is_told():
    with span.Server(MASKED), span.Sensor(*TRUST) as sensor:
        try:
            span.ip("middle", "link", "set", "tap", "down")
            span.ip("middle", "link", "set", "tap", "up")
            # The bridge takes its time to send to a port that has come back.
            def try_once():
                with span.Client() as client:
                    client.say("EHLO out.example.org")
                    client.say("QUIT")
                return sensor.of_kind("alert")
            sensor.wait_for(try_once, "to see mail again")
            span.ip("middle", "link", "del", "tap")
            assert sensor.process.wait(timeout=span.WAIT) == 1
            for reader in sensor.readers:
                reader.join()
            assert any("tap: the interface is gone" in line for line in sensor.errors)
            assert sensor.sessions() != [] and sensor.of_kind("health")[-1]["final"]
        finally:
            span.ip("middle", "link", "del", "tap", check=False)
            span.add_tap()


@pytest.mark.parametrize("options, named", [
    (["-i", "tab"], "tap"),
    (["-i", "tap", "--filter", "port port"], "port port"),
])
def test_what_is_mistyped_is_told_with_the_mend(options, named):
    done = subprocess.run(span.in_namespace("middle", span.SENSOR, *options), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and named in done.stderr


def test_without_the_right_to_capture_the_message_says_how_to_get_it():
    done = subprocess.run(span.in_namespace("middle", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", span.SENSOR, "-i", "tap"),
                          capture_output=True, text=True, timeout=60)
    if "setpriv" in done.stderr:
        pytest.skip("the program's folder is closed to other users")
    assert done.returncode == 1 and "setcap cap_net_raw" in done.stderr


def test_leaving_loses_nothing_that_was_seen():
    """Sessions open when it is asked to leave are told, as are frames that lie in the kernel's ring then."""
    with span.Server(OFFER) as _, span.Sensor(*TRUST) as sensor:
        clients = []
        for _ in range(20):
            with span.Client() as client:
                clients.append(client.port())
                client.say("EHLO out.example.org")
        status, seconds = sensor.stop()
        assert status == 0 and seconds < 5
        assert sorted(session["src_port"] for session in sensor.sessions()) == sorted(clients)
        assert all(session["smtp"]["starttls"]["offered"] for session in sensor.sessions())


# --- several workers ---

F_SETPIPE_SZ = 1031  # linux/fcntl.h
SMALL = 200  # bytes of a frame that no path cuts
SCENARIOS = ["starttls-masked-x", "clean-postfix-exim", "starttls-stripped", "clean-ipv6", "bdat-exim", "injection-toserver", "certificate-self-signed"]


def fragment_large(packets, random_source):
    """What a path of small MTU does: commands and acknowledgements stay whole, so that a connection comes in both forms."""
    out = []
    for packet in packets:
        out += wrappings.fragment([packet], random_source) if len(packet.data) > SMALL else [packet]
    return out


WRAPPINGS = [None, wrappings.vlan, wrappings.qinq, wrappings.mpls, wrappings.pppoe, wrappings.gre, wrappings.ipip, wrappings.vxlan, fragment_large]


def facts_of(session):
    """What a session says, whatever the clock, the sensor and the way it came."""
    kept = {key: session.get(key) for key in ("src_ip", "src_port", "dest_ip", "dest_port", "smtp", "findings")}
    tls = dict(session.get("tls", {}))
    tls.pop("certificate", None)
    capture = session["capture"]
    # The certificates' days are those of the captures, not of today.
    kept["findings"] = sorted(f["rule"] for f in kept["findings"] or [] if not f["rule"].startswith("certificate."))
    return repr((kept, tls, capture["midstream"], capture["one_sided"], capture["gap_bytes_toserver"], capture["gap_bytes_toclient"]))


def frames_of(scenario):
    return [packet for packet in pk.read_capture(CAPTURES / scenario / "capture.pcap") if packet.link == pk.LINK_ETHERNET]


def replayed(scenario):
    done = subprocess.run([span.SENSOR, "-r", str(CAPTURES / scenario / "capture.pcap"), "-o", "json", *TRUST], capture_output=True, text=True, timeout=60, check=True)
    return [event for event in map(span.json.loads, done.stdout.splitlines()) if event["event_type"] == "session"]


@pytest.mark.parametrize("wrap", WRAPPINGS, ids=lambda wrap: "plain" if wrap is None else wrap.__name__)
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_see_every_session_whole_and_once(wrap, workers):
    expected, frames = [], []
    for scenario in SCENARIOS:
        packets = frames_of(scenario)
        frames += [packet.data for packet in (packets if wrap is None else wrap(packets, random.Random(scenario)))]
        expected += map(facts_of, replayed(scenario))
    with span.Sensor(*TRUST, "--workers", str(workers)) as sensor:
        span.inject(frames)
        assert sensor.stop()[0] == 0
    health = sensor.of_kind("health")[-1]["health"]
    assert health["packets"] >= len(frames) and health["kernel_drops"] == health["handed_lost"] == 0
    assert sorted(map(facts_of, sensor.sessions())) == sorted(expected)
    # Plain frames come to their owner by the kernel's own doing; most tunnels have to be handed on.
    if wrap is None:
        assert health["handed_on"] == 0



@pytest.mark.parametrize("output", ["json", "text"])
def test_a_sensor_that_drops_packets_tells_so_itself(output):
    """It stands still while more comes than its ring holds: the rule that a collector has for this is its own judge's too."""
    frame = frames_of("starttls-masked-x")[0].data
    with span.Sensor("--buffer", "1MiB", *TRUST, output=output) as sensor:
        sensor.process.send_signal(signal.SIGSTOP)
        span.inject([frame + bytes(1400)] * 5000)
        sensor.process.send_signal(signal.SIGCONT)
        assert sensor.stop()[0] == 0
    if output == "json":
        alert = sensor.alert("sensor.packet_loss")
        dropped = sensor.of_kind("health")[-1]["health"]["kernel_drops"]
        assert 0 < dropped == alert["mxtap"]["evidence"]["frames_dropped"]
        assert sensor.of_kind("health")[-1]["health"]["alerts"] >= 1
    else:
        assert any("sensor.packet_loss" in line for line in sensor.events)


def threads_of(process):
    """Name of each thread's allowed processors, by thread."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    return [line.split()[1] for task in tasks.iterdir() for line in (task / "status").read_text().splitlines() if line.startswith("Cpus_allowed_list:")]


def test_workers_stay_where_they_are_put(tmp_path):
    config = tmp_path / "mxtap.yaml"
    last = max(os.sched_getaffinity(0))
    config.write_text(f"cpus: [{last}]\nworkers: 2\n")
    with span.Sensor("--config", str(config), *TRUST) as sensor:
        sensor.wait_for(lambda: threads_of(sensor.process).count(str(last)) >= 2, "to pin its threads")


def filters_of(process):
    """How many filters of system calls hold each thread."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    return [int(line.split()[1]) for task in tasks.iterdir() for line in (task / "status").read_text().splitlines() if line.startswith("Seccomp_filters:")]


def test_each_thread_may_do_less_than_the_process():
    with span.Sensor("--workers", "2", *TRUST) as sensor:
        before = int(re.search(r"Seccomp_filters:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
        sensor.wait_for(lambda: len(filters_of(sensor.process)) >= 4 and min(filters_of(sensor.process)) == before + 2, "to narrow its threads, the first one too")


def test_packets_of_sessions_with_findings_are_kept_whoever_took_them_apart(tmp_path):
    kept = tmp_path / "kept.pcap"
    tmp_path.chmod(0o777)
    packets = wrappings.vxlan(frames_of("starttls-masked-x"), random.Random(1))
    with span.Sensor("--no-sandbox", "-w", str(kept), "--workers", "3", *TRUST) as sensor:
        span.inject([packet.data for packet in packets])
        assert sensor.stop()[0] == 0
    done = subprocess.run([span.SENSOR, "-r", str(kept), "-o", "json", *TRUST], capture_output=True, text=True, timeout=60, check=True)
    findings = [f["rule"] for event in map(span.json.loads, done.stdout.splitlines()) if event["event_type"] == "session" for f in event["findings"]]
    assert "starttls.capability_masked" in findings


def wait_until_full(pipe):
    """Until there is something in the pipe, and for a while nothing more has come."""
    before, since = 0, time.monotonic()
    deadline = since + span.WAIT
    while time.monotonic() < deadline and (before == 0 or time.monotonic() - since < 1):
        now = int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.02)
    assert before > 0, "the sensor tells nothing"


@pytest.mark.parametrize("is_asked", [False, True], ids=["leaving", "asked-for-health-before"])
def test_leaving_does_not_wait_for_a_reader_that_has_stopped(is_asked):
    """Output that nobody takes: packets are still read, and when it is asked to, the sensor leaves and says what that cost. Also where it was to tell its health."""
    frames = [packet.data for scenario in SCENARIOS for packet in frames_of(scenario)]
    with subprocess.Popen(span.in_namespace("middle", span.SENSOR, "-i", "tap", "-o", "json", *TRUST), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
            assert "listening on" in process.stderr.readline()
            span.inject(frames)
            if is_asked:
                wait_until_full(process.stdout)
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=span.WAIT) == 1
            assert "still waiting for a reader of standard output" in process.stderr.read()
        finally:
            process.kill()


def test_leaving_says_what_it_has_waited_for(tmp_path):
    """Here the file of -w: a pipe that nobody reads."""
    kept = tmp_path / "kept.pcap"
    tmp_path.chmod(0o777)
    os.mkfifo(kept)
    reader = os.open(kept, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
        with span.Sensor("--no-sandbox", "-w", str(kept), *TRUST) as sensor:
            span.inject([packet.data for scenario in ("starttls-masked-x", "auth-plain", "smuggling-accepted") for packet in frames_of(scenario)])
            status, _ = sensor.stop()
    finally:
        os.close(reader)
    assert status == 1 and "still waiting for the file of -w; what was left to tell is lost" in "".join(sensor.errors)


def test_no_thread_waits_for_a_reader_of_stderr():
    """What it does not take is counted; the sensor goes on, answers signals and leaves."""
    with subprocess.Popen(span.in_namespace("middle", span.SENSOR, "-i", "tap", *TRUST), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            fcntl.fcntl(process.stderr, F_SETPIPE_SZ, 8192)
            assert b"listening on" in process.stderr.readline()
            for _ in range(30):  # each is told in some hundred bytes
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.25)
            os.set_blocking(process.stderr.fileno(), False)
            first = process.stderr.read()
            process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            assert first.count(b"\n") < 30 and b"lines were lost here" in process.stderr.read()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=span.WAIT) == 0
        finally:
            process.kill()
