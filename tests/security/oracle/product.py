"""A world in the product: its models declared to a real PostgreSQL, its rows in the tables, its users let in."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, new_class
from typing import Final

from growsoft.orm import Access, App, Condition, Group, Model, Registry, Rule, current, fields, load
from growsoft.orm.domain import Every, Leaf, Negation, Some
from growsoft.orm.overlay import CustomField, CustomModel, Overlay
from growsoft.orm.overlaying import overlaid
from growsoft.postgres.apply import apply_declarations
from growsoft.postgres.check import problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.database import Database
from growsoft.postgres.policies import Declarations
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import ident, idents, join, sql
from growsoft.postgres.superuser import Superuser, superuser
from tests.security.oracle import world as said
from tests.security.oracle.drawing import COMPANIES, GROUPS, USERS
from tests.support.accounts import made_accounts
from tests.support.databases import database_from

_numbers = itertools.count()

EVERYBODY: Final = GROUPS[0]

Defect = Callable[[Declarations], Declarations]


def no_defect(declarations: Declarations) -> Declarations:
    """Leave them as they are."""
    return declarations


@dataclass(frozen=True)
class Made:
    """A world that was made."""

    world: said.World
    database: Database
    registry: Registry
    contexts: dict[int, Context]


@contextmanager
def made(server: Endpoint, empty_template: str, world: said.World, defect: Defect = no_defect) -> Generator[Made]:
    """Declare a world in a database of its own; ``defect`` spoils the declarations on their way."""
    registry = overlaid(load(["w"], available={"w": app_of(world)}), overlay_of(world))
    pools = Pools(4)
    with database_from(server, empty_template, pools) as database:
        with superuser(server, database.name) as owner:
            apply_declarations(owner, defect(registry.declarations))
            _fill(owner, world)
            if defect is no_defect and (found := problems(owner)):
                raise AssertionError(found)
        people = [(user.id, said.closed(world, (EVERYBODY, *user.groups)), user.companies) for user in world.users]
        contexts = made_accounts(server, database, people)
        yield Made(world, database, registry, {context.user: context for context in contexts})
    pools.close()


def app_of(world: said.World) -> App:
    """Write the models of a world as an app."""
    module = ModuleType(f"{__name__}_drawn_{next(_numbers)}")
    sys.modules[module.__name__] = module
    everybody = {"everybody": Access(EVERYBODY, "read")}
    _class(module, "w.person", {"name": fields.Char(), **everybody})
    above = fields.Many2one[Model]("w.company")
    _class(module, "w.company", {"name": fields.Char(), "parent_id": above, "_parent_name": "parent_id", **everybody})
    classes = {table.name: _class(module, table.name, _members(table)) for table in world.tables.values()}
    shown = {
        "base_id": fields.Many2one[Model](said.DELEGATED, required=True),
        "label": fields.Char(),
        "_rec_name": "label",
    }
    shown |= _access(world.delegate.access)
    _class(module, "w.delegate", shown, classes[said.DELEGATED], delegate="base_id")
    groups = tuple(Group(key, key, tuple(sorted(implied))) for key, implied in world.implied.items())
    return App(name="w", version="1", package=module.__name__, groups=groups)


def overlay_of(world: said.World) -> Overlay:
    """Give what an administrator added: a field to each model, and a model."""
    added = [
        CustomField(table.name, "x_kept", "integer", "Kept", groups=(table.kept_group,) if table.kept_group else ())
        for table in world.tables.values()
    ]
    rights = tuple((one.group, tuple(sorted(one.verbs))) for one in world.box.access)
    return Overlay((CustomModel("x_box", "Box", rights),), (*added, CustomField("x_box", "x_num", "integer", "Number")))


def _class(
    module: ModuleType, name: str, members: Mapping[str, object], base: type[Model] = Model, **how: str
) -> type[Model]:
    def fill(body: dict[str, object]) -> None:
        body.update(members, _name=name, __module__=module.__name__)

    return new_class(name.title().replace(".", ""), (base,), how, fill)


def _access(access: Iterable[said.Access]) -> dict[str, object]:
    return {f"access_{i}": Access(one.group, *sorted(one.verbs)) for i, one in enumerate(access)}


def _members(table: said.Table) -> dict[str, object]:
    members: dict[str, object] = {
        "name": fields.Char(),
        "num": fields.Integer(),
        "flag": fields.Boolean(),
        "secret": fields.Integer(groups=(table.secret_group,) if table.secret_group else ()),
        "owner_id": fields.Many2one[Model]("w.person"),
        "company_id": fields.Many2one[Model]("w.company"),
    }
    if table.target:
        members["link_id"] = fields.Many2one[Model](table.target)
    if table.tagged:
        members["tag_ids"] = fields.Many2many[Model](
            table.target, groups=(table.tags_group,) if table.tags_group else ()
        )
    members |= _access(table.access)
    for i, rule in enumerate(table.rules):
        members[f"rule_{i}"] = Rule(written(rule.condition), group=rule.group, verbs=tuple(sorted(rule.verbs)))
    return members


def written(condition: said.Condition) -> Condition:  # noqa: PLR0911  one for each form
    """Write a condition as a developer does."""
    match condition:
        case said.Both(parts):
            return Every(tuple(map(written, parts)))
        case said.Either(parts):
            return Some(tuple(map(written, parts)))
        case said.Opposite(part):
            return Negation(written(part))
        case said.Mine(link):
            return Leaf((link,), "=", current.user)
        case said.Ours(link):
            return Leaf((link,), "in", current.companies)
        case said.Unset(link):
            return Leaf((link,), "=", None)
        case said.Within(link, below, ids):
            return Leaf((link,), "child_of" if below else "parent_of", list(ids) or current.companies)
        case said.Compare():
            return Leaf((condition.column,), condition.operator, condition.value)
        case said.Linked(link, inner):
            return Leaf((link,), "any", written(inner))


def table_name(table: said.Table) -> str:
    """Give the name in PostgreSQL."""
    return table.name.replace(".", "_")


def _fill(owner: Superuser, world: said.World) -> None:
    owner.run(sql("INSERT INTO w_person (id) SELECT unnest({ids}::bigint[])", ids=[*USERS, 199]))
    owner.run(sql("INSERT INTO w_company (id) SELECT unnest({ids}::bigint[])", ids=list(COMPANIES)))
    for company, parent in world.above.items():
        owner.run(sql("UPDATE w_company SET parent_id = {parent} WHERE id = {id}", parent=parent, id=company))
    for row, number in world.box.rows.items():
        owner.run(sql("INSERT INTO x_box (id, x_name, x_num) VALUES ({id}, 'box', {num})", id=row, num=number))
    for table in world.tables.values():
        name = ident(table_name(table))
        for row, values in table.rows.items():
            columns = [column for column in values if column != "tag_ids"]
            places = join(", ", [sql("{value}", value=values[column]) for column in columns])
            owner.run(
                sql(
                    "INSERT INTO {t} (id, write_uid, create_uid, {columns}) VALUES ({id}, 0, 0, {places})",
                    t=name, columns=idents(columns), id=row, places=places,
                )
            )  # fmt: skip
            for tag in said.linked(values, "tag_ids") if table.tagged else ():
                rel = ident(f"{table_name(table)}_tag_ids_rel")
                owner.run(sql("INSERT INTO {rel} VALUES ({row}, {tag})", rel=rel, row=row, tag=tag))
        owner.run(sql("SELECT setval(pg_get_serial_sequence({t}, 'id'), 1000)", t=table_name(table)))
    for row, base in world.delegate.rows.items():
        owner.run(sql("INSERT INTO w_delegate (id, base_id) VALUES ({id}, {base})", id=row, base=base))
    owner.run(sql("SELECT setval(pg_get_serial_sequence('x_box', 'id'), 1000)"))
