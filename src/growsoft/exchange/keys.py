"""Keys: which record a row is about, by the fields that tell records apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from growsoft.errors import ValidationError
from growsoft.exchange.externals import known_ids, refuse_of_app
from growsoft.exchange.report import Faults
from growsoft.exchange.rows import EMPTIED, Row
from growsoft.exchange.targets import Plan
from growsoft.orm import Env
from growsoft.orm.narrow import is_sequence

Key = tuple[object, ...]


class Keys:
    """Finds the records of rows. Every row needs all parts of its key, and no two rows of a file have the same."""

    def __init__(self, env: Env, plan: Plan, faults: Faults) -> None:
        """Take the fields of the key from the plan."""
        self._model = env[plan.info.name]
        self._model_name = plan.info.name
        self._fields = [plan.info.fields[name] for name in plan.key]
        self._labels = {target.name: target.label for target in plan.targets}
        self._faults = faults
        self._seen: dict[Key, int] = {}
        self._env = env
        self._external = plan.external
        self._named: dict[str, int] = {}

    def identify(self, rows: Sequence[Row]) -> None:
        """Give each row the id of its record, 0 where it is new. An external id says it before any key."""
        self._by_external_id(rows)
        rows = [row for row in rows if not row.record]
        if not self._fields or not rows:
            return
        keys = {row.line: key for row in rows if (key := self._key(row)) is not None}
        present = self._present(set(keys.values())) if keys else {}
        for row in rows:
            if row.broken:
                continue
            ids = present.get(keys[row.line], []) if row.line in keys else []
            if len(ids) > 1:
                self._refuse(row, f"{len(ids)} records have this key already; make them different first.")
            row.record = ids[0] if ids else 0

    def _by_external_id(self, rows: Sequence[Row]) -> None:
        named = [row for row in rows if row.external]
        known = known_ids(self._env, self._model_name, [row.external for row in named])
        for row in named:
            row.record = known.get(row.external, 0)
            first = self._named.setdefault(row.external, row.line)
            if first != row.line:
                self._refuse_id(row, f"Line {first} has the same external id; keep one of them.")
            elif not row.record:
                try:
                    refuse_of_app(self._env, row.external)
                except ValidationError as error:
                    self._refuse_id(row, error.message)

    def _refuse_id(self, row: Row, reason: str) -> None:
        row.broken = True
        label = "" if self._external is None else self._external.label
        self._faults.add(row.line, label, row.external, reason)

    def _key(self, row: Row) -> Key | None:
        # A broken row claims its key too: which of two rows is the right one, nobody can tell.
        for field in self._fields:
            if row.values.get(field.name) in (None, EMPTIED):
                if row.broken:
                    return None
                self._refuse(row, "This part of the key is empty; each row must say which record it is.", field.name)
                return None
        key = tuple(field.to_raw(row.values[field.name]) for field in self._fields)
        first = self._seen.setdefault(key, row.line)
        if first != row.line:
            self._refuse(row, f"Line {first} has the same key; keep one of them.")
            return None
        return key

    def _present(self, keys: set[Key]) -> dict[Key, list[int]]:
        names = [field.name for field in self._fields]
        domain = [[name, "in", list({key[i] for key in keys})] for i, name in enumerate(names)]
        found: defaultdict[Key, list[int]] = defaultdict(list)
        for row in self._model.search_read(domain, names):
            found[tuple(_plain(row[name]) for name in names)].append(row["id"])
        return found

    def _refuse(self, row: Row, reason: str, name: str = "") -> None:
        column = self._labels.get(name or self._fields[0].name, "")
        row.broken = True
        self._faults.add(row.line, column, row.texts.get(name or self._fields[0].name, ""), reason)


def _plain(value: object) -> object:
    return value[0] if is_sequence(value) else value  # links come as (id, name)
