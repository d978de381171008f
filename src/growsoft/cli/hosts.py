"""Host certificates: one pair of files for each name that is served, written by the keeper's user, read by workers."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final

from growsoft.security.certificates import Authority
from growsoft.security.files import Owner
from growsoft.security.tls import server_context

LOOPBACK: Final = ("127.0.0.1", "::1")
CONTROL_HOST: Final = "localhost"

# Also what makes a file name of it safe.
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)?localhost\Z")
_MOST_CONTEXTS: Final = 2000


def address(name: str, port: int) -> str:
    """Give the address of a database; the control database is at bare ``localhost``."""
    host = CONTROL_HOST if name == "control" else f"{name}.localhost"
    return f"https://{host}:{port}"


def keep_host_certificate(
    authority: Authority, folder: Path, host: str, *, owner: Owner | None = None, group: Owner | None = None
) -> None:
    """Keep a certificate for one host: a star above ``localhost`` is refused by OpenSSL's clients.

    ``group`` is given where root writes; the keeper's user writes into a folder that hands its group down.
    """
    addresses = LOOPBACK if host == CONTROL_HOST else ()
    files, issued = authority.keep(host, [host], addresses, into=folder, stem=host, owner=owner)
    if issued or files.key.stat().st_mode & 0o040 == 0:
        if group is not None:
            os.chown(files.key, -1, group.gid, follow_symlinks=False)
            os.chown(files.certificate, -1, group.gid, follow_symlinks=False)
        files.key.chmod(0o640)


class HostCertificates:
    """The certificates of a worker, found by the name that a client asks for (RFC 6066, section 3)."""

    def __init__(self, folder: Path) -> None:
        """Load the control database's; the others are loaded when they are first asked for."""
        self._folder = folder
        self._contexts: dict[str, tuple[int, ssl.SSLContext]] = {}
        self.context = self._load(CONTROL_HOST)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _first: ssl.SSLContext) -> None:
        host = (name or "").lower().removesuffix(".")
        if not _HOST.match(host):
            return
        try:
            changed = (self._folder / f"{host}.pem").stat().st_mtime_ns
        except OSError:
            return  # a name that is not served here: the client sees localhost's certificate and a plain page
        known = self._contexts.get(host)
        if known is None or known[0] != changed:
            if len(self._contexts) >= _MOST_CONTEXTS:
                self._contexts.clear()
            known = self._contexts[host] = (changed, self._load(host))
        connection.context = known[1]

    def _load(self, host: str) -> ssl.SSLContext:
        return server_context(self._folder / f"{host}.pem", self._folder / f"{host}.key")
