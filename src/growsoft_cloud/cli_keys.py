"""The commands about customers' backup keys: `backup rotate-key`, `backup escrow`, and `db purge`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

import click
from msgspec import structs

from growsoft.cli.errors import NeedsConfirmation, UsageError
from growsoft.cli.instance import Instance
from growsoft.cli.output import print_json
from growsoft.security.escrow import locked_by_passphrase, locked_to_key
from growsoft_cloud.backup.keys import opened, rotate
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.purge import Purged, find_doomed, purge
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.deeds import whoever_calls, write_down

ESCROW = "key escrow"


class Desk(Protocol):
    """What these commands need of an instance's desk."""

    @property
    def instance(self) -> Instance:
        """The instance itself."""
        ...

    @property
    def service(self) -> BackupService:
        """What makes and keeps the backups."""
        ...

    def subject(self, name: str, /) -> Subject:
        """Return a database by its name."""
        ...


Opener = Callable[[], AbstractContextManager[Desk]]


def key_commands(open_desk: Opener) -> tuple[click.Command, ...]:
    """Return the commands of `growsoft backup`, over an instance that is only opened when one of them runs."""
    return _rotate(open_desk), _escrow(open_desk)


def purge_command(open_desk: Opener) -> click.Command:
    """Return `growsoft db purge`."""

    @click.command("purge")
    @click.argument("name")
    @click.option("--confirm", default="", metavar="NAME", help="The name once more: nothing brings it back.")
    @click.option("--json", "as_json", is_flag=True, help="Print what was destroyed and what remains as JSON.")
    def command(name: str, confirm: str, *, as_json: bool) -> None:
        """Destroy a database for ever: itself, its keys, its files, and every copy of its backups.

        A dropped one is purged by itself after 92 days.
        """
        operator = whoever_calls()
        with open_desk() as desk:
            doomed = find_doomed(desk.instance, name)
            if confirm != name:
                raise NeedsConfirmation(
                    f"This destroys {name} with its keys and all its backups, for ever; nobody can bring it back."
                    f" Type: growsoft db purge {name} --confirm {name}"
                )
            with desk.instance.keeper() as keeper:
                done = purge(desk.instance, desk.service, keeper, doomed, operator)
        if as_json:
            print_json(structs.asdict(done))
        else:
            _tell(done)

    return command


def _rotate(open_desk: Opener) -> click.Command:
    @click.command("rotate-key")
    @click.argument("database")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def command(database: str, *, as_json: bool) -> None:
        """Seal the backups of DATABASE under a new key from now on; those that are there stay readable."""
        operator = whoever_calls()
        with open_desk() as desk:
            subject = desk.subject(database)
            number = rotate(desk.instance, subject.uuid, subject.name, operator)
        if as_json:
            print_json({"database": database, "key_id": number})
        else:
            click.echo(f"Backups of {database} are sealed under its key {number} from now on.")

    return command


def _escrow(open_desk: Opener) -> click.Command:
    @click.command("escrow")
    @click.argument("database")
    @click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
    @click.option("--public-key", type=click.File("rb"), help="Lock it to this RSA key (PEM), not by a passphrase.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def command(database: str, output: Path, public_key: BinaryIO | None, *, as_json: bool) -> None:
        """Hand the customer of DATABASE his own copy of its backup keys, locked by a passphrase from standard input.

        With it and a copy of a backup he needs nobody to open it: see docs/reference/backup-format.md.
        """
        operator = whoever_calls()
        pem = b"" if public_key is None else public_key.read()
        passphrase = "" if pem else _passphrase()
        descriptor = _new(output)
        with os.fdopen(descriptor, "wb") as file, open_desk() as desk:
            subject = desk.subject(database)
            if subject.control:
                raise UsageError("The control database belongs to no customer; escrow the instance key instead.")
            keys = opened(desk.instance, subject.uuid)
            locked = locked_to_key(keys, pem) if pem else locked_by_passphrase(keys, passphrase)
            with desk.instance.env(desk.instance.facts.control, "a customer takes his backup keys") as env:
                numbers = ", ".join(str(key.key_id) for key in keys)
                of = (subject.uuid, subject.name)
                write_down(env, ESCROW, of, operator=operator, message=f"The keys {numbers} were handed out.")
            file.write(locked)
        if as_json:
            print_json({"database": database, "file": str(output), "key_ids": [key.key_id for key in keys]})
        else:
            click.echo(f"{output} holds the keys {numbers} of {database}. Keep it apart from the passphrase.")

    return command


def _passphrase() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _new(path: Path) -> int:
    """Make the file as whoever calls; none is overwritten."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be made ({error.strerror}); choose another --output.") from error


def _tell(done: Purged) -> None:
    click.echo(f"{done.name} is purged: {len(done.databases)} databases, their keys, {len(done.backups)} backups.")
    if done.waiting:
        click.echo(f"Not deleted yet, which is tried again every hour: {', '.join(done.waiting)}", err=True)
    if done.alive:
        click.echo(f"The same customer's data is still in: {', '.join(done.alive)}", err=True)
    if done.control_until is not None:
        click.echo(
            f"{len(done.control_backups)} backups of the registry still hold the wrapped keys, the last of them until"
            f" {done.control_until:%Y-%m-%d}; with the instance key and a copy of an archive that escaped, they could"
            " open it until then.",
            err=True,
        )
