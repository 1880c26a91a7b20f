"""Certificates that do not hold, all shown in TLS 1.2 where a passive sensor sees them; and those that just do."""
import datetime
import ssl

from cryptography.hazmat.primitives import hashes

import pki
from peers import Client, Server, serving, tls_client, tls_server
from registry import fact, scenario, unknown
from scenarios.clean import MX, ONLY_12, TO_MX, postfix_mx
from servers import Postfix

EXPIRED = datetime.datetime(2025, 1, 1, tzinfo=pki.UTC)


def shown(lab, certificate):
    """Postfix delivers over TLS 1.2 to a Postfix with this certificate."""
    with postfix_mx(lab, certificate=certificate), Postfix(
        "inside", "out.example.org", settings=TO_MX + ONLY_12
    ) as out:
        out.send(["bob@example.net"])


def certificate(name, purpose, rule=None, severity=None, trust="trusted", facts=(), must_not=(), **truth):
    """A session whose only fault is its certificate; no fault where `rule` is None."""
    others = {
        "certificate.host_mismatch",
        "certificate.expired",
        "certificate.not_yet_valid",
        "certificate.untrusted",
        "certificate.weak",
        "certificate.changed",
    } - {rule}
    truth.setdefault("origin", "{postfix} to {postfix}, TLS 1.2")
    facts = [
        fact("tls.version", "TLS 1.2"),
        fact("tls.outcome", "established"),
        fact("tls.certificate.visible", True),
        fact("tls.certificate.trust", trust),
    ] + list(facts)
    if rule is None:
        truth["max_severity"] = "info"
    return scenario(
        name,
        purpose=purpose,
        raises=(rule,) if rule else (),
        severity={rule: severity} if rule else {},
        must_not_raise=tuple(sorted(others)),
        facts=facts,
        **truth,
    )


@certificate(
    "certificate-other-name",
    "the certificate is for another name than SNI asks for",
    "certificate.host_mismatch",
    "medium",
    facts=[fact("tls.sni", MX), fact("tls.subjectaltname", ["mail.example.com", "www.example.com"])],
)
def other_name(lab):
    shown(lab, lab.ca.issue(["mail.example.com", "www.example.com"]))


@certificate(
    "certificate-name-in-subject-only",
    "the right name is the subject's common name only, which does not count (RFC 6125 6.4.4)",
    "certificate.host_mismatch",
    "medium",
    facts=[fact("tls.subjectaltname", ["old.example.net"])],
)
def subject_only(lab):
    shown(lab, lab.ca.issue(["old.example.net"], common=MX))


@certificate(
    "certificate-wildcard",
    "near miss: a wildcard in the left-most label matches",
    facts=[fact("tls.sni", "b.mx.example.net"), fact("tls.subjectaltname", ["*.mx.example.net"])],
)
def wildcard(lab):
    with Postfix(
        "outside", "b.mx.example.net", "192.0.2.26", lab.ca.issue(["*.mx.example.net"]), domains="example.net"
    ), Postfix("inside", "out.example.org", settings=TO_MX.replace("[mx.", "[b.mx.") + ONLY_12) as out:
        out.send(["bob@example.net"])


@certificate(
    "certificate-wildcard-too-deep",
    "a wildcard stands for one label, not for two",
    "certificate.host_mismatch",
    "medium",
    facts=[fact("tls.sni", "b.mx.example.net")],
)
def wildcard_deep(lab):
    with Postfix(
        "outside", "b.mx.example.net", "192.0.2.26", lab.ca.issue(["*.example.net"]), domains="example.net"
    ), Postfix("inside", "out.example.org", settings=TO_MX.replace("[mx.", "[b.mx.") + ONLY_12) as out:
        out.send(["bob@example.net"])


@certificate("certificate-name-in-capitals", "near miss: names are compared without case", facts=[fact("tls.sni", MX)])
def capitals(lab):
    shown(lab, lab.ca.issue(["MX.Example.NET"]))


@certificate(
    "certificate-other-name-no-sni",
    "no SNI, and the certificate does not bear the banner's name: perhaps only the default",
    "certificate.host_mismatch",
    "low",
    facts=[unknown("tls.sni")],
)
def no_sni(lab):
    with postfix_mx(lab, certificate=lab.ca.issue(["www.example.com"])), Postfix(
        "inside", "out.example.org", settings=TO_MX.replace("smtp_tls_servername = hostname\n", "") + ONLY_12
    ) as out:
        out.send(["bob@example.net"])


@certificate(
    "certificate-expired",
    "the certificate ran out before the capture",
    "certificate.expired",
    "medium",
    facts=[fact("tls.sni", MX)],
)
def expired(lab):
    shown(lab, lab.ca.issue([MX], ends=EXPIRED))


@certificate("certificate-last-days", "near miss: the certificate runs out in two days")
def last_days(lab):
    shown(lab, lab.ca.issue([MX], ends=pki.today(2)))


@certificate(
    "certificate-not-yet-valid",
    "the certificate becomes valid after the capture",
    "certificate.not_yet_valid",
    "medium",
)
def not_yet_valid(lab):
    shown(lab, lab.ca.issue([MX], begins=pki.today(30)))


@certificate("certificate-valid-since-today", "near miss: the certificate became valid on the day of the capture")
def valid_today(lab):
    shown(lab, lab.ca.issue([MX], begins=pki.today()))


@certificate(
    "certificate-self-signed",
    "the server signed its certificate itself",
    "certificate.untrusted",
    "low",
    trust="self-signed",
)
def self_signed(lab):
    shown(lab, lab.ca.issue([MX], self_signed=True))


@certificate(
    "certificate-unknown-issuer",
    "the issuer is in no trust store",
    "certificate.untrusted",
    "low",
    trust="unknown-issuer",
    origin="{postfix} to {postfix}, TLS 1.2; the server sends its own private root too",
)
def unknown_issuer(lab):
    key, chain = lab.stranger.issue([MX])
    shown(lab, (key, chain + lab.pem(lab.stranger)))


@certificate(
    "certificate-incomplete-chain", "the intermediate is not sent", "certificate.untrusted", "low", trust="incomplete"
)
def incomplete(lab):
    shown(lab, lab.intermediate.issue([MX], send_chain=False))


@certificate(
    "certificate-with-intermediate", "near miss: leaf and intermediate are sent, the root is in the trust store"
)
def with_intermediate(lab):
    shown(lab, lab.intermediate.issue([MX]))


@certificate("certificate-with-root", "near miss: the server sends the root as well, which is needless but common")
def with_root(lab):
    key, chain = lab.intermediate.issue([MX])
    shown(lab, (key, chain + lab.pem(lab.ca)))


@certificate(
    "certificate-rsa-1024",
    "a key of 1024 bits",
    "certificate.weak",
    "low",
    facts=[fact("tls.certificate.key", "RSA 1024")],
    origin="a Python client and server, TLS 1.2",
)
def rsa_1024(lab):
    weakly(lab, lab.ca.issue([MX], key=pki.rsa_key(1024)))


@certificate(
    "certificate-sha1", "signed with SHA-1", "certificate.weak", "low", origin="a Python client and server, TLS 1.2"
)
def sha1(lab):
    weakly(lab, lab.ca.issue([MX], digest=hashes.SHA1()))


def weakly(lab, shown_certificate):
    """Ends that still work with what Postfix's libraries refuse."""
    with serving(
        Server(
            MX, ("PIPELINING", "STARTTLS"), tls=tls_server(lab.files(shown_certificate), highest=ssl.TLSVersion.TLSv1_2)
        )
    ), Client("192.0.2.25") as client:
        client.hello()
        client.starttls(tls_client())
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


@certificate("certificate-rsa-2048", "near miss: RSA with 2048 bits", facts=[fact("tls.certificate.key", "RSA 2048")])
def rsa_2048(lab):
    shown(lab, lab.ca.issue([MX], key=pki.rsa_key(2048)))


@certificate("certificate-ec-256", "near miss: EC with 256 bits")
def ec_256(lab):
    shown(lab, lab.ca.issue([MX]))


@scenario(
    "certificate-expired-tls13",
    purpose="an expired certificate in TLS 1.3 cannot be seen: nothing may be said of it",
    origin="{postfix} to {postfix}, TLS 1.3",
    max_severity="info",
    must_not_raise=("certificate.expired", "certificate.untrusted", "certificate.host_mismatch"),
    facts=[
        fact("tls.version", "TLS 1.3"),
        fact("tls.outcome", "established"),
        fact("tls.certificate.visible", False),
        unknown("tls.notafter"),
        unknown("tls.certificate.trust"),
    ],
)
def expired_13(lab):
    with postfix_mx(lab, certificate=lab.ca.issue([MX], ends=EXPIRED)), Postfix(
        "inside", "out.example.org", settings=TO_MX
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "certificate-changed",
    sessions=3,
    purpose="a server's key and issuer change, the old certificate far from its end",
    origin="{postfix} to {postfix} three times, TLS 1.2; the third time with a certificate of a private root",
    raises=("certificate.changed", "certificate.untrusted"),
    severity={"certificate.changed": "high", "certificate.untrusted": "low"},
    facts=[fact("tls.certificate.trust", "trusted"), fact("tls.certificate.trust", "unknown-issuer", 2)],
)
def changed(lab):
    old = lab.ca.issue([MX], begins=pki.today(-10), ends=pki.today(355))
    shown(lab, old)
    shown(lab, old)
    key, chain = lab.stranger.issue([MX])
    shown(lab, (key, chain + lab.pem(lab.stranger)))


@scenario(
    "certificate-renewed",
    sessions=2,
    purpose="near miss: a new key from the same issuer",
    max_severity="info",
    origin="{postfix} to {postfix} twice, TLS 1.2",
    must_not_raise=("certificate.changed",),
    facts=[fact("tls.certificate.trust", "trusted"), fact("tls.certificate.trust", "trusted", 1)],
)
def renewed(lab):
    shown(lab, lab.ca.issue([MX]))
    shown(lab, lab.ca.issue([MX]))
