"""Stored computed fields: what waits to be worked out, found set by set and worked out once, in order.

A stored value is a fact of the database and must not depend on who changed something: whoever sees two of three lines
would store the sum of two. So values are worked out, and written, in elevated hands; nobody else can write them.
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from growsoft.orm.domain import Leaf
from growsoft.orm.fields import AnyField, Computed, One2many, Relation
from growsoft.orm.graph import Node, Trigger
from growsoft.orm.hierarchies import settle_hierarchy
from growsoft.orm.money import currency_path, in_currency
from growsoft.orm.statements import put, write_waiting
from growsoft.postgres.sql import ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

REASON: Final = "a stored value is the same whoever changed what it is worked out from"


def settle(env: Env) -> None:
    """Work out every stored value that waits, write it, and let everybody read it anew."""
    work = env.work
    if work.settling or not work.waiting:
        return
    work.settling = True
    try:
        write_waiting(work)
        worker = env._elevated_for(REASON, __name__)
        for node in env.registry.dependencies.order:
            _settle_node(worker, node)
        write_waiting(work)
    finally:
        work.settling = False


def awaited(env: Env, nodes: Iterable[Node]) -> bool:
    """Whether one of these computed fields waits to be worked out."""
    todo, leads = env.work.todo, env.work.leads
    targets = {trigger.node for trigger in leads}
    return any(node in todo or node in targets for node in nodes)


def _found(worker: Env, node: Node) -> dict[int, None]:
    """Take the records for which a field is to be worked out, from what waits."""
    work = worker.work
    ids = work.todo.pop(node, {})
    for trigger in [trigger for trigger in work.leads if trigger.node == node]:
        ids |= dict.fromkeys(_back(worker, trigger, tuple(work.leads.pop(trigger))))
    return ids


def _back(worker: Env, trigger: Trigger, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Give the records of a model from which the path of a trigger leads to one of ``ids``."""
    links: list[tuple[ModelInfo, Relation[Any]]] = []
    here = worker.registry.models[trigger.model]
    for name in trigger.path:
        link = here.fields[name]
        if not isinstance(link, Relation):
            raise TypeError(f"{trigger.path} leads through what is no link")
        links.append((here, link))
        here = worker.registry.models[link.comodel]
    for info, link in reversed(links):
        ids = _one_back(worker, info, link, ids)
    return ids


def _one_back(worker: Env, info: ModelInfo, link: Relation[Any], ids: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(link, One2many):
        query = sql(
            "SELECT DISTINCT {link} FROM {t} WHERE id = ANY ({ids}::bigint[]) AND {link} IS NOT NULL",
            link=ident(link.inverse), t=ident(worker.registry.models[link.comodel].table), ids=list(ids),
        )  # fmt: skip
    else:
        where = worker.compiler().where(info, Leaf((link.name,), "in", ids))
        query = sql("SELECT id FROM {t} WHERE {where}", t=ident(info.table), where=where)
    return tuple(worker.execute(query).column())


def _settle_node(worker: Env, node: Node) -> None:
    info = worker.registry.models[node[0]]
    field = info.fields[node[1]]
    if isinstance(field, Computed) and field.recursive:
        settle_hierarchy(worker, info, field, lambda: tuple(_found(worker, node)), _recompute)
        return
    ids = tuple(_found(worker, node))
    if ids:
        _recompute(worker, info, field, ids)


def _recompute(worker: Env, info: ModelInfo, field: AnyField, ids: tuple[int, ...]) -> None:
    raws: dict[int, object] = {}
    for record in worker[info.name].browse(ids):
        raws[record.id] = field.work_out(record)
        record._value(field.name)  # what it is now, so that only what changed is written
    put(worker, info, field, in_currency(worker, info, field, raws) if currency_path(field) else raws)
