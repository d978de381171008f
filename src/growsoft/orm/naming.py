"""Finding records by what people type: the same name first, then names that begin so, then those that contain it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from growsoft.orm.compile import escaped, value_of
from growsoft.orm.domain import EVERYTHING, Condition, DomainError, Every, Leaf, Negation, Some, names_in
from growsoft.orm.search import listed, natural
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

NameOperator = Literal["ilike", "like", "=", "=ilike", "=like"]
# Of more than so many that fit equally well, some are shown: whoever looks for one of them types more.
CANDIDATES: Final = 1000

Named = list[tuple[int, str]]


def name_search(
    env: Env, info: ModelInfo, text: str, domain: Condition, operator: NameOperator, limit: int | None
) -> Named:
    """Give (id, name) of the records that are called like this, in one query, whose cost does not grow with hits."""
    if operator not in get_args(NameOperator) or not isinstance(text, str):
        raise DomainError(f"Names are compared by {' '.join(get_args(NameOperator))} with text.")
    env.refuse_unreadable(info, info.fields[info.rec_name])
    column = sql("{t}.{c}", t=ident(info.table), c=ident(info.rec_name))
    name = sql("({value})", value=value_of(info.fields[info.rec_name], column, env.lang))
    head = sql("SELECT {t}.id, {name}::text FROM {t}", t=ident(info.table), name=name)
    if operator == "ilike" and text and limit is not None:
        query = _by_fitness(env, info, text, domain, natural(limit), name)
    else:
        asked = Every((domain, _any_of(_searched(env, info), operator, text))) if text else domain
        query = listed(env, info, asked, 0, limit, "", ("names", env.lang), lambda page: page.select(head))
    found = [(record_id, called or "") for record_id, called in env.execute(query).rows]
    env.cache.seen[info.name].update([record_id for record_id, _called in found])
    return found


def _by_fitness(env: Env, info: ModelInfo, text: str, domain: Condition, limit: int, name: Sql) -> Sql:
    fields = _searched(env, info)
    env.refuse_unreadable(info, info.fields["id"])
    env.work.prepare(env, (*names_in(domain), *fields))
    same = _any_of(fields, "=ilike", escaped(text))
    begins = _any_of(fields, "=ilike", escaped(text) + "%")
    contains = _any_of(fields, "ilike", text)
    steps = (same, Every((begins, Negation(same))), Every((contains, Negation(begins))))
    compiler = env.compiler()
    # PostgreSQL runs the parts in their order, and none after the limit is reached.
    parts = [
        sql(
            "(SELECT id, name__ FROM (SELECT {t}.id, {name} AS name__ FROM {t} WHERE {where} LIMIT {most}::bigint) c__"
            " ORDER BY lower(name__::text), id LIMIT {limit}::bigint)",
            t=ident(info.table), name=name, most=max(limit, CANDIDATES), limit=limit,
            where=compiler.where(info, step if domain == EVERYTHING else Every((domain, step))),
        )
        for step in steps
    ]  # fmt: skip
    return sql(
        "SELECT id, name__::text FROM ({parts}) n__ LIMIT {limit}::bigint",
        parts=join(" UNION ALL ", parts),
        limit=limit,
    )


def _searched(env: Env, info: ModelInfo) -> list[str]:
    """Give the fields that records are found by, as far as the user may read them."""
    found = [
        name for name in info.searched_by if info.fields[name].column == "text" and env.sees(info, info.fields[name])
    ]
    if not found:
        raise DomainError(f"{info.description} cannot be found by a name, because its name is no text.")
    return found


def _any_of(fields: list[str], operator: NameOperator, text: str) -> Condition:
    return Some(tuple(Leaf((name,), operator, text) for name in fields))
