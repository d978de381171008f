"""A world, and what each of its users sees and may do: sets and loops, written without a look at the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Verb = Literal["read", "create", "write", "unlink"]
Value = str | int | frozenset[int] | None
Row = Mapping[str, Value]


# -- what is asked of a row --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compare:
    """A column compared with a value: ``=``, ``<``, ``>=``, or ``in`` a tuple of values."""

    column: str
    operator: Literal["=", "<", ">=", "in"]
    value: object


@dataclass(frozen=True)
class Mine:
    """A link leads to the user who asks."""

    link: str


@dataclass(frozen=True)
class Ours:
    """A link leads to a company of the one who asks."""

    link: str


@dataclass(frozen=True)
class Unset:
    """A link leads nowhere."""

    link: str


@dataclass(frozen=True)
class Within:
    """A link leads to a company that is one of some or below (or above) one of them; none named: of those who asks."""

    link: str
    below: bool
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Linked:
    """A link leads to a row that he sees and that meets a condition; ``tag_ids`` leads to many."""

    link: str
    inner: Condition


@dataclass(frozen=True)
class Both:
    """All of these."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    """One of these."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Opposite:
    """Not this."""

    part: Condition


Condition = Compare | Mine | Ours | Unset | Within | Linked | Both | Either | Opposite


# -- what there is -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Access:
    """What a group may do with a model at all."""

    group: str
    verbs: frozenset[Verb]


@dataclass(frozen=True)
class Rule:
    """Which rows: for a group, or (``group`` is empty) for everybody."""

    condition: Condition
    group: str
    verbs: frozenset[Verb]


@dataclass(frozen=True)
class Table:
    """A model with its rows by id.

    ``target`` is the model that ``link_id`` leads to, if any, and ``tag_ids`` where it is ``tagged``.
    """

    name: str
    access: tuple[Access, ...]
    rules: tuple[Rule, ...]
    rows: Mapping[int, Row]
    target: str = ""
    tagged: bool = False
    secret_group: str = ""
    tags_group: str = ""
    kept_group: str = ""


@dataclass(frozen=True)
class Box:
    """A model that an administrator made: who may do what with all of its rows, whose values are by id."""

    access: tuple[Access, ...]
    rows: Mapping[int, int]


@dataclass(frozen=True)
class Delegate:
    """A model whose rows are rows of the first model, too: it shows their fields. ``rows`` gives that one's id."""

    access: tuple[Access, ...]
    rows: Mapping[int, int]


@dataclass(frozen=True)
class User:
    """Somebody: the groups he was put into, and his companies."""

    id: int
    groups: frozenset[str]
    companies: tuple[int, ...]


@dataclass(frozen=True)
class World:
    """Everything. ``implied`` says which groups come with a group, ``above`` of which company one is a part.

    ``kept_group`` of a table is what an administrator said of the field ``x_kept`` that he added to it.
    """

    implied: Mapping[str, frozenset[str]]
    tables: Mapping[str, Table]
    users: tuple[User, ...]
    above: Mapping[int, int] = field(default_factory=dict[int, int])
    box: Box = Box((), {})
    delegate: Delegate = Delegate((), {})


# -- what follows ------------------------------------------------------------------------------------------------------

DELEGATED = "w.m0"  # the model whose fields the delegating one shows
COLUMNS = ("name", "num", "flag", "secret", "x_kept", "owner_id", "company_id")


@dataclass(frozen=True)
class Eyes:
    """One user in one world: every question about what he sees and may do is answered here."""

    world: World
    user: User
    _seen: dict[tuple[str, int], bool] = field(default_factory=dict[tuple[str, int], bool], compare=False)

    @cached_property
    def groups(self) -> frozenset[str]:
        """All groups he is in."""
        return closed(self.world, self.user.groups)

    def columns(self, table: Table, verb: Verb) -> frozenset[str]:
        """The columns he may read, give to new rows, or change."""
        links = ("link_id",) if table.target else ()
        verbs = {v for access in table.access if access.group in self.groups for v in access.verbs}
        found = {name for name in (*COLUMNS, *links) if verb in verbs}
        for column, group in (("secret", table.secret_group), ("x_kept", table.kept_group)):
            if group:
                found.discard(column)
                with_it = closed(self.world, (group,))
                theirs = {v for access in table.access if access.group in with_it for v in access.verbs} | {"read"}
                if group in self.groups and verb in theirs:
                    found.add(column)
        if verb == "read" and "read" in verbs:
            found |= {"id", "version", "write_uid"}
        return frozenset(found)

    def may(self, access: Iterable[Access], verb: Verb) -> bool:
        """Whether he was given a verb at all."""
        return any(one.group in self.groups and verb in one.verbs for one in access)

    def may_delete(self, table: Table) -> bool:
        """Whether he may delete rows at all."""
        return self.may(table.access, "unlink")

    def has_rules(self, table: Table, verb: Verb) -> bool:
        """Whether anything opens rows of a table to him at all."""
        grouped = [rule for rule in table.rules if rule.group]
        if grouped:
            return any(rule.group in self.groups and verb in rule.verbs for rule in grouped)
        return any(access.group in self.groups and verb in access.verbs for access in table.access)

    def may_touch_tags(self, table: Table, verb: Verb) -> bool:
        """Whether he may see (read) or change (write) links to tags at all."""
        if not table.tags_group:
            return any(access.group in self.groups and verb in access.verbs for access in table.access)
        with_it = closed(self.world, (table.tags_group,))
        theirs = {v for access in table.access if access.group in with_it for v in access.verbs} | {"read"}
        return table.tags_group in self.groups and verb in theirs

    def sees_link(self, table: Table, row: int, tag: int, verb: Verb) -> bool:
        """Whether he sees (read) or may change (write) one link: both records are seen, by a group that opens both."""
        target = self.world.tables[table.target]
        return (
            self.sees(table, row)
            and self.sees(target, tag)
            and any(
                self._opens(table, table.rows[row], group, verb) and self._reads(target, group) for group in self.groups
            )
        )

    def _opens(self, table: Table, row: Row, group: str, verb: Verb) -> bool:
        """Whether a group opens a row by itself; to read links it is enough that it opens some rows."""
        grouped = [rule for rule in table.rules if rule.group]
        own = [rule for rule in grouped if rule.group == group and verb in rule.verbs]
        if not grouped:
            opened = any(access.group == group and verb in access.verbs for access in table.access)
        else:
            opened = any(verb == "read" or self.holds(table, row, rule.condition) for rule in own)
        objections = (rule for rule in table.rules if not rule.group and verb in rule.verbs)
        return opened and all(self.holds(table, row, rule.condition) for rule in objections)

    def _reads(self, table: Table, group: str) -> bool:
        """Whether a group, or one that it brings with it, may read a table at all."""
        with_it = closed(self.world, (group,))
        return any(access.group in with_it and "read" in access.verbs for access in table.access)

    def sees(self, table: Table, row: int) -> bool:
        """Whether the rules let him see a row."""
        key = (table.name, row)
        if key not in self._seen:
            self._seen[key] = self.rules_allow(table, table.rows[row], "read")
        return self._seen[key]

    def visible(self, table: Table) -> frozenset[int]:
        """The rows he sees, if he may read any column at all."""
        if not self.columns(table, "read"):
            return frozenset()
        return frozenset(row for row in table.rows if self.sees(table, row))

    def rules_allow(self, table: Table, row: Row, verb: Verb) -> bool:
        """Whether the rules open a row to him: one rule of his groups has to, and no rule for all may object."""
        grouped = [rule for rule in table.rules if rule.group]
        if grouped:
            opened = any(
                rule.group in self.groups and verb in rule.verbs and self.holds(table, row, rule.condition)
                for rule in grouped
            )
        else:
            opened = any(access.group in self.groups and verb in access.verbs for access in table.access)
        objections = (rule for rule in table.rules if not rule.group and verb in rule.verbs)
        return opened and all(self.holds(table, row, rule.condition) for rule in objections)

    def holds(self, table: Table, row: Row, condition: Condition) -> bool:  # noqa: PLR0911  one for each form
        """Whether a row meets a condition, as he sees it."""
        match condition:
            case Both(parts):
                return all(self.holds(table, row, part) for part in parts)
            case Either(parts):
                return any(self.holds(table, row, part) for part in parts)
            case Opposite(part):
                return not self.holds(table, row, part)
            case Mine(link):
                return row[link] == self.user.id
            case Ours(link):
                return row[link] in self.user.companies
            case Unset(link):
                return row[link] is None
            case Within(link, below, ids):
                value = row[link]
                return isinstance(value, int) and within(self.world, value, ids or self.user.companies, below=below)
            case Compare():
                return compares(row[condition.column], condition)
            case Linked(link, inner):
                target = self.world.tables[table.target]
                return any(
                    self.sees(target, i) and self.holds(target, target.rows[i], inner) for i in linked(row, link)
                )


def closed(world: World, groups: Iterable[str]) -> frozenset[str]:
    """Add what groups bring with them, and what that brings."""
    found = set(groups)
    waiting = list(found)
    while waiting:
        for group in world.implied.get(waiting.pop(), ()):
            if group not in found:
                found.add(group)
                waiting.append(group)
    return frozenset(found)


def within(world: World, company: int, ids: Iterable[int], *, below: bool) -> bool:
    """Whether a company is one of some, or below one of them, or (``below`` is false) above one."""
    return any(one in lineage(world, company) if below else company in lineage(world, one) for one in ids)


def lineage(world: World, company: int) -> list[int]:
    """Give a company and those that it is a part of, step by step."""
    found = [company]
    while found[-1] in world.above:
        found.append(world.above[found[-1]])
    return found


def linked(row: Row, link: str) -> tuple[int, ...]:
    """Give the ids a link leads to."""
    value = row[link]
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    return (value,) if isinstance(value, int) else ()


def compares(value: Value, condition: Compare) -> bool:
    """Compare one value."""
    wanted = condition.value
    if condition.operator == "in":
        return isinstance(wanted, tuple) and value in wanted
    if condition.operator == "=":
        return value == wanted
    if not isinstance(value, int) or not isinstance(wanted, int):
        raise TypeError("only numbers have an order here")
    return value < wanted if condition.operator == "<" else value >= wanted


def referenced(world: World, table: Table, row: int) -> bool:
    """Whether any row anywhere leads to this one, its own links to many included: such a row cannot be deleted."""
    for other in world.tables.values():
        if other.target == table.name:
            for found in other.rows.values():
                if row in linked(found, "link_id") or (other.tagged and row in linked(found, "tag_ids")):
                    return True
    if table.name == DELEGATED and row in world.delegate.rows.values():
        return True
    return table.tagged and bool(linked(table.rows[row], "tag_ids"))
