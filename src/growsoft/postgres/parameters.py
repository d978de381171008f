"""Parameters: the server settings and the login rules that every cluster of ours has."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from growsoft.errors import ConfigError
from growsoft.postgres.binaries import Binaries

SUPERUSER = "growsoft"
REPLICATION = "gs_replication"

MEBIBYTE = 1024 * 1024

# What a primary keeps for a standby or an archive that is away, before it gives them up rather than fill its disk.
SLOT_KEEPS = 4 * 1024 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Certificate and key that a server shows, and the authority it trusts; the key belongs to the server's user."""

    certificate: Path
    key: Path
    authority: Path


def standard(binaries: Binaries, *, connections: int = 300, memory: int | None = None) -> dict[str, str]:
    """Return what a lasting cluster is run with; `memory` is the machine's, in bytes."""
    buffers = min(max((memory or _machine_memory()) // 16, 64 * MEBIBYTE), 1024 * MEBIBYTE)
    return {
        **_SAFE,
        "max_connections": str(connections),
        "shared_buffers": f"{buffers // MEBIBYTE}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "128MB",
        "wal_level": "replica",
        "max_wal_senders": "8",
        "max_replication_slots": "8",
        # A standby that stays away must not fill the primary's disk: past this it is rebuilt.
        "max_slot_wal_keep_size": f"{SLOT_KEEPS // MEBIBYTE}MB",
        # Base backups of the WAL archive hold only what changed since the one before.
        "summarize_wal": "on",
        "wal_retrieve_retry_interval": "500ms",
        "wal_compression": _compression(binaries),
        "checkpoint_timeout": "10min",
        "max_wal_size": "2GB",
        **_quick_recovery(),
    }


def ephemeral() -> dict[str, str]:
    """Return what a throw-away cluster is run with: the same rules, nothing that survives a power cut."""
    return {
        **_SAFE,
        "max_connections": "100",
        "shared_buffers": "64MB",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "4GB",
    }


def _quick_recovery() -> dict[str, str]:
    """Return what lets a killed server with many databases come back in seconds.

    Before its recovery a server brings everything to the disk: file by file that took 22 s with 41 databases of 150
    tables, by file system 0.7 s. Linux 5.8 and later report what could not be written either way.
    """
    return {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}


def with_tls(tls: ServerTls) -> dict[str, str]:
    """Return what lets a server take TLS connections on loopback, and there nothing but TLS 1.3."""
    return {
        "listen_addresses": "127.0.0.1",
        "ssl": "on",
        "ssl_cert_file": str(tls.certificate),
        "ssl_key_file": str(tls.key),
        "ssl_ca_file": str(tls.authority),
        "ssl_min_protocol_version": "TLSv1.3",
        "ssl_ciphers": "HIGH:!aNULL:!AES128",
    }


def login_rules(*, tls: bool) -> str:
    """Return pg_hba.conf: passwords never in clear, the superuser by local socket only, everybody else at home.

    `samerole` lets a login into the database that is named like it, so the file does not grow with customers.
    """
    encrypted = (
        f"hostssl   replication  {REPLICATION}  127.0.0.1/32    scram-sha-256",
        "hostssl   samerole     all             127.0.0.1/32    scram-sha-256",
    )
    return "\n".join(
        (
            "# type    database     user            address         method",
            f"local     all          {SUPERUSER}                        scram-sha-256",
            f"host      all          {SUPERUSER}        all             reject",
            "local     samerole     all                             scram-sha-256",
            *(encrypted if tls else ()),
            "local     all          all                             reject",
            "host      all          all             all             reject",
            "",
        )
    )


def render(parameters: Mapping[str, str]) -> str:
    """Return postgresql.conf; values are quoted as its lexer reads them."""
    return "".join(f"{name} = '{_quoted(name, value)}'\n" for name, value in sorted(parameters.items()))


# Customer data stays out of the log: no parameters, and `terse` because DETAIL lines quote whole keys and rows.
_SAFE: Mapping[str, str] = {
    "listen_addresses": "",
    "password_encryption": "scram-sha-256",
    "allow_alter_system": "off",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "track_activities": "on",
    "autovacuum_naptime": "5min",
    "idle_in_transaction_session_timeout": "5min",
    "jit": "off",
    "datestyle": "iso, ymd",
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "default_text_search_config": "pg_catalog.simple",
}


def _compression(binaries: Binaries) -> str:
    """Return the best WAL compression of a build."""
    return next((method for method in ("zstd", "lz4") if method in binaries.capabilities), "pglz")


def _machine_memory() -> int:
    """Return this machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _quoted(name: str, value: str) -> str:
    """Quote a value; a line break would start another parameter."""
    if not name.replace("_", "").replace(".", "").isalnum() or any(not c.isprintable() for c in value):
        raise ConfigError(f"{name!r} = {value!r} is no server parameter.")
    return value.replace("\\", "\\\\").replace("'", "''")
