"""Network namespaces by name: commands in them, and sockets of this thread. For the lab's network (net.py) and the mirror port's (../live/span.py)."""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True):
    """Run one command; its output goes into the error, if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def path_of(name):
    return f"/var/run/netns/{name}"


def command_in(name, *command):
    return ["nsenter", f"--net={path_of(name)}", *command]


@contextlib.contextmanager
def entered(name):
    """Sockets that this thread opens meanwhile belong to the namespace, and stay there."""
    with open("/proc/thread-self/ns/net") as home, open(path_of(name)) as away:
        if LIBC.setns(away.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter namespace {name}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)
