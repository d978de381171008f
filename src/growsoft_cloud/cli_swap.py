"""The commands `growsoft backup swap` and `undo`: a restored database takes the place of the live one, and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

import click
from msgspec import structs

from growsoft.cli.errors import NeedsConfirmation
from growsoft.cli.instance import Instance
from growsoft.cli.output import print_json
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.swap import SWAP, UNDO, Swapped, exchange, find_pair, find_replaced
from growsoft_cloud.cli import Incomplete
from growsoft_cloud.deeds import whoever_calls


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


def swap_commands(open_desk: Opener) -> tuple[click.Command, ...]:
    """Return the commands, over an instance that is only opened when one of them runs."""
    return _swap(open_desk), _undo(open_desk)


def backup_or_refuse(desk: Desk, name: str, purpose: str) -> str:
    """Back a database up before something happens to it; raises `Incomplete` when the copies are too few."""
    record = desk.service.backup_now(desk.subject(name), purpose)
    if not record.complete:
        reasons = " ".join(failure.reason for failure in record.failures)
        raise Incomplete(f"{record.id} has too few proven copies, so nothing was done. {reasons}")
    return record.id


def _swap(open_desk: Opener) -> click.Command:
    @click.command("swap")
    @click.argument("new")
    @click.option("--over", required=True, metavar="NAME", help="The live database, whose name NEW takes.")
    @click.option("--confirm", default="", metavar="NAME", help="That name once more.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def swap(new: str, over: str, confirm: str, *, as_json: bool) -> None:
        """Give the restored database NEW the name and address of the live one, after a backup of that.

        The replaced one is kept for seven days: `growsoft backup undo NAME` brings it back.
        """
        operator = whoever_calls()
        with open_desk() as desk:
            pair = find_pair(desk.instance, new, over)
            if confirm != over:
                raise NeedsConfirmation(
                    f"People at {over} would see {new} from now on; what they see now is kept for seven days."
                    f" Type: growsoft backup swap {new} --over {over} --confirm {over}"
                )
            backup = backup_or_refuse(desk, over, SWAP)
            done = exchange(desk.instance, pair, kind=SWAP, operator=operator, backup=backup)
        _tell(done, as_json=as_json)

    return swap


def _undo(open_desk: Opener) -> click.Command:
    @click.command("undo")
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def undo(name: str, *, as_json: bool) -> None:
        """Bring back the database that the last swap over NAME replaced, after a backup of the present one.

        That one is kept for seven days in its turn, so an undo can be undone.
        """
        operator = whoever_calls()
        with open_desk() as desk:
            pair = find_replaced(desk.instance, name, datetime.now(UTC))
            backup = backup_or_refuse(desk, name, UNDO)
            done = exchange(desk.instance, pair, kind=UNDO, operator=operator, backup=backup)
        _tell(done, as_json=as_json)

    return undo


def _tell(done: Swapped, *, as_json: bool) -> None:
    if as_json:
        print_json(structs.asdict(done))
        return
    click.echo(f"{done.name} is served from {done.uuid} now. Everybody has to sign in again.")
    click.echo(
        f"What it was before is kept as {done.kept_as} until {done.kept_until:%Y-%m-%d %H:%MZ}, and backed up as"
        f" {done.backup}. To bring it back: growsoft backup undo {done.name}"
    )
