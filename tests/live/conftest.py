"""Live tests need root, for network namespaces and packet sockets. Without it the whole suite is skipped (77) and says so."""
import os
import subprocess

import pytest


def missing():
    """What keeps these tests from running; None: nothing."""
    if os.geteuid() != 0:
        return "not root: network namespaces and packet sockets need it"
    done = subprocess.run(["unshare", "--net", "ip", "link", "add", "v0", "type", "veth"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"network namespaces cannot be used here: {done.stderr.strip()}"


def pytest_sessionstart(session):
    why = missing()
    if why is not None:
        pytest.exit(f"skipped: {why}", returncode=77)
