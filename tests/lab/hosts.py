"""Real mail servers, from Debian's packages, without installing them.

Each package is unpacked into the cache; a host is a mount and PID namespace of its own, whose root is an overlay of
the machine's root under the unpacked packages and the files the lab writes (users, hosts, configuration). What the
servers write goes to a tmpfs that vanishes with them; the machine itself is left as it was.
"""
import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

import net

# Servers the lab runs, the packages each needs, and the users those packages would create: name, uid, home.
PACKAGES = {"postfix": ["postfix"], "exim": ["exim4-daemon-heavy", "exim4-base"], "opensmtpd": ["opensmtpd"]}
USERS = {"postfix": 7001, "postdrop": 7002, "Debian-exim": 7003, "opensmtpd": 7004, "opensmtpq": 7005}
# No name server: each query is refused at once, and /etc/hosts decides.
NO_DNS = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
WAIT = 15  # seconds a server may take to answer, or a client to deliver


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "mxtap-lab")


def _missing_libraries(root):
    """Names of shared libraries that the unpacked programs want and cannot find."""
    paths = ":".join([f"{root}/usr/lib/x86_64-linux-gnu", f"{root}/usr/lib", f"{root}/usr/lib/postfix"])
    missing = set()
    for folder in ("usr/sbin", "usr/lib/postfix/sbin", "usr/lib/x86_64-linux-gnu"):
        for path in glob.glob(f"{root}/{folder}/*"):
            listed = subprocess.run(
                ["ldd", path],
                env={"LD_LIBRARY_PATH": paths, "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
            ).stdout
            missing |= {line.split()[0] for line in listed.splitlines() if "not found" in line and "=>" in line}
    return missing


def _unpack(root, packages):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run(
            ["apt-get", "-q", "download", *packages],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for package in sorted(glob.glob(f"{folder}/*.deb")):
            subprocess.run(["dpkg", "-x", package, root], check=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.isdir(f"{root}/{name}"):  # these are links into /usr where the overlay will lie
            subprocess.run(["cp", "-a", "--remove-destination", f"{root}/{name}", f"{root}/usr/"], check=True)
            shutil.rmtree(f"{root}/{name}")


def _dependencies(packages):
    """The library packages these depend on, less those the machine has."""
    listed = subprocess.run(["apt-cache", "depends", *packages], capture_output=True, text=True, check=True).stdout
    wanted = {
        line.split()[-1] for line in listed.splitlines() if line.strip().startswith("Depends: lib") and "<" not in line
    }
    installed = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\n"], capture_output=True, text=True, check=True)
    return sorted(wanted - set(installed.stdout.split()))


def fetch(kind):
    """Unpack one server into the cache, with the libraries this machine lacks; return its root."""
    root = os.path.join(cache(), "roots", kind)
    if os.path.exists(root + ".complete"):
        return root
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    _unpack(root, PACKAGES[kind])
    wanted, level = list(PACKAGES[kind]), 0
    while _missing_libraries(root) and level < 4:
        wanted = _dependencies(wanted)
        if wanted:
            _unpack(root, wanted)
        level += 1
    if _missing_libraries(root):
        raise RuntimeError(f"{kind}: libraries not found: {', '.join(sorted(_missing_libraries(root)))}")
    shutil.rmtree(f"{root}/usr/share/doc", ignore_errors=True)
    with open(root + ".complete", "w", encoding="ascii"):
        pass
    return root


def versions():
    """Version of every server, for the scenarios' origin."""
    out = {}
    for kind, packages in PACKAGES.items():
        policy = subprocess.run(["apt-cache", "policy", packages[0]], capture_output=True, text=True, check=True)
        out[kind] = next(line.split()[1] for line in policy.stdout.splitlines() if "Candidate:" in line)
    out.update(
        postfix="Postfix " + out["postfix"], exim="Exim " + out["exim"], opensmtpd="OpenSMTPD " + out["opensmtpd"]
    )
    return out


class Host:
    """One machine with one mail server on one side of the lab: a context manager."""

    kind = ""

    def __init__(self, side, files):
        self.side = side
        self.files = {"etc/hosts": net.HOSTS, "etc/resolv.conf": NO_DNS, **files}

    def __enter__(self):
        self.folder, self.outer = tempfile.mkdtemp(prefix="mxtap-lab-"), None
        try:
            self._write_files()
            self._enter_root()
            self.start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_):
        if os.environ.get("MXTAP_LAB_LOGS"):
            print(self.log(), file=sys.stderr)
        self.stop()
        self._leave()

    def _enter_root(self):
        """Begin the namespaces, with a process in them that does nothing but hold them open."""
        root = f"{self.folder}/root"
        top = f"{self.folder}/top"
        # Packages and files are copied: overlayfs refuses layers that lie within one another.
        script = (
            f"mount -t tmpfs -o mode=755 tmpfs {top} && mkdir {top}/u {top}/w && "
            f"cp -a {fetch(self.kind)}/. {top}/u/ && cp -a {self.folder}/seed/. {top}/u/ && "
            f"mount -t overlay overlay -o lowerdir=/,upperdir={top}/u,workdir={top}/w {root} && "
            f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && "
            f"mount -t tmpfs tmpfs {root}/run && mount -t tmpfs -o mode=1777 tmpfs {root}/tmp && "
            f"echo up && exec chroot {root} sleep 600"
        )
        self.outer = subprocess.Popen(
            net.in_namespace(self.side, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script),
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.outer.stdout.readline() != "up\n":
            raise RuntimeError(f"{self.kind}: its root could not be mounted")
        with open(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children", encoding="ascii") as children:
            self.pid = children.read().split()[0]
        time.sleep(0.05)  # until the chroot has happened

    def _leave(self):
        if self.outer:
            self.outer.kill()
            self.outer.wait()
            self.outer.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_files(self):
        for name in ("seed/etc", "top", "root"):
            os.makedirs(f"{self.folder}/{name}")
        with open("/etc/passwd", encoding="utf-8") as passwd, open("/etc/group", encoding="utf-8") as group:
            lines = [line for line in passwd if line.split(":")[0] not in USERS]
            groups = [line for line in group if line.split(":")[0] not in USERS]
        lines += [f"{name}:x:{number}:{number}::/var/empty:/usr/sbin/nologin\n" for name, number in USERS.items()]
        groups += [f"{name}:x:{number}:\n" for name, number in USERS.items()]
        for path, content in {"etc/passwd": "".join(lines), "etc/group": "".join(groups), **self.files}.items():
            target = f"{self.folder}/seed/{path}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as out:
                out.write(content.encode() if isinstance(content, str) else content)

    def command(self, *command):
        return ["nsenter", "-t", self.pid, "-m", "-p", "-n", "chroot", f"{self.folder}/root", *command]

    def run(self, *command, text="", check=True):
        done = subprocess.run(
            self.command(*command), input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )
        if check and done.returncode:
            raise RuntimeError(f"{self.kind}: {' '.join(command)}: {done.stdout.strip()}")
        return done.stdout

    def read(self, path):
        """A file as the host sees it; empty when there is none."""
        with contextlib.suppress(FileNotFoundError):
            with open(f"/proc/{self.pid}/root/{path}", encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def wait_for_port(self, port, address):
        """Until somebody listens there; connecting to see would be in the capture."""
        for _ in range(WAIT * 20):
            if subprocess.run(self.command("ss", "-Htln", f"sport = :{port}"), capture_output=True).stdout.strip():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.kind}: nobody listens on {address} port {port}: {self.log()[-1500:]}")

    def wait_in_log(self, *marks, count=1):
        for _ in range(WAIT * 20):
            text = self.log()
            if sum(text.count(mark) for mark in marks) >= count:
                return text
            time.sleep(0.05)
        raise RuntimeError(f"{self.kind}: {marks} not in its log: {self.log()[-2500:]}")

    def start(self):
        raise NotImplementedError

    def log(self):
        raise NotImplementedError

    def stop(self):
        """Most are content to be killed with their namespace."""
