"""Postfix, Exim and OpenSMTPD, each as a host of the lab with a small configuration of its own."""
import subprocess
import time

from hosts import Host


def _tls_files(certificate):
    if certificate is None:
        return {}
    return {"etc/lab/key.pem": certificate[0], "etc/lab/chain.pem": certificate[1]}


# The system's own OpenSSL settings refuse old versions before a server's configuration is asked.
OPENSSL = """openssl_conf = c
[c]
ssl_conf = s
[s]
system_default = d
[d]
MinProtocol = TLSv1
CipherString = ALL:eNULL@SECLEVEL=0
"""


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
        main = (
            f"compatibility_level = 3.6\nmyhostname = {name}\nmyorigin = {name}\nmydestination =\n"
            f"inet_interfaces = {address or 'loopback-only'}\ninet_protocols = all\nmaillog_file = /var/log/mail.log\n"
            "alias_maps =\nlocal_recipient_maps =\nbiff = no\nsmtputf8_autodetect_classes = sendmail\n"
            f"relay_domains = {domains}\nrelay_transport = discard\nmynetworks = 127.0.0.0/8\n"
            "smtpd_relay_restrictions = reject_unauth_destination\nsmtp_dns_support_level = disabled\n"
            "smtp_host_lookup = native\nsmtpd_peername_lookup = no\nminimal_backoff_time = 1s\n"
            "smtp_sasl_security_options =\n" + settings
        )
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
        self.run(
            "sh",
            "-ec",
            f"mkdir -p {queue}/pid /var/lib/postfix; cd {queue}; mkdir -p {own} maildrop public; "
            f"chown postfix {own} maildrop public /var/lib/postfix; chgrp postdrop maildrop public; "
            "chmod 730 maildrop; chmod 710 public; chmod 700 private; chown root:postdrop /usr/sbin/postdrop; "
            "chmod 2755 /usr/sbin/postdrop; : > /etc/postfix/dynamicmaps.cf; "
            "cp -n /usr/share/postfix/postfix-files /etc/postfix/ 2>/dev/null || :",
        )
        self.master = subprocess.Popen(
            self.command("env", "MAIL_CONFIG=/etc/postfix", "/usr/lib/postfix/sbin/master", "-d"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
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

    def __init__(
        self,
        side,
        name,
        address=None,
        certificate=None,
        settings="",
        transport="",
        domains="",
        route="",
        port=25,
        ca=None,
        authenticators="",
    ):
        """A server where `address` is given; a client that sends everything to `route`."""
        self.address, self.port = address, port
        files = _tls_files(certificate)
        if ca:
            files["etc/lab/ca.pem"] = ca
        config = [
            f"primary_hostname = {name}",
            f"domainlist lab = {domains}",
            "keep_environment =",
            f"local_interfaces = {'<; ' + address if address else '127.0.0.1'}",
            f"daemon_smtp_ports = {port}",
            "acl_smtp_rcpt = lab_rcpt",
            "acl_smtp_data = accept",
            "host_lookup =",
            "rfc1413_query_timeout = 0s",
            "log_file_path = /var/log/exim4/%slog",
            "smtp_enforce_sync = true",
            "never_users =",
            "trusted_users = root",
            "dns_ipv4_lookup = *",
            "chunking_advertise_hosts = *",
            "host_reject_connection =",
            "recipient_unqualified_hosts =",
            "pipelining_connect_advertise_hosts =",
        ]
        if certificate:
            config += [
                "tls_advertise_hosts = *",
                "tls_certificate = /etc/lab/chain.pem",
                "tls_privatekey = /etc/lab/key.pem",
            ]
        else:
            config += ["tls_advertise_hosts ="]
        config += [settings, "begin acl", "lab_rcpt:", "  accept domains = +lab", "  deny", "begin routers"]
        if domains:
            config += ["sink:", "  driver = accept", "  domains = +lab", "  transport = sink"]
        if route:
            config += [
                "out:",
                "  driver = manualroute",
                f"  route_list = * {route} byname",
                "  transport = out",
                "  self = send",
            ]
        config += [
            "begin transports",
            "sink:",
            "  driver = appendfile",
            "  file = /dev/null",
            "  user = Debian-exim",
            "out:",
            "  driver = smtp",
            "  hosts_try_dane =",
            transport,
            "begin retry",
            "* * F,1h,10m",
            "begin authenticators",
            authenticators,
            "",
        ]
        files["etc/exim4/exim4.conf"] = "\n".join(config)
        super().__init__(side, files)

    def start(self):
        self.run(
            "sh",
            "-ec",
            "mkdir -p /var/log/exim4 /var/spool/exim4 /run/exim4; "
            "chown -R Debian-exim:Debian-exim /var/log/exim4 /var/spool/exim4 /run/exim4; "
            "chown root:root /etc/exim4/exim4.conf; chmod 644 /etc/exim4/exim4.conf; "
            "[ ! -f /etc/lab/key.pem ] || chown Debian-exim /etc/lab/key.pem",
        )
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
            config += [
                f"listen on {address} hostname {name} {'tls pki ' + name if certificate else ''} {options}",
                'action "sink" mda "cat >/dev/null" virtual {"@" = nobody}',
                f'match from any for domain "{domains}" action "sink"',
            ]
        if route:
            config += [
                "listen on socket",
                f'action "out" relay host {route} helo {name} {relay}',
                'match from any for any action "out"',
            ]
        files["etc/smtpd.conf"] = "\n".join(config) + "\n"
        files["etc/mailname"] = name
        super().__init__(side, files)

    def start(self):
        self.run(
            "sh",
            "-ec",
            "mkdir -p /var/spool/smtpd /var/empty /var/lib/opensmtpd; chmod 711 /var/spool/smtpd; "
            "chgrp opensmtpq /usr/sbin/smtpctl; chmod 2755 /usr/sbin/smtpctl; "
            "[ ! -f /etc/lab/key.pem ] || chmod 600 /etc/lab/key.pem",
        )
        # In the foreground it reports on its standard error.
        self.daemon = subprocess.Popen(
            self.command("sh", "-c", "exec smtpd -dv 2>/var/log/smtpd.log"), stdout=subprocess.DEVNULL
        )
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
