"""Links: the records that cells name, looked up for many rows at once and remembered."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

from growsoft.exchange.externals import known_ids
from growsoft.exchange.naming import Naming, naming_of
from growsoft.exchange.targets import BY_EXTERNAL
from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import Many2one, Relation
from growsoft.orm.narrow import MAX_ID

T = TypeVar("T")

MAX_REMEMBERED: Final = 50_000
Scope = int  # the id of the record that names are looked for in; 0: in none
_CHUNK: Final = 1000
_ID: Final = re.compile(r"[0-9]{1,19}")


class Links:
    """Finds records of one model by what files call them."""

    def __init__(self, env: Env, info: ModelInfo, path: tuple[str, ...]) -> None:
        """``path`` as in ``Target``: empty for the model's own naming."""
        self.naming = naming_of(info) if not path else Naming(keys=())
        self._env = env
        self._info = info
        self._path = path
        self._external = path == (BY_EXTERNAL,)
        self._words: Mapping[str, str] = {} if self.naming.words is None else self.naming.words()
        self._known: dict[tuple[str, Scope], int] = {}
        self._made: dict[tuple[str, Scope], int] = {}
        self.ambiguous: set[str] = set()

    @property
    def within(self) -> str:
        """The link that narrows where names are looked for."""
        return self.naming.within

    @property
    def model(self) -> str:
        """The model whose records are looked for."""
        return self._info.name

    def look_up(self, wanted: Collection[tuple[str, Scope]]) -> None:
        """Look for those that are not known yet, all at once; a name of several records is noted as ambiguous."""
        if len(self._known) > MAX_REMEMBERED:
            self._known.clear()
        missing = {pair for pair in wanted if pair not in self._known}
        if missing:
            self._look_up(missing)

    def find(self, text: str, scope: Scope) -> int | None:
        """Give a record that was looked up or made."""
        found = self._known.get((text, scope))
        return self._made.get((text.casefold(), scope)) if found is None else found

    @property
    def own_fields(self) -> tuple[str, ...]:
        """The fields of the model itself that hold what its records are called."""
        return self.naming.keys if not self._path else self._path if len(self._path) == 1 else ()

    @property
    def by_external(self) -> bool:
        """Whether records are named by their external ids."""
        return self._external

    @property
    def makes(self) -> bool:
        """Whether a name that nothing has becomes a new record."""
        return self.naming.made is not None

    def make(self, text: str, scope: Scope) -> int | None:
        """Make the record that a name stands for; of several that have the name already none is the one."""
        if self.naming.made is None or text in self.ambiguous:
            return None
        values = dict(self.naming.made(text))
        if self.naming.within and scope:
            values[self.naming.within] = scope
        made = self._made[text.casefold(), scope] = self._env[self._info.name].create(values).id
        return made

    def nothing(self, text: str) -> str:
        """Say that there is no such record, or more than one."""
        by = " or ".join(self._labels())
        if text in self.ambiguous:
            return f"Several records of {self._info.description} are called this ({by})."
        return f"There is no {self._info.description} with this {by}."

    def _labels(self) -> list[str]:
        if self._external:
            return ["external id"]
        if self._path:
            return [".".join(self._path)]
        return [self._info.fields[name].label for name in self.naming.keys]

    def _look_up(self, missing: Collection[tuple[str, Scope]]) -> None:
        if self._external:
            texts = {text for text, _scope in missing}
            self._keep(missing, {text: [found] for text, found in known_ids(self._env, self.model, texts).items()})
        elif self._path:
            texts = {text for text, _scope in missing}
            self._keep(missing, self._by_path(self._info, self._path, texts))
        elif self.naming.within:
            self._look_within(missing)
        else:
            self._by_keys(missing)

    def _by_keys(self, missing: Collection[tuple[str, Scope]]) -> None:
        first, *_ = self.naming.keys
        left = set(missing)
        if self._words:
            codes = {pair: self._words[pair[0].casefold()] for pair in left if pair[0].casefold() in self._words}
            found = self._by_field(self._info, first, set(codes.values()))
            for pair, code in codes.items():
                self._keep_one(pair, found.get(code, []))
        for key in self.naming.keys:
            left = {pair for pair in left if pair not in self._known and pair[0] not in self.ambiguous}
            if left:
                self._keep(left, self._by_field(self._info, key, {text for text, _scope in left}))

    def _look_within(self, missing: Collection[tuple[str, Scope]]) -> None:
        """Read everything in the scopes: few records, whose names are compared without regard to case."""
        scopes = sorted({scope for _text, scope in missing if scope})
        names = ["id", self.naming.within, *self.naming.keys]
        domain = ["|", [self.naming.within, "in", scopes], [self.naming.within, "=", None]]
        rows = self._env[self._info.name].search_read(domain, names)
        for key in self.naming.keys:
            found: defaultdict[tuple[str, Scope], list[int]] = defaultdict(list)
            for row in rows:
                scope = row[self.naming.within][0] if row[self.naming.within] else 0
                found[str(row[key]).casefold(), scope].append(row["id"])
            for pair in missing:
                if pair not in self._known:
                    self._keep_one(pair, found.get((pair[0].casefold(), pair[1]), []))

    def _by_path(self, info: ModelInfo, path: tuple[str, ...], texts: set[str]) -> Mapping[str, list[int]]:
        first, *rest = path
        step = info.fields[first]
        if not isinstance(step, Relation):
            return self._by_field(info, first, texts)
        inner = self._by_path(self._env.registry[step.comodel], tuple(rest), texts)
        back = defaultdict[int, list[str]](list)
        for text, ids in inner.items():
            for linked in ids:
                back[linked].append(text)
        found: defaultdict[str, list[int]] = defaultdict(list)
        for record_id, linked in self._linked(info, step, list(back)):
            for text in back[linked]:
                found[text].append(record_id)
        return found

    def _linked(self, info: ModelInfo, step: Relation[Any], ids: list[int]) -> Iterable[tuple[int, int]]:
        for part in _parts(ids):
            for row in self._env[info.name].search_read([[step.name, "in", part]], ["id", step.name]):
                value = row[step.name]
                yield from ((row["id"], linked) for linked in ([value[0]] if isinstance(step, Many2one) else value))

    def _by_field(self, info: ModelInfo, name: str, texts: set[str]) -> Mapping[str, list[int]]:
        if name == "id":
            numbers = {text: int(text) for text in texts if _ID.fullmatch(text) and int(text) <= MAX_ID}
            there = set(self._env[info.name].browse(numbers.values()).exists().ids)
            return {text: [record_id] for text, record_id in numbers.items() if record_id in there}
        found: defaultdict[str, list[int]] = defaultdict(list)
        for part in _parts(sorted(text for text in texts if text)):
            for row in self._env[info.name].search_read([[name, "in", part]], ["id", name]):
                found[row[name]].append(row["id"])
        return found

    def _keep(self, pairs: Iterable[tuple[str, Scope]], found: Mapping[str, list[int]]) -> None:
        for pair in pairs:
            self._keep_one(pair, found.get(pair[0], []))

    def _keep_one(self, pair: tuple[str, Scope], ids: list[int]) -> None:
        if len(ids) == 1:
            self._known[pair] = ids[0]
        elif ids:
            self.ambiguous.add(pair[0])


def _parts(values: list[T]) -> Iterable[list[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
