"""X.509 as values: what a certificate says, and certificates as strict clients want them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

Extension = TypeVar("Extension", bound=x509.ExtensionType)

AUTHORITY_NAME = "Growsoft local authority"
AUTHORITY_BITS = 3072
AUTHORITY_DAYS = 3650
BITS = 2048
# Apple's clients refuse more than 398 days.
DAYS = 397
# The clocks of two machines differ.
BACKDATED = timedelta(minutes=10)


# RFC 1123, with one star as the whole first label.
DNS_NAME = re.compile(r"(?=.{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class Use(Enum):
    """What a certificate proves: a server to its clients, or a client to its server."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a certificate speaks for: a common name, the names and addresses clients may reach it by, and its use."""

    common_name: str
    names: frozenset[str]
    ips: frozenset[Address]
    use: Use

    def __post_init__(self) -> None:
        """Refuse what no certificate can hold."""
        if not 1 <= len(self.common_name) <= 64:
            raise ValueError("A common name has 1 to 64 characters")
        for name in self.names:
            if not DNS_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name in lower case such as demo.localhost")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an authority can vouch for: names with all names below them, and addresses of networks."""

    names: tuple[str, ...]
    networks: tuple[Network, ...]

    def refused(self, holder: Holder) -> list[str]:
        """Return the names and addresses of a holder that lie outside."""
        names = [name for name in holder.names if not any(_is_below(name, top) for top in self.names)]
        ips = [str(ip) for ip in holder.ips if not any(ip in network for network in self.networks)]
        return sorted(names) + sorted(ips)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says: the evidence of claim EN-3."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    ips: tuple[Address, ...]
    key_type: str
    bits: int
    digest: str
    not_before: datetime
    not_after: datetime
    is_authority: bool

    def expires_within(self, days: int, *, now: datetime | None = None) -> bool:
        """Say whether it is over within so many days, or has not begun."""
        moment = now or datetime.now(UTC)
        return moment < self.not_before or self.not_after <= moment + timedelta(days=days)


def facts_of(certificate: x509.Certificate) -> Facts:
    """Return what a certificate says."""
    key = certificate.public_key()
    digest = certificate.signature_hash_algorithm
    names, ips = _alternatives(certificate)
    return Facts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=names,
        ips=ips,
        key_type="RSA" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__,
        bits=int(getattr(key, "key_size", 0)),
        digest=digest.name if digest else "",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_authority=_is_authority(certificate),
    )


def holder_of(certificate: x509.Certificate) -> Holder:
    """Return who a certificate of ours speaks for; raises `ValueError` for one that we would not have issued."""
    common_names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    uses = list(_extension(certificate, x509.ExtendedKeyUsage) or ())
    if len(common_names) != 1 or len(uses) != 1:
        raise ValueError("not one of ours")
    names, ips = _alternatives(certificate)
    return Holder(str(common_names[0].value), frozenset(names), frozenset(ips), Use(uses[0]))


def limits_of(authority: x509.Certificate) -> Limits:
    """Return what an authority's certificate limits it to; without limits it could vouch for nothing of ours."""
    constraints = _extension(authority, x509.NameConstraints)
    permitted = (constraints.permitted_subtrees if constraints else None) or []
    names = tuple(entry.value for entry in permitted if isinstance(entry, x509.DNSName))
    values = [entry.value for entry in permitted if isinstance(entry, x509.IPAddress)]
    return Limits(names, tuple(value for value in values if isinstance(value, IPv4Network | IPv6Network)))


def authority(key: rsa.RSAPrivateKey, limits: Limits, now: datetime) -> x509.Certificate:
    """Return a self-signed authority whose name says when it was made, since browsers list it beside others."""
    name = _name(f"{AUTHORITY_NAME} {now:%Y-%m-%d} {secrets.token_hex(3)}")
    permitted = [*map(x509.DNSName, limits.names), *map(x509.IPAddress, limits.networks)]
    usage = _usage(key_cert_sign=True, crl_sign=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, SHA256())
    )


def leaf(
    key: rsa.RSAPrivateKey, holder: Holder, issuer: x509.Certificate, issuer_key: rsa.RSAPrivateKey, now: datetime
) -> x509.Certificate:
    """Return a certificate with every extension that strict clients ask for (RFC 5280, 4.2.1)."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name(holder.common_name), issuer.subject, key, now, DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([holder.use.value]), critical=False)
    )
    named = [*map(x509.DNSName, sorted(holder.names)), *map(x509.IPAddress, sorted(holder.ips, key=str))]
    if named:
        builder = builder.add_extension(x509.SubjectAlternativeName(named), critical=False)
    return builder.sign(issuer_key, SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    """Return what all certificates have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    """Return a subject with a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    """Return a key usage of which only the named bits are set."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[Address, ...]]:
    """Return the names and addresses a certificate is for."""
    found = _extension(certificate, x509.SubjectAlternativeName)
    entries: Iterable[x509.GeneralName] = found or ()
    addresses = [entry.value for entry in entries if isinstance(entry, x509.IPAddress)]
    names = tuple(entry.value for entry in entries if isinstance(entry, x509.DNSName))
    return names, tuple(address for address in addresses if isinstance(address, IPv4Address | IPv6Address))


def _is_authority(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may sign others."""
    found = _extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """Return an extension of a kind, if the certificate has it."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_below(name: str, top: str) -> bool:
    """Say whether a name is another one or lies below it."""
    return name == top or name.endswith(f".{top}")
