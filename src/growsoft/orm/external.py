"""External ids: which record of a database is which of an app's files, so that loading again changes what changed.

The ids are kept in the model ``ir.model.data``, as in Odoo: module, name, model, res_id, noupdate.
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import GrowsoftError, UserError
from growsoft.orm.cells import choice, reader_of
from growsoft.orm.datafiles import Cell, DataRecord, DataRefused, Find, Ref, read_records
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many, Selection

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import App, ModelInfo

MODEL: Final = "ir.model.data"


@dataclass(slots=True)
class Loaded:
    """What the files of an app came to: how many records were made and written, and which ids are in the files."""

    made: int = 0
    written: int = 0
    seen: set[str] = field(default_factory=set[str])


class Links(list[tuple[int, int, list[int]]]):
    """The command that makes these, and no others, the links of a record."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__([(6, 0, ids)])
        self.ids = ids


@dataclass(slots=True)
class _Known:
    """What is known of one external id; ``record`` is empty when somebody deleted it."""

    row: int
    record: Model
    noupdate: bool


def load_files(env: Env, app: App, *, demo: bool) -> Loaded:
    """Bring the records of an app's files into a database, in their order: new ones are made, changed ones written.

    Loading the same files again changes nothing. Raises ``DataRefused`` naming the file and the place in it.
    """
    loaded = Loaded()
    files = (*app.data, *(app.demo if demo else ()))
    if files:
        loader = _Loader(env, app, loaded)
        for record in read_records(env, app, files):
            loader.load(record)
        loader.finish()
        env.flush()
    return loaded


def sweep(env: Env, app: str, seen: Iterable[str]) -> Iterator[str]:
    """Delete the records that an app's files have no more, newest first; say which stay, and why.

    What people were told they own (noupdate) stays silently; what is linked stays, and is tried again next time.
    """
    kept = set(seen)
    rows = env[MODEL].search_read(
        [["module", "=", app], ["noupdate", "=", False]], ["name", "model", "res_id"], order="id desc"
    )
    for row in rows:
        if row["name"] not in kept:
            yield from _removed(env, f"{app}.{row['name']}", row)


def forget(env: Env, app: str, models: Iterable[str]) -> Iterator[str]:
    """Delete all records that an app brought, whoever they belong to by now; say which stay because they are linked.

    Records of ``models`` go with their tables, so only their ids are deleted here.
    """
    gone = set(models)
    rows = env[MODEL].search_read([["module", "=", app]], ["name", "model", "res_id"], order="id desc")
    for row in rows:
        if row["model"] not in gone:
            yield from _removed(env, f"{app}.{row['name']}", row)
    env[MODEL].search(["|", ["module", "=", app], ["model", "in", sorted(gone)]]).unlink()


def record_of(env: Env, external_id: str) -> Model:
    """Give the record of an external id (``app.name``), empty when it was deleted. Raises ``DataRefused``."""
    module, _, name = external_id.partition(".")
    rows = env[MODEL].search_read([["module", "=", module], ["name", "=", name]], ["model", "res_id"])
    if not rows:
        raise DataRefused(f"There is no record {external_id}.")
    found: Model = env[rows[0]["model"]].browse(rows[0]["res_id"]).exists()
    return found


def _removed(env: Env, external_id: str, row: dict[str, Any]) -> Iterator[str]:
    try:
        with env.savepoint():
            if row["model"] in env.registry.models:
                env[row["model"]].browse(row["res_id"]).exists().unlink()
            env[MODEL].browse(row["id"]).unlink()
    except UserError as error:
        yield f"{external_id} is in no file any more and stays, because something depends on it: {error.message}"


class _Loader:
    """Loads the records of one app. New ones of one model that follow each other are made at once."""

    def __init__(self, env: Env, app: App, loaded: Loaded) -> None:
        self._env = env
        self._app = app
        self._loaded = loaded
        self._known = self._read()
        self._others: dict[str, int] = {}
        self._new: dict[str, tuple[DataRecord, dict[str, object]]] = {}

    def load(self, record: DataRecord) -> None:
        try:
            self._load(record)
        except DataRefused:
            raise
        except GrowsoftError as error:
            raise DataRefused(f"{record.place or self._app.name}: {record.id}: {error.message}") from error

    def finish(self) -> None:
        """Make the new records that wait, with their external ids."""
        if not self._new:
            return
        waiting, self._new = self._new, {}
        first = next(iter(waiting.values()))[0]
        try:
            made = self._env[first.model].create([values for _record, values in waiting.values()])
        except GrowsoftError as error:
            last = next(reversed(waiting.values()))[0]
            where = first.place if first is last else f"{first.place} to {last.place}"
            raise DataRefused(f"{where}: {error.message}") from error
        for (name, (record, _values)), one in zip(waiting.items(), made, strict=True):
            self._note(name, record, one)
        self._loaded.made += len(waiting)

    def _load(self, record: DataRecord) -> None:
        module, _, name = record.id.rpartition(".")
        info = self._env.registry[record.model]
        if module not in ("", self._app.name):
            self.finish()
            self._refresh(record_of(self._env, record.id), info, record)
            return
        if name in self._loaded.seen:
            raise DataRefused(f"{record.place}: {record.id} is in the files of {self._app.name} twice.")
        self._loaded.seen.add(name)
        known = self._known.get(name)
        if known is None or not (known.record or record.noupdate):
            self._make(name, info, record)
        else:
            self._keep(name, known, info, record)

    def _make(self, name: str, info: ModelInfo, record: DataRecord) -> None:
        values = self._values(info, record)
        if any(other.model != record.model for other, _values in self._new.values()):
            self.finish()
        self._new[name] = (record, values)

    def _keep(self, name: str, known: _Known, info: ModelInfo, record: DataRecord) -> None:
        """Bring a record to what the file says; with noupdate it is people's, also when they deleted it."""
        if known.noupdate != record.noupdate:
            self._env[MODEL].browse(known.row).write({"noupdate": record.noupdate})
        if known.record and known.record._name != info.name:
            raise DataRefused(f"{record.place}: {name} is a record of {known.record._name}; choose another id.")
        if not record.noupdate:
            self._refresh(known.record, info, record)

    def _refresh(self, target: Model, info: ModelInfo, record: DataRecord) -> None:
        """Write what differs: a record that is as the file says keeps its date and version."""
        values = self._values(info, record)
        changed = {
            name: value for name, value in values.items() if not _is(info.fields[name], getattr(target, name), value)
        }
        if changed and target:
            target.write(changed)
            self._loaded.written += 1

    def _note(self, name: str, record: DataRecord, made: Model) -> None:
        known = self._known.get(name)
        values = {"model": made._name, "res_id": made.id, "noupdate": record.noupdate}
        if known is None:
            row = self._env[MODEL].create({"module": self._app.name, "name": name, **values}).id
        else:
            row = known.row
            self._env[MODEL].browse(row).write(values)
        self._known[name] = _Known(row, made, record.noupdate)

    def _values(self, info: ModelInfo, record: DataRecord) -> dict[str, object]:
        return {name: self._value(info.field(name), value) for name, value in record.values.items()}

    def _value(self, field: AnyField, value: object) -> object:
        if isinstance(field, One2many):
            raise DataRefused(f"{field.name} is a list of lines; give each line a record of its own.")
        match value:
            case Cell(text):
                return self._cell(field, text)
            case Ref(ids):
                return self._link(field, [self._id(one, field) for one in ids])
            case Find(domain):
                return self._link(field, [self._found(self._comodel(field), domain)])
            case str() if isinstance(field, Selection):
                return choice(field.choices, value)
            case _:
                return value

    def _cell(self, field: AnyField, text: str) -> object:
        if isinstance(field, Many2one | Many2many):
            raise DataRefused(f"{field.name} is a link; name the column {field.name}/id and give external ids.")
        return reader_of(field)(text) if text else field.unset

    def _link(self, field: AnyField, ids: list[int]) -> object:
        if isinstance(field, Many2many):
            return Links(ids)
        if isinstance(field, Many2one) and len(ids) <= 1:
            return ids[0] if ids else None
        raise DataRefused(f"{field.name} is no link to {len(ids)} records.")

    def _id(self, external_id: str, field: AnyField) -> int:
        module, _, name = external_id.rpartition(".")
        own = module in ("", self._app.name)
        if own and name in self._new:
            self.finish()
        known = self._known.get(name) if own else None
        if known is not None and known.record:
            return known.record.id
        full = external_id if module else f"{self._app.name}.{external_id}"
        if full not in self._others:
            target = record_of(self._env, full)
            if not target:
                raise DataRefused(f"{full} was deleted, and {field.name} links to it.")
            self._others[full] = target.id
        return self._others[full]

    def _found(self, model: str, domain: Sequence[object]) -> int:
        self.finish()
        found = self._env[model].search(domain, limit=2)
        if len(found) != 1:
            raise DataRefused(f"{'No' if not found else 'More than one'} record of {model} is found by {domain}.")
        return found.id

    @staticmethod
    def _comodel(field: AnyField) -> str:
        if not isinstance(field, Many2one | Many2many):
            raise DataRefused(f"{field.name} is no link.")
        return field.comodel

    def _read(self) -> dict[str, _Known]:
        rows = self._env[MODEL].search_read([["module", "=", self._app.name]], ["name", "model", "res_id", "noupdate"])
        ids: dict[str, list[int]] = {}
        for row in rows:
            ids.setdefault(row["model"], []).append(row["res_id"])
        # Browsed together, so that what one of them needs is read for all.
        models = self._env.registry.models
        there = {
            (model, one.id): one
            for model, many in ids.items()
            if model in models
            for one in self._env[model].browse(many).exists()
        }
        nothing = self._env[MODEL]
        return {
            row["name"]: _Known(row["id"], there.get((row["model"], row["res_id"]), nothing), row["noupdate"])
            for row in rows
        }


def _is(field: AnyField, present: object, wanted: object) -> bool:
    """Say whether a field has a value already."""
    if isinstance(field, Many2many):
        return isinstance(wanted, Links) and set(getattr(present, "ids", ())) == set(wanted.ids)
    if isinstance(field, Many2one):
        return getattr(present, "ids", ()) == (() if wanted is None else (wanted,))
    if isinstance(present, Enum):
        return present is wanted
    return present == wanted
