"""What each kind of thread can still do behind the sandbox: as little as its work asks for. MXTAP_PROBE names the probe (tests/sandbox/probe.c)."""

import os
import pwd
import subprocess

import pytest

PROBE = os.environ["MXTAP_PROBE"]

# Whatever the thread does, it never needs these.
NEVER = {"create_outside", "open_root", "chmod", "link_out", "chroot", "raw_socket", "netlink", "fork", "clone3", "ptrace", "unshare", "kill", "exec"}
NEEDED = {"memory", "wake", "read"}
ALLOWED = {
    "packets": NEEDED,
    "replay": NEEDED,
    "judge": NEEDED | {"write_output", "create_in_folder", "remove_in_folder"},
    "publisher": NEEDED | {"write_output", "create_in_folder", "remove_in_folder", "socket", "connect", "open_passwd", "mmap_code"},
    "metrics": NEEDED | {"write_output", "accept"},
    "main": NEEDED,
}


def attempts(kind, folder, user=None):
    command = [PROBE, kind, str(folder)] + ([user] if user else [])
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split() for line in (done.stdout + done.stderr).splitlines())
    return lines.pop("landlock") == "1", lines


def as_ordinary_user(kind, folder):
    """The probe run by nobody from the start, as a program with file capabilities would be."""
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run([PROBE, kind, str(folder)], capture_output=True, text=True, timeout=60, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in (done.stdout + done.stderr).splitlines())


@pytest.fixture
def folder(tmp_path):
    """A folder that any user reaches and may write in."""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path != path.parent and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    return tmp_path


@pytest.mark.parametrize("kind", sorted(ALLOWED))
def test_a_thread_can_do_its_work_and_no_more(kind, folder):
    has_landlock, tried = attempts(kind, folder)
    can = {name for name, answer in tried.items() if answer == "ok"}
    expected = set(ALLOWED[kind])
    ignored = set() if has_landlock else {"open_passwd", "open_root", "create_outside"}
    assert can - ignored == expected - ignored
    assert len(tried) > 20, "the probe did not come to its end"


@pytest.mark.parametrize("kind", sorted(ALLOWED))
def test_clone3_makes_the_library_fall_back(kind, folder):
    assert attempts(kind, folder)[1]["clone3"] == "ENOSYS"


def test_threads_can_be_started_before_they_narrow(folder):
    assert attempts("none", folder)[1]["thread"] == "ok"


def test_without_the_sandbox_the_attempts_would_succeed(folder):
    """Else the tests above would prove nothing."""
    done = subprocess.run([PROBE, "bare", str(folder)], capture_output=True, text=True, timeout=60)
    tried = dict(line.split() for line in done.stderr.splitlines() if len(line.split()) == 2)  # a sanitizer may have its say too
    assert {name for name, answer in tried.items() if answer == "ok"} >= {"open_passwd", "open_root", "create_in_folder", "socket", "connect", "fork", "thread", "accept", "kill"}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: changes the user")
def test_root_becomes_the_user_and_cannot_go_back(folder):
    _, tried = attempts("none", folder, "nobody")
    assert tried["setuid"] == "EPERM"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: runs the probe as another user")
def test_an_ordinary_user_is_held_likewise(folder):
    tried = as_ordinary_user("packets", folder)
    assert {name for name, answer in tried.items() if answer == "ok"} & NEVER == set()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: changes the user")
def test_a_user_that_does_not_exist_is_named(folder):
    done = subprocess.run([PROBE, "packets", str(folder), "no-such-user"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert '"no-such-user"' in done.stderr and "user:" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: changes the user")
def test_a_folder_that_the_user_may_not_write_in_is_named(folder):
    folder.chmod(0o755)
    done = subprocess.run([PROBE, "packets", str(folder), "nobody"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert str(folder) in done.stderr and "give it to that user" in done.stderr
