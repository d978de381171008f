"""Certificates: strict clients accept what we issue and nothing that goes beyond, and renewal comes in time."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from growsoft.errors import ConfigError
from growsoft.security.certificates import (
    LOCAL_NAMES,
    LOCAL_NETWORKS,
    Authority,
    Certificate,
    CertificateUnusable,
    Use,
    expires_within,
    facts,
)
from growsoft.security.x509_values import Address, Holder, Limits, leaf

NOW = datetime.now(UTC)


def test_en3_the_chain_is_rsa_and_sha_2(authority: Authority, web_certificate: Certificate) -> None:
    ca, web = facts(authority.certificate), facts(web_certificate.certificate)
    assert (ca.key_type, ca.bits, ca.digest, ca.is_authority) == ("RSA", 3072, "sha256", True)
    assert (web.key_type, web.bits, web.digest, web.is_authority) == ("RSA", 2048, "sha256", False)
    assert web.issuer == ca.subject == ca.issuer
    assert ca.subject.startswith("CN=Growsoft local authority 20")
    assert set(web.names) == {"localhost", "demo.localhost", "*.localhost"}
    assert set(map(str, web.ips)) == {"127.0.0.1", "::1"}


def openssl_verify(certificate: Path, authority: Path, purpose: str, *more: str) -> subprocess.CompletedProcess[str]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command here")
    command = [
        openssl,
        "verify",
        "-x509_strict",
        "-purpose",
        purpose,
        *more,
        "-CAfile",
        str(authority),
        str(certificate),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_en3_openssl_verifies_by_the_strict_rules(authority: Authority, tmp_path: Path) -> None:
    web = authority.issue("localhost", ["localhost", "a.localhost"], ["127.0.0.1", "::1"], into=tmp_path, stem="web")
    database = authority.issue("localhost", ["localhost"], ["127.0.0.1"], into=tmp_path, stem="database")
    replication = authority.issue("gs_replication", [], [], into=tmp_path, stem="replication", use=Use.CLIENT)
    for issued, purpose, more in [
        (web, "sslserver", ["-verify_hostname", "a.localhost"]),
        (web, "sslserver", ["-verify_ip", "::1"]),
        (database, "sslserver", ["-verify_ip", "127.0.0.1"]),
        (replication, "sslclient", []),
    ]:
        verified = openssl_verify(issued.certificate, issued.authority, purpose, *more)
        assert verified.returncode == 0, verified.stderr
    assert openssl_verify(replication.certificate, replication.authority, "sslserver").returncode != 0
    assert openssl_verify(web.certificate, web.authority, "sslclient").returncode != 0


def test_en3_extensions_are_as_rfc_5280_wants_them(authority: Authority, web_certificate: Certificate) -> None:
    ca = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    web = x509.load_pem_x509_certificate(web_certificate.certificate.read_bytes())
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = web.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuer.key_identifier == identifier.digest
    critical = {type(extension.value).__name__: extension.critical for extension in ca.extensions}
    assert critical["BasicConstraints"]
    assert critical["KeyUsage"]
    assert critical["NameConstraints"]
    usage = web.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)
    assert web.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_private_keys_are_closed_and_of_their_own(authority: Authority, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one = authority.issue("localhost", ["localhost"], [], into=tmp_path, stem="one")
        other = authority.issue("localhost", ["localhost"], [], into=tmp_path, stem="other")
    finally:
        os.umask(before)
    for path in (one.key, other.key, authority.certificate.with_name("ca.key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert one.key.read_bytes() != other.key.read_bytes()
    assert stat.S_IMODE(one.certificate.stat().st_mode) == 0o644
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("names", "ips", "refused"),
    [
        (["example.com"], [], "example.com"),
        (["localhost", "localhost.example.com"], [], "localhost.example.com"),
        (["notlocalhost"], [], "notlocalhost"),
        (["*.com"], [], "*.com"),
        ([], ["10.0.0.1"], "10.0.0.1"),
        ([], ["::2"], "::2"),
    ],
)
def test_names_beyond_this_machine_are_refused_at_once(
    authority: Authority, tmp_path: Path, names: list[str], ips: list[str], refused: str
) -> None:
    with pytest.raises(CertificateUnusable) as error:
        authority.issue("localhost", names, ips, into=tmp_path, stem="web")
    assert f"cannot vouch for {refused};" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("common_name", "names", "ips"),
    [
        ("", [], []),
        ("x" * 65, [], []),
        ("localhost", ["Demo.localhost"], []),
        ("localhost", ["a b.localhost"], []),
        ("localhost", ["bücher.localhost"], []),
        ("localhost", ["a.*.localhost"], []),
        ("localhost", ["localhost\n"], []),
        ("localhost", [], ["localhost"]),
    ],
)
def test_what_no_certificate_can_say_is_refused(
    authority: Authority, tmp_path: Path, common_name: str, names: list[str], ips: list[str]
) -> None:
    with pytest.raises(CertificateUnusable, match="correct the name or address"):
        authority.issue(common_name, names, ips, into=tmp_path, stem="web")


@pytest.mark.parametrize(
    ("common_name", "names"), [("localhost", ["bank.example"]), ("bank.example", []), ("x", ["localhost.bank.example"])]
)
def test_en3_clients_refuse_a_stolen_authority_beyond_this_machine(
    tmp_path: Path, common_name: str, names: list[str]
) -> None:
    """Whoever steals the key of the authority can still pretend to be no site but those of this machine."""
    Authority.create(tmp_path)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((tmp_path / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, rsa.RSAPrivateKey)
    key = rsa.generate_private_key(65537, 2048)
    holder = Holder(common_name, frozenset(names), frozenset(), Use.SERVER)
    rogue = tmp_path / "rogue.pem"
    rogue.write_bytes(leaf(key, holder, ca, ca_key, NOW).public_bytes(serialization.Encoding.PEM))
    verified = openssl_verify(rogue, tmp_path / "ca.pem", "sslserver", "-verify_hostname", (names or [common_name])[0])
    assert verified.returncode != 0
    assert "permitted subtree violation" in verified.stderr + verified.stdout
    for strict in (0, ssl.VERIFY_X509_STRICT):
        told = handshake_error(tmp_path / "ca.pem", rogue, key, (names or [common_name])[0], strict)
        assert "permitted subtree violation" in told


def handshake_error(ca: Path, certificate: Path, key: rsa.RSAPrivateKey, name: str, flags: int) -> str:
    """Shake hands in memory and return why the client refused."""
    key_file = certificate.with_name("rogue.key")
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key_file)
    client_side = ssl.create_default_context(cafile=ca)
    client_side.verify_flags |= ssl.VerifyFlags(flags)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(up, down, server_side=True)
    client = client_side.wrap_bio(down, up, server_hostname=name)
    for _ in range(4):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return str(error)
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return "accepted"


def test_en3_expiry_is_seen_in_time(authority: Authority, tmp_path: Path) -> None:
    path = authority.issue("localhost", ["localhost"], [], into=tmp_path, stem="web", now=NOW).certificate
    assert not expires_within(path, 30, now=NOW)
    assert not expires_within(path, 30, now=NOW + timedelta(days=366))
    assert expires_within(path, 30, now=NOW + timedelta(days=368))
    assert expires_within(path, 0, now=NOW + timedelta(days=398))
    assert expires_within(path, 0, now=NOW - timedelta(days=1))
    assert not expires_within(authority.certificate, 3000)


def test_en3_a_certificate_that_cannot_be_read_is_no_good_certificate(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n")
    for name in ("broken.pem", "nothing.pem"):
        with pytest.raises(CertificateUnusable, match="cannot be read"):
            expires_within(tmp_path / name, 30)


class Shop:
    """A web server's certificate that is kept up to date."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.authority = authority
        self.folder = folder
        self.names = ["localhost", "demo.localhost"]
        self.use = Use.SERVER

    def keep(self, now: datetime = NOW) -> bool:
        """Say whether it was issued anew."""
        ips = ["127.0.0.1", "::1"]
        return self.authority.keep("localhost", self.names, ips, into=self.folder, stem="web", use=self.use, now=now)[1]


@pytest.fixture
def shop(authority: Authority, tmp_path: Path) -> Shop:
    made = Shop(authority, tmp_path)
    assert made.keep()
    assert not made.keep()
    return made


def test_en3_renewal_comes_30_days_before_the_end_and_keeps_the_authority(shop: Shop) -> None:
    before = shop.authority.certificate.read_bytes()
    assert not shop.keep(NOW + timedelta(days=360))
    assert shop.keep(NOW + timedelta(days=370))
    assert not shop.keep(NOW + timedelta(days=370))
    assert shop.authority.certificate.read_bytes() == before
    assert facts(shop.folder / "web.pem").not_after > NOW + timedelta(days=760)


def test_en3_a_new_customer_address_brings_a_new_certificate(shop: Shop) -> None:
    shop.names = ["demo.localhost", "localhost"]
    assert not shop.keep()
    shop.names.append("new.localhost")
    assert shop.keep()
    assert "new.localhost" in facts(shop.folder / "web.pem").names


@pytest.mark.parametrize("damage", ["use", "key lost", "key open", "other key", "broken", "other authority", "EC key"])
def test_en3_what_clients_would_refuse_is_issued_anew(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, damage: str
) -> None:
    certificate, key = shop.folder / "web.pem", shop.folder / "web.key"
    if damage == "use":
        shop.use = Use.CLIENT
    elif damage == "key lost":
        key.unlink()
    elif damage == "key open":
        key.chmod(0o644)
    elif damage == "other key":
        key.write_bytes(shop.authority.certificate.with_name("ca.key").read_bytes())
    elif damage == "broken":
        certificate.write_text("broken")
    elif damage == "other authority":
        shop.authority = Authority.create(tmp_path_factory.mktemp("other"))
    elif damage == "EC key":
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key.write_bytes(pem)
    assert shop.keep()
    assert not shop.keep()


def test_an_authority_is_loaded_as_it_was_made_and_never_replaced(tmp_path: Path) -> None:
    Authority.create(tmp_path)
    before = (tmp_path / "ca.pem").read_bytes()
    issued = Authority.load(tmp_path).issue("localhost", ["localhost"], [], into=tmp_path, stem="web")
    assert openssl_verify(issued.certificate, tmp_path / "ca.pem", "sslserver").returncode == 0
    with pytest.raises(CertificateUnusable, match="stays"):
        Authority.create(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() == before
    (tmp_path / "ca.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Authority.load(tmp_path)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(CertificateUnusable, match="cannot be read"):
        Authority.load(tmp_path)
    (tmp_path / "ca.key").write_bytes((tmp_path / "web.key").read_bytes())
    (tmp_path / "ca.key").chmod(0o600)
    with pytest.raises(CertificateUnusable, match="two authorities"):
        Authority.load(tmp_path)


def test_an_authority_may_be_for_the_hosts_of_a_data_centre(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path, names=["internal.example"], networks=[])
    assert authority.issue("db1", ["db1.internal.example"], [], into=tmp_path, stem="db1").certificate.exists()
    with pytest.raises(CertificateUnusable, match="cannot vouch for localhost"):
        authority.issue("localhost", ["localhost"], [], into=tmp_path, stem="web")


labels = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)


@given(st.lists(labels, min_size=1, max_size=4).map(".".join), st.ip_addresses())
def test_limits_take_what_lies_below_and_nothing_else(name: str, ip: Address) -> None:
    limits = Limits(LOCAL_NAMES, LOCAL_NETWORKS)
    below = Holder("x", frozenset({f"{name}.localhost"}), frozenset({ip} if ip.is_loopback else ()), Use.SERVER)
    beside = Holder("x", frozenset({f"localhost.{name}"}), frozenset(() if ip.is_loopback else {ip}), Use.SERVER)
    assert limits.refused(below) == []
    assert limits.refused(beside) == [f"localhost.{name}", *map(str, beside.ips)]
