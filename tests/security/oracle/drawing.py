"""Draws worlds: small, but with every kind of access, rule, implication and link."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from hypothesis import strategies as st

from tests.security.oracle.world import (
    DELEGATED,
    Access,
    Both,
    Box,
    Compare,
    Condition,
    Delegate,
    Either,
    Linked,
    Mine,
    Opposite,
    Ours,
    Row,
    Rule,
    Table,
    Unset,
    User,
    Value,
    Verb,
    Within,
    World,
)

GROUPS: Final = ("w.everybody", "w.one", "w.two", "w.three")
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
USERS: Final = (101, 102, 103, 104, 105)
READ: Final = frozenset[Verb](("read",))
COMPANIES: Final = (1, 2, 3)
NAMES: Final = ("", "a", "b")
NUMBERS: Final = (0, 1, 2)

verbs = st.sets(st.sampled_from(VERBS), min_size=1).map(frozenset)
_groups = st.sets(st.sampled_from(GROUPS), min_size=1).map(frozenset)
_companies = st.sets(st.sampled_from(COMPANIES))
scalars: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, st.just("num"), st.sampled_from(["=", "<", ">="]), st.sampled_from(NUMBERS)),
    st.builds(Compare, st.just("num"), st.just("in"), st.lists(st.sampled_from(NUMBERS), max_size=2).map(tuple)),
    st.builds(Compare, st.just("name"), st.just("="), st.sampled_from(NAMES)),
    st.builds(Compare, st.just("flag"), st.just("="), st.booleans()),
    st.builds(Compare, st.just("secret"), st.just(">="), st.sampled_from(NUMBERS)),
    st.just(Mine("owner_id")),
    st.just(Ours("company_id")),
    st.sampled_from([Unset("owner_id"), Unset("company_id")]),
    st.builds(
        Within, st.just("company_id"), st.booleans(), st.lists(st.sampled_from(COMPANIES), max_size=2).map(tuple)
    ),
)


_accesses = st.lists(st.builds(Access, st.sampled_from(GROUPS), verbs), min_size=1, max_size=3).map(tuple)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Two or three models, each leading to one before it, five users in four groups."""
    implied = {GROUPS[0]: frozenset[str]()}
    for place, group in enumerate(GROUPS[1:], 1):
        more = draw(st.sets(st.sampled_from(GROUPS[1:place]))) if place > 1 else set[str]()
        implied[group] = frozenset((GROUPS[0], *more))
    tables: dict[str, Table] = {}
    for place in range(draw(st.integers(2, 3))):
        target = f"w.m{draw(st.integers(0, place - 1))}" if place else ""
        tables[f"w.m{place}"] = draw(_tables(f"w.m{place}", target, tables))
    for name in {link for table in tables.values() for link in _looked_at(tables, table)}:
        access = (*tables[name].access, Access(GROUPS[0], READ))
        tables[name] = replace(tables[name], access=access, secret_group="", tags_group="")
    for name, table in tables.items():
        if table.tagged and any("write" in rule.verbs for rule in table.rules):
            # Who may change its tags is asked from outside of a row: other worlds are refused when they are declared.
            tables[name] = replace(table, access=(*table.access, Access(GROUPS[0], READ)), secret_group="")
    users = tuple(User(user, draw(_groups), tuple(sorted(draw(_companies)))) for user in USERS)
    above = {company: draw(st.integers(1, company - 1)) for company in COMPANIES[1:] if draw(st.booleans())}
    box = Box(draw(_accesses), draw(st.dictionaries(st.integers(1, 3), st.sampled_from(NUMBERS), max_size=2)))
    shown = st.dictionaries(st.integers(1, 4), st.sampled_from(tuple(tables[DELEGATED].rows)), max_size=3)
    return World(implied, tables, users, above, box, Delegate(draw(_accesses), draw(shown)))


@st.composite
def _tables(draw: st.DrawFn, name: str, target: str, before: dict[str, Table]) -> Table:
    access = draw(st.lists(st.builds(Access, st.sampled_from(GROUPS), verbs), min_size=1, max_size=4))
    asked = conditions(target, before, depth=2)
    most = verbs | st.just(frozenset(VERBS))
    grouped = draw(st.lists(st.builds(Rule, asked, st.sampled_from(GROUPS), most), max_size=3))
    narrowing = draw(st.lists(st.builds(Rule, asked, st.just(""), most), max_size=2))
    ids = range(1, draw(st.integers(3, 6)) + 1)
    rows = {row: draw(rows_of(tuple(before[target].rows) if target else ())) for row in ids}
    kept_for = st.sampled_from(("", *GROUPS[1:]))
    tagged = bool(target) and draw(st.booleans())
    secret, tags = draw(kept_for), draw(kept_for) if tagged else ""
    return Table(name, tuple(access), (*grouped, *narrowing), rows, target, tagged, secret, tags, draw(kept_for))


def rows_of(targets: tuple[int, ...]) -> st.SearchStrategy[Row]:
    """A row whose links lead to some of the targets, or nowhere."""
    columns: dict[str, st.SearchStrategy[Value]] = {
        "name": st.sampled_from(NAMES),
        "num": st.sampled_from(NUMBERS),
        "flag": st.booleans(),
        "secret": st.sampled_from(NUMBERS),
        "x_kept": st.sampled_from(NUMBERS),
        "owner_id": st.none() | st.sampled_from(USERS),
        "company_id": st.none() | st.sampled_from(COMPANIES),
    }
    if targets:
        columns["link_id"] = st.none() | st.sampled_from(targets)
        columns["tag_ids"] = st.sets(st.sampled_from(targets)).map(frozenset)
    return st.fixed_dictionaries(columns)


@st.composite
def conditions(draw: st.DrawFn, target: str, tables: dict[str, Table], *, depth: int) -> Condition:
    """A condition on rows whose links lead to ``target``; it never comes back to its own model."""
    forms = [
        "scalar",
        "scalar",
        *(["both", "either", "opposite"] if depth else []),
        *(["linked"] * 2 if target else []),
    ]
    match draw(st.sampled_from(forms)):
        case "both":
            return Both(tuple(draw(st.lists(conditions(target, tables, depth=depth - 1), max_size=2))))
        case "either":
            return Either(tuple(draw(st.lists(conditions(target, tables, depth=depth - 1), max_size=2))))
        case "opposite":
            return Opposite(draw(conditions(target, tables, depth=depth - 1)))
        case "linked":
            return Linked("link_id", draw(_beyond(target, tables)))
        case _:
            return draw(scalars)


@st.composite
def _beyond(draw: st.DrawFn, name: str, tables: dict[str, Table]) -> Condition:
    """A condition on linked rows; these may lead on, by a link or by tags."""
    target, tagged = tables[name].target, tables[name].tagged
    found: Condition = draw(scalars)
    if target and draw(st.booleans()):
        link = draw(st.sampled_from(["link_id", *["tag_ids"] * tagged]))
        found = Linked(link, draw(_beyond(target, tables)))
    return Opposite(found) if draw(st.booleans()) else found


def _looked_at(tables: dict[str, Table], table: Table) -> set[str]:
    return {name for rule in table.rules for name in _targets(tables, table, rule.condition)}


def _targets(tables: dict[str, Table], table: Table, condition: Condition) -> set[str]:
    match condition:
        case Both(parts) | Either(parts):
            return {name for part in parts for name in _targets(tables, table, part)}
        case Opposite(part):
            return _targets(tables, table, part)
        case Linked(_, inner):
            return {table.target, *_targets(tables, tables[table.target], inner)}
        case _:
            return set()
