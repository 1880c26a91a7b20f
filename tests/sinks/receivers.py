"""Who takes alerts in these tests: a web server that can misbehave, and syslog servers over unix, UDP and TCP."""
import http.server
import socket
import ssl
import threading
import time


def wait_for(question, seconds=30):
    """Until the question's answer is true; the answer."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return answer


class Web:
    """A web server. `answers` are given in turn, (status, headers) each, the last for ever; `requests` keeps (headers, body)."""

    def __init__(self, answers=((200, {}),), tls=None, port=0):
        self.answers, self.requests, web = list(answers), [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
                web.requests.append((dict(self.headers), body, status))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.server, tls.server_key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.url = f"https://localhost:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def taken(self):
        return [body for _, body, status in self.requests if status < 300]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Datagrams:
    """A syslog server over a unix socket (path) or UDP (None)."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.address = f"unix:{path}" if path else f"udp://127.0.0.1:{self.socket.getsockname()[1]}"

    def receive(self):
        return self.socket.recv(65536)

    def close(self):
        self.socket.close()


class Stream:
    """A syslog server over TCP with octet counting (RFC 6587 3.4.1), one connection at a time."""

    def __init__(self, port=0):
        self.socket = socket.create_server(("127.0.0.1", port))
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]
        self.address, self.connection, self.rest = f"tcp://127.0.0.1:{self.port}", None, b""

    def receive(self):
        if self.connection is None:
            self.connection, _ = self.socket.accept()
            self.connection.settimeout(30)
            self.rest = b""
        while True:
            count, space, body = self.rest.partition(b" ")
            if space and len(body) >= int(count):
                self.rest = body[int(count):]
                return body[:int(count)]
            more = self.connection.recv(65536)
            assert more, "closed within a message"
            self.rest += more

    def hang_up(self):
        self.connection.close()
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.socket.close()
