"""Healthy deliveries between real servers: nothing above info."""
from hosts import Exim, OpenSmtpd, Postfix
from registry import POLICIES, contains, fact, scenario, unknown

TO_MX = "relayhost = [mx.example.net]\nsmtp_tls_security_level = may\nsmtp_tls_servername = hostname\n"


def clean(name, version="TLS 1.3", sni="mx.example.net", more=(), **truth):
    """A clean scenario: what all of them share is said here."""
    visible = version != "TLS 1.3"
    facts = [fact("smtp.starttls.offered", True), fact("smtp.starttls.requested", True),
             fact("smtp.starttls.reply_code", 220), fact("tls.mode", "starttls"), fact("tls.outcome", "established"),
             fact("tls.version", version), fact("hop", "outbound"), fact("tls.certificate.visible", visible)]
    facts.append(fact("tls.sni", sni) if sni else unknown("tls.sni"))
    if visible:
        facts += [fact("tls.certificate.trust", "trusted"), fact("tls.subjectaltname", ["mx.example.net"])]
    truth.setdefault("hides", (b"MAIL FROM", b"RCPT TO"))
    return scenario(name, max_severity="info", facts=facts + list(more), args=POLICIES, **truth)


@clean("clean-postfix-postfix-tls13", purpose="a healthy delivery, TLS 1.3",
       origin="{postfix} to {postfix}", more=[contains("smtp.capabilities", "STARTTLS"), fact("smtp.ehlo", True),
                                              fact("smtp.helo", "out.example.org")])
def postfix_postfix(lab):
    with Postfix("outside", "mx.example.net", "192.0.2.25", lab.ca.issue(["mx.example.net"]), domains="example.net"), \
            Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])
