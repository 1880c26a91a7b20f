"""Debian's real redis-server for tests: on a free port and a unix socket, with TLS by a private CA and ACL users, to be killed, stopped and started again.

    server = RedisServer(folder)             or the fixtures of redis_fixtures.py
    server.url, server.unix_url, server.tls_url
    server.client().xlen("mxtap:events")     python3-redis
    server.kill(); server.start()            the data folder is kept
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import redis

START_SECONDS = 30  # sanitizers and a busy machine
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """Before exec in a child: it ends when the test that started it does, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Tls:
    """A private CA, the server's certificate for localhost and 127.0.0.1, a client's, and another CA that nobody trusts."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, _ = self._authority("ca")
        self.other_ca, _ = self._authority("other-ca")
        self.server, self.server_key = self._signed("server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.client, self.client_key = self._signed("client", "extendedKeyUsage=clientAuth")

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)

    def _authority(self, name):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate)
        return certificate, key

    def _signed(self, name, extension):
        certificate, key, request, extensions = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text(extension + "\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", 30, "-extfile", extensions,
                      "-out", certificate)
        return certificate, key


class RedisServer:
    """One redis-server. `options` are its configuration's directives, `tls` a Tls (None: none), `acl` lines as ACL SETUSER takes them ("sensor on >pw ~mxtap:* +xadd")."""

    def __init__(self, folder=None, *, tls=None, acl=(), port=None, **options):
        self.is_own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="mxtap-redis-") if folder is None else folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # A socket's path may have 107 bytes; pytest's folders are long.
        self.socket_folder = Path(tempfile.mkdtemp(prefix="mxt-"))
        self.socket = self.socket_folder / "redis.sock"
        self.log = self.folder / "redis.log"
        self.tls, self.acl, self.process = tls, list(acl), None
        self.options = {key.replace("_", "-"): str(value) for key, value in options.items()}
        self.port = port or free_port()
        self.tls_port = free_port() if tls else 0
        self.start()

    # Where it is

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"unix:{self.socket}"

    @property
    def tls_url(self):
        return f"rediss://localhost:{self.tls_port}"

    def client(self, **options):
        """python3-redis over the unix socket, as the user `default`; text in, text out."""
        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True, **options)

    # Its life

    def _configuration(self):
        values = {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.socket, "dir": self.folder, "save": '""', "appendonly": "no", "logfile": self.log,
                  "daemonize": "no", "databases": 16, **self.options}
        if self.tls:
            values |= {"tls-port": self.tls_port, "tls-cert-file": self.tls.server, "tls-key-file": self.tls.server_key, "tls-ca-cert-file": self.tls.ca}
            values.setdefault("tls-auth-clients", "no")
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{key} {value}\n" for key, value in values.items()) + "".join(f"user {line}\n" for line in self.acl))
        return path

    def start(self, wait=True):
        """Starts it on the data it has. A port that somebody took in the meantime is an error: clients were told this one."""
        assert self.process is None, "it runs"
        self.process = subprocess.Popen(["redis-server", str(self._configuration())], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        if wait:
            self.wait()

    def wait(self):
        """Until it answers, its data loaded."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"redis-server ended:\n{self.log.read_text() if self.log.exists() else ''}"
            try:
                with self.client() as client:
                    client.ping()
                return
            except redis.exceptions.BusyLoadingError:
                time.sleep(0.02)
            except (redis.exceptions.AuthenticationError, redis.exceptions.ResponseError):
                return  # it answers, if only that it wants a password
            except redis.exceptions.ConnectionError:
                time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def _end(self, number):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait(START_SECONDS)
        self.process = None

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """SIGSTOP: it holds its connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        if self.is_own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    # What is in it

    def events(self, key="mxtap:events"):
        """All entries of a stream of records, as dictionaries of their fields, in order."""
        return [fields for _, fields in self.client().xrange(key)]


def environment(password=None):
    """The environment for a program under test: Redis's password travels here, never on a command line."""
    values = {key: value for key, value in os.environ.items() if key != "MXTAP_REDIS_PASSWORD"}
    return values if password is None else values | {"MXTAP_REDIS_PASSWORD": password}
