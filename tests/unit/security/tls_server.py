"""A TLS server in a process of its own, ours or a weak one: `python tls_server.py CERTIFICATE KEY KIND`.

It prints its port, answers every client with a line, and ends when its standard input does.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import warnings
from pathlib import Path

from growsoft.security.tls import server_context


def context(certificate: Path, key: Path, kind: str) -> ssl.SSLContext:
    """Return our context, or one with the hole of that name."""
    if kind == "ours":
        return server_context(certificate, key)
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    weak.load_cert_chain(certificate, key)
    if kind == "aes128-in-1.2":
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384:AES128-GCM-SHA256")
    elif kind == "old":
        weak.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
        weak.minimum_version = ssl.TLSVersion.TLSv1
        weak.maximum_version = ssl.TLSVersion.TLSv1_1
    elif kind == "no-encryption":
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("NULL-SHA256:AECDH-NULL-SHA:@SECLEVEL=0")
    elif kind == "client-certificate":
        weak.verify_mode = ssl.CERT_REQUIRED
        weak.load_verify_locations(certificate)
    elif kind != "default":
        raise SystemExit(f"unknown kind {kind}")
    return weak


def serve(listening: socket.socket, with_context: ssl.SSLContext) -> None:
    """Answer one client after the other; what a scanner leaves half done is no matter."""
    while True:
        plain, _ = listening.accept()
        plain.settimeout(5)
        with plain, contextlib.suppress(OSError), with_context.wrap_socket(plain, server_side=True) as secured:
            secured.sendall(b"hello\n")


def main() -> None:
    """Serve until the standard input ends."""
    warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old: that is the point
    with_context = context(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        threading.Thread(target=serve, args=(listening, with_context), daemon=True).start()
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
