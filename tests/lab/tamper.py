"""A tampering host in the middle: it ends every connection itself and speaks on in both directions, under the
addresses of the true ends. What it does to the bytes is one small function a mode, of the chunk and the direction.
"""
import contextlib
import re
import socket
import threading

import net

TO_SERVER, TO_CLIENT = "toserver", "toclient"
IP_TRANSPARENT = 19


def mask_capability(mark):
    """Overwrite STARTTLS in the EHLO reply in place, as fixup protocol smtp and its heirs do."""

    def mode(data, direction):
        if direction == TO_CLIENT:
            return re.sub(rb"^(250[- ])STARTTLS\b", rb"\g<1>" + mark, data, flags=re.M)
        return data

    return mode


def mangle_command(data, direction):
    """Overwrite the client's STARTTLS in place."""
    return data.replace(b"STARTTLS", b"XXXXXXXX") if direction == TO_SERVER else data


def mangle_ehlo(data, direction):
    """Overwrite the client's EHLO, so that it is refused and the client goes on with HELO."""
    return re.sub(rb"^EHLO ", b"XXXX ", data) if direction == TO_SERVER else data


def strip_line(data, direction):
    """Take the STARTTLS line out of the EHLO reply."""
    return re.sub(rb"^250-STARTTLS\r\n", b"", data, flags=re.M) if direction == TO_CLIENT else data


def drop_line(keyword):
    """Take another line out of the EHLO reply, which stays whole."""

    def mode(data, direction):
        return re.sub(rb"^250-" + keyword + rb"\b[^\r]*\r\n", b"", data, flags=re.M) if direction == TO_CLIENT else data

    return mode


def inject_to_server(extra):
    """Add plaintext behind the client's STARTTLS, in the same segment."""

    def mode(data, direction):
        return data.replace(b"STARTTLS\r\n", b"STARTTLS\r\n" + extra) if direction == TO_SERVER else data

    return mode


def inject_to_client(extra):
    """Add plaintext behind the 220 that answers STARTTLS."""

    def mode(data, direction):
        if direction == TO_CLIENT and re.match(rb"220 .*(TLS|ready)", data, re.I):
            return data + extra
        return data

    return mode


def refuse_command(reply):
    """Send garbage in the place of STARTTLS, and put `reply` in the place of the server's answer."""
    asked = []

    def mode(data, direction):
        if direction == TO_SERVER and data == b"STARTTLS\r\n":
            asked.append(True)
            return b"NOOP\r\n"
        if direction == TO_CLIENT and asked:
            asked.clear()
            return reply
        return data

    return mode


def _without_extension(hello, wanted):
    """A ClientHello record less one extension, its three lengths mended. RFC 8446 4.1.2."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at]
    head, rest, kept = hello[:at], hello[at + 2 :], b""
    while rest:
        size = 4 + int.from_bytes(rest[2:4], "big")
        if int.from_bytes(rest[:2], "big") != wanted:
            kept += rest[:size]
        rest = rest[size:]
    body = head[9:] + len(kept).to_bytes(2, "big") + kept
    return hello[:3] + (len(body) + 4).to_bytes(2, "big") + hello[5:6] + len(body).to_bytes(3, "big") + body


def drop_supported_versions(data, direction):
    """Edit the ClientHello so that it no longer offers TLS 1.3."""
    if direction == TO_SERVER and data[:3] == b"\x16\x03\x01" and data[5] == 1:
        return _without_extension(data, 43)
    return data


def close_at_handshake(how):
    """End the connection when the ClientHello comes: `how` is "fin" or "rst", told to the client."""

    def mode(data, direction):
        if direction == TO_SERVER and data[:1] == b"\x16":
            raise Cut(how)
        return data

    return mode


class Cut(Exception):
    """The mode wants the connection ended."""


def _forward(source, sink, direction, mode):
    try:
        while data := source.recv(65536):
            if out := mode(data, direction):
                sink.sendall(out)
    except Cut as cut:
        if cut.args[0] == "rst":
            source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        else:
            source.shutdown(socket.SHUT_RDWR)
        sink.shutdown(socket.SHUT_RDWR)
        source.close()
        return
    except OSError:
        pass
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _relay(inner, mode, keeps_port):
    server, client = inner.getsockname(), inner.getpeername()
    with net.entered("middle"):
        outer = socket.socket()
    outer.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    outer.bind((client[0], client[1] if keeps_port else 0))
    outer.connect(server)
    for connection in (inner, outer):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_forward, args=(outer, inner, TO_CLIENT, mode), daemon=True)
    back.start()
    _forward(inner, outer, TO_SERVER, mode)
    back.join(10)
    inner.close()
    outer.close()


@contextlib.contextmanager
def tampering(mode, port=25, keeps_port=False):
    """Turn all traffic of the middle to a tamperer with this mode. It comes from the client's own port, or from one of its own."""
    with net.entered("middle"):
        listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen()

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_relay, args=(connection, mode, keeps_port), daemon=True).start()

    with net.diverted():
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
