"""A TCP proxy before a server, whose connections a test can cut, hold still, or refuse."""
import select
import socket
import threading


class Proxy:
    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = set()
        self.moves = threading.Event()
        self.moves.set()
        self.refuses = False
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def _accept(self):
        while self.is_open:
            try:
                near = self.listener.accept()[0]
                if self.refuses:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target_port), 5)
            except OSError:
                if self.is_open:
                    near.close()
                continue
            with self.lock:
                self.pairs.add((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                for readable in select.select([near, far], [], [])[0]:
                    data = readable.recv(65536)
                    self.moves.wait()
                    if not data:
                        return
                    other[readable].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard((near, far))
            near.close()
            far.close()

    def cut(self):
        """Ends every connection, with whatever was on its way."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def hold(self):
        self.moves.clear()

    def release(self):
        self.moves.set()

    def close(self):
        self.is_open = False
        self.release()
        self.listener.close()
        self.cut()
