"""The command `growsoft backup`: now, list, info, verify, restore."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final, Protocol, Self
from uuid import UUID

import click
from msgspec import structs

from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.output import print_json, print_rows
from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.backup.keys import lost
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.progress import Progress, Step
from growsoft_cloud.backup.pruning import classes
from growsoft_cloud.backup.records import BackupRecord, newest_first
from growsoft_cloud.backup.restore import Hook, Restored, Target, restore, restore_files
from growsoft_cloud.backup.service import BackupService

# Progress is told of what takes longer than this, in seconds, and not more often than that.
PATIENCE: Final = 2.0
INTERVAL: Final = 0.2

_STEPS: Final[Mapping[Step, str]] = {
    Step.DUMP: "dumping",
    Step.VERIFY: "reading back",
    Step.COPY: "copying to the other sites",
    Step.RESTORE: "restoring",
}

_COLUMNS: Final = ("id", "database", "created_at", "purpose", "kept_as", "bytes", "copies", "verified_at", "restored")

_CLEAR_LINE: Final = "\r\x1b[K"


class Incomplete(BackupError):
    """The backup has too few proven copies."""


class NotOfThisCustomer(BackupError):
    """This backup is another customer's."""


class Desk(Protocol):
    """The instance as these commands see it; the control database stands behind it."""

    @property
    def service(self) -> BackupService:
        """What makes and keeps the backups."""
        ...

    def subject(self, name: str, /) -> Subject:
        """Return a database by the name people call it, also a dropped one whose backups are kept.

        Raises an error whose name ends in `NotFound`.
        """
        ...

    def lineage(self, name: str, /) -> Sequence[UUID]:
        """Return the databases whose backups are those of a name: it may lead to a restored one by now."""
        ...

    def incoming(self, name: str, /) -> tuple[Target, Sequence[Hook]]:
        """Refuse a name that is taken; return the database to come, and what enters it under that name."""
        ...


Opener = Callable[[], AbstractContextManager[Desk]]


# Restores a database into a new one (both by name) as it was at a moment; the last one asks for JSON.
RestoreAt = Callable[[str, str, str, bool], None]


def backup_commands(open_desk: Opener, restore_at: RestoreAt | None = None) -> click.Group:
    """Return the command group, over an instance that is only opened when a command runs."""
    group = click.Group("backup", help="Back databases up to every site, look at backups, restore them.")
    for command in (
        _now(open_desk),
        _list(open_desk),
        _info(open_desk),
        _verify(open_desk),
        _restore(open_desk, restore_at),
    ):
        group.add_command(command)
    return group


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _now(open_desk: Opener) -> click.Command:
    @click.command("now")
    @click.argument("database")
    @_json
    def now(database: str, *, as_json: bool) -> None:
        """Back DATABASE up to every site, and prove each copy by reading it back."""
        with open_desk() as desk, Bar() as bar:
            record = desk.service.backup_now(desk.subject(database), listener=bar)
        _show(record, as_json=as_json)
        _refuse_incomplete(record)

    return now


def _list(open_desk: Opener) -> click.Command:
    @click.command("list")
    @click.argument("database", required=False)
    @_json
    def list_backups(database: str | None, *, as_json: bool) -> None:
        """List the backups of DATABASE, or of all, newest first; also those of a dropped database."""
        with open_desk() as desk:
            of: Sequence[UUID | None] = desk.lineage(database) if database else (None,)
            records = newest_first(record for uuid in of for record in desk.service.list(uuid))
            unreadable = {record.manifest.id for record in lost(desk.service, records)}
            kept = {id_: why for group in _by_database(records) for id_, why in _kept(desk.service, group).items()}
        if as_json:
            print_json(
                [
                    {
                        **summary(record),
                        "kept_as": kept.get(record.manifest.id, ""),
                        "readable": record.manifest.id not in unreadable,
                    }
                    for record in records
                ]
            )
        else:
            rows = [_row(record, kept.get(record.manifest.id, "")) for record in records]
            lost_keys = [record.id for record in records if record.manifest.id in unreadable]
            print_rows(rows, _COLUMNS, as_json=False)
            if lost_keys:
                click.echo(f"The key of these is lost, and nobody can open them: {', '.join(lost_keys)}", err=True)

    return list_backups


def _info(open_desk: Opener) -> click.Command:
    @click.command("info")
    @click.argument("backup")
    @_json
    def info(backup: str, *, as_json: bool) -> None:
        """Show one BACKUP: of what, from when, and where its copies are."""
        with open_desk() as desk:
            record = desk.service.find(backup)
        _show(record, as_json=as_json)

    return info


def _verify(open_desk: Opener) -> click.Command:
    @click.command("verify")
    @click.argument("backup")
    @_json
    def verify(backup: str, *, as_json: bool) -> None:
        """Read every copy of BACKUP back, and replace what is missing or damaged from a good one."""
        with open_desk() as desk:
            record = desk.service.repair(backup)
        _show(record, as_json=as_json)
        _refuse_incomplete(record)

    return verify


def _restore(open_desk: Opener, restore_at: RestoreAt | None) -> click.Command:
    @click.command("restore")
    @click.argument("backup")
    @click.option("--into", required=True, help="The name of the new database; no database is ever replaced.")
    @click.option("--at", metavar="MOMENT", help="As the database BACKUP was then: 2026-11-22T18:00:00+00:00")
    @click.option("--site", default="", help="Take the copy of this site, if it is good.")
    @click.option(
        "--only",
        type=click.Choice(["database", "files"]),
        help="Without its files; or only these, into a database of this customer that is there.",
    )
    @_json
    def restore_backup(backup: str, into: str, at: str | None, site: str, only: str | None, *, as_json: bool) -> None:
        """Restore BACKUP into a new database, from any site that has a good copy.

        With --at, BACKUP is the name of a database, and it comes as it was at that moment.
        """
        if at is not None:
            if only or site or restore_at is None:
                raise UsageError("A moment comes whole, from whichever sites have it; leave --only and --site out.")
            restore_at(backup, into, at, as_json)
            return
        if only == "files":
            _restore_files(open_desk, backup, into, site, as_json=as_json)
            return
        with open_desk() as desk, Bar() as bar:
            _known_site(desk.service, site)
            target, hooks = desk.incoming(into)
            done = restore(desk.service, backup, target, hooks, site=site, with_files=only is None, listener=bar)
        if as_json:
            print_json({**structs.asdict(done), "database": into})
        else:
            _tell(done, into)

    return restore_backup


def _restore_files(open_desk: Opener, backup: str, into: str, site: str, *, as_json: bool) -> None:
    with open_desk() as desk:
        _known_site(desk.service, site)
        if desk.service.find(backup).manifest.database.uuid not in desk.lineage(into):
            raise NotOfThisCustomer(f"{backup} is no backup of {into}, and nobody's files come to another customer.")
        done = restore_files(desk.service, backup, desk.subject(into).postgres_name, site=site)
    for failure in done.failures:
        click.echo(failure.reason, err=True)
    if as_json:
        print_json({**structs.asdict(done), "database": into})
    else:
        click.echo(f"{into}: {done.files} files of {backup} are back; its rows are as they were.")


def _known_site(service: BackupService, name: str) -> None:
    """Refuse a site that is none: its copy was asked for, and another one would be taken in silence."""
    names = [site.name for site in service.policy.sites]
    if name and name not in names:
        raise NotFound(f"There is no backup site {name}; there are {', '.join(names)}.")


def summary(record: BackupRecord) -> dict[str, object]:
    """Return what `--json` tells of a backup."""
    manifest = record.manifest
    return {
        "id": record.id,
        "database": manifest.database.name,
        "created_at": manifest.created_at,
        "purpose": manifest.purpose,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "complete": record.complete,
        "files": _files(record),
        "copies": list(record.copies),
        "failures": list(record.failures),
        "restored": record.proof,
    }


def _files(record: BackupRecord) -> dict[str, int]:
    files = record.manifest.files
    if files is None:
        return {"count": 0, "bytes": 0, "missing": 0}
    return {"count": files.files, "bytes": files.bytes, "missing": files.missing}


def _show(record: BackupRecord, *, as_json: bool) -> None:
    """Tell about one backup: its copies go to standard output, the rest to people."""
    manifest = record.manifest
    if as_json:
        more = {"uuid": manifest.id, "database_uuid": manifest.database.uuid, "plan": manifest.database.plan}
        print_json({**summary(record), **more, "apps": manifest.database.apps, "postgres": manifest.postgres.version})
        return
    taken = _moment(manifest.created_at)
    click.echo(f"{record.id} of {manifest.database.name}, {taken}: {record.bytes} bytes, {record.sha256}", err=True)
    copies = [{**structs.asdict(copy), "verified_at": _moment(copy.verified_at)} for copy in record.copies]
    print_rows(copies, ("site", "continent", "verified_at"), as_json=False)


def _refuse_incomplete(record: BackupRecord) -> None:
    """Say why sites have no copy, and fail when the promise is not kept."""
    for failure in record.failures:
        click.echo(failure.reason, err=True)
    if not record.complete:
        raise Incomplete(
            f"{record.id} has {len(record.copies)} proven copies, which is too few; "
            f"when the sites work again, type: growsoft backup verify {record.id}"
        )


def _tell(done: Restored, into: str) -> None:
    for failure in done.damaged:
        click.echo(f"A damaged copy was passed over. {failure.reason}", err=True)
    click.echo(f"{into}: {done.rows} rows of {done.backup} from {done.site} in {done.seconds:.1f} s")


def _row(record: BackupRecord, kept_as: str = "") -> dict[str, object]:
    sites = " ".join(copy.site for copy in record.copies)
    verified = min((copy.verified_at for copy in record.copies), default=None)
    return {
        **summary(record),
        "kept_as": kept_as,
        "created_at": _moment(record.manifest.created_at),
        "copies": sites if record.complete else f"{sites or 'none'} (too few)",
        "verified_at": "" if verified is None else _moment(verified),
        "restored": _proven(record),
    }


def _proven(record: BackupRecord) -> str:
    """Say what came of the trial restore."""
    proof = record.proof
    if proof is None:
        return "not yet"
    return f"failed: {proof.trouble}" if proof.trouble else f"in {_span(proof.seconds)}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{seconds:.1f}s"


def _by_database(records: Sequence[BackupRecord]) -> Iterable[Sequence[BackupRecord]]:
    groups: dict[UUID, list[BackupRecord]] = {}
    for record in records:
        groups.setdefault(record.manifest.database.uuid, []).append(record)
    return groups.values()


def _kept(service: BackupService, records: Sequence[BackupRecord]) -> Mapping[UUID, str]:
    """Return as what each backup of one database is kept."""
    return classes(records, service.policy.sites, service.policy.retention, datetime.now(UTC))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"


class Bar:
    """Tells on a terminal how far a long step is; a short one passes in silence."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._told:
            click.echo(_CLEAR_LINE, nl=False, err=True)

    def __call__(self, progress: Progress) -> None:
        """Hear of some bytes."""
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._began < PATIENCE or now - self._told < INTERVAL:
            return
        self._told = now
        total = "" if progress.total is None else f" of {progress.total / 1e6:.0f}"
        click.echo(f"{_CLEAR_LINE}{_STEPS[progress.step]}: {progress.done / 1e6:.0f}{total} MB", nl=False, err=True)
