"""The history of a record in words: who changed what and when, as far as the reader may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from growsoft.errors import AccessError, MissingError
from growsoft.orm.env import Env
from growsoft.orm.history import Change, Entry, Kind
from growsoft.views.fields import FieldView, Link, ModelView, Value
from growsoft.views.formats import shown
from growsoft.views.manner import Manner
from growsoft.views.people import users_of
from growsoft.words import _

# As many as people read at once; the command line shows more.
NEWEST: Final = 50
# A field as long as a page is told by its beginning.
LONGEST: Final = 300

_DONE: Final[Mapping[Kind, str]] = {
    "create": _("made it"), "write": _("changed it"), "unlink": _("deleted it"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One changed field: its label, and its values in words; "" where there was or is none."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry: when, who, what he did, why elevated code did it, and the number of the request."""

    when: str
    at: datetime
    who: str
    staff: str
    done: str
    reason: str
    request: str
    changes: tuple[Told, ...]


def history_of(env: Env, model: ModelView, record: int, manner: Manner) -> list[Moment]:
    """Return the newest entries of a record's history; raises `MissingError` for one that is not for this reader."""
    found = env[model.name].browse(record)
    if not found.exists():
        raise MissingError
    entries = found.history(NEWEST)
    names = _names(env, model, entries)
    return [_moment(model, entry, names, manner) for entry in entries]


class _Names:
    """The names of records by model, as far as the reader may see them; others are told by their number."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], str] = {}

    def of(self, model: str, record: int) -> str:
        """Name a record."""
        return self.known.get((model, record), f"No. {record}")


def _names(env: Env, model: ModelView, entries: Sequence[Entry]) -> _Names:
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    users = users_of(env)
    for entry in entries:
        wanted["" if users is None else users.name] |= {entry.user_id, entry.actor}
        for change in entry.changes:
            field = model.fields.get(change.field)
            if field is not None and field.kind in {"many2one", "many2many"}:
                wanted[field.relation] |= {*_ids(change.before), *_ids(change.after)}
    names = _Names()
    for name, ids in wanted.items():
        if name in env.registry.models:
            names.known |= {(name, record): text for record, text in _named(env, name, ids - {0})}
    if users is not None:
        names.known |= {("", record): text for (name, record), text in names.known.items() if name == users.name}
    return names


def _named(env: Env, model: str, ids: Iterable[int]) -> list[tuple[int, str]]:
    info = env.registry.models[model]
    try:
        rows = env[model].search_read([["id", "in", list(ids)]], [info.rec_name])
    except AccessError:
        return []
    return [(int(row["id"]), str(row[info.rec_name])) for row in rows]


def _ids(value: object) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    return tuple(one for one in value if isinstance(one, int)) if isinstance(value, tuple) else ()  # pyright: ignore[reportUnknownVariableType]  a tuple of whatever


def _moment(model: ModelView, entry: Entry, names: _Names, manner: Manner) -> Moment:
    fields = [(model.fields[change.field], change) for change in entry.changes if change.field in model.fields]
    told = (_told(field, change, names, manner) for field, change in fields)
    return Moment(
        when=manner.moment(entry.at),
        at=entry.at,
        who=names.of("", entry.user_id) if entry.user_id else "Growsoft",
        staff=names.of("", entry.actor) if entry.actor else "",
        done=_DONE[entry.kind],
        reason=entry.reason,
        request=entry.request.replace("_", "-"),
        changes=tuple(change for change in told if change.before or change.after),
    )


def _told(field: FieldView, change: Change, names: _Names, manner: Manner) -> Told:
    return Told(
        field.label, _words(field, change.before, names, manner), _words(field, change.after, names, manner)
    )  # fmt: skip


def _words(field: FieldView, value: object, names: _Names, manner: Manner) -> str:
    text = shown(field, _value(field, value, names), manner)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _value(field: FieldView, value: object, names: _Names) -> Value:
    """Turn what the history holds into a value of a screen."""
    if field.kind == "many2one" and isinstance(value, int):
        return Link(value, names.of(field.relation, value))
    if field.kind == "many2many":
        return tuple(Link(record, names.of(field.relation, record)) for record in _ids(value))
    if value is None or isinstance(value, str | bool | int | Decimal | date):
        return value
    return msgspec.json.encode(value).decode()
