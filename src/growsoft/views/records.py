"""Records as screens ask for them: the few questions and changes that lists and forms are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Final, TypeGuard

import msgspec

from growsoft.errors import AccessError, GrowsoftError, MissingError, UserError
from growsoft.orm.compile import escaped
from growsoft.orm.domain import EVERYTHING, Condition, Leaf
from growsoft.orm.drafts import draft
from growsoft.orm.env import Env
from growsoft.orm.fields import AnyField, Computed, JsonValue, Many2many, Many2one, Monetary, One2many, Reference
from growsoft.orm.fields.reference import split
from growsoft.orm.model import Model
from growsoft.orm.registry import ModelInfo
from growsoft.orm.versions import ChangedMeanwhile
from growsoft.views.describing import model_view, readable_models
from growsoft.views.fields import Link, ModelView, Money, Value
from growsoft.views.laying import relabelled

STAMPS: Final = ("version", "write_uid", "write_date")
# By a field of this name people put lines in their order.
SEQUENCE: Final = "sequence"
MOST_LINES: Final = 500
MOST_REFERRED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its name and those of its values that were asked for and may be read."""

    id: int
    name: str
    values: Mapping[str, Value]
    version: int = 0
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a list, and how many there are in all."""

    records: tuple[Record, ...]
    total: int


class Stale(UserError):
    """Somebody else changed this record after you opened it."""

    def __init__(self, message: str, *, model: str, who: str, moment: datetime | None, labels: tuple[str, ...]) -> None:
        """Keep who changed which fields of a record of which model, and when, as far as the reader may know it."""
        super().__init__(message)
        self.model = model
        self.who = who
        self.moment = moment
        self.labels = labels


Raw = Mapping[str, object]


class Records:
    """The records of one database as one person may see and change them."""

    def __init__(self, env: Env, labels: Callable[[str], Mapping[str, str]] | None = None) -> None:
        """Ask and change as whoever acts in an environment; `labels` are what fields of a model are called here."""
        self._env = env
        self._labels = labels

    def models(self) -> Iterable[ModelView]:
        """Return the models that this person may read."""
        return readable_models(self._env)

    def model(self, name: str) -> ModelView:
        """Return a model; raises `MissingError` for one that is not there or not for this person."""
        model = model_view(self._env, name)
        return model if self._labels is None else relabelled(model, self._labels(name))

    # -- reading -----------------------------------------------------------------------------------------------------

    def page(
        self, model: ModelView, fields: Sequence[str], condition: Condition, *,
        order: str, offset: int, limit: int, count: int | None = None,
    ) -> Page:  # fmt: skip
        """Return a page of a list, the names of linked records joined in, and the number of all unless it is known."""
        found = self._env[model.name]
        rows = found.search_read(condition, self._names(model, fields), offset=offset, limit=limit, order=order)
        if count is None:
            # A page that is not full is the last one, so its end is the number of all.
            counted = len(rows) == limit or (offset and not rows)
            count = found.search_count(condition) if counted else offset + len(rows)
        return Page(self._records(model, fields, rows), count)

    def called(self, model: ModelView, record: int) -> str:
        """Return the name of a record, empty when it is hidden from this person or gone."""
        found = self._called(model, Leaf(("id",), "=", record), 1) if model.rec_name in model.fields else []
        return found[0].name if found else ""

    def count(self, model: ModelView, condition: Condition) -> int:
        """Return how many records meet a condition."""
        return self._env[model.name].search_count(condition)

    def read(self, model: ModelView, record: int, fields: Sequence[str]) -> Record:
        """Return one record with its version; raises `MissingError` without telling whether it exists."""
        stamps = [name for name in STAMPS if name in self._env.readable(self._info(model))]
        names = [*self._names(model, fields), *stamps]
        rows = self._env[model.name].search_read(Leaf(("id",), "=", record), names, limit=1)
        if not rows:
            raise MissingError
        found = self._records(model, fields, rows)[0]
        changed = rows[0].get("write_date")
        return Record(
            id=found.id,
            name=found.name,
            values=found.values,
            version=int(rows[0].get("version") or 0),
            changed_by=self._user(rows[0].get("write_uid")),
            changed_at=changed if isinstance(changed, datetime) else None,
        )

    def lines(self, model: ModelView, record: int, field: str, columns: Sequence[str]) -> Sequence[Record]:
        """Return the records of a one2many field, with their versions."""
        view = model.fields[field]
        lines = self.model(view.relation)
        names = [*self._names(lines, columns), "version"]
        columns = [*columns, *(name for name in (SEQUENCE,) if name in lines.fields and name not in columns)]
        names = list(dict.fromkeys([*names, *columns]))
        rows = self._env[lines.name].search_read(Leaf((view.inverse,), "=", record), names, limit=MOST_LINES)
        found = self._records(lines, columns, rows)
        return [
            Record(line.id, line.name, line.values, int(row.get("version") or 0))
            for line, row in zip(found, rows, strict=True)
        ]

    def copied(self, model: ModelView) -> frozenset[str]:
        """Return the fields that a copy of a record begins with: what their model says may be copied."""
        own = (field for field in self._info(model).fields.values() if field.copy and not field.unique)
        return frozenset(field.name for field in own if not isinstance(field, One2many))

    def defaults(self, model: ModelView, fields: Iterable[str]) -> Mapping[str, Value]:
        """Return what a new record begins with."""
        info = self._info(model)
        found: dict[str, Value] = {}
        for name in fields:
            field = info.fields[name]
            if (
                field.default is not None
                and field.kind not in ("json", "reference", "binary")
                and not isinstance(field, One2many | Many2many)
            ):
                default = field.default(self._env) if callable(field.default) else field.default
                found[name] = self._default(field, field.to_raw(default))
        return found

    def named(self, model: ModelView, text: str, *, limit: int, exactly: bool = False) -> Sequence[Link]:
        """Return records whose name begins with a text, then those that contain it; or those whose name it is.

        Upper and lower case are not told apart.
        """
        if exactly:
            return self._called(model, Leaf((model.rec_name,), "=ilike", escaped(text)), limit)
        if not text:
            return self._called(model, EVERYTHING, limit)
        begins: Condition = Leaf((model.rec_name,), "=ilike", escaped(text) + "%")
        found = self._called(model, begins, limit)
        if len(found) < limit:
            contains = Leaf((model.rec_name,), "ilike", text)
            found += self._called(model, contains & ~begins, limit - len(found))
        return found

    def _called(self, model: ModelView, condition: Condition, limit: int) -> list[Link]:
        """Return the names of some records."""
        rows = self._env[model.name].search_read(condition, [model.rec_name], limit=limit)
        return [Link(int(row["id"]), _text(row[model.rec_name])) for row in rows]

    def may_be_named(self, model: ModelView) -> bool:
        """Say whether a record can be made of nothing but a name."""
        info = self._info(model)
        named = info.fields.get(model.rec_name)
        needed = (f for f in info.fields.values() if f.required and f.default is None and f.name != model.rec_name)
        return (
            model.may("create")
            and named is not None
            and named.kind == "char"
            and not named.worked_out
            and not any(field.stored and not field.worked_out for field in needed)
        )

    def draft(
        self, model: ModelView, record: int, values: Raw, changed: Sequence[str], names: Sequence[str]
    ) -> Mapping[str, JsonValue]:
        """Return what follows from what a form holds, as `growsoft.orm.drafts` gives it."""
        return draft(
            self._env, model.name, self._stored(model, values), record=record, changed=changed, names=names
        ).values

    def currency_path(self, model: ModelView, field: str) -> tuple[str, ...]:
        """Return where an amount's currency is, nothing for what is no amount."""
        path = _currency_path(self._info(model).fields[field])
        return tuple(path.split(".")) if path else ()

    def currency(self, model: ModelView, record: int, path: Sequence[str], links: Mapping[str, int]) -> tuple[int, str]:
        """Return decimals and symbol of a currency; `links` are those of the form, which the record may not have yet.

        One that is not known has two decimals and no symbol.
        """
        try:
            if path and path[0] in links:
                there = self._env[model.fields[path[0]].relation].browse(links[path[0]] or ())
                return _currency(there, path[1:])
            return _currency(self._env[model.name].browse(record), path) if record else (2, "")
        except (AccessError, MissingError):
            return 2, ""

    # -- changing ----------------------------------------------------------------------------------------------------

    def create(self, model: ModelView, values: Raw) -> int:
        """Make a record and return its id."""
        return self._env[model.name].create(self._stored(model, values)).id

    def write(self, model: ModelView, record: int, values: Raw, *, version: int) -> None:
        """Change a record that still has this version; raises `Stale` when it has another."""
        found = self._env[model.name].browse(record)
        try:
            found.ensure_version(version)
        except ChangedMeanwhile as error:
            labels = tuple(model.fields[name].label for name in error.fields if name in model.fields)
            raise Stale(
                error.message, model=model.name, who=self._user(error.user), moment=error.moment, labels=labels
            ) from error
        if values:
            found.write(self._stored(model, values))

    def delete(self, model: ModelView, record: int) -> None:
        """Delete a record that this person may see; raises `MissingError` for others."""
        found = self._env[model.name].browse(record).exists()
        if not found:
            raise MissingError
        found.unlink()

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a context whose changes are taken back when an error leaves it."""
        return self._env.savepoint()

    # -- from rows to values -----------------------------------------------------------------------------------------

    def _info(self, model: ModelView) -> ModelInfo:
        """Return the model itself."""
        return self._env.registry.models[model.name]

    def _names(self, model: ModelView, fields: Sequence[str]) -> list[str]:
        """Return the fields to read: those that may be read, and the name."""
        named = [model.rec_name] if model.rec_name in model.fields else []
        return list(dict.fromkeys([name for name in fields if name in model.fields] + named)) or ["id"]

    def _records(self, model: ModelView, fields: Sequence[str], rows: Sequence[Raw]) -> tuple[Record, ...]:
        """Turn rows into records."""
        info = self._info(model)
        names = [name for name in fields if name in model.fields]
        many = {
            name: self._linked(model, name, rows)
            for name in names
            if isinstance(info.fields[name], One2many | Many2many)
        }
        referred = {name: self._referred(name, rows) for name in names if isinstance(info.fields[name], Reference)}
        money = {name: self._currencies(info, name, rows) for name in names if _currency_path(info.fields[name])}
        return tuple(
            Record(
                id=_whole(row["id"]),
                name=_text(row.get(model.rec_name, "")),
                values={
                    name: referred[name].get(str(row[name]))
                    if name in referred
                    else _value(
                        _json_shown(row[name]) if info.fields[name].kind == "json" else row[name],
                        many.get(name, {}),
                        money.get(name, {}).get(_whole(row["id"])),
                    )
                    for name in names
                },
            )
            for row in rows
        )

    def _linked(self, model: ModelView, name: str, rows: Sequence[Raw]) -> Mapping[int, Link]:
        """Return the records that some rows lead to by a field, read at once."""
        ids = dict.fromkeys(record for row in rows for record in _ids(row[name]))
        other = self.model(model.fields[name].relation)
        if not ids or other.rec_name not in other.fields:
            return {record: Link(record, "") for record in ids}
        condition = Leaf(("id",), "in", tuple(ids))
        found = self._env[other.name].search_read(condition, [other.rec_name])
        return {int(row["id"]): Link(int(row["id"]), _text(row[other.rec_name])) for row in found}

    def _referred(self, name: str, rows: Sequence[Raw]) -> Mapping[str, Link]:
        """Return the records of several models that some rows refer to, by the text of the reference."""
        by_model: dict[str, set[int]] = {}
        for text in {str(row[name]) for row in rows if row[name]}:
            model, record = split(text)
            by_model.setdefault(model, set()).add(record)
        return {
            f"{model},{record}": Link(record, names.get(record, ""), model)
            for model, ids in by_model.items()
            if model in self._env.registry.models
            for names in (self.known_names(model, ids),)
            for record in ids
        }

    def known_names(self, model: str, ids: Iterable[int]) -> Mapping[int, str]:
        """Return the names of those of some records that this person may see."""
        try:
            view = self.model(model)
        except MissingError:
            return {}
        return {link.id: link.name for link in self._called(view, Leaf(("id",), "in", tuple(ids)), MOST_REFERRED)}

    def _currencies(self, info: ModelInfo, name: str, rows: Sequence[Raw]) -> Mapping[int, tuple[int, str]]:
        """Return decimals and symbol of the currency of each row; a hidden currency has two decimals and no symbol."""
        path = _currency_path(info.fields[name]).split(".")
        found: dict[int, tuple[int, str]] = {}
        for record in self._env[info.name].browse([_whole(row["id"]) for row in rows]):
            try:
                found[record.id] = _currency(record, path)
            except (AccessError, MissingError):
                continue
        return found

    def _default(self, field: AnyField, raw: object) -> Value:
        """Return a default as screens show it."""
        if isinstance(field, Many2one):
            record = self._env[field.comodel].browse(_whole(raw)) if raw else None
            return Link(record.id, record.display_name) if record is not None else None
        return Money(raw, 2, "") if isinstance(field, Monetary) and isinstance(raw, Decimal) else _value(raw, {}, None)

    def _stored(self, model: ModelView, values: Raw) -> dict[str, object]:
        """Return values as the data layer takes them: links to many as the command that puts exactly these in."""
        kinds = {name: field.kind for name, field in model.fields.items()}
        return {
            name: [(6, 0, list(_ids(value)))] if kinds.get(name) == "many2many" else value
            for name, value in values.items()
        }

    def _user(self, user: object) -> str:
        """Return the name of a user, when this person may see it."""
        accounts = next((app.accounts for app in self._env.registry.apps if app.accounts is not None), None)
        if accounts is None or not isinstance(user, int) or not user:
            return ""
        users = next(info for info in self._env.registry.models.values() if info.table == accounts.users)
        try:
            return self._env[users.name].browse(user).display_name
        except GrowsoftError:
            return ""


def _currency_path(field: AnyField) -> str:
    """Return where an amount's currency is, empty for what is no amount."""
    return field.currency if isinstance(field, Monetary | Computed) else ""


def _currency(record: Model, path: Sequence[str]) -> tuple[int, str]:
    """Return decimals and symbol of the currency at the end of a path."""
    for name in path:
        record = getattr(record, name)
    if not record:
        return 2, ""
    places: int = getattr(record, "decimal_places", 2)
    symbol: str = getattr(record, "symbol", "") or record.display_name
    return places, symbol


def _value(raw: object, links: Mapping[int, Link], currency: tuple[int, str] | None) -> Value:
    """Return what the data layer gives as screens show it."""
    match raw:
        case Decimal() if currency is not None:
            return Money(raw, *currency)
        case (int(record), str(name)):
            return Link(record, name)
        case Enum():
            return str(raw.value)
        case None | bool() | int() | str() | Decimal() | datetime() | date():
            return raw
        case _ if _is_list(raw):
            return tuple(links[record] for record in _ids(raw) if record in links)
        case _:
            raise TypeError(f"Screens cannot show a {type(raw).__name__}.")


def _ids(value: object) -> tuple[int, ...]:
    """Return ids out of a list of them."""
    return tuple(item for item in value if isinstance(item, int)) if _is_list(value) else ()


def _json_shown(value: object) -> str:
    """Return a structured value as people can read it."""
    return "" if value is None else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Say whether a value is a list of whatever."""
    return isinstance(value, list | tuple)


def _whole(value: object) -> int:
    """Return an id."""
    if not isinstance(value, int):
        raise TypeError("An id is a whole number.")
    return value


def _text(value: object) -> str:
    """Return a name as text, whatever field it is."""
    match value:
        case (int(), str(name)):
            return name
        case None:
            return ""
        case _:
            return str(value)
