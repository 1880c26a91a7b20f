"""Scripted SMTP peers, for what no real server can be made to say or do."""
import base64
import contextlib
import hmac
import socket
import ssl
import struct
import threading
import time

import net

PAUSE = 0.03  # enough for what was sent to travel as a segment of its own


def tls_client(ca=None, highest=None, lowest=ssl.TLSVersion.TLSv1, ciphers="DEFAULT@SECLEVEL=0"):
    """A client's TLS settings; it verifies only where it is given a trust store."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        context.load_verify_locations(ca)
    context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    context.set_ciphers(ciphers)
    return context


def tls_server(certificate, highest=None, lowest=ssl.TLSVersion.TLSv1, ciphers="DEFAULT@SECLEVEL=0", tickets=0):
    """A server's TLS settings; `certificate` is (key file, chain file) or None for none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    context.set_ciphers(ciphers)
    context.num_tickets = tickets
    if certificate:
        context.load_cert_chain(certificate[1], certificate[0])
    return context


class Peer:
    """One end of a connection, line by line."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(10)
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data.encode("utf-8") if isinstance(data, str) else data)

    def line(self):
        """The next line without its CRLF; None at the end of the stream."""
        while b"\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def until(self, mark):
        """Everything up to and with `mark`."""
        while mark not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"stream ended before {mark!r}")
            self.buffer += more
        at = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def close(self):
        self.socket.close()

    def reset(self):
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Client(Peer):
    """An SMTP client on one side of the lab."""

    def __init__(self, server, port=25, source="10.1.0.25", side="inside", segment=None):
        with net.entered(side):
            connection = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET)
            if segment:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
            connection.bind((source, 0))
            connection.settimeout(10)
            connection.connect((server, port))
        super().__init__(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def reply(self):
        """The next whole reply: its lines joined by newlines; an empty string when the server is gone."""
        lines = []
        while True:
            line = self.line()
            if line is None:
                return ""
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def ask(self, command, expect=None):
        """Send one command line and take its reply, which must begin with `expect` where that is given."""
        self.send(command + "\r\n")
        return self.want(expect, command)

    def want(self, expect, what="greeting"):
        reply = self.reply()
        if expect is not None and not reply.startswith(str(expect)):
            raise AssertionError(f"{what}: expected {expect}, got {reply!r}")
        return reply

    def hello(self, name="out.example.org", verb="EHLO"):
        self.want(220)
        return self.ask(f"{verb} {name}", 250)

    def hello_again(self, name="out.example.org"):
        """The EHLO behind STARTTLS, before which no greeting comes."""
        return self.ask(f"EHLO {name}", 250)

    def secure(self, context, sni=None, session=None):
        """TLS from here on. Errors of the handshake are the caller's."""
        self.socket = context.wrap_socket(self.socket, server_hostname=sni, session=session)
        self.buffer = b""

    def starttls(self, context, sni="mx.example.net"):
        self.ask("STARTTLS", 220)
        self.secure(context, sni)

    def mail(self, recipients, sender="alice@example.org", body="Subject: lab\r\n\r\nHello.\r\n", expect=250):
        self.ask(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients:
            self.ask(f"RCPT TO:<{recipient}>", 250)
        self.ask("DATA", 354)
        self.send(body if isinstance(body, bytes) else body.encode("utf-8"))
        return self.ask(".", expect)

    def cram_md5(self, user, secret, expect=235):
        """Answer the server's challenge. RFC 2195."""
        challenge = base64.b64decode(self.ask("AUTH CRAM-MD5", 334).split(" ", 1)[1])
        digest = hmac.new(secret.encode(), challenge, "md5").hexdigest()
        return self.ask(base64.b64encode(f"{user} {digest}".encode()).decode(), expect)

    def quit(self):
        self.ask("QUIT", 221)
        self.close()


class Server:
    """A scripted server: the common replies, with `replies` (verb to text, or to a function of the session)
    in their place where a scenario wants another."""

    def __init__(
        self,
        name="mx.example.net",
        capabilities=("PIPELINING", "SIZE 10240000", "8BITMIME"),
        tls=None,
        replies=None,
        banner=None,
        greet=None,
    ):
        self.name, self.capabilities, self.tls = name, list(capabilities), tls
        self.replies = replies or {}
        self.banner = banner or f"220 {name} ESMTP lab"
        self.greet = greet

    def serve(self, peer):
        if self.greet:
            self.greet(peer)
        peer.send(self.banner + "\r\n")
        while True:
            line = peer.line()
            if line is None:
                return
            verb = line.split(" ")[0].split(":")[0].upper()
            answer = self.replies.get(verb, self._default(verb))
            if callable(answer):
                answer = answer(self, peer, line)
            if answer:
                peer.send(answer + "\r\n")
            if verb == "QUIT" or answer is False:
                return

    def secure(self, peer):
        """The server's half of a handshake; forgets what came before it, as RFC 3207 4.2 wants."""
        peer.socket = self.tls.wrap_socket(peer.socket, server_side=True)
        peer.buffer = b""

    def _default(self, verb):
        return {
            "EHLO": self._ehlo,
            "LHLO": self._ehlo,
            "HELO": f"250 {self.name}",
            "MAIL": "250 2.1.0 Ok",
            "RCPT": "250 2.1.5 Ok",
            "DATA": self._data,
            "RSET": "250 2.0.0 Ok",
            "NOOP": "250 2.0.0 Ok",
            "QUIT": "221 2.0.0 Bye",
            "STARTTLS": self._starttls,
        }.get(verb, "500 5.5.2 Error: command not recognized")

    def _ehlo(self, _server, _peer, _line):
        lines = [self.name] + self.capabilities
        return "\r\n".join(f"250{'-' if at + 1 < len(lines) else ' '}{text}" for at, text in enumerate(lines))

    @staticmethod
    def _data(_server, peer, _line):
        peer.send("354 End data with <CR><LF>.<CR><LF>\r\n")
        peer.until(b"\r\n.\r\n")
        return "250 2.0.0 Ok: queued"

    @staticmethod
    def _starttls(server, peer, _line):
        if server.tls is None:
            return "502 5.5.1 Error: command not implemented"
        peer.send("220 2.0.0 Ready to start TLS\r\n")
        server.secure(peer)
        return None


@contextlib.contextmanager
def serving(server, address="192.0.2.25", port=25, side="outside"):
    """Run a scripted server (a Server, or a function of the Peer) on that address."""
    with net.entered(side):
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen()
    handle = server.serve if isinstance(server, Server) else server

    def session(connection):
        peer = Peer(connection)
        # A peer that vanishes or refuses the handshake is what many scenarios are about.
        with contextlib.suppress(OSError, EOFError):
            handle(peer)
        time.sleep(PAUSE)
        peer.close()

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=session, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
