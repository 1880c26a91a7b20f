"""TLS agreed below what it should be, by age, by cipher or by a tamperer's hand."""
import contextlib
import ssl
import subprocess

import net
import pki
import tamper
from peers import Client, Server, serving, tls_client, tls_server
from registry import fact, scenario
from scenarios.clean import MX, NAMED, ONLY_12, TO_MX, exim_mx, postfix_mx, protected
from servers import Exim, Postfix

V10, V11, V12 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2
WEAK_LIST = "tls_medium_cipherlist = ALL:@SECLEVEL=0\n"


def old_postfix(lab, version):
    """Both ends Postfix, opened for that version only."""
    only = f">={version}, <={version}\n"
    with postfix_mx(
        lab, f"smtpd_tls_protocols = {only}{WEAK_LIST}", lab.ca.issue([MX], key=pki.rsa_key(2048))
    ), Postfix("inside", "out.example.org", settings=f"{TO_MX}{NAMED}smtp_tls_protocols = {only}{WEAK_LIST}") as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-version-10",
    purpose="TLS 1.0 is agreed",
    origin="{postfix} to {postfix}, both allowed TLS 1.0 only",
    raises=("tls.version_obsolete",),
    severity={"tls.version_obsolete": "medium"},
    hides=(b"MAIL FROM",),
    must_not_raise=("tls.cipher_weak", "tls.downgraded"),
    facts=protected("TLSv1"),
)
def version_10(lab):
    old_postfix(lab, "TLSv1")


@scenario(
    "tls-version-11",
    purpose="TLS 1.1 is agreed",
    origin="{postfix} to {postfix}, both allowed TLS 1.1 only",
    raises=("tls.version_obsolete",),
    severity={"tls.version_obsolete": "medium"},
    hides=(b"MAIL FROM",),
    must_not_raise=("tls.cipher_weak", "tls.downgraded"),
    facts=protected("TLS 1.1"),
)
def version_11(lab):
    old_postfix(lab, "TLSv1.1")


@scenario(
    "tls-version-offered-old-agreed-12",
    purpose="near miss: a client that also offers TLS 1.0 agrees on TLS 1.2",
    origin="a Python client that offers TLS 1.0 to 1.2, to {postfix}",
    max_severity="info",
    must_not_raise=("tls.version_obsolete", "tls.downgraded"),
    facts=protected("TLS 1.2") + [fact("tls.client_max_version", "TLS 1.2")],
)
def offered_old(lab):
    with postfix_mx(lab), Client("192.0.2.25") as client:
        client.hello()
        client.starttls(tls_client(highest=V12, lowest=V10))
        client.hello_again()
        client.quit()


@scenario(
    "tls-cipher-null",
    purpose="TLS without encryption: commands can be read inside the records",
    origin="a Python client and server, both allowed NULL ciphers only",
    shows=(b"MAIL FROM:<alice@example.org>",),
    raises=("tls.cipher_weak",),
    severity={"tls.cipher_weak": "medium"},
    must_not_raise=("tls.version_obsolete",),
    facts=protected("TLS 1.2"),
)
def cipher_null(lab):
    server = tls_server(lab.files(lab.ca.issue([MX])), ciphers="eNULL:@SECLEVEL=0", highest=V12)
    with serving(Server(MX, ("PIPELINING", "STARTTLS"), tls=server)), Client("192.0.2.25") as client:
        client.hello()
        client.starttls(tls_client(ciphers="eNULL:@SECLEVEL=0", highest=V12))
        client.hello_again()
        client.mail(["bob@example.net"])
        client.quit()


def gnutls_only(lab, cipher):
    """Both ends Exim, with that cipher and RSA key exchange only."""
    priority = f"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+{cipher}:%VERIFY_ALLOW_BROKEN"
    with exim_mx(lab, f"tls_require_ciphers = {priority}", lab.ca.issue([MX], key=pki.rsa_key(2048))), Exim(
        "inside",
        "out.example.org",
        ca=lab.ca_text,
        route=MX,
        transport=f"  tls_sni = {MX}\n"
        f"  tls_verify_certificates = /etc/lab/ca.pem\n  tls_require_ciphers = {priority}",
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-cipher-3des",
    purpose="3DES is agreed",
    origin="{exim} to {exim}, both allowed 3DES only",
    raises=("tls.cipher_weak",),
    severity={"tls.cipher_weak": "medium"},
    hides=(b"MAIL FROM",),
    facts=protected("TLS 1.2"),
)
def cipher_3des(lab):
    gnutls_only(lab, "3DES-CBC")


@scenario(
    "tls-cipher-rc4",
    purpose="RC4 is agreed",
    origin="{exim} to {exim}, both allowed RC4 only",
    raises=("tls.cipher_weak",),
    severity={"tls.cipher_weak": "medium"},
    hides=(b"MAIL FROM",),
    facts=protected("TLS 1.2"),
)
def cipher_rc4(lab):
    gnutls_only(lab, "ARCFOUR-128")


@scenario(
    "tls-cipher-anonymous",
    purpose="an anonymous suite: encrypted, but nobody's certificate is shown",
    origin="opportunistic {postfix} to {postfix} without a certificate, TLS 1.2 for want of one",
    raises=("tls.cipher_weak",),
    severity={"tls.cipher_weak": "info"},
    max_severity="info",
    hides=(b"MAIL FROM",),
    facts=[fact("tls.outcome", "established"), fact("tls.version", "TLS 1.2"), fact("tls.certificate.visible", False)],
)
def cipher_anonymous(lab):
    with Postfix(
        "outside",
        MX,
        "192.0.2.25",
        settings="smtpd_tls_cert_file = none\nsmtpd_tls_security_level = may\n",
        domains="example.net",
    ), Postfix("inside", "out.example.org", settings=TO_MX) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-cipher-anonymous-by-preference",
    purpose="the server has a certificate, and the client prefers an anonymous suite",
    origin="opportunistic {postfix} limited to TLS 1.2 to {postfix}",
    raises=("tls.cipher_weak",),
    hides=(b"MAIL FROM",),
    severity={"tls.cipher_weak": "info"},
    max_severity="info",
    must_not_raise=("certificate.untrusted",),
    facts=[fact("tls.outcome", "established"), fact("tls.version", "TLS 1.2"), fact("tls.certificate.visible", False)],
)
def cipher_anonymous_preferred(lab):
    with postfix_mx(lab), Postfix(
        "inside", "out.example.org", settings=TO_MX + "smtp_tls_protocols = <=TLSv1.2\n"
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-cipher-cbc",
    purpose="near miss of a weak cipher: AES in CBC mode is old, not weak",
    max_severity="info",
    origin="a Python client with AES128-SHA only, to {postfix}",
    must_not_raise=("tls.cipher_weak",),
    facts=protected("TLS 1.2"),
)
def cipher_cbc(lab):
    with postfix_mx(lab, certificate=lab.ca.issue([MX], key=pki.rsa_key(2048))), Client("192.0.2.25") as client:
        client.hello()
        client.starttls(tls_client(highest=V12, ciphers="AES128-SHA:@SECLEVEL=0"))
        client.hello_again()
        client.quit()


@scenario(
    "tls-downgraded",
    purpose="a tamperer takes TLS 1.3 out of the ClientHello; the server marks its random, the client notices",
    origin="a Python client to {postfix}; a tamperer beyond the tap edits the ClientHello",
    raises=("tls.downgraded", "starttls.handshake_aborted"),
    shows=(b"DOWNGRD\x01",),
    severity={"tls.downgraded": "high", "starttls.handshake_aborted": "medium"},
    facts=[
        fact("tls.downgrade_sentinel", True),
        fact("tls.client_max_version", "TLS 1.3"),
        fact("tls.version", "TLS 1.2"),
        fact("tls.outcome", "failed"),
        fact("tls.alert", "illegal_parameter"),
        fact("tls.ended_by", "client"),
    ],
)
def downgraded(lab):
    with postfix_mx(lab), tamper.tampering(tamper.drop_supported_versions), Client("192.0.2.25") as client:
        client.hello()
        with contextlib.suppress(ssl.SSLError):
            client.starttls(tls_client())
            raise AssertionError("the handshake went through")


@scenario(
    "tls-downgraded-mail-deferred",
    purpose="the same between real servers: the message is put off",
    origin="{exim} with TLS required to {postfix}; a tamperer beyond the tap edits the ClientHello",
    shows=(b"DOWNGRD\x01",),
    raises=("tls.downgraded", "starttls.handshake_aborted"),
    must_not_raise=("starttls.fallback",),
    severity={"tls.downgraded": "high", "starttls.handshake_aborted": "medium"},
    facts=[
        fact("tls.downgrade_sentinel", True),
        fact("tls.client_max_version", "TLS 1.3"),
        fact("tls.outcome", "failed"),
    ],
)
def downgraded_exim(lab):
    with postfix_mx(lab), tamper.tampering(tamper.drop_supported_versions), Exim(
        "inside", "out.example.org", route=MX, transport=f"  tls_sni = {MX}\n  hosts_require_tls = *"
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-not-downgraded-server-12",
    purpose="near miss: the server knows TLS 1.2 only and sets no mark",
    max_severity="info",
    origin="{postfix} to {postfix} limited to TLS 1.2",
    must_not_raise=("tls.downgraded",),
    hides=(b"DOWNGRD",),
    facts=protected("TLS 1.2") + [fact("tls.client_max_version", "TLS 1.3"), fact("tls.downgrade_sentinel", False)],
)
def server_12(lab):
    with postfix_mx(lab, "smtpd_tls_protocols = <=TLSv1.2\n"), Postfix(
        "inside", "out.example.org", settings=TO_MX + NAMED
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-not-downgraded-client-12",
    purpose="near miss: the server sets the mark, but its client offered no TLS 1.3",
    origin="{postfix} limited to TLS 1.2 to {postfix}",
    must_not_raise=("tls.downgraded",),
    max_severity="info",
    shows=(b"DOWNGRD\x01",),
    facts=protected("TLS 1.2") + [fact("tls.client_max_version", "TLS 1.2"), fact("tls.downgrade_sentinel", True)],
)
def client_12(lab):
    with postfix_mx(lab), Postfix("inside", "out.example.org", settings=TO_MX + ONLY_12) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-fallback-scsv",
    purpose="a client that says it tries again at a lower version, and no harm came",
    max_severity="info",
    origin="openssl s_client with the fallback signal at TLS 1.2, to a Python server limited to TLS 1.2",
    must_not_raise=("tls.downgraded",),
    facts=[fact("tls.fallback_scsv", True), fact("tls.version", "TLS 1.2"), fact("tls.outcome", "established")],
)
def fallback_scsv(lab):
    server = Server(MX, ("STARTTLS",), tls=tls_server(lab.files(lab.ca.issue([MX])), highest=V12))
    with serving(server):
        subprocess.run(
            net.in_namespace(
                "inside",
                "openssl",
                "s_client",
                "-connect",
                "192.0.2.25:25",
                "-bind",
                "10.1.0.25:0",
                "-starttls",
                "smtp",
                "-name",
                "out.example.org",
                "-servername",
                MX,
                "-tls1_2",
                "-ign_eof",
                "-fallback_scsv",
                "-quiet",
            ),
            input=b"EHLO out.example.org\r\nQUIT\r\n",
            capture_output=True,
            timeout=20,
            check=False,
        )


@scenario(
    "tls-hello-retry",
    purpose="a TLS 1.3 handshake with a HelloRetryRequest: two ClientHellos",
    max_severity="info",
    origin="a GnuTLS client that guesses the wrong group, to {postfix} that knows P-384 only",
    facts=protected("TLS 1.3"),
)
def hello_retry(lab):
    with postfix_mx(lab, "tls_eecdh_auto_curves = secp384r1\n"), Exim(
        "inside",
        "out.example.org",
        ca=lab.ca_text,
        route=MX,
        transport=f"  tls_sni = {MX}\n  tls_verify_certificates = /etc/lab/ca.pem",
    ) as out:
        out.send(["bob@example.net"])


@scenario(
    "tls-client-certificate",
    purpose="the client shows a certificate too, self-signed; only the server's counts",
    origin="{postfix} with a client certificate to {postfix} that asks for one, TLS 1.2",
    max_severity="info",
    must_not_raise=("certificate.untrusted", "certificate.host_mismatch"),
    facts=protected("TLS 1.2"),
)
def client_certificate(lab):
    own = lab.ca.issue(["out.example.org"], self_signed=True)
    with postfix_mx(
        lab, "smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = /etc/lab/chain.pem\nsmtpd_tls_protocols = <=TLSv1.2\n"
    ), Postfix(
        "inside",
        "out.example.org",
        settings=TO_MX + NAMED + "smtp_tls_chain_files = /etc/lab/key.pem, /etc/lab/chain.pem\n",
        files={"etc/lab/key.pem": own[0], "etc/lab/chain.pem": own[1]},
    ) as out:
        out.send(["bob@example.net"])
