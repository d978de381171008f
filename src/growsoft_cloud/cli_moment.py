"""The commands around moments: `backup restore --at`, and `backup preview`, what a swap would take back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import click
from msgspec import structs

from growsoft.cli.errors import UsageError
from growsoft.cli.instance import Instance
from growsoft.cli.output import print_json, print_rows
from growsoft.keeper.verbs import Created
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.restore import Target
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.pitr.instance import moments_of
from growsoft_cloud.pitr.preview import Preview, preview
from growsoft_cloud.pitr.restoring import RestoredMoment, Wish


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

    def coming(self, name: str, /) -> Target:
        """Refuse a name that is taken; return the database to come."""
        ...

    def enter(self, name: str, target: Target, created: Created, of: Subject) -> None:
        """Enter a restored database under its name."""
        ...


Opener = Callable[[], AbstractContextManager[Desk]]


def restore_at(open_desk: Opener, database: str, into: str, at: str, as_json: bool) -> None:
    """Restore a database as it was at a moment into a new one, and tell what a swap would take back."""
    moment = read_moment(at)
    with open_desk() as desk:
        subject = desk.subject(database)
        if subject.control:
            raise UsageError("The control database comes back from its backups: growsoft backup restore ID --into NEW")
        target = desk.coming(into)

        def entered(created: Created) -> None:
            desk.enter(into, target, created, subject)

        wish = Wish(subject, moment, target, entered, partial(click.echo, err=True))
        done = moments_of(desk.instance, desk.service).restore(wish)
        found = _preview(desk, database, into, moment) if subject.state == "active" else None
    if as_json:
        print_json({**structs.asdict(done), "database": into, "preview": found})
        return
    _tell(done, into)
    if found is not None:
        _show(found)


def preview_command(open_desk: Opener) -> click.Command:
    """Return the command, over an instance that is only opened when it runs."""

    @click.command("preview")
    @click.argument("new")
    @click.option("--over", required=True, metavar="NAME", help="The live database, whose name NEW would take.")
    @click.option("--at", required=True, metavar="MOMENT", help="The moment that NEW is of, with its time zone.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def show_preview(new: str, over: str, at: str, *, as_json: bool) -> None:
        """Tell what would be lost if NEW, which is of an earlier moment, took the name of the live database."""
        with open_desk() as desk:
            if desk.subject(new).uuid == desk.subject(over).uuid:
                raise UsageError("These are one and the same database; restore a moment into a new one first.")
            found = _preview(desk, over, new, read_moment(at))
        if as_json:
            print_json(structs.asdict(found))
        else:
            _show(found)

    return show_preview


def read_moment(text: str) -> datetime:
    """Read a moment as ISO 8601 writes it, with its time zone. Raises `UsageError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no moment; write it like 2026-11-22T18:00:00+00:00.") from None
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} has no time zone; write it like {text.replace(' ', 'T')}+00:00.")
    return moment.astimezone(UTC)


def _preview(desk: Desk, live: str, restored: str, moment: datetime) -> Preview:
    return preview(desk.instance, desk.instance.find(live), desk.instance.find(restored), moment)


def _tell(done: RestoredMoment, into: str) -> None:
    for failure in done.damaged:
        click.echo(f"Passed over: {failure.reason}", err=True)
    click.echo(
        f"{into}: {done.rows} rows and {done.files} files as they were at {done.moment:%Y-%m-%d %H:%M:%SZ},"
        f" from {done.base_backups} base backups and {done.pieces} pieces of WAL, in {done.seconds:.1f} s"
    )


def _show(found: Preview) -> None:
    if not (found.counts or found.lost):
        click.echo(f"{found.live} is as it was then: a swap would take nothing back.")
        return
    click.echo(f"A swap would take back what happened to {found.live} since {found.moment:%Y-%m-%d %H:%M:%SZ}:")
    columns = ("model", "created", "written", "deleted", "newest")
    print_rows([structs.asdict(one) for one in found.lost], columns, as_json=False)
    if found.counts:
        click.echo("Records now and then:")
        print_rows([structs.asdict(one) for one in found.counts], ("model", "now", "then"), as_json=False)
    click.echo(
        f"Look at it: {found.restored}; then: growsoft backup swap {found.restored} --over {found.live}"
        f" --confirm {found.live}"
    )
