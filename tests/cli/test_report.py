"""The text report as a person reads it. The sensor's path comes in $MXTAP_SENSOR."""
import os
import re
import subprocess
from pathlib import Path

SENSOR = os.environ["MXTAP_SENSOR"]
CAPTURES = Path(__file__).resolve().parent.parent / "captures"
TRUST = ["--trust", str(CAPTURES / "ca.pem")]


def capture(name):
    return CAPTURES / name / "capture.pcap"


def report(*names, args=()):
    """The report over captures, as lines."""
    files = [part for name in names for part in ("-r", str(capture(name)))]
    result = subprocess.run([SENSOR, *files, *TRUST, *args], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def headings(lines):
    return [line for line in lines if line and not line.startswith(" ") and not line.startswith("20")]


def test_incidents_come_gravest_first_then_the_rest_then_the_summary():
    lines = report("starttls-unused", "starttls-masked-x", "clean-postfix-postfix-tls13", "starttls-not-offered")
    found = headings(lines)
    ranks = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    incidents = [line.split()[2] for line in found if line.startswith("Incident ")]
    assert len(incidents) >= 2 and incidents == sorted(incidents, key=ranks.get)
    kinds = [line.split()[0] for line in found]
    assert kinds.index("Summary") == len(kinds) - 2 and kinds[-1] == "Most"
    assert kinds.index("Other") > max(at for at, kind in enumerate(kinds) if kind == "Incident")


def test_an_incident_tells_the_story_of_its_session():
    text = "\n".join(report("starttls-masked-x"))
    story = text[text.index("Incident 1"):text.index("Summary")]
    assert re.search(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ  \S+ -> \S+ mx\.example\.net  outbound, 1 message in the clear$", story, re.M)
    assert re.search(r"^    said      EHLO out\.example\.org", story, re.M)
    assert re.search(r"^    in clear  <\S+> to <\S+>, \d+ bytes, answered 250$", story, re.M)
    assert "starttls.capability_masked" in story and story.count("    check  ") == 1


def test_what_failed_before_is_told_beside_the_fallback():
    lines = report("starttls-fallback-next-session")
    text = "\n".join(lines)
    assert sum(line.startswith("Incident ") for line in lines) == 1
    assert "starttls.fallback" in text and "starttls.handshake_aborted" in text
    assert sum(bool(re.match(r"20\d\d-", line)) for line in lines) == 2, "both sessions' stories"


def test_information_takes_one_line_and_names_nobody_at_risk():
    lines = report("starttls-not-offered")
    assert "For information" in lines and not any(line.startswith("Incident") for line in lines)
    assert sum("starttls.not_offered" in line for line in lines) == 1
    assert "Most at risk" not in lines


def test_many_quiet_sessions_are_counted():
    names = [folder.name for folder in sorted(CAPTURES.glob("clean-*")) + sorted(CAPTURES.glob("tls-*"))]
    lines = report(*names)
    at = lines.index("Other sessions")
    rest = lines[at + 1:lines.index("", at)]
    assert len(rest) == 21 and all(re.match(r"  20\d\d-", line) for line in rest[:20])
    total = int(re.search(r"sessions +(\d+):", "\n".join(lines)).group(1))
    assert 1 <= int(re.fullmatch(r"  and (\d+) more", rest[20]).group(1)) <= total - 20


def test_a_capture_without_anything_to_say():
    lines = report("clean-postfix-postfix-tls13")
    assert headings(lines) == ["Sessions", "Summary"]
    assert any("0 critical, 0 high, 0 medium, 0 low, 0 info" in line for line in lines)


def test_what_is_suppressed_is_counted(tmp_path):
    config = tmp_path / "mxtap.yaml"
    config.write_text("rules:\n  starttls.capability_masked: off\n")
    lines = report("starttls-masked-x", args=["--config", str(config)])
    assert not any("starttls.capability_masked" in line for line in lines)
    assert any("1 finding suppressed" in line for line in lines)


def test_sessions_of_strangers_ask_for_home_net():
    result = subprocess.run([SENSOR, "-r", str(capture("clean-ipv6")), *TRUST], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    assert "--home-net" in result.stderr and "--home-net" in result.stdout
    assert not any("--home-net" in line for line in report("clean-postfix-postfix-tls13"))
