"""The command `growsoft backup download`: a backup as a file that stock tools restore."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import click
from msgspec import structs

from growsoft.cli.errors import UsageError
from growsoft.cli.instance import Instance
from growsoft.cli.output import print_json
from growsoft.postgres.users import decide
from growsoft_cloud.backup.download import Downloaded, download
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.cli import Bar
from growsoft_cloud.deeds import whoever_calls, write_down
from growsoft_cloud.operations.scratch import download_cluster

DOWNLOAD: Final = "download"


class Desk(Protocol):
    """What this command needs of an instance's desk."""

    @property
    def instance(self) -> Instance:
        """The instance itself."""
        ...

    @property
    def service(self) -> BackupService:
        """What makes and keeps the backups."""
        ...


Opener = Callable[[], AbstractContextManager[Desk]]


def download_command(open_desk: Opener) -> click.Command:
    """Return the command, over an instance that is only opened when it runs."""

    @click.command("download")
    @click.argument("backup")
    @click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: BACKUP.tar, here.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def command(backup: str, output: Path | None, *, as_json: bool) -> None:
        """Write BACKUP with its files into a tar file that psql and pg_restore restore, and its SHA-256 beside it.

        Nothing that signs anybody in is in it, and no key. The file is as secret as the data: only you can read it.
        """
        operator = whoever_calls()
        chosen = output or Path(f"{Path(backup).name}.tar")
        with _output(chosen) as (file, checksum), open_desk() as desk, Bar() as bar:
            with download_cluster(desk.instance.state, decide().database) as cluster:
                done = download(desk.service, backup, cluster, file, bar)
            checksum.write(f"{done.sha256}  {chosen.name}\n".encode())
            note_download(desk.instance, done, operator)
        if as_json:
            print_json({**structs.asdict(done), "file": str(chosen), "checksum": f"{chosen}.sha256"})
        else:
            what = f"{done.rows} rows and {done.files} files of {done.database}"
            click.echo(f"{chosen}: {done.bytes} bytes, {what}; {chosen}.sha256 is beside.")
            if done.missing:
                click.echo(
                    f"{done.missing} files were whole at no site any more; files.csv names their rows.", err=True
                )
            click.echo(f"To read how it is restored: tar -xOf {chosen} --wildcards '*/README.txt'")

    return command


@contextmanager
def _output(path: Path) -> Generator[tuple[BinaryIO, BinaryIO]]:
    """Make the file and the one of its checksum, as whoever calls: root is somebody else afterwards.

    No file is overwritten, and what failed leaves nothing.
    """
    made: list[tuple[Path, BinaryIO]] = []
    try:
        beside = path.with_name(f"{path.name}.sha256")
        made.append((path, _new(path)))
        made.append((beside, _new(beside)))
        yield made[0][1], made[1][1]
    except BaseException:
        for one, file in made:
            file.truncate(0)  # where the folder is not ours any more, at least nothing of it stays
            with suppress(OSError):
                one.unlink()
        raise
    finally:
        for _one, file in made:
            file.close()


def _new(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} is there already, and is not overwritten; choose another --output.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another --output.") from error
    return os.fdopen(descriptor, "w+b")


def note_download(instance: Instance, done: Downloaded, operator: str) -> None:
    """Write down who took which backup out of the hosting."""
    with instance.env(instance.facts.control, "a backup was downloaded") as env:
        told = f"{done.bytes} bytes, {done.sha256}"
        of = (done.database_uuid, done.database)
        write_down(env, DOWNLOAD, of, operator=operator, message=told, backup=done.backup)
