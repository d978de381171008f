"""Custom fields and models: an administrator adds them at run time, the keeper makes them, and nobody else can."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from growsoft.apps.base.data import group_ids
from growsoft.errors import AccessError, UserError, ValidationError
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.product import InstalledApps
from growsoft.keeper.verbs import Created
from growsoft.orm import Env, Registry, load, open_env
from growsoft.postgres.check import DatabaseUnprotected, refuse_unprotected
from growsoft.postgres.context import Context, LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import ConstraintViolated
from growsoft.security.keyring import Keyring
from tests.integration.keeper.conftest import INSTANCE_KEY, House

APPS = ("contacts",)
PEOPLE = {"adm": ("base.admin",), "ann": ("base.user",), "sal": ("contacts.manager",)}


@dataclass
class Office:
    """A customer's database with contacts, its people, and the keeper."""

    house: House
    keeper: Keeper
    made: Created
    database: Database
    people: dict[str, Context] = field(default_factory=dict[str, Context])

    @property
    def registry(self) -> Registry:
        return load(APPS)

    @contextmanager
    def acting(self, login: str = "") -> Generator[Env]:
        door = (
            self.database.signed(self.people[login])
            if login
            else self.database.elevated("a test prepares its records", caller=__name__)
        )
        with open_env(self.database, self.registry, door) as env:
            yield env

    def raw(self, login: str, query: Sql) -> list[tuple[Any, ...]]:
        """What somebody gets by a statement of his own."""
        with self.database.transaction(self.database.signed(self.people[login])) as transaction:
            return transaction.execute(query).all()

    def add(self, model: str = "res.partner", name: str = "x_colour", **values: object) -> int:
        """Add a field as the administrator, and have it made."""
        with self.acting("adm") as env:
            target = env["ir.model"].search([["model", "=", model]]).id
            given = {"field_description": name, "ttype": "char", **values}
            made = env["ir.model.fields"].create({"model_id": target, "model": model, "name": name, **given}).id
        self.apply()
        return made

    def add_model(self, name: str = "x_boat", **values: object) -> int:
        """Add a model as the administrator, and have it made."""
        with self.acting("adm") as env:
            made = env["ir.model"].create({"model": name, "name": name, **values}).id
        self.apply()
        return made

    def apply(self) -> None:
        """What a worker asks for after such a change, and the check with which it starts to serve."""
        expected = self.keeper.apply_declarations(self.made.name).fingerprint
        with self.database.transaction(LoginDoor(), "read") as transaction:
            refuse_unprotected(transaction, expected)

    def owner(self, query: Sql) -> list[Any]:
        return self.house.ask(query, self.made.name)


@pytest.fixture(scope="module")
def keeper(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    fd = os.open(tmp_path_factory.mktemp("log") / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    keeper = Keeper(house.endpoint(), Keyring(INSTANCE_KEY), InstalledApps(), VerbLog(fd))
    keeper.start()
    yield keeper
    os.close(fd)


@pytest.fixture
def office(house: House, keeper: Keeper, pools: Pools) -> Iterator[Office]:
    """A database with an administrator, a user and a manager of contacts."""
    made = keeper.create_database(new_database_name(), uuid4(), APPS)
    office = Office(house, keeper, made, house.served(made, pools))
    with office.acting() as env:
        companies = [(6, 0, env["res.company"].search([]).ids)]
        for login, groups in PEOPLE.items():
            values = {"name": login, "login": login, "company_ids": companies, "groups_id": group_ids(env, groups)}
            env["res.users"].create(values)
    keeper.ensure_profile(made.name)
    accounts = office.owner(sql("SELECT login || ' ' || user_id || ' ' || profile FROM gs_priv.account"))
    for login, user, profile in (str(account).split(" ") for account in accounts if len(str(account).split(" ")) == 3):
        office.people[login] = Context(int(user), profile, (1,))
    yield office
    keeper.drop_database(made.name)


# -- the registry as records -------------------------------------------------------------------------------------------


def test_the_registry_can_be_read_as_records(office: Office) -> None:
    with office.acting("ann") as env:
        partner = env["ir.model"].search_read([["model", "=", "res.partner"]], ["name", "state", "modules"])[0]
        assert (partner["name"], partner["state"], partner["modules"]) == ("Contact", "base", "contacts")
        row = env["ir.model.fields"].search_read(
            [["model", "=", "res.partner"], ["name", "=", "country_id"]],
            ["field_description", "ttype", "relation", "store", "state"],
        )[0]
        del row["id"]
        assert row == {
            "field_description": "Country", "ttype": "many2one", "relation": "res.country", "store": True,
            "state": "base",
        }  # fmt: skip
        count = env["ir.model.fields"].search_count([])
        assert count == sum(len(info.fields) for info in env.registry.models.values())


# -- fields ------------------------------------------------------------------------------------------------------------


def test_a_field_that_an_administrator_adds_is_there_for_everybody_at_once(office: Office) -> None:
    office.add(name="x_colour", field_description="Colour", index=True)
    office.add(name="x_size", ttype="selection", selection="s: Small\nl: Large")
    office.add(name="x_weight", ttype="decimal", digits=3)
    office.add(name="x_born", ttype="date")
    office.add(name="x_home_id", ttype="many2one", relation="res.country")
    with office.acting("sal") as env:
        partner = env["res.partner"].create(
            {"name": "P", "x_colour": "red", "x_size": "l", "x_weight": "1.2345", "x_born": "2020-02-29"}
        )
    with office.acting("ann") as env:
        row = env["res.partner"].search_read([["x_colour", "ilike", "RE"], ["x_weight", ">", 1]], [], order="x_born")[0]
        assert (row["x_size"], row["x_weight"], str(row["x_born"])) == ("l", Decimal("1.235"), "2020-02-29")
        assert row["x_home_id"] is None
        assert env["res.partner"].search([["x_size", "=", "l"]]).ids == partner.ids
        assert env["ir.model.fields"].search([["name", "=", "x_colour"]]).read(["applied"])[0]["applied"] is True
    with office.acting("sal") as env, pytest.raises(ValidationError, match="is not one of s, l"):
        env["res.partner"].browse(partner.ids).write({"x_size": "m"})
    assert office.registry["res.partner"].fields.get("x_colour") is None  # the shared one has not changed


def test_another_database_of_the_same_apps_does_not_have_it(office: Office, pools: Pools) -> None:
    office.add(name="x_colour")
    made = office.keeper.create_database(new_database_name(), uuid4(), APPS)
    other = office.house.served(made, pools)
    door = other.elevated("a test looks", caller=__name__)
    with open_env(other, office.registry, door) as env:
        assert "x_colour" not in env.registry["res.partner"].fields
    with office.acting() as env:
        assert "x_colour" in env.registry["res.partner"].fields
    office.keeper.drop_database(made.name)


def test_a_field_for_a_group_is_kept_from_others_by_postgresql(office: Office) -> None:
    office.add(name="x_margin", ttype="integer", groups="contacts.manager")
    with office.acting("sal") as env:
        env["res.partner"].create({"name": "P", "x_margin": 42})
    assert office.raw("sal", sql("SELECT x_margin FROM res_partner WHERE x_margin > 0")) == [(42,)]
    for query in (
        sql("SELECT x_margin FROM res_partner"),
        sql("SELECT count(*) FROM res_partner WHERE x_margin = 42"),
        sql("SELECT * FROM res_partner"),
        sql("UPDATE res_partner SET x_margin = 0"),
    ):
        with pytest.raises(AccessError):
            office.raw("ann", query)
    with office.acting("ann") as env:
        assert "x_margin" not in env["res.partner"].search([]).read()[0]
        with pytest.raises(AccessError):
            env["res.partner"].search([["x_margin", ">", 1]])


def test_a_field_that_is_archived_is_seen_by_nobody_and_its_values_come_back(office: Office) -> None:
    one = office.add(name="x_colour")
    with office.acting("sal") as env:
        partner = env["res.partner"].create({"name": "P", "x_colour": "red"}).id
    archive(office, one, active=False)
    with office.acting("sal") as env:
        assert "x_colour" not in env["res.partner"].browse(partner).read()[0]
    for login in ("adm", "sal", "ann"):
        with pytest.raises(AccessError):
            office.raw(login, sql("SELECT x_colour FROM res_partner"))
    archive(office, one, active=True)
    with office.acting("sal") as env:
        assert env["res.partner"].browse(partner).read(["x_colour"])[0]["x_colour"] == "red"


def test_only_what_was_archived_is_deleted_and_then_it_is_gone(office: Office) -> None:
    one = office.add(name="x_colour")
    with pytest.raises(UserError, match="Archive it first"), office.acting("adm") as env:
        env["ir.model.fields"].browse(one).unlink()
    with pytest.raises(ConstraintViolated):
        office.raw("adm", sql("DELETE FROM ir_model_fields WHERE id = {id}", id=one))
    archive(office, one, active=False)
    with office.acting("adm") as env:
        env["ir.model.fields"].browse(one).unlink()
    assert office.owner(COLUMNS) == ["x_colour"]
    office.apply()
    assert office.owner(COLUMNS) == []


def archive(office: Office, one: int, *, active: bool, model: str = "ir.model.fields") -> None:
    """Archive, or take back into use."""
    with office.acting("adm") as env:
        env[model].browse(one).write({"active": active})
    office.apply()


COLUMNS = sql(
    "SELECT attname::text FROM pg_attribute WHERE attrelid = 'res_partner'::regclass AND attname LIKE 'x%'"
    " AND attnum > 0 AND NOT attisdropped"
)


# -- models ------------------------------------------------------------------------------------------------------------


def test_a_model_that_an_administrator_adds(office: Office) -> None:
    boat = office.add_model(name="x_boat", reader_groups="base.user", writer_groups="contacts.manager")
    office.add("x_boat", "x_owner_id", ttype="many2one", relation="res.partner")
    with office.acting("sal") as env:
        owner = env["res.partner"].create({"name": "Ahab"})
        env["x_boat"].create({"x_name": "Pequod", "x_owner_id": owner.id})
    with office.acting("ann") as env:
        rows = env["x_boat"].search_read([["x_owner_id.name", "=", "Ahab"]], ["x_name", "x_owner_id"])
        assert [(row["x_name"], row["x_owner_id"]) for row in rows] == [("Pequod", (owner.id, "Ahab"))]
        with pytest.raises(AccessError):
            env["x_boat"].create({"x_name": "Rachel"})
    with pytest.raises(AccessError):
        office.raw("ann", sql("INSERT INTO x_boat (x_name) VALUES ('Rachel')"))
    archive(office, boat, active=False, model="ir.model")
    with office.acting("sal") as env:
        assert "x_boat" not in env.registry.models
    for login in ("adm", "sal", "ann"):
        with pytest.raises(AccessError):
            office.raw(login, sql("SELECT x_name FROM x_boat"))
    archive(office, boat, active=True, model="ir.model")
    with office.acting("sal") as env:
        assert env["x_boat"].search_count([]) == 1
    archive(office, boat, active=False, model="ir.model")
    with office.acting("adm") as env:
        env["ir.model"].browse(boat).unlink()
    office.apply()
    assert office.owner(sql("SELECT to_regclass('x_boat') IS NULL")) == [True]


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_nobody_but_an_administrator_adds_anything(office: Office) -> None:
    insert = sql(
        "INSERT INTO ir_model_fields (model_id, model, name, field_description, ttype)"
        " SELECT id, model, 'x_mine', 'Mine', 'char' FROM ir_model WHERE model = 'res.partner'"
    )
    for login in ("ann", "sal"):
        for query in (
            insert,
            sql("INSERT INTO ir_model (model, name) VALUES ('x_mine', 'Mine')"),
            sql("UPDATE ir_model_fields SET groups = ''"),
            sql("DELETE FROM ir_model_fields"),
            sql("SELECT gs_priv.mirror_overlay()"),
            sql("INSERT INTO gs_priv.overlay VALUES ('model', 1, '{{}}', 1)"),
            sql("UPDATE gs_priv.overlay_state SET declared = declared + 1"),
        ):
            with pytest.raises(AccessError):
                office.raw(login, query)
        with pytest.raises(AccessError), office.acting(login) as env:
            env["ir.model"].create({"model": "x_mine", "name": "Mine"})
    # Not even elevated code, which may write every table: no sudo of an app can be led to declare something.
    with pytest.raises(AccessError), office.acting() as env:
        env.execute(insert)


def test_an_administrator_cannot_touch_what_apps_have(office: Office) -> None:
    for query in (
        sql("UPDATE ir_model_fields SET groups = '', active = false WHERE state = 'base' RETURNING id"),
        sql("DELETE FROM ir_model WHERE state = 'base' RETURNING id"),
    ):
        assert office.raw("adm", query) == []
    with pytest.raises(AccessError):
        office.raw("adm", sql("UPDATE ir_model_fields SET state = 'manual'"))
    with pytest.raises(AccessError):
        office.raw("adm", sql("INSERT INTO ir_model (model, name, state) VALUES ('x_a', 'A', 'base')"))


INJECTIONS = (
    ("x_a; DROP TABLE res_users", "char"),
    ('x_a" text; DROP TABLE res_users; --', "char"),
    ("x_a'); DROP TABLE res_users; --", "char"),
    ("name", "char"),
    ("X_A", "char"),
    ("x_\u0430", "char"),
    ("x_" + "a" * 60, "char"),
    ("x_a_x_b", "char"),
    ("x_a_rel", "char"),
    ("x_ok", "char NOT NULL DEFAULT pg_sleep(9)"),
    ("x_ok", "jsonb"),
)


@pytest.mark.parametrize(("name", "kind"), INJECTIONS, ids=range(len(INJECTIONS)))
def test_names_and_kinds_that_try_to_be_more_are_refused(office_once: Office, name: str, kind: str) -> None:
    with pytest.raises(ValidationError):
        office_once.add(name=name, ttype=kind[:20])


def test_what_raw_sql_of_an_administrator_declares_is_validated_by_the_keeper(office: Office) -> None:
    insert = sql(
        "INSERT INTO ir_model_fields (model_id, model, name, field_description, ttype, selection, groups)"
        " SELECT id, {model}, {name}, 'F', {kind}, {selection}, {groups} FROM ir_model WHERE model = 'res.partner'",
        model="", name="", kind="", selection="", groups="",
    )  # fmt: skip
    for model, name, kind, selection, groups in (
        ("res.partner", 'x_a" text; DROP TABLE res_users; --', "char", "", ""),
        ("res.partner", "x_a; DROP", "char", "", ""),
        ("pg_class", "x_b", "char", "", ""),
        ("res.partner", "x_c", "text DEFAULT pg_sleep(10)", "", ""),
        ("res.partner", "x_d", "selection", "a') OR true; --: A", ""),
        ("res.partner", "x_e", "char", "", "no.such"),
        ("ir.model", "x_f", "char", "", ""),
        ("res.partner", "login", "char", "", ""),
    ):
        office.raw("adm", insert.rebind((model, name, kind, selection, groups)))
    office.apply()
    assert office.owner(sql("SELECT count(*)::int FROM res_users")) != [0]
    assert office.owner(COLUMNS) == []
    with office.acting("adm") as env:  # and people go on with their work
        assert env["res.partner"].search_count([]) >= 0


def test_the_start_up_check_accepts_the_overlay_and_nothing_else(office: Office) -> None:
    office.add(name="x_margin", groups="contacts.manager")
    expected = office.keeper.apply_declarations(office.made.name).fingerprint
    for tampering in (
        sql("GRANT SELECT (x_margin) ON res_partner TO g_base_user"),
        sql("CREATE POLICY more ON res_partner FOR SELECT TO g_base_user USING (true)"),
        sql("DROP TRIGGER gs_overlay ON ir_model_fields"),
    ):
        with superuser(office.house.endpoint(office.made.name)) as connection, connection.undone():
            connection.run(tampering)
            with pytest.raises(DatabaseUnprotected):
                refuse_unprotected(connection, expected)


def test_what_was_added_survives_a_backup_and_a_new_start_of_the_keeper(office: Office) -> None:
    office.add(name="x_colour")
    with office.acting("sal") as env:
        env["res.partner"].create({"name": "P", "x_colour": "red"})
    copy = office.keeper.copy_database(office.made.name, new_database_name(), uuid4())
    try:
        assert office.keeper.apply_declarations(copy.name).fingerprint == copy.fingerprint
        assert office.house.ask(sql("SELECT x_colour FROM res_partner WHERE x_colour <> ''"), copy.name) == ["red"]
    finally:
        office.keeper.drop_database(copy.name)


@pytest.fixture(scope="module")
def office_once(house: House, keeper: Keeper) -> Iterator[Office]:
    """A database for tests that leave nothing behind."""
    pools = Pools(3)
    made = keeper.create_database(new_database_name(), uuid4(), APPS)
    office = Office(house, keeper, made, house.served(made, pools))
    with office.acting() as env:
        groups = group_ids(env, PEOPLE["adm"])
        user = env["res.users"].create({"name": "adm", "login": "adm", "groups_id": groups}).id
    keeper.ensure_profile(made.name)
    profile = office.owner(sql("SELECT profile FROM gs_priv.account WHERE login = 'adm'"))[0]
    office.people["adm"] = Context(user, str(profile))
    yield office
    pools.close()
    keeper.drop_database(made.name)
