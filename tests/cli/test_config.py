"""The configuration file and the knowledge file as a person meets them. The sensor's path comes in $MXTAP_SENSOR."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

SENSOR = os.environ["MXTAP_SENSOR"]
ROOT = Path(__file__).resolve().parent.parent.parent
CAPTURES = ROOT / "tests" / "captures"
SAMPLE = ROOT / "deploy" / "mxtap-sensor.yaml"
MASKED = CAPTURES / "starttls-masked-x" / "capture.pcap"
SELF_SIGNED = CAPTURES / "certificate-self-signed" / "capture.pcap"
STRIPPED = CAPTURES / "starttls-stripped" / "capture.pcap"
TRUST = ["--trust", str(CAPTURES / "ca.pem")]


def run(*args):
    return subprocess.run([SENSOR, *map(str, args)], capture_output=True, timeout=60, check=False, text=True)


def events(output, kind):
    return [event for event in map(json.loads, output.splitlines()) if event["event_type"] == kind]


def rules(*args):
    """What a JSON replay raises, as rule to severity."""
    result = run(*args, *TRUST, "-o", "json")
    assert result.returncode == 0, result.stderr
    return {alert["mxtap"]["rule"]: alert["mxtap"]["severity"] for alert in events(result.stdout, "alert")}


def write(folder, text):
    path = folder / "mxtap.yaml"
    path.write_text(text)
    return path


def keys_of_help():
    """The keys that the file knows, by --help: (name, members) in order, and each one's help and default."""
    keys, told, in_file, parent = [], {}, False, None
    for line in run("--help").stdout.splitlines():
        if line.startswith("The file of --config"):
            in_file = True
        pattern = r"^( {6,8})([a-z_-]+): " if in_file else r"^  (?:-.,|   ) (--)([a-z-]+) +\S"
        match = re.match(pattern, line)
        if match is None:
            continue
        help_text, _, default = line.split("  ")[-1].strip().partition(" (default: ")
        name = match[2]
        if match[1] == " " * 8:
            name = f"{parent}.{name}"
        else:
            parent = name
        if name not in ("config", "check-config", "rules", "version", "help", "no-sandbox", "write") or in_file:  # write: keep in the file
            keys.append(name)
            told[name] = (help_text, default.rstrip(")"))
    return list(dict.fromkeys(keys)), told  # --redis is redis.url in the file, and redis the mapping around it


def uncommented():
    """The sample with every key in use: a commented key begins right behind the mark, what is further in two places behind it."""
    return "".join(re.sub(r"^#(?=[^ \n]|  )", "", line) for line in SAMPLE.read_text().splitlines(keepends=True))


def test_the_sample_as_it_is_sets_nothing_and_is_right():
    result = run("--config", SAMPLE, "--check-config")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{SAMPLE}: ok\n", "")
    assert rules("--config", SAMPLE, "-r", MASKED) == rules("-r", MASKED)


def test_the_sample_with_every_key_in_use_is_right(tmp_path):
    result = run("--config", write(tmp_path, uncommented()), "--check-config")
    assert (result.returncode, result.stderr) == (0, "")


def test_what_stands_on_the_command_line_says_whether_it_is_a_replay(tmp_path):
    path = write(tmp_path, "interface: nonexistent0\nworkers: 4\nread: /nonexistent\n")
    assert rules("--config", path, "-r", MASKED) == rules("-r", MASKED)
    live = run("--config", path, "-i", "nonexistent1")
    assert live.returncode == 1 and "nonexistent1: there is no such interface" in live.stderr
    assert run("--config", path).returncode == 2


def test_the_sample_tells_every_key_with_its_help_and_default():
    keys, told = keys_of_help()
    assert len(keys) >= 20 and "windows.quiet" in keys and "suppress.until" in keys and "home-net" in keys
    text = uncommented()
    in_sample = re.findall(r"^([a-z-]+):", text, re.M)
    assert sorted(in_sample) == sorted(key for key in keys if "." not in key)
    for key in keys:
        help_text, default = told[key]
        name = key.rpartition(".")[2]
        assert f"# {help_text}" in SAMPLE.read_text(), key
        if default and default != "the system's":
            assert re.search(rf"^ *{name}: {re.escape(default)}$", text, re.M), key


def test_readmes_name_options_that_exist():
    """What stands behind the program's name in a README, in code or in a line of its own."""
    known, named = run("--help").stdout, []
    for readme in (path for path in ROOT.glob("**/README.md") if not path.relative_to(ROOT).parts[0].startswith("build")):
        for line in readme.read_text().splitlines():
            for command in re.findall(r"mxtap-sensor ([^`|]*)", line):
                named += re.findall(r"(?<!\S)--[a-z][a-z-]*", command)
    assert "--check-config" in named
    assert [option for option in named if not re.search(rf"{option}(?![a-z-])", known)] == []


def test_check_config_tells_every_fault_with_file_line_key_and_mend(tmp_path):
    path = write(tmp_path, "home_net: 10.0.0.0/8\n\nports: [25, mail]\nrules:\n  certificate.week: off\nsuppress:\n  - domain: example.net\n    until: soon\n")
    result = run("--config", path, "--check-config")
    assert result.returncode == 2 and result.stdout == ""
    assert [line.removeprefix(f"mxtap-sensor: {path}:") for line in result.stderr.splitlines()] == [
        "1: home_net: unknown key; did you mean home-net?",
        '3: ports: "mail" is not a port number from 1 to 65535',
        '5: rules: "certificate.week" is not a rule; did you mean certificate.weak?',
        '8: suppress.until: "soon" is not a date such as 2026-12-31 or a time such as 2026-12-31T18:00:00Z',
    ]


def test_a_faulty_file_keeps_a_replay_from_beginning(tmp_path):
    result = run("--config", write(tmp_path, "output: yaml\n"), "-r", MASKED)
    assert result.returncode == 2 and result.stdout == "" and ":1: output:" in result.stderr


def test_a_file_that_is_not_there_is_1_and_named():
    result = run("--config", "/nonexistent/mxtap.yaml", "--check-config")
    assert result.returncode == 1 and "/nonexistent/mxtap.yaml" in result.stderr


def test_the_file_does_what_the_options_do_and_they_win(tmp_path):
    by_options = run("-r", MASKED, *TRUST, "-o", "json", "--sensor", "edge", "--privacy", "domains").stdout
    path = write(tmp_path, f"read: {MASKED}\ntrust: {CAPTURES / 'ca.pem'}\noutput: json\nsensor: edge\nprivacy: domains\n")
    assert run("--config", path).stdout == by_options
    assert '"sensor":"other"' in run("--config", path, "--sensor", "other").stdout
    assert run("--config", path, "-o", "text").stdout.rstrip().splitlines()[0].startswith("Incident")


def test_a_rule_off_and_a_rule_of_another_severity(tmp_path):
    before = rules("-r", SELF_SIGNED)
    assert before["certificate.untrusted"] == "low"
    assert "certificate.untrusted" not in rules("-r", SELF_SIGNED, "--config", write(tmp_path, "rules:\n  certificate.untrusted: off\n"))
    assert rules("-r", SELF_SIGNED, "--config", write(tmp_path, "rules:\n  certificate.untrusted: high\n"))["certificate.untrusted"] == "high"


@pytest.mark.parametrize("entry, is_silent", [
    ("rule: certificate.untrusted", True),
    ("rule: certificate.expired", False),
    ("network: 192.0.2.0/24", True),
    ("network: 198.51.100.0/24", False),
    ('server: "192.0.2.25:25"', True),
    ('server: "192.0.2.25:587"', False),
    ("server: MX.example.net.", True),
    ("server: mx.example.org", False),
    ("{rule: certificate.untrusted, until: 2999-12-31, reason: a test}", True),
    ("{rule: certificate.untrusted, until: 1999-12-31}", False),
    ("{rule: certificate.untrusted, server: mx.example.org}", False),
])
def test_suppressions(tmp_path, entry, is_silent):
    assert ("certificate.untrusted" not in rules("-r", SELF_SIGNED, "--config", write(tmp_path, f"suppress:\n  - {entry}\n"))) == is_silent


def test_home_net_not_set_is_said():
    result = run("-r", MASKED, *TRUST, "--home-net", "203.0.113.0/24")
    assert result.returncode == 0 and "--home-net" in result.stderr and "--home-net" in result.stdout
    assert "--home-net" not in run("-r", MASKED, *TRUST).stderr


def halves_of_stripped():
    """A filter for what teaches and one for the session that the lesson is for."""
    stripped, taught = [], []
    for session in events(run("-r", STRIPPED, *TRUST, "-o", "json").stdout, "session"):
        (taught if session["smtp"]["starttls"]["offered"] else stripped).append(f"port {session['src_port']}")
    assert stripped and taught
    return " or ".join(taught), " or ".join(stripped)


def test_a_later_replay_has_the_memory_of_an_earlier_one(tmp_path):
    taught, stripped = halves_of_stripped()
    knowledge = tmp_path / "knowledge.jsonl"
    rules("-r", STRIPPED, "--filter", taught, "--knowledge", knowledge)
    lines = knowledge.read_text().splitlines()
    assert json.loads(lines[0]) == {"mxtap_knowledge": 1} and json.loads(lines[-1]) == {"baselines": len(lines) - 2} and len(lines) > 2
    assert "starttls.stripped" not in rules("-r", STRIPPED, "--filter", stripped)
    assert rules("-r", STRIPPED, "--filter", stripped, "--knowledge", knowledge)["starttls.stripped"] == "high"


def test_replaying_the_same_again_changes_nothing(tmp_path):
    knowledge = tmp_path / "knowledge.jsonl"
    once = rules("-r", STRIPPED, "--knowledge", knowledge)
    learned = sorted(knowledge.read_text().splitlines())
    assert rules("-r", STRIPPED, "--knowledge", knowledge) == once
    assert sorted(knowledge.read_text().splitlines()) == learned
    assert os.listdir(tmp_path) == ["knowledge.jsonl"]


def test_a_pipe_ended_by_sigterm_keeps_what_was_learned(tmp_path):
    knowledge = tmp_path / "knowledge.jsonl"
    process = subprocess.Popen([SENSOR, "-r", "-", *TRUST, "--knowledge", str(knowledge), "-o", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(STRIPPED.read_bytes())
    process.stdin.flush()
    time.sleep(1)
    assert process.poll() is None and not knowledge.exists()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(knowledge.read_text().splitlines()[-1])["baselines"] > 0


def test_damaged_knowledge_is_named_used_and_left_alone(tmp_path):
    taught, stripped = halves_of_stripped()
    knowledge = tmp_path / "knowledge.jsonl"
    rules("-r", STRIPPED, "--filter", taught, "--knowledge", knowledge)
    lines = knowledge.read_text().splitlines()
    damaged = "\n".join([lines[0], "damaged", *lines[1:]]) + "\n"
    knowledge.write_text(damaged)
    result = run("-r", STRIPPED, *TRUST, "--filter", stripped, "--knowledge", knowledge, "-o", "json")
    assert result.returncode == 1 and f"{knowledge}:2: " in result.stderr and "will not be written over" in result.stderr
    assert "starttls.stripped" in [alert["mxtap"]["rule"] for alert in events(result.stdout, "alert")]
    assert knowledge.read_text() == damaged


@pytest.mark.parametrize("path", ["/nonexistent/knowledge", "/dev/null", __file__])
def test_a_place_that_cannot_hold_knowledge_ends_it_at_the_start(path):
    result = run("-r", MASKED, *TRUST, "--knowledge", path)
    assert result.returncode == 1 and path in result.stderr and result.stdout == ""
