"""Another issuer and key than a server showed before, and the many honest reasons for new certificates."""
import ssl

import pki
from peers import Server, serving, tls_server
from registry import fact, scenario
from scenarios.clean import MX, postfix_mx
from visitors import MX_ADDRESS, OUT

CHANGED = "certificate.changed"
TLS_12 = {"highest": ssl.TLSVersion.TLSv1_2}
RSA, EC = "DEFAULT:!aECDSA", "DEFAULT:!aRSA"
BEGUN, FAR_END, NEAR_END = pki.today(-300), pki.today(600), pki.today(30)


def other_issuer(lab):
    """An authority of another organisation under the same root: as trusted as the first."""
    return pki.Authority("another lab intermediate", parent=lab.ca, organisation="Another Lab")


def show(lab, *certificates, client=OUT):
    """One session with a server for each certificate in turn."""
    for certificate in certificates:
        with postfix_mx(lab, certificate=certificate):
            client.encrypted(**TLS_12)


def trusts(*wanted):
    return [fact("tls.certificate.trust", trust, at) for at, trust in enumerate(wanted)]


def unchanged(name, purpose, sessions, **truth):
    """Certificates differ, and nothing is to be said of it."""
    truth.setdefault("origin", "a Python client to {postfix}, TLS 1.2")
    return scenario(
        name,
        purpose=f"near miss of a change: {purpose}",
        sessions=sessions,
        must_not_raise=(CHANGED,),
        max_severity="info",
        **truth,
    )


@scenario(
    "certificate-changed-both-trusted",
    sessions=3,
    purpose="key and issuing organisation change long before the end, to another that is trusted too",
    origin="a Python client to {postfix} three times, TLS 1.2",
    raises=(CHANGED,),
    severity={CHANGED: "medium"},
    facts=trusts("trusted", "trusted", "trusted"),
)
def both_trusted(lab):
    old = lab.ca.issue([MX], begins=BEGUN, ends=FAR_END)
    show(lab, old, old, other_issuer(lab).issue([MX]))


@scenario(
    "certificate-changed-to-self-signed",
    sessions=2,
    purpose="a trusted certificate gives way to one the server signed itself, long before its end",
    origin="a Python client to {postfix} twice, TLS 1.2",
    raises=(CHANGED, "certificate.untrusted"),
    severity={CHANGED: "high", "certificate.untrusted": "low"},
    incidents=((CHANGED, "certificate.untrusted"),),
    facts=trusts("trusted", "self-signed"),
)
def to_self_signed(lab):
    show(lab, lab.ca.issue([MX], begins=BEGUN, ends=FAR_END), lab.ca.issue([MX], self_signed=True))


@unchanged(
    "certificate-changed-not-near-end",
    "another issuer and key in the last third of the old one's life",
    2,
    facts=trusts("trusted", "trusted"),
)
def near_end(lab):
    show(lab, lab.ca.issue([MX], begins=BEGUN, ends=NEAR_END), other_issuer(lab).issue([MX]))


@unchanged(
    "certificate-changed-not-key",
    "another issuing organisation certifies the same key",
    2,
    facts=trusts("trusted", "trusted"),
)
def same_key(lab):
    key = pki.ec_key()
    old = lab.ca.issue([MX], key=key, begins=BEGUN, ends=FAR_END)
    show(lab, old, other_issuer(lab).issue([MX], key=key))


@unchanged(
    "certificate-changed-not-rsa-and-ec",
    "the server has an RSA and an EC certificate of different issuers, and clients choose",
    4,
    origin="a Python client that allows RSA and EC in turn to {postfix} with both certificates, TLS 1.2",
    facts=[fact("tls.certificate.key", key, at) for at, key in enumerate(("EC 256", "RSA 2048") * 2)],
)
def rsa_and_ec(lab):
    elliptic = lab.ca.issue([MX], begins=BEGUN, ends=FAR_END)
    rsa = other_issuer(lab).issue([MX], key=pki.rsa_key(2048), begins=BEGUN, ends=FAR_END)
    # Postfix takes keys and chains from its files one after another: key, chain, key, chain.
    with postfix_mx(lab, certificate=(elliptic[0], elliptic[1] + rsa[0] + rsa[1])):
        for ciphers in (EC, RSA, EC, RSA):
            OUT.encrypted(ciphers=ciphers + ":@SECLEVEL=0", **TLS_12)


@unchanged(
    "certificate-changed-not-per-name",
    "the server has a certificate of another issuer for each of its names",
    4,
    origin="a Python client that asks for two names in turn to a Python server, TLS 1.2",
    facts=[fact("tls.sni", name, at) for at, name in enumerate((MX, "mx.club.example.com") * 2)],
)
def per_name(lab):
    names = {
        MX: lab.ca.issue([MX], begins=BEGUN, ends=FAR_END),
        "mx.club.example.com": other_issuer(lab).issue(["mx.club.example.com"], begins=BEGUN, ends=FAR_END),
    }
    contexts = {name: tls_server(lab.files(certificate), **TLS_12) for name, certificate in names.items()}
    contexts[MX].sni_callback = lambda connection, name, _context: setattr(connection, "context", contexts[name])
    with serving(Server(MX, ("PIPELINING", "STARTTLS"), tls=contexts[MX])):
        for name in tuple(names) * 2:
            OUT.encrypted(MX_ADDRESS, name, **TLS_12)


@unchanged(
    "certificate-changed-not-in-turn",
    "a farm shows certificates of two issuers in turn, of which the second was known before",
    5,
    origin="a Python client to {postfix} with two certificates in turn, TLS 1.2; the other issuer was first seen "
    "in the last third of the life of the one before",
    facts=trusts(*["trusted"] * 5),
)
def in_turn(lab):
    old = lab.ca.issue([MX], begins=BEGUN, ends=NEAR_END)
    one, other = lab.ca.issue([MX]), other_issuer(lab).issue([MX])
    show(lab, old, other, one, other, one)
