"""The program behind its sandbox: what it holds, and that it says the same as without. $MXTAP_SENSOR is the sensor."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

SENSOR = os.environ["MXTAP_SENSOR"]
CAPTURES = Path(__file__).parent.parent / "captures"
CA = CAPTURES / "ca.pem"
TRUSTED = CAPTURES / "certificate-with-intermediate" / "capture.pcap"
PATIENCE = 30  # seconds for what takes milliseconds


def run(*args, **more):
    return subprocess.run([SENSOR, *map(str, args)], capture_output=True, timeout=60, check=False, **more)


def status_of(path):
    return dict(line.split(":\t", 1) for line in Path(path).read_text(encoding="utf-8").splitlines() if ":\t" in line)


def threads(process):
    return [status_of(task / "status") for task in Path(f"/proc/{process.pid}/task").iterdir()]


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


@pytest.fixture
def waiting_replay():
    """A replay of a pipe that has sent a capture and may send more."""
    process = subprocess.Popen([SENSOR, "-r", "-", "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(TRUSTED.read_bytes())
    process.stdin.flush()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_every_thread_is_confined(waiting_replay):
    found = wait_for(lambda: [t for t in [threads(waiting_replay)] if len(t) >= 2 and all(s["Seccomp"] == "2" and int(s["Seccomp_filters"]) >= 2 for s in t)])[0]
    for status in found:
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0


def test_no_sandbox_holds_nothing_back():
    process = subprocess.Popen([SENSOR, "--no-sandbox", "-r", "-", "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        before = status_of("/proc/self/status")["NoNewPrivs"]
        process.stdin.write(TRUSTED.read_bytes())
        process.stdin.flush()
        wait_for(lambda: len(threads(process)) >= 2)
        assert all(status["NoNewPrivs"] == before for status in threads(process))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: changes the user")
def test_root_becomes_the_user_named():
    process = subprocess.Popen([SENSOR, "--user", "nobody", "-r", "-", "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        process.stdin.write(TRUSTED.read_bytes())
        process.stdin.flush()
        found = wait_for(lambda: [t for t in [threads(process)] if len(t) >= 2])[0]
        assert all(set(status["Uid"].split()) == {"65534"} for status in found)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", [["-o", "json"], ["-o", "text"], ["-o", "json", "--trust", str(CA)]])
def test_the_same_is_said_with_and_without(arguments):
    captures = sorted(CAPTURES.glob("*/capture.pcap"))
    with_sandbox, without = run("-r", *captures, *arguments), run("--no-sandbox", "-r", *captures, *arguments)
    assert with_sandbox.returncode == without.returncode
    assert with_sandbox.stdout == without.stdout
    assert with_sandbox.stderr == without.stderr


def verdict(environment, *arguments):
    done = run("-r", TRUSTED, "-o", "json", *arguments, env={**os.environ, **environment})
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event_type"] == "session":
            return event["tls"]["certificate"]["trust"]
    raise AssertionError(done.stderr)


def test_a_hashed_trust_folder_is_found_by_hash(tmp_path):
    """c_rehash's names, which OpenSSL would open one by one when a chain asks for them: behind the sandbox none can be opened."""
    subject_hash = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", CA], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "ca.pem").write_bytes(CA.read_bytes())
    (tmp_path / f"{subject_hash}.0").symlink_to("ca.pem")
    environment = {"SSL_CERT_DIR": str(tmp_path), "SSL_CERT_FILE": ""}
    assert verdict(environment) == "trusted"
    assert verdict(environment, "--no-sandbox") == "trusted"
    (tmp_path / f"{subject_hash}.0").unlink()
    (tmp_path / "00000000.0").symlink_to("ca.pem")
    assert verdict(environment) != "trusted", "the folder is not what made it trusted"


def test_knowledge_is_written_from_within(tmp_path):
    file = tmp_path / "knowledge.jsonl"
    done = run("-r", TRUSTED, "-o", "json", "--knowledge", file)
    assert done.returncode == 0, done.stderr
    assert file.read_text(encoding="utf-8").startswith('{"mxtap_knowledge":1}\n')


def test_captures_in_a_folder_are_opened_one_after_the_other(tmp_path):
    for number, name in enumerate(["clean-exim-exim", "auth-login", "auth-plain"]):
        (tmp_path / f"{number}.pcap").write_bytes((CAPTURES / name / "capture.pcap").read_bytes())
    done = run("-r", tmp_path, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(line)["event_type"] == "session" for line in done.stdout.splitlines()) >= 3
