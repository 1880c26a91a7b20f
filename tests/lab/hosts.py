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
PACKAGES = {
    "postfix": ["postfix"],
    "exim": ["exim4-daemon-heavy", "exim4-base"],
    "opensmtpd": ["opensmtpd"],
}
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
            listed = subprocess.run(["ldd", path], env={"LD_LIBRARY_PATH": paths, "PATH": os.environ["PATH"]},
                                    capture_output=True, text=True).stdout
            missing |= {line.split()[0] for line in listed.splitlines() if "not found" in line and "=>" in line}
    return missing


def _unpack(root, packages):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run(["apt-get", "-q", "download", *packages], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        for package in sorted(glob.glob(f"{folder}/*.deb")):
            subprocess.run(["dpkg", "-x", package, root], check=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.isdir(f"{root}/{name}"):  # these are links into /usr where the overlay will lie
            subprocess.run(["cp", "-a", "--remove-destination", f"{root}/{name}", f"{root}/usr/"], check=True)
            shutil.rmtree(f"{root}/{name}")


def _dependencies(packages):
    """The library packages these depend on, less those the machine has."""
    listed = subprocess.run(["apt-cache", "depends", *packages], capture_output=True, text=True, check=True).stdout
    wanted = {line.split()[-1] for line in listed.splitlines()
              if line.strip().startswith("Depends: lib") and "<" not in line}
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
    out.update(postfix="Postfix " + out["postfix"], exim="Exim " + out["exim"],
               opensmtpd="OpenSMTPD " + out["opensmtpd"])
    return out


class Host:
    """One machine with one mail server on one side of the lab: a context manager."""

    kind = ""

    def __init__(self, side, files):
        self.side = side
        self.files = {"etc/hosts": net.HOSTS, "etc/resolv.conf": NO_DNS, **files}

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="mxtap-lab-")
        self._write_files()
        root = f"{self.folder}/root"
        top = f"{self.folder}/top"
        # Packages and files are copied: overlayfs refuses layers that lie within one another.
        script = (f"mount -t tmpfs -o mode=755 tmpfs {top} && mkdir {top}/u {top}/w && "
                  f"cp -a {fetch(self.kind)}/. {top}/u/ && cp -a {self.folder}/seed/. {top}/u/ && "
                  f"mount -t overlay overlay -o lowerdir=/,upperdir={top}/u,workdir={top}/w {root} && "
                  f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && "
                  f"mount -t tmpfs tmpfs {root}/run && mount -t tmpfs -o mode=1777 tmpfs {root}/tmp && "
                  f"echo up && exec chroot {root} sleep 600")
        self.outer = subprocess.Popen(
            net.in_namespace(self.side, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script),
            stdout=subprocess.PIPE, text=True)
        if self.outer.stdout.readline() != "up\n":
            raise RuntimeError(f"{self.kind}: its root could not be mounted")
        with open(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children", encoding="ascii") as children:
            self.pid = children.read().split()[0]
        time.sleep(0.05)  # until the chroot has happened
        self.start()
        return self

    def __exit__(self, *_):
        if os.environ.get("MXTAP_LAB_LOGS"):
            print(self.log(), file=sys.stderr)
        self.stop()
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
        done = subprocess.run(self.command(*command), input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60)
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


def _tls_files(certificate):
    if certificate is None:
        return {}
    return {"etc/lab/key.pem": certificate[0], "etc/lab/chain.pem": certificate[1]}


# The system's own OpenSSL settings refuse old versions before a server's configuration is asked.
OPENSSL = "openssl_conf = c\n[c]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nMinProtocol = TLSv1\nCipherString = ALL:eNULL@SECLEVEL=0\n"


class Postfix(Host):
    kind = "postfix"

    MASTER = """pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
lmtp      unix - - n - - lmtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

    def __init__(self, side, name, address=None, certificate=None, settings="", services="", domains="", files=None):
        """A server where `address` is given (for `domains`, which it discards), else a client only."""
        self.address = address
        files = {**_tls_files(certificate), "etc/ssl/openssl.cnf": OPENSSL, **(files or {})}
        main = (f"compatibility_level = 3.6\nmyhostname = {name}\nmyorigin = {name}\nmydestination =\n"
                f"inet_interfaces = {address or 'loopback-only'}\ninet_protocols = all\nmaillog_file = /var/log/mail.log\n"
                "alias_maps =\nlocal_recipient_maps =\nbiff = no\nsmtputf8_autodetect_classes = sendmail\n"
                f"relay_domains = {domains}\nrelay_transport = discard\nmynetworks = 127.0.0.0/8\n"
                "smtpd_relay_restrictions = reject_unauth_destination\nsmtp_dns_support_level = disabled\n"
                "smtp_host_lookup = native\nsmtpd_peername_lookup = no\nminimal_backoff_time = 1s\n"
                "smtp_sasl_security_options =\n" + settings)
        if certificate:
            main += "\nsmtpd_tls_chain_files = /etc/lab/key.pem, /etc/lab/chain.pem\nsmtpd_tls_security_level = may\n"
        if not address:
            main += "\nsoft_bounce = yes\n"  # a bounce would be one more delivery in the capture
        listening = "smtp inet n - n - - smtpd\n" if address and not services else services
        files["etc/postfix/main.cf"] = main
        files["etc/postfix/master.cf"] = listening + self.MASTER
        super().__init__(side, files)

    def start(self):
        queue = "/var/spool/postfix"
        own = "active bounce corrupt defer deferred flush hold incoming private saved trace"
        self.run("sh", "-ec", f"mkdir -p {queue}/pid /var/lib/postfix; cd {queue}; mkdir -p {own} maildrop public; "
                 f"chown postfix {own} maildrop public /var/lib/postfix; chgrp postdrop maildrop public; "
                 "chmod 730 maildrop; chmod 710 public; chmod 700 private; chown root:postdrop /usr/sbin/postdrop; "
                 "chmod 2755 /usr/sbin/postdrop; : > /etc/postfix/dynamicmaps.cf; "
                 "cp -n /usr/share/postfix/postfix-files /etc/postfix/ 2>/dev/null || :")
        self.master = subprocess.Popen(self.command("env", "MAIL_CONFIG=/etc/postfix", "/usr/lib/postfix/sbin/master", "-d"),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.address:
            self.wait_for_port(self._port(), self.address)
        else:
            self.wait_in_log("daemon started")

    def _port(self):
        first = self.files["etc/postfix/master.cf"].split()[0].rsplit(":", 1)[-1]
        return {"smtp": 25, "submission": 587, "smtps": 465}.get(first, first)

    def log(self):
        return self.read("var/log/mail.log")

    def stop(self):
        self.master.terminate()
        self.master.wait()

    def send(self, recipients, sender="alice@example.org", body="Subject: lab\n\nHello.\n", options=()):
        """Hand one message to the queue; wait until each recipient's fate is known."""
        before = self.log().count("status=")
        self.run("sendmail", "-i", "-f", sender, *options, *recipients, text=body)
        self.wait_in_log("status=", count=before + len(recipients))

    def retry(self):
        """Try what was deferred once more. A message older than the back-off may fall back to plaintext."""
        time.sleep(1.5)
        before = self.log().count("status=")
        self.run("postqueue", "-f")
        self.wait_in_log("status=", count=before + 1)


class Exim(Host):
    kind = "exim"

    def __init__(self, side, name, address=None, certificate=None, settings="", transport="", domains="",
                 route="", port=25, ca=None, authenticators=""):
        """A server where `address` is given; a client that sends everything to `route`."""
        self.address, self.port = address, port
        files = _tls_files(certificate)
        if ca:
            files["etc/lab/ca.pem"] = ca
        config = [f"primary_hostname = {name}", f"domainlist lab = {domains}", "keep_environment =",
                  f"local_interfaces = {'<; ' + address if address else '127.0.0.1'}", f"daemon_smtp_ports = {port}",
                  "acl_smtp_rcpt = lab_rcpt", "acl_smtp_data = accept", "host_lookup =", "rfc1413_query_timeout = 0s",
                  "log_file_path = /var/log/exim4/%slog", "smtp_enforce_sync = true",
                  "never_users =", "trusted_users = root", "dns_ipv4_lookup = *", "chunking_advertise_hosts = *",
                  "host_reject_connection =", "recipient_unqualified_hosts =", "pipelining_connect_advertise_hosts ="]
        if certificate:
            config += ["tls_advertise_hosts = *", "tls_certificate = /etc/lab/chain.pem", "tls_privatekey = /etc/lab/key.pem"]
        else:
            config += ["tls_advertise_hosts ="]
        config += [settings, "begin acl", "lab_rcpt:", "  accept domains = +lab", "  deny", "begin routers"]
        if domains:
            config += ["sink:", "  driver = accept", "  domains = +lab", "  transport = sink"]
        if route:
            config += ["out:", "  driver = manualroute", f"  route_list = * {route} byname", "  transport = out",
                       "  self = send"]
        config += ["begin transports", "sink:", "  driver = appendfile", "  file = /dev/null", "  user = Debian-exim",
                   "out:", "  driver = smtp", "  hosts_try_dane =", transport, "begin retry", "* * F,1h,10m",
                   "begin authenticators", authenticators, ""]
        files["etc/exim4/exim4.conf"] = "\n".join(config)
        super().__init__(side, files)

    def start(self):
        self.run("sh", "-ec", "mkdir -p /var/log/exim4 /var/spool/exim4 /run/exim4; "
                 "chown -R Debian-exim:Debian-exim /var/log/exim4 /var/spool/exim4 /run/exim4; "
                 "chown root:root /etc/exim4/exim4.conf; chmod 644 /etc/exim4/exim4.conf; "
                 "[ ! -f /etc/lab/key.pem ] || chown Debian-exim /etc/lab/key.pem")
        if self.address:
            self.run("exim4", "-bd")
            self.wait_for_port(self.port, self.address)

    def log(self):
        return self.read("var/log/exim4/mainlog") + self.read("var/log/exim4/paniclog")

    def send(self, recipients, sender="alice@example.org", body="Subject: lab\n\nHello.\n"):
        """Deliver one message at once, in the foreground."""
        self.run("exim4", "-odf", "-i", "-f", sender, *recipients, text=body, check=False)
        log = self.log()
        if "=>" not in log and "**" not in log and "==" not in log:
            raise RuntimeError(f"exim: nothing delivered: {log}")


class OpenSmtpd(Host):
    kind = "opensmtpd"

    def __init__(self, side, name, address=None, certificate=None, domains="", route="", options="", relay="", ca=None):
        """A server where `address` is given; a client that sends everything to `route`, a URL of smtpd.conf's."""
        self.address = address
        files = _tls_files(certificate)
        if ca:
            files["etc/ssl/certs/ca-certificates.crt"] = ca
        config = []
        if certificate:
            config += [f'pki {name} cert "/etc/lab/chain.pem"', f'pki {name} key "/etc/lab/key.pem"']
        if address:
            config += [f"listen on {address} hostname {name} {'tls pki ' + name if certificate else ''} {options}",
                       'action "sink" mda "cat >/dev/null" virtual {"@" = nobody}',
                       f'match from any for domain "{domains}" action "sink"']
        if route:
            config += ["listen on socket", f'action "out" relay host {route} helo {name} {relay}',
                       'match from any for any action "out"']
        files["etc/smtpd.conf"] = "\n".join(config) + "\n"
        files["etc/mailname"] = name
        super().__init__(side, files)

    def start(self):
        self.run("sh", "-ec", "mkdir -p /var/spool/smtpd /var/empty /var/lib/opensmtpd; chmod 711 /var/spool/smtpd; "
                 "chgrp opensmtpq /usr/sbin/smtpctl; chmod 2755 /usr/sbin/smtpctl; "
                 "[ ! -f /etc/lab/key.pem ] || chmod 600 /etc/lab/key.pem")
        # In the foreground it reports on its standard error.
        self.daemon = subprocess.Popen(self.command("sh", "-c", "exec smtpd -dv 2>/var/log/smtpd.log"),
                                       stdout=subprocess.DEVNULL)
        if self.address:
            self.wait_for_port(25, self.address)
        else:
            self.wait_in_log("smtpd: smtp", "OpenSMTPD")
            time.sleep(0.5)

    def log(self):
        return self.read("var/log/smtpd.log")

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()

    def send(self, recipients, sender="alice@example.org", body="Subject: lab\n\nHello.\n"):
        self.run("sendmail", "-f", sender, *recipients, text=body)
        self.wait_in_log("mta delivery", "result=", count=len(recipients))
