"""TLS: what our servers speak, 256 bits and nothing less, and a scanner that finds out what any server accepts."""

from __future__ import annotations

import ssl
from pathlib import Path

from growsoft.errors import ConfigError
from growsoft.security.files import Owner, write_public
from growsoft.security.tls_scan import ScanFailed, Suite, accepted_suites

__all__ = [
    "BITS",
    "SUITES_12",
    "SUITES_13",
    "VARIABLE",
    "ScanFailed",
    "Suite",
    "accepted_suites",
    "openssl_config",
    "server_context",
    "write_openssl_config",
]

BITS = 256
SUITES_13 = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
SUITES_12 = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)

# OpenSSL reads this variable when a process first uses it: set it before Python starts.
VARIABLE = "OPENSSL_CONF"


def openssl_config() -> str:
    """Return the OpenSSL configuration of every process that serves TLS: web workers and PostgreSQL.

    Before 3.15 Python cannot choose the suites of TLS 1.3, nor can PostgreSQL before 18: this file does it for both.
    OpenSSL passes over mistakes in it without a word, so look at the effect: `server_context` does, and the scanner.
    """
    return f"""\
# Written by Growsoft; TLS 1.2 and 1.3 with 256-bit suites only (claim EN-1).
openssl_conf = growsoft

[growsoft]
ssl_conf = growsoft_ssl

[growsoft_ssl]
system_default = growsoft_tls

[growsoft_tls]
MinProtocol = TLSv1.2
Ciphersuites = {":".join(SUITES_13)}
CipherString = {":".join(SUITES_12)}
Options = ServerPreference,NoRenegotiation
"""


def write_openssl_config(path: Path, *, owner: Owner | None = None) -> None:
    """Write that configuration; processes are started with `OPENSSL_CONF` set to its path."""
    write_public(path, openssl_config().encode(), owner=owner)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the context of a server that speaks only the suites above.

    Raises `ConfigError` in a process that was started without the configuration: it would accept AES-128 in TLS 1.3.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES_12))
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _refuse_weak(context)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise ConfigError(f"{certificate} and {key} cannot be served ({error}); have them issued anew.") from error
    return context


def _refuse_weak(context: ssl.SSLContext) -> None:
    """Refuse a context with suites of fewer bits than we promise."""
    weak = [suite["name"] for suite in context.get_ciphers() if suite["strength_bits"] < BITS]
    if weak:
        raise ConfigError(
            f"This process would accept {', '.join(weak)}; start it with {VARIABLE} set to the configuration that "
            "write_openssl_config wrote."
        )
