"""Real S3-speaking servers on loopback, each with a folder of its own: objects are files that a test can damage."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from growsoft_cloud.backup.s3 import S3Site, SiteKey
from growsoft_cloud.fleet import DataCentre

KEY = SiteKey("AKIAGROWSOFT", "a-secret-of-the-tests")
BUCKET = "backups"
PATIENCE = 30


@dataclass
class S3Server:
    """nanio: it stores on disk and checks the signature of every request."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        (self.folder / BUCKET).mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(self.port),
             "--data-dir", str(self.folder), "--log-level", "error", "--no-access-log"],
            env={"PATH": os.environ["PATH"], "NANIO_ACCESS_KEY": KEY.access_key, "NANIO_SECRET_KEY": KEY.secret},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "nanio ended at its start"
            time.sleep(0.05)
        raise AssertionError("nanio did not start")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        process, self.process = self.process, None  # two uploads at once may both say so
        if process is not None:
            process.kill()
            process.wait()

    def site(self, centre: DataCentre, key: SiteKey = KEY) -> S3Site:
        return S3Site(centre.name, centre, self.endpoint, BUCKET, key)

    def path(self, name: str) -> Path:
        """Where the server keeps an object."""
        return self.folder / BUCKET / name


@contextmanager
def s3_servers(folder: Path, count: int = 3) -> Generator[list[S3Server]]:
    """Run some servers."""
    servers = [S3Server(folder / f"s3-{number}", _free_port()) for number in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
