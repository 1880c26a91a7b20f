"""Short sessions of a scripted client: what the history of a server or of a client is made of."""
import contextlib
import dataclasses
import ssl

from peers import Client, tls_client

MX, MX_ADDRESS = "mx.example.net", "192.0.2.25"


@dataclasses.dataclass(frozen=True)
class Visitor:
    """A client that comes again and again, each time from another port."""

    name: str
    source: str
    side: str = "inside"
    sender: str = "alice@example.org"
    recipient: str = "bob@example.net"

    def call(self, server):
        return Client(server, source=self.source, side=self.side)

    def encrypted(self, server=MX_ADDRESS, sni=MX, times=1, **tls):
        """Mail over STARTTLS; `tls` as of peers.tls_client."""
        for _ in range(times):
            with self.call(server) as client:
                client.hello(self.name)
                client.starttls(tls_client(**tls), sni)
                client.hello_again(self.name)
                client.mail([self.recipient], self.sender)
                client.quit()

    def plain(self, server=MX_ADDRESS, verb="EHLO", recipient=None, times=1):
        """Mail in the clear, whatever is offered."""
        for _ in range(times):
            with self.call(server) as client:
                client.hello(self.name, verb)
                client.mail([recipient or self.recipient], self.sender)
                client.quit()

    def plain_after_helo(self, server=MX_ADDRESS):
        """Mail in the clear of a client whose EHLO is refused and that goes on with HELO, as RFC 5321 3.2 has it."""
        with self.call(server) as client:
            client.want(220)
            client.ask(f"EHLO {self.name}", 50)
            client.ask(f"HELO {self.name}", 250)
            client.mail([self.recipient], self.sender)
            client.quit()

    def look(self, server=MX_ADDRESS):
        """EHLO, and away without mail."""
        with self.call(server) as client:
            client.hello(self.name)
            client.quit()

    def fail(self, server=MX_ADDRESS, sni=MX, **tls):
        """STARTTLS is granted, and the handshake does not go through."""
        with self.call(server) as client:
            client.hello(self.name)
            with contextlib.suppress(OSError, ssl.SSLError):
                client.starttls(tls_client(**tls), sni)
                raise AssertionError("the handshake went through")

    def leave_at_hello(self, server=MX_ADDRESS):
        """STARTTLS is granted, and the client goes away."""
        with self.call(server) as client:
            client.hello(self.name)
            client.ask("STARTTLS", 220)


OUT = Visitor("out.example.org", "10.1.0.25")
APP = Visitor("app.example.org", "10.1.0.77")
OUT6 = Visitor("out6.example.org", "2001:db8:1::25")
# From outside, with mail for us.
KNOWN = Visitor("out.example.com", "203.0.113.25", "outside", "carol@example.com", "alice@example.org")
SCANNER = Visitor("scanner.example.com", "203.0.113.99", "outside", "carol@example.com", "alice@example.org")
