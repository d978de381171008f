"""Certificates: a local authority that can vouch for this machine only, and what it issues, watches and renews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from growsoft.errors import ConfigError
from growsoft.security.files import Owner, read_private, write_private, write_public
from growsoft.security.x509_values import (
    AUTHORITY_BITS,
    BITS,
    Facts,
    Holder,
    Limits,
    Network,
    Use,
    authority,
    facts_of,
    holder_of,
    leaf,
    limits_of,
)

__all__ = ["Authority", "Certificate", "CertificateUnusable", "Facts", "Use", "expires_within", "facts", "facts_in"]

RENEW_DAYS = 30

LOCAL_NAMES = ("localhost",)
LOCAL_NETWORKS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class CertificateUnusable(ConfigError):
    """This certificate cannot be used; remove it and start again to have a new one issued."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of one certificate; `authority` is what its clients trust."""

    certificate: Path
    key: Path
    authority: Path


def facts(path: Path) -> Facts:
    """Return what the certificate in a file says; raises `CertificateUnusable`."""
    return facts_of(_certificate(path))


def expires_within(path: Path, days: int, *, now: datetime | None = None) -> bool:
    """Say whether a certificate is over within so many days; one that cannot be read raises `CertificateUnusable`."""
    return facts(path).expires_within(days, now=now)


def facts_in(shown: bytes) -> Facts:
    """Return what a certificate says that a server showed (DER); raises `CertificateUnusable`."""
    try:
        return facts_of(x509.load_der_x509_certificate(shown))
    except ValueError as error:
        raise CertificateUnusable("What was shown is no certificate; see who answers there.") from error


class Authority:
    """An authority of RSA and SHA-256 whose own certificate limits it to certain names and networks."""

    def __init__(self, directory: Path, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
        """Take what `create` made or `load` found."""
        self._directory = directory
        self._certificate = certificate
        self._key = key
        self._limits = limits_of(certificate)

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        names: Sequence[str] = LOCAL_NAMES,
        networks: Sequence[Network] = LOCAL_NETWORKS,
        owner: Owner | None = None,
        now: datetime | None = None,
    ) -> Authority:
        """Make an authority in a folder (`ca.pem` public, `ca.key` 0600); an existing one is never replaced.

        It vouches for these names with all names below them and for addresses in these networks, and for nothing else.
        """
        if cls.exists(directory):
            raise CertificateUnusable(f"{directory} holds an authority already; clients trust it, so it stays.")
        key = rsa.generate_private_key(65537, AUTHORITY_BITS)
        made = authority(key, Limits(tuple(names), tuple(networks)), now or datetime.now(UTC))
        # The key first: a certificate counts as an authority, and must never lie there without its key.
        write_private(directory / "ca.key", _key_pem(key), owner=owner)
        write_public(directory / "ca.pem", made.public_bytes(serialization.Encoding.PEM), owner=owner)
        return cls(directory, made, key)

    @classmethod
    def load(cls, directory: Path) -> Authority:
        """Load the authority of a folder; raises `CertificateUnusable` when its parts are missing or do not fit."""
        certificate, key = _certificate(directory / "ca.pem"), _key(directory / "ca.key")
        if key.public_key() != certificate.public_key():
            raise CertificateUnusable(f"ca.pem and ca.key in {directory} are of two authorities; restore one of them.")
        return cls(directory, certificate, key)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Say whether a folder holds an authority."""
        return (directory / "ca.pem").exists()

    @property
    def certificate(self) -> Path:
        """What clients are given to trust."""
        return self._directory / "ca.pem"

    def issue(
        self,
        common_name: str,
        names: Sequence[str],
        ips: Sequence[str],
        *,
        into: Path,
        stem: str,
        use: Use = Use.SERVER,
        owner: Owner | None = None,
        now: datetime | None = None,
    ) -> Certificate:
        """Issue a certificate with a new key of its own, as `STEM.pem` and `STEM.key` (0600) in a folder.

        A name or address beyond the authority's limits raises `CertificateUnusable`: clients would refuse it later.
        """
        return self._issue(_holder(common_name, names, ips, use), self._files(into, stem), owner, now)

    def keep(
        self,
        common_name: str,
        names: Sequence[str],
        ips: Sequence[str],
        *,
        into: Path,
        stem: str,
        use: Use = Use.SERVER,
        owner: Owner | None = None,
        now: datetime | None = None,
    ) -> tuple[Certificate, bool]:
        """Return a certificate that is good for 30 days more, and whether it had to be issued anew.

        One that is of this authority, fits its key and is for exactly these names stays. Renewing leaves the authority
        as it is, so that clients need nothing.
        """
        holder, files = _holder(common_name, names, ips, use), self._files(into, stem)
        if self._is_good(files, holder, now):
            return files, False
        return self._issue(holder, files, owner, now), True

    def _issue(self, holder: Holder, files: Certificate, owner: Owner | None, now: datetime | None) -> Certificate:
        """Make and write a certificate with its key."""
        refused = self._limits.refused(holder)
        if refused:
            raise CertificateUnusable(
                f"This authority cannot vouch for {', '.join(refused)}; "
                "use a name below localhost, or a certificate of a public authority."
            )
        key = rsa.generate_private_key(65537, BITS)
        certificate = leaf(key, holder, self._certificate, self._key, now or datetime.now(UTC))
        # Two files cannot be replaced at once: after a crash in between `keep` sees that they do not fit and repeats.
        write_private(files.key, _key_pem(key), owner=owner)
        write_public(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), owner=owner)
        return files

    def _is_good(self, files: Certificate, holder: Holder, now: datetime | None) -> bool:
        """Say whether what lies there is what would be issued."""
        try:
            certificate, key = _certificate(files.certificate), _key(files.key)
            certificate.verify_directly_issued_by(self._certificate)
            is_same = holder_of(certificate) == holder and key.public_key() == certificate.public_key()
        except (ConfigError, ValueError, TypeError, InvalidSignature):
            return False
        return is_same and not facts_of(certificate).expires_within(RENEW_DAYS, now=now)

    def _files(self, into: Path, stem: str) -> Certificate:
        """Return where a certificate of that name lies."""
        return Certificate(into / f"{stem}.pem", into / f"{stem}.key", self.certificate)


def _holder(common_name: str, names: Sequence[str], ips: Sequence[str], use: Use) -> Holder:
    """Return whom a certificate is for; raises `CertificateUnusable` for what is no name or address."""
    try:
        return Holder(common_name, frozenset(names), frozenset(map(ip_address, ips)), use)
    except ValueError as error:
        raise CertificateUnusable(f"{error}; correct the name or address.") from None


def _certificate(path: Path) -> x509.Certificate:
    """Read a certificate."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateUnusable(f"{path} cannot be read as a certificate ({error}).") from error


def _key(path: Path) -> rsa.RSAPrivateKey:
    """Read a private RSA key that nobody else can read."""
    try:
        key = serialization.load_pem_private_key(read_private(path), None)
    except (OSError, ValueError, TypeError) as error:
        raise CertificateUnusable(f"{path} cannot be read as a private key.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateUnusable(f"{path} holds no RSA key.")
    return key


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a private key as PKCS 8, unencrypted: the file is closed to others."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
