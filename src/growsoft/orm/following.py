"""What follows on a form from what was entered: which values are worked out anew, and which stand."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from growsoft.errors import AccessError, MissingError, UserError
from growsoft.orm.fields import AnyField, Computed, One2many
from growsoft.orm.money import currency_path, in_currency

if TYPE_CHECKING:
    from growsoft.orm.drafting import Drafting, Entered
    from growsoft.orm.env import Env
    from growsoft.orm.graph import Trigger
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

Reached = defaultdict[tuple[str, str], set[int]]


class Following:
    """Works out the stored fields of the records of one form, along the same graph as for stored records."""

    def __init__(self, drafting: Drafting) -> None:
        """Take the records of a form."""
        self._drafting = drafting
        self._env = drafting.env
        self._touched: Reached = defaultdict(set)
        self._differing: Reached = defaultdict(set)

    def touch(self, entered: Entered, name: str) -> None:
        """Note that somebody has just changed a field: what he corrected himself is worked out anew from it."""
        self._reach(self._touched, entered.info, name, {entered.id})

    def compare(self, env: Env) -> None:
        """Note what differs from what ``env`` reads as stored: what nobody corrected is worked out anew from it."""
        different: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for entered in self._drafting.entered.values():
            for name in self._different(env, entered):
                different[entered.info.name, name].add(entered.id)
        for (model, name), ids in different.items():
            self._reach(self._differing, self._env.registry.models[model], name, ids)

    def _different(self, env: Env, entered: Entered) -> Iterator[str]:
        yield from entered.lines
        if not entered.is_new:
            stored = self._drafting.stored(env, entered)
            yield from (name for name, raw in entered.raws.items() if stored._value(name) != raw)

    def _reach(self, reached: Reached, info: ModelInfo, name: str, ids: set[int]) -> None:
        field = info.field(name)
        if isinstance(field, One2many):
            for trigger in self._triggers(field.comodel, field.inverse):
                if trigger.lines and trigger.path[-1:] == (name,):
                    self._affect(reached, trigger, info.name, ids, trigger.path[:-1])
        self._follow(reached, info.name, name, ids)

    def _follow(self, reached: Reached, model: str, name: str, ids: set[int]) -> None:
        for trigger in self._triggers(model, name):
            self._affect(reached, trigger, model, ids, trigger.path)

    def _triggers(self, model: str, name: str) -> tuple[Trigger, ...]:
        return self._env.registry.dependencies.triggers.get((model, name), ())

    def _affect(self, reached: Reached, trigger: Trigger, model: str, ids: set[int], path: tuple[str, ...]) -> None:
        known = reached[trigger.node]
        found = {
            entered.id
            for entered in self._drafting.of_model(trigger.model)
            if entered.id not in known and self._leads(self._drafting.record(entered), path, model, ids)
        }
        if found:
            known |= found
            self._follow(reached, trigger.model, trigger.field, found)

    def _leads(self, record: Model, path: tuple[str, ...], model: str, ids: set[int]) -> bool:
        try:
            here: Any = record.mapped(".".join(path)) if path else record
        except (AccessError, MissingError):
            return False
        return here._name == model and not ids.isdisjoint(here._ids)

    def work_out(self) -> None:
        """Work out every stored field of the records of the form, in the order in which they depend on each other."""
        for model, name in self._env.registry.dependencies.order:
            records = self._drafting.of_model(model)
            if not records:
                continue
            field = records[0].info.fields[name]
            # Along a hierarchy, lines of the same model come before their record, or after it.
            twice = isinstance(field, Computed) and field.recursive
            for entered in (*records, *reversed(records)) if twice else records:
                self._work_out(entered, field)

    def _work_out(self, entered: Entered, field: AnyField) -> None:
        if not self._env.sees(entered.info, field) or self._stands(entered, field):
            return
        record = self._drafting.record(entered)
        try:
            raw = field.work_out(record)
            if currency_path(field):
                raw = in_currency(self._env, entered.info, field, {entered.id: raw})[entered.id]
        except (AccessError, MissingError):
            return  # made of what he may not see: he sees it when it is saved, if at all
        except UserError as error:
            self._drafting.problems.setdefault(field.name, error.message)
            return
        self._env.cache.records[entered.info.name][entered.id][field.name] = raw

    def _stands(self, entered: Entered, field: AnyField) -> bool:
        """Whether the value that is there stays: somebody corrected it, and nothing it comes from has changed since."""
        if field.readonly or field.writes_through:
            return False
        node = (entered.info.name, field.name)
        if entered.id in self._touched[node]:
            return False
        return field.name in entered.own or not (entered.is_new or entered.id in self._differing[node])
