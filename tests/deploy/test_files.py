"""The files in deploy/ that no program of ours reads: units, containers, dashboards. What they name must exist."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAMS = {"mxtap-sensor": os.environ["MXTAP_SENSOR"], "mxtap-collector": os.environ["MXTAP_COLLECTOR"]}
EXPOSURE = 25  # tenths: what systemd-analyze security may say at most (0 best, 100 worst)


def analyze(*words):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_right(unit, tmp_path):
    text = unit.read_text()
    for name, program in PROGRAMS.items():
        text = text.replace(f"=/usr/bin/{name}", f"={program}")
    (tmp_path / unit.name).write_text(text)
    done = analyze("verify", "--man=no", "--recursive-errors=no", tmp_path / unit.name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_leave_little_open(unit):
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_start_programs_with_options_that_they_have(unit):
    for program, words in re.findall(r"^Exec\w+=/usr/bin/(mxtap-\w+) (.*)$", unit.read_text(), re.M):
        known = subprocess.run([PROGRAMS[program], "--help"], capture_output=True, text=True, timeout=60).stdout
        assert [option for option in re.findall(r"--[a-z-]+", words) if f"{option} " not in known] == []


def test_the_account_can_be_made(tmp_path):
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", DEPLOY / "systemd" / "mxtap.sysusers"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "etc" / "passwd").read_text().startswith("mxtap:")


def compose():
    return yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())


def test_compose_mounts_what_exists_and_starts_what_there_is():
    services, folder = compose()["services"], DEPLOY / "container"
    assert set(services) == {"redis", "collector", "sensor", "prometheus", "grafana"}
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose()["volumes"] or (folder / source).exists(), volume
        if isinstance(service.get("command"), list) and service["command"][0].startswith("/usr/bin/mxtap"):
            program = Path(service["command"][0]).name
            known = subprocess.run([PROGRAMS[program], "--help"], capture_output=True, text=True, timeout=60).stdout
            assert [word for word in service["command"] if re.match(r"-", word) and f"{word} " not in known] == [], name


def test_compose_gives_redis_every_password():
    command = compose()["services"]["redis"]["command"][0]
    for wanted in set(re.findall(r"CHANGE-ME-[A-Z]+", (DEPLOY / "redis" / "mxtap.conf").read_text())):
        assert f"s/{wanted}/" in command


def names_of_metrics():
    """Every metric that the programs' tables have."""
    meter, gauges = (ROOT / "collector" / "meter.c").read_text(), (ROOT / "sensor" / "gauges.c").read_text()
    names = set(re.findall(r'"(mxtap_\w+)"', meter + gauges))
    names |= {f"mxtap_sensor_{name}_total" for name in re.findall(r'COUNTER\("(\w+)"', gauges)}
    return names | {f"mxtap_sensor_{name}" for name in re.findall(r'GAUGE\("(\w+)"', gauges)}


def test_dashboard_and_rules_ask_for_metrics_that_exist():
    known, asked = names_of_metrics(), set()
    dashboard = json.loads((DEPLOY / "container" / "grafana" / "mxtap.json").read_text())
    sources = {source["uid"] for source in yaml.safe_load((DEPLOY / "container" / "grafana" / "datasources.yaml").read_text())["datasources"]}
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] in sources
        for target in panel["targets"]:
            asked |= set(re.findall(r"mxtap_\w+", target.get("expr", "")))
    for group in yaml.safe_load((DEPLOY / "container" / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            asked |= set(re.findall(r"mxtap_\w+", rule["expr"]))
    assert len(asked) > 15
    assert {name.removesuffix("_bucket") for name in asked} - known == set()
    assert any(panel["datasource"]["uid"] == "mxtap-redis" for panel in dashboard["panels"])


def test_prometheus_takes_its_files():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    subprocess.run(["promtool", "check", "config", DEPLOY / "container" / "prometheus.yml"], check=True)


def test_the_image_installs_what_the_programs_need():
    """The libraries that the programs are linked with, by the packages that hold them."""
    installed = (DEPLOY / "container" / "Containerfile").read_text()
    for program in PROGRAMS.values():
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        ours = subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"NEEDED +(\S+)", ours):
            path = re.search(rf"{re.escape(library)} => (\S+)", needed)
            if path is None or re.match(r"lib(c|m|asan|ubsan|pthread)\.so", library):
                continue
            owner = subprocess.run(["dpkg", "-S", os.path.realpath(path[1])], capture_output=True, text=True).stdout or \
                subprocess.run(["dpkg", "-S", os.path.realpath(path[1]).removeprefix("/usr")], capture_output=True, text=True).stdout
            package = owner.split(":")[0]
            assert package in ("libc6", "libgcc-s1", "libasan8", "libubsan1") or package in installed, (library, package)
