"""Searching: ids and counts by a condition, in an order, and what is said about known ids."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from growsoft.errors import AccessError, MissingError
from growsoft.orm.compile import among
from growsoft.orm.domain import EVERYTHING, Condition, DomainError, names_in
from growsoft.orm.fence import fenced, needs_fence
from growsoft.orm.forms import remembered
from growsoft.orm.orders import joined, order_names, order_terms
from growsoft.orm.paging import Page, reach_of
from growsoft.orm.versions import refuse_changed
from growsoft.postgres.sql import Sql, ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo


def search(env: Env, info: ModelInfo, domain: Condition, offset: int, limit: int | None, order: str) -> tuple[int, ...]:
    """Give the ids of the records that meet a condition."""
    query = listed(env, info, domain, offset, limit, order, "ids", lambda page: page.ids())
    ids = tuple(map(itemgetter(0), env.execute(query).rows))
    env.cache.seen[info.name].update(ids)
    return ids


def count(env: Env, info: ModelInfo, domain: Condition, limit: int | None) -> int:
    """Count them."""
    env.work.prepare(env, names_in(domain))
    limits = () if limit is None else (natural(limit),)

    def compose() -> Sql:
        env.refuse_unreadable(info, info.fields["id"])
        where, table = env.compiler().where(info, domain), ident(info.table)
        if not limits:
            return sql("SELECT count(*) FROM {t} WHERE {where}", t=table, where=where)
        return sql(
            "SELECT count(*) FROM (SELECT FROM {t} WHERE {where} LIMIT {limit}::bigint) counted",
            t=table, where=where, limit=limits[0],
        )  # fmt: skip

    return env.execute(remembered(env, info, domain, ("count", len(limits)), limits, compose)).scalar(int)


def existing(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Give those ids that exist and may be seen, in the given order."""
    if not ids:
        return ()
    env.refuse_unreadable(info, info.fields["id"])
    query = sql("SELECT id FROM {t} WHERE {these}", t=ident(info.table), these=among(ident("id"), ids))
    found = set(env.execute(query).column())
    env.cache.seen[info.name].update(found)
    return tuple(i for i in ids if i in found)


def listed(
    env: Env, info: ModelInfo, domain: Condition, offset: int, limit: int | None, order: str, key: Hashable,
    write: Callable[[Page], Sql],
) -> Sql:  # fmt: skip
    """Give the statement of a list, composed by ``write`` once for each ``key``; what it must see is written first."""
    env.work.prepare(env, chain(names_in(domain), order_names(order)))
    limits = () if limit is None else (natural(limit),)
    offsets = (natural(offset),) if offset else ()
    reach = reach_of(domain, limits, offsets)
    bound = offsets if reach else (*limits, *offsets)
    kind = ("list", key, str(order), limits if reach else len(limits), len(offsets), reach)

    def compose() -> Sql:
        env.refuse_unreadable(info, info.fields["id"])
        terms = order_terms(env, info, order)
        where = sql("") if domain == EVERYTHING else sql("WHERE {where}", where=env.compiler().where(info, domain))
        if limits and needs_fence(domain, limits[0] + sum(offsets)):
            condition = env.compiler().where(info, domain)
            where = fenced(ident(info.table), condition, joined(terms), limits[0] + sum(offsets))
        return write(Page(ident(info.table), where, terms, limits, offsets, reach))

    return remembered(env, info, domain, kind, bound, compose)


def ensure_version(env: Env, info: ModelInfo, record_id: int, version: int) -> None:
    """Lock one record and compare its version."""
    lock(env, info, (record_id,))
    refuse_changed(env, info, record_id, version)


def lock(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Lock records in the order of their ids, so that two who lock the same ones cannot wait for each other."""
    env.work.flush()
    these = among(ident("id"), ids)
    query = sql("SELECT id FROM {t} WHERE {these} ORDER BY id FOR UPDATE", t=ident(info.table), these=these)
    left = set(ids) - set(env.execute(query).column())
    if left:
        raise AccessError if existing(env, info, tuple(left)) else MissingError


def lock_free(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Lock those records that nobody else has locked and give them, in the given order."""
    if not ids:
        return ()
    env.work.flush()
    these = among(ident("id"), ids)
    query = sql("SELECT id FROM {t} WHERE {these} FOR UPDATE SKIP LOCKED", t=ident(info.table), these=these)
    found = set(env.execute(query).column())
    return tuple(i for i in ids if i in found)


def natural(number: object) -> int:
    """Give a limit or an offset. Raises ``DomainError`` for what is none."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**31:
        raise DomainError("A limit or an offset is a whole number, zero or more.")
    return number
