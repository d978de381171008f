"""What is odd about the rules of a database: rights that open nothing, and rules that PostgreSQL cannot look up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from growsoft.errors import AccessError
from growsoft.orm.access import VERBS, Unique, current
from growsoft.orm.compile import Bound, Compiler
from growsoft.orm.domain import Condition, ContextValue, Every, Leaf, Some, leaves
from growsoft.orm.env import Env
from growsoft.orm.explain import ADMINISTRATORS
from growsoft.orm.wording import in_words
from growsoft.postgres.sql import Sql, ident, sql

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo

Kind = Literal["opens nothing", "never true", "no index", "sequential scan", "no rows", "unique for all"]

# Below that a sequential scan is as fast as any other way.
LARGE: Final = 10_000
# A rule that lets through less than this part of a table should not read all of it.
NARROW: Final = 0.1
# What an index would answer; a flag has two values, and whatever is not something is nearly everything.
LOOKED_UP: Final = frozenset(("=", "in", "<", "<=", ">", ">=", "child_of"))
# For whom rules about the user himself are planned: somebody who works in one company. In none, a rule about companies
# could never hold.
_ANYBODY: Final = Bound(1, (1,))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a model's rights, in a sentence; ``group`` is empty where it concerns everybody."""

    kind: Kind
    model: str
    group: str
    text: str


def lint(env: Env) -> list[Finding]:
    """Look at the rules of all models; for administrators and elevated code. Raises ``AccessError`` for others."""
    if not env.has_group(ADMINISTRATORS):
        raise AccessError("Only administrators may look at everybody's rules.")
    elevated = env.sudo("an administrator looks at the rules of all groups")
    found: list[Finding] = []
    for info in env.registry.models.values():
        if info.rules and not info.cls._transient:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  a model's own say
            found += [*_opens_nothing(info), *_unindexed(elevated, info), *_planned(elevated, info)]
            found += _unique_for_all(info)
    return found


def _unique_for_all(info: ModelInfo) -> Iterator[Finding]:
    """A unique key over records of all companies: its refusal tells one company what another one has."""
    apart = {leaf.names[0] for rule in info.rules.values() if not rule.group for leaf in _of_companies(rule.condition)}
    if not apart:
        return
    keys = {name: {name, field.unique_per} for name, field in info.fields.items() if field.unique}
    keys |= {name: {*key.names, *_spoken_of(key)} for name, key in info.indexes.items() if isinstance(key, Unique)}
    for key, names in keys.items():
        if not names & apart:
            text = f"{key} is unique among the records of all companies, so a refusal tells of records of another one"
            yield Finding("unique for all", info.name, "", f"{text}: add unique_per, or the company to the key")


def _spoken_of(key: Unique) -> Iterator[str]:
    """Give what the condition of a key speaks of: it may be one over the records of no company."""
    return (leaf.names[0] for leaf in leaves(key.where)) if key.where is not None else iter(())


def _of_companies(condition: Condition) -> Iterator[Leaf]:
    return (leaf for leaf in leaves(condition) if leaf.value == current.companies)


def _opens_nothing(info: ModelInfo) -> Iterator[Finding]:
    """A group that was given a verb, and for which no rule opens a row by that verb."""
    if not any(rule.group for rule in info.rules.values()):
        return
    for access in info.access:
        opened = {verb for rule in info.rules.values() if rule.group == access.group for verb in rule.verbs}
        for verb in (verb for verb in VERBS if verb in access.verbs and verb not in opened):
            text = f"{access.group} may {verb} {info.description}, and no rule for it opens any record to that"
            yield Finding("opens nothing", info.name, access.group, text)


def _unindexed(env: Env, info: ModelInfo) -> Iterator[Finding]:
    """A column that a rule looks at, in a large table, and that no index begins with."""
    size, indexed = _table(env, info)
    if size < LARGE:
        return
    for name, rule in info.rules.items():
        looked_up = (leaf.names[0] for leaf in leaves(rule.condition) if leaf.operator in LOOKED_UP)
        for column in dict.fromkeys(looked_up):
            field = info.fields.get(column)
            if field is None or field.column is None or field.column == "boolean" or column in indexed:
                continue
            text = f"the rule {name} looks at {field.label}, which no index begins with, in {size:,} records"
            yield Finding("no index", info.name, rule.group, text)


def _planned(env: Env, info: ModelInfo) -> Iterator[Finding]:
    """Let PostgreSQL plan, and where nothing depends on the user count, what each group sees."""
    size, _indexed = _table(env, info)
    everybody = [rule.condition for rule in info.rules.values() if not rule.group and "read" in rule.verbs]
    groups = dict.fromkeys(rule.group for rule in info.rules.values() if rule.group and "read" in rule.verbs)
    for group in groups or {"": None}:
        own = [rule.condition for rule in info.rules.values() if rule.group == group and "read" in rule.verbs]
        condition = Every((Some(tuple(own)), *everybody)) if group else Every(tuple(everybody))
        yield from _of_group(env, info, group, condition, size)


def _of_group(env: Env, info: ModelInfo, group: str, condition: Condition, size: int) -> Iterator[Finding]:
    where = Compiler(env.registry, _ANYBODY).where(info, condition)
    plan = _plan(env, sql("SELECT id FROM {t} WHERE {where}", t=ident(info.table), where=where))
    words, whose = in_words(env.registry, info, condition), group or "everybody"
    if _never(plan):
        yield Finding("never true", info.name, group, f"what {whose} sees of {info.description} can never be: {words}")
        return
    rows = float(plan.get("Plan Rows", 0))
    if size >= LARGE and rows < size * NARROW and _scans(plan, info.table):
        text = f"{whose} reads all {size:,} records of {info.description} to see some {rows:,.0f}: {words}"
        yield Finding("sequential scan", info.name, group, text)
    if not _asks_who(condition) and _exists(env, info, sql("true")) and not _exists(env, info, where):
        yield Finding("no rows", info.name, group, f"{whose} sees no record of {info.description}: {words}")


def _table(env: Env, info: ModelInfo) -> tuple[int, frozenset[str]]:
    """Give how many rows a table has, as far as PostgreSQL knows, and the columns that an index begins with."""
    size, columns = env.execute(
        sql(
            "SELECT greatest(c.reltuples, 0)::bigint, array(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a"
            " ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indpred IS NULL)"
            " FROM pg_class c WHERE c.oid = to_regclass({t})",
            t=f"public.{info.table}",
        )
    ).one()  # fmt: skip
    return int(size), frozenset(columns)


def _plan(env: Env, query: Sql) -> dict[str, Any]:
    # Only with it PostgreSQL compares the parts of a condition with each other.
    env.execute(sql("SET LOCAL constraint_exclusion = on"))
    told: Any = env.execute(sql("EXPLAIN (FORMAT JSON) {query}", query=query)).scalar()
    plan: dict[str, Any] = told[0]["Plan"]
    return plan


def _never(plan: dict[str, Any]) -> bool:
    return plan.get("One-Time Filter") == "false"


def _scans(plan: dict[str, Any], table: str) -> bool:
    if plan.get("Node Type") == "Seq Scan" and plan.get("Relation Name") == table:
        return True
    below: Sequence[dict[str, Any]] = plan.get("Plans", ())
    return any(_scans(part, table) for part in below)


def _asks_who(condition: Condition) -> bool:
    parts: Iterable[object] = (leaf.value for leaf in leaves(condition))
    return any(
        isinstance(value, ContextValue) or (isinstance(value, Condition) and _asks_who(value)) for value in parts
    )


def _exists(env: Env, info: ModelInfo, where: Sql) -> bool:
    query = sql("SELECT EXISTS (SELECT FROM {t} WHERE {where})", t=ident(info.table), where=where)
    return bool(env.execute(query).scalar())
