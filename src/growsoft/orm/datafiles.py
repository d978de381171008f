"""Data files: the records an app brings, as CSV, TOML or Python, each with an external id that stays the same.

CSV: the file is named after its model (``data/res.country.state.csv``); the columns are ``id``, fields, links as
``country_id/id`` with external ids, and perhaps ``noupdate``. TOML: tables ``[[record]]`` with ``id``, ``model``,
``noupdate`` and ``values``, in which a link is ``{ref = "base.eur"}``, ``{refs = [...]}`` or ``{find = [domain]}``.
Python: a module with ``records(env)`` that gives ``DataRecord``.
"""

from __future__ import annotations

import csv
import importlib
import io
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from growsoft.errors import ConfigError, GrowsoftError
from growsoft.orm.cells import boolean
from growsoft.orm.narrow import is_mapping, is_sequence

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import App

_ID: Final = re.compile(r"([a-z][a-z0-9_]{0,39}\.)?[a-z0-9_-]{1,80}\Z")
_PATH: Final = re.compile(r"(?!/)[A-Za-z0-9_./-]+\.(csv|toml|py)\Z")


class DataRefused(GrowsoftError):
    """A data file of an app cannot be loaded; correct the file, nothing was changed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell, which only its field can read."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """Links to records by their external ids; a link to one record has one."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """A link to the one record that a domain finds."""

    domain: Sequence[object]


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A record that an app brings. ``id`` is its external id, of the app itself or ``app.id`` of another one.

    With ``noupdate`` it is made once and then belongs to the people of the database.
    """

    id: str
    model: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    noupdate: bool = False
    place: str = ""

    def __post_init__(self) -> None:
        """Refuse ids that could not be written in a file."""
        if not _ID.match(self.id):
            raise DataRefused(
                f"{self.place}: {self.id[:80]!r} is no external id: use a-z, 0-9, _ and -; app.id is another app's."
            )


def read_records(env: Env, app: App, paths: Iterable[str]) -> Iterator[DataRecord]:
    """Read the files of an app in their order. Raises ``DataRefused`` naming file and place."""
    for path in paths:
        if not _PATH.match(path) or ".." in path.split("/"):
            raise DataRefused(f"{app.name}: {path!r} is no data file: name a .csv, .toml or .py file in the package.")
        yield from _READERS[PurePosixPath(path).suffix](env, app, path)


def _csv(env: Env, app: App, path: str) -> Iterator[DataRecord]:
    del env
    model = PurePosixPath(path).stem
    lines = csv.reader(io.StringIO(_text(app, path), newline=""), strict=True)
    try:
        header: list[str] = next(lines, list[str]())
        if "id" not in header or len(set(header)) != len(header):
            raise DataRefused(f"{app.name}/{path}: the first line names each column once, one of them is id.")
        for cells in lines:
            place = f"{app.name}/{path}, line {lines.line_num}"
            if len(cells) != len(header):
                raise DataRefused(f"{place}: there are {len(cells)} cells, the first line has {len(header)}.")
            yield _row(dict(zip(header, cells, strict=True)), model, place)
    except csv.Error as error:
        raise DataRefused(f"{app.name}/{path}, line {lines.line_num}: {error}") from None


def _row(row: dict[str, str], model: str, place: str) -> DataRecord:
    noupdate = boolean(row.pop("noupdate", "") or "no")
    own = row.pop("id").strip()
    values: dict[str, object] = {}
    for column, text in row.items():
        name, slash, kind = column.partition("/")
        if slash and kind != "id":
            raise DataRefused(f"{place}: column {column!r} is neither a field nor field/id.")
        values[name] = _refs(text.split(",")) if slash else Cell(text)
    return DataRecord(own, model, values, noupdate, place)


def _toml(env: Env, app: App, path: str) -> Iterator[DataRecord]:
    del env
    try:
        told = tomllib.loads(_text(app, path), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise DataRefused(f"{app.name}/{path}: {error}") from None
    whole = told.pop("noupdate", False)
    records = told.pop("record", [])
    if told or not is_sequence(records):
        raise DataRefused(f"{app.name}/{path}: it has [[record]] tables and perhaps noupdate; not {', '.join(told)}.")
    for number, item in enumerate(records, 1):
        yield _table(item, f"{app.name}/{path}, record {number}", noupdate=whole is True)


def _table(item: object, place: str, *, noupdate: bool) -> DataRecord:
    if not is_mapping(item) or set(item) - {"id", "model", "values", "noupdate"}:
        raise DataRefused(f"{place}: a record has id, model, values and perhaps noupdate.")
    values = item.get("values", {})
    own, model = item.get("id"), item.get("model")
    if not isinstance(own, str) or not isinstance(model, str) or not is_mapping(values):
        raise DataRefused(f"{place}: id and model are texts, values is a table.")
    kept = item.get("noupdate", noupdate) is True
    return DataRecord(own, model, {name: _linked(value, place) for name, value in values.items()}, kept, place)


def _linked(value: object, place: str) -> object:
    if not is_mapping(value):
        return value
    match list(value.items()):
        case [("ref", str(one))]:
            return _refs([one])
        case [("refs", many)] if is_sequence(many):
            return _refs([str(one) for one in many])
        case [("find", domain)] if is_sequence(domain):
            return Find(domain)
        case _:
            raise DataRefused(f'{place}: a link is {{ref = "app.id"}}, {{refs = [...]}} or {{find = [domain]}}.')


def _python(env: Env, app: App, path: str) -> Iterator[DataRecord]:
    name = ".".join((app.package, *PurePosixPath(path).with_suffix("").parts))
    give: Callable[[Env], Iterable[DataRecord]] | None = getattr(importlib.import_module(name), "records", None)
    if give is None:
        raise DataRefused(f"{app.name}/{path}: the module has no function records(env).")
    yield from give(env)


def _refs(texts: Iterable[str]) -> Ref:
    return Ref(tuple(text.strip() for text in texts if text.strip()))


def _text(app: App, path: str) -> str:
    try:
        return resources.files(app.package).joinpath(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{app.name}/{path} cannot be read ({type(error).__name__}); install the app again."
        ) from None


_READERS: Final[Mapping[str, Callable[[Env, App, str], Iterator[DataRecord]]]] = {
    ".csv": _csv,
    ".toml": _toml,
    ".py": _python,
}
