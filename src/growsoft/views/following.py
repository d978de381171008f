"""Following: what follows from what stands in a form, worked out before anything of it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from growsoft.views.fields import MANY, FieldView, Link, ModelView, Money, Value
from growsoft.views.narrow import is_rows, is_texts
from growsoft.views.records import Records

# A line as a change of what is stored: what is done (0 add, 1 change, 2 delete), which record, its values.
Command: TypeAlias = tuple[int, int, Mapping[str, object] | None]
# What an input of a line is called, after the prefix of its line.
_PARTS: Final = ("v.", "id.", "pick.")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in a form: values by field, and the commands of its lines by theirs."""

    values: Mapping[str, object]
    lines: Mapping[str, Sequence[Command]]


@dataclass(frozen=True, slots=True)
class Following:
    """What changes: values by field, and for each line that was given those of the line."""

    values: Mapping[str, Value]
    lines: Mapping[str, Sequence[Mapping[str, Value]]]


def following(
    records: Records, model: ModelView, record: int, typed: Typed, names: Sequence[str], changed: Sequence[str]
) -> Following:
    """Work out what follows, with the rights of whoever fills in the form; nothing is written.

    ``names`` are the fields of the form, ``changed`` those that were just changed, both as `growsoft.orm.drafts` has
    them. Links to many are left as they stand.
    """
    own = [name for name in names if model.fields[name.partition(".")[0]].kind not in MANY or "." in name]
    needed = {path[0] for name in own if "." not in name for path in [records.currency_path(model, name)] if path}
    wanted = [*own, *(name for name in sorted(needed - set(own)) if name in model.fields)]
    found = records.draft(model, record, {**typed.values, **typed.lines}, changed, wanted)
    return _Reading(records, model, record, _links(model, typed.values, found)).read(found, typed, set(own))


def changed_names(inputs: Iterable[str], prefixes: Mapping[str, Sequence[str]]) -> list[str]:
    """Turn the names of inputs into those of fields: those of lines are told by the positions of their prefixes."""
    places = {prefix: f"{field}.{place}." for field, found in prefixes.items() for place, prefix in enumerate(found)}
    return list(dict.fromkeys(name for text in inputs for name in _changed(text, places)))


def _changed(text: str, places: Mapping[str, str]) -> Iterator[str]:
    """Return the field that an input belongs to, unless it is none of the form's."""
    head, inner = text.split(".", 3)[:3], text
    prefix = f"{'.'.join(head)}." if text.startswith("l.") and len(head) == 3 else ""
    if prefix and prefix not in places:
        return
    inner = text.removeprefix(prefix)
    for part in _PARTS:
        if inner.startswith(part):
            yield places.get(prefix, "") + inner.removeprefix(part)


def _links(model: ModelView, values: Mapping[str, object], found: Mapping[str, object]) -> dict[str, int]:
    """Return the links to one record as the form has them now."""
    links: dict[str, int] = {}
    for name, field in model.fields.items():
        if field.kind == "many2one" and (name in values or name in found):
            link = _value(field, found[name], None) if name in found else values[name]
            links[name] = link.id if isinstance(link, Link) else link if isinstance(link, int) else 0
    return links


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads what was worked out for one record and its lines."""

    records: Records
    model: ModelView
    record: int
    links: Mapping[str, int]

    def read(self, found: Mapping[str, object], typed: Typed, own: set[str]) -> Following:
        """Return the values of the form."""
        values = {
            name: _value(field, found[name], self._currency(name))
            for name, field in self.model.fields.items()
            if name in found and name in own and field.kind not in MANY
        }
        return Following(
            values, {name: self._lines(name, given, found.get(name)) for name, given in typed.lines.items()}
        )

    def _currency(self, name: str) -> tuple[int, str] | None:
        """Return decimals and symbol of an amount of the record itself."""
        path = self.records.currency_path(self.model, name)
        return self.records.currency(self.model, self.record, path, self.links) if path else None

    def _lines(self, name: str, given: Sequence[Command], found: object) -> list[Mapping[str, Value]]:
        """Return the values of each line that was given, nothing for one that stays as it is."""
        rows = [row[2] for row in found][: len(given)] if is_rows(found) else []
        lines = self.records.model(self.model.fields[name].relation)
        currencies = {field: self._line_currency(lines, name, field) for field in lines.fields}
        read = [
            {
                field: _value(lines.fields[field], raw, currencies[field])
                for field, raw in row.items()
                if lines.fields[field].kind not in MANY
            }
            if is_texts(row)
            else dict[str, Value]()
            for row in rows
        ]
        return [*read, *(dict[str, Value]() for _ in given[len(read) :])]

    def _line_currency(self, lines: ModelView, name: str, field: str) -> tuple[int, str] | None:
        """Return decimals and symbol of an amount on lines, where they come from the record around them."""
        path = self.records.currency_path(lines, field)
        if not path:
            return None
        if path[0] == self.model.fields[name].inverse:
            return self.records.currency(self.model, self.record, path[1:], self.links)
        return 2, ""


def _value(field: FieldView, raw: object, currency: tuple[int, str] | None) -> Value:
    """Turn a value of JSON into what screens show."""
    match raw:
        case [int(record), str(name)]:
            return Link(record, name)
        case str() if field.kind in {"decimal", "monetary"}:
            return Money(Decimal(raw), *currency) if currency is not None else Decimal(raw)
        case str() if field.kind == "date" and raw:
            return date.fromisoformat(raw)
        case str() if field.kind == "datetime" and raw:
            return datetime.fromisoformat(raw)
        case str() | bool() | int():
            return raw
        case _:
            return None
