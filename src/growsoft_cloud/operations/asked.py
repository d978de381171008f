"""Asked: what people of a customer's database may have done with its backups, each by what is their own."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from growsoft.cli.databases import drop_database
from growsoft.errors import UserError
from growsoft.postgres.users import decide
from growsoft_cloud.backup.download import download
from growsoft_cloud.backup.progress import Listener
from growsoft_cloud.backup.restore import restore
from growsoft_cloud.backup.swap import SWAP, UNDO, exchange, find_pair, find_replaced
from growsoft_cloud.cli_download import note_download
from growsoft_cloud.cli_swap import backup_or_refuse
from growsoft_cloud.customer.errors import NoStorage, NotConfirmed, StandsBeside, TooManyBeside
from growsoft_cloud.customer.models import Kind
from growsoft_cloud.deeds import write_down
from growsoft_cloud.operations.own import Own
from growsoft_cloud.operations.scratch import download_cluster

# A download lies in the customer's own storage, encrypted under his own key, for so long.
DOWNLOAD_KEPT: Final = timedelta(hours=24)
# So many restored databases stand beside one at a time.
MOST_BESIDE: Final = 2
LARGEST_DOWNLOAD: Final = 2**42  # bytes
RESTORE: Final = "restore"

# A label has 63 characters, and what follows the name takes 14 of them.
_ROOM: Final = 48


@dataclass(frozen=True, slots=True)
class Wish:
    """A request as it was written: text of people, to be compared and never to be used as a name of anything."""

    kind: Kind
    backup: str
    database: str
    confirm: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a sentence for people, and what else its line says."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    # Another database has this one's name now, and its people look there.
    moved: bool = False


def fulfil(own: Own, wish: Wish, listener: Listener) -> Outcome:
    """Do what was asked. Raises an error that says why not."""
    return _DEEDS[wish.kind](own, wish, listener)


def _back_up(own: Own, wish: Wish, listener: Listener) -> Outcome:
    del wish
    record = own.desk.service.backup_now(own.desk.subject(own.where.name), listener=listener)
    if not record.complete:
        reasons = " ".join(failure.reason for failure in record.failures)
        raise UserError(f"{record.id} has too few proven copies; it is mended within the hour. {reasons}")
    return Outcome(f"{record.id} has {len(record.copies)} copies, each read back and compared.", {"backup": record.id})


def _download(own: Own, wish: Wish, listener: Listener) -> Outcome:
    record, instance = own.backup(wish.backup), own.desk.instance
    storage = instance.database(own.where).files
    if storage is None:
        raise NoStorage
    with (
        download_cluster(instance.state, decide().database) as cluster,
        tempfile.TemporaryFile(dir=cluster.folder) as file,
    ):
        done = download(own.desk.service, str(record.manifest.id), cluster, file, listener)
        file.seek(0)
        address, size = storage.put(file, LARGEST_DOWNLOAD)
    note_download(instance, done, _who(own, wish))
    return Outcome(
        f"{done.rows} rows and {done.files} files of {record.id} are ready for {DOWNLOAD_KEPT.days or 24} hours.",
        {"backup": record.id, "address": address, "size": size, "sha256": done.sha256,
         "expires_at": datetime.now(UTC) + DOWNLOAD_KEPT},
    )  # fmt: skip


def _restore(own: Own, wish: Wish, listener: Listener) -> Outcome:
    _refuse_beside(own)
    record = own.backup(wish.backup)
    if sum(not one.replaced for one in own.neighbours) >= MOST_BESIDE:
        raise TooManyBeside
    # Nobody chooses this name: it can be no other customer's, and none that looks like his.
    name = f"{own.where.name[:_ROOM]}-{datetime.now(UTC):%m%d}-{secrets.token_hex(4)}"
    target, hooks = own.desk.incoming(name)
    done = restore(own.desk.service, str(record.manifest.id), target, hooks, listener=listener)
    _write_down(own, RESTORE, wish, f"{record.id} was restored as {name}.", record.id)
    return Outcome(
        f"{done.rows} rows of {record.id} came back in {done.seconds:.1f} s. Look at {own.desk.instance.url(name)};"
        " the passwords are those of the moment of the backup.",
        {"backup": record.id, "database": name},
    )


def _swap(own: Own, wish: Wish, listener: Listener) -> Outcome:
    del listener
    _refuse_beside(own)
    new = own.neighbour(wish.database)
    _refuse_unconfirmed(wish, own.where.name)
    pair = find_pair(own.desk.instance, new.name, own.where.name)
    backup = backup_or_refuse(own.desk, own.where.name, SWAP)
    done = exchange(own.desk.instance, pair, kind=SWAP, operator=_who(own, wish), backup=backup)
    told = f"{new.name} has this name now. What was here is kept as {done.kept_as} for seven days, and as {backup}."
    return Outcome(told, {"backup": backup, "database": new.name}, moved=True)


def _undo(own: Own, wish: Wish, listener: Listener) -> Outcome:
    del listener
    _refuse_beside(own)
    _refuse_unconfirmed(wish, own.where.name)
    pair = find_replaced(own.desk.instance, own.where.name, datetime.now(UTC))
    backup = backup_or_refuse(own.desk, own.where.name, UNDO)
    done = exchange(own.desk.instance, pair, kind=UNDO, operator=_who(own, wish), backup=backup)
    told = f"What was replaced is back. What was here is kept as {done.kept_as} for seven days, and as {backup}."
    return Outcome(told, {"backup": backup}, moved=True)


def _discard(own: Own, wish: Wish, listener: Listener) -> Outcome:
    del listener
    _refuse_beside(own)
    where = own.neighbour(wish.database)
    _refuse_unconfirmed(wish, where.name)
    drop_database(own.desk.instance, where.name)
    _write_down(own, "discard", wish, f"{where.name} was dropped.")
    return Outcome(f"{where.name} was discarded.", {"database": where.name})


_DEEDS: Final[Mapping[Kind, Callable[[Own, Wish, Listener], Outcome]]] = {
    Kind.BACKUP: _back_up,
    Kind.DOWNLOAD: _download,
    Kind.RESTORE: _restore,
    Kind.SWAP: _swap,
    Kind.UNDO: _undo,
    Kind.DISCARD: _discard,
}


def _refuse_beside(own: Own) -> None:
    if own.beside:
        raise StandsBeside


def _refuse_unconfirmed(wish: Wish, name: str) -> None:
    if wish.confirm != name:
        raise NotConfirmed


def _who(own: Own, wish: Wish) -> str:
    return f"{wish.asked_by} of {own.where.name}"[:120]


def _write_down(own: Own, kind: str, wish: Wish, message: str, backup: str = "") -> None:
    with own.desk.instance.env(own.desk.instance.facts.control, "what a customer asked for is written down") as env:
        of = (own.where.uuid, own.where.name)
        write_down(env, kind, of, operator=_who(own, wish), message=message, backup=backup)
