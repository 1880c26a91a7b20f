"""The collector's configuration as a person meets it. The program's path comes in $MXTAP_COLLECTOR."""
import os
import re
import subprocess
from pathlib import Path

COLLECTOR = os.environ["MXTAP_COLLECTOR"]
ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "deploy" / "mxtap-collector.yaml"


def run(*args):
    return subprocess.run([COLLECTOR, *map(str, args)], capture_output=True, timeout=60, check=False, text=True)


def keys_of_help():
    """The keys that the file knows, by --help, and each one's help and default."""
    told, in_file, parent = {}, False, None
    for line in run("--help").stdout.splitlines():
        in_file = in_file or line.startswith("The file of --config")
        match = re.match(r"^( {6,8})([a-z_-]+): " if in_file else r"^  (?:-.,|   ) (--)([a-z-]+) +\S", line)
        if match is None:
            continue
        help_text, _, default = line.split("  ")[-1].strip().partition(" (default: ")
        parent, name = (parent, f"{parent}.{match[2]}") if match[1] == " " * 8 else (match[2], match[2])
        # What stands on the command line alone, and what the file has under another name.
        if in_file or name not in ("config", "check-config", "version", "help", "once", "redis", "metrics"):
            told[name] = (help_text, default.rstrip(")"))
    return told


def uncommented():
    """The sample with every key in it: what its comments hold, told from words by its form."""
    return "\n".join(line[1:] if re.match(r"#( *- |  *#| *-$|[a-z-]+:|  +[a-z_.]+:)", line) else line for line in SAMPLE.read_text().splitlines())


def test_the_sample_is_taken_as_it_is_and_uncommented(tmp_path):
    done = run("--config", SAMPLE, "--check-config")
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "whole.yaml"
    path.write_text(uncommented())
    done = run("--config", path, "--check-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nsinks:" in uncommented() and "\nredis:" in uncommented()


def test_the_sample_tells_every_key_with_its_help_and_default():
    told, text = keys_of_help(), uncommented()
    assert len(told) >= 40 and "sinks.webhook" in told and "redis.url" in told and "metrics.listen" in told and "limits.servers" in told
    assert sorted(re.findall(r"^([a-z-]+):", text, re.M)) == sorted(key for key in told if "." not in key)
    for key, (help_text, default) in told.items():
        name = key.rpartition(".")[2]
        assert f"# {help_text}" in SAMPLE.read_text(), key
        assert re.search(rf"^[ -]*{name}:", text, re.M), key
        if default and key.startswith(("limits", "windows")):
            assert re.search(rf"^ *{name}: {re.escape(default)}$", text, re.M), key


def test_faults_name_the_place_and_the_mend(tmp_path):
    path = tmp_path / "collector.yaml"
    path.write_text("redis:\n  ulr: redis://localhost\nsinks:\n  - file: /var/log/x\nlimits:\n  servers: many\n")
    done = run("--config", path, "--check-config")
    assert done.returncode == 2
    for place in (f"{path}:2: redis.ulr: unknown key", f"{path}:4: sinks: a sink without a name", f"{path}:6: limits.servers: \"many\" is not a number"):
        assert place in done.stderr


def test_version_and_usage():
    assert re.fullmatch(r"mxtap-collector \d+\.\d+\.\d+\n", run("--version").stdout)
    assert run().returncode == 2 and "Write --redis URL" in run().stderr
    assert run("--redis", "redis://:secret@localhost").returncode == 1 and "secret" not in run("--redis", "redis://:secret@localhost").stderr
