"""The lab's certificates.

The trust store that is kept, ca.pem, must fit captures made on different days: the authority's key is derived
from a fixed text (it protects nothing), and its certificate is only made when the kept one is missing.
"""
import datetime
import hashlib
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

UTC = datetime.timezone.utc
FROM, UNTIL = datetime.datetime(2024, 1, 1, tzinfo=UTC), datetime.datetime(2044, 1, 1, tzinfo=UTC)


def _name(common, organisation="mxtap lab"):
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _fixed_key(text):
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"), ec.SECP256R1())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(subject, issuer, key, begins, ends):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


class Authority:
    """A root, or with `parent` an intermediate."""

    def __init__(self, common, kept_at=None, parent=None, organisation="mxtap lab"):
        self.key = _fixed_key(common)
        self.parent = parent
        if kept_at and os.path.exists(kept_at):
            with open(kept_at, "rb") as kept:
                self.certificate = x509.load_pem_x509_certificate(kept.read())
            return
        issuer = parent or self
        self.certificate = (
            _builder(
                _name(common, organisation),
                parent.certificate.subject if parent else _name(common, organisation),
                self.key.public_key(),
                FROM,
                UNTIL,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(issuer.key, hashes.SHA256())
        )
        if kept_at:
            with open(kept_at, "wb") as kept:
                kept.write(pem(self.certificate))

    def issue(
        self, names, key=None, begins=FROM, ends=UNTIL, digest=None, common=None, send_chain=True, self_signed=False
    ):
        """Return (key, chain) in PEM for a server with these DNS names: a P-256 key unless one is given."""
        key = key or ec_key()
        subject = _name(common or names[0], "example")
        leaf = (
            _builder(subject, subject if self_signed else self.certificate.subject, key.public_key(), begins, ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key if self_signed else self.key, digest or hashes.SHA256())
        )
        chain = [pem(leaf)]
        if send_chain and self.parent and not self_signed:
            chain.append(pem(self.certificate))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private, b"".join(chain)


def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def today(days=0):
    """Midnight UTC of the day the lab runs, or that many days from it."""
    now = datetime.datetime.now(UTC)
    return datetime.datetime(now.year, now.month, now.day, tzinfo=UTC) + datetime.timedelta(days=days)
