"""A home as a keeper finds it: secrets and ports, over the cluster of the tests. Run as a program: a keeper of notes.

The program is `python -m growsoft.keeper` with the product of these tests in the place of the installed apps.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from growsoft.config import Settings, State, load
from growsoft.keeper import __main__ as program
from growsoft.keeper.client import KeeperClient
from growsoft.keeper.start import INSTANCE_KEY
from growsoft.security.files import write_private
from growsoft.testing.cluster import Cluster
from tests.integration.keeper.conftest import INSTANCE_KEY as KEY
from tests.integration.keeper.product import Notes


@dataclass(frozen=True)
class Home:
    """An instance that was started once."""

    environ: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        return load(self.environ)

    @property
    def state(self) -> State:
        return self.settings.state()

    @property
    def client(self) -> KeeperClient:
        return KeeperClient(self.state.keeper_socket)


@contextlib.contextmanager
def home_over(cluster: Cluster) -> Generator[Home]:
    """Make a home whose primary is the cluster of the tests."""
    with tempfile.TemporaryDirectory(prefix="gs-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        home = Home({**os.environ, "GROWSOFT_HOME": f"{folder}/home"})
        state = home.state
        state.root.mkdir()
        state.keeper.mkdir(0o700)
        state.make_run()
        state.ports.parent.mkdir()
        state.ports.write_text(f'{{"primary": {cluster.port}, "standby": 1}}')
        write_private(state.superuser_secret, cluster.password.encode())
        write_private(state.keeper / INSTANCE_KEY, KEY.hex().encode())
        Path(state.run, f".s.PGSQL.{cluster.port}").symlink_to(cluster.server.socket)
        yield home


@contextlib.contextmanager
def process(home: Home, *command: str, lines: tuple[socket.socket, ...] = ()) -> Generator[subprocess.Popen[bytes]]:
    """Run a keeper until the block ends; it serves when the block begins."""
    reads, writes = os.pipe()
    fds = tuple(line.fileno() for line in lines)
    environ = {
        **home.environ,
        program.READY_VARIABLE: str(writes),
        program.WORKERS_VARIABLE: ",".join(map(str, fds)),
    }
    with subprocess.Popen(
        [sys.executable, *command], env=environ, pass_fds=(writes, *fds), stderr=subprocess.PIPE, cwd=Path.cwd()
    ) as running:
        os.close(writes)
        try:
            assert select.select([reads], [], [], 60)[0]
            assert os.read(reads, 16) == b"ready\n", running.stderr.read() if running.stderr else b""
            yield running
        finally:
            os.close(reads)
            running.kill()
            running.wait()


KEEPER = ("-m", "growsoft.keeper")
KEEPER_OF_NOTES = ("-m", "tests.integration.keeper.home")


if __name__ == "__main__":
    sys.exit(program.main(os.environ, Notes(pause=float(os.environ.get("PAUSE", "0")))))
