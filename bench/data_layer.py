"""The data layer beside hand-written SQL: the same rows and the same rule, each through one open transaction."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

import psycopg
from psycopg import sql as composed

from bench.app import app
from bench.app.models import HIDDEN_BELOW
from bench.measure import Beside, Measured, compare, pin
from growsoft.keeper.product import fill_empty
from growsoft.orm import Env, Locale, Registry, load, open_env
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.registry import installed_apps
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, Door
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import Identity, create_database, ensure_profiles, new_template
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser

PARTNERS = 100_000
COLUMNS = ("name", "ref", "company_name", "email", "phone", "street", "city", "zip", "country_id", "customer_rank")

Raw = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Bed:
    """A database with many partners, a ruled user, the way to one who sees few, and a connection that no rule binds."""

    env: Env
    narrow: Callable[[], AbstractContextManager[Env]]
    raw: Raw
    visible: Sequence[int]
    beside: Sequence[Beside] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with many partners, the ways in by login, and a connection that no rule binds."""

    database: Database
    registry: Registry
    doors: Mapping[str, Door]
    raw: Raw
    visible: Sequence[int]

    @contextmanager
    def work(self, login: str) -> Generator[Env]:
        """Open a transaction as one of the users; nothing of it lasts."""
        with suppress(_Undo), open_env(self.database, self.registry, self.doors[login]) as env:
            yield env
            raise _Undo

    @contextmanager
    def bed(self, beside: Sequence[Beside] = ()) -> Generator[Bed]:
        """Open a transaction for each side, for one operation: no transaction of a user may last for minutes."""
        with self.work("bench") as env:
            self.raw.execute("BEGIN")
            backend = env.execute(sql("SELECT pg_backend_pid()")).scalar(int)
            pin(backend, self.raw.info.backend_pid)
            try:
                yield Bed(env, partial(self.work, "narrow"), self.raw, self.visible, beside)
            finally:
                self.raw.execute("ROLLBACK")


class _Undo(Exception):
    """Nothing of this shall last."""


@contextmanager
def filled(server: Endpoint, partners: int = PARTNERS) -> Generator[Filled]:
    """Make and fill the database."""
    registry = load(["bench"], available={**installed_apps(), "bench": app})
    with new_template(server, "bench_template", registry.declarations):
        pass
    identity = Identity("bench", uuid4(), secrets.token_urlsafe(16), 1, secrets.token_bytes(32))
    create_database(server, identity, "bench_template")
    endpoint = replace(server, dbname="bench", user="bench", password=identity.password)
    database = Database(endpoint, identity.uuid, 1, identity.signing_key, Pools(4))
    _fill(database, registry, partners)
    with superuser(server, "bench") as connection:
        ensure_profiles(connection, "bench")
        accounts = connection.run(sql("SELECT login, user_id, profile FROM gs_priv.account")).all()
    doors = {login: database.signed(Context(user, profile)) for login, user, profile in accounts}
    with psycopg.connect(replace(server, dbname="bench").dsn(), autocommit=True, prepare_threshold=1) as raw:
        raw.execute("VACUUM ANALYZE")
        seen = raw.execute("SELECT id FROM res_partner WHERE customer_rank >= %s ORDER BY id", [HIDDEN_BELOW])
        yield Filled(database, registry, doors, raw, [int(str(row[0])) for row in seen])


def _fill(database: Database, registry: Registry, partners: int) -> None:
    chance = random.Random(1)
    door = database.elevated("the benchmark fills its database")
    with open_env(database, registry, door) as env:
        fill_empty(env)
        countries = env["res.country"].search([]).ids
        groups = env["res.groups"]
        people = [
            env["res.users"].create({"name": name, "login": name, "groups_id": groups.search([["key", "=", key]])}).id
            for name, key in (("bench", "bench.user"), ("narrow", "bench.narrow"), ("busy", "bench.narrow"))
        ]
    # Of a thousand partners the narrow user has one, and another user of his group has ninety-nine.
    owners = {0: people[1]} | dict.fromkeys(range(1, 100), people[2])
    for start in range(0, partners, 5000):
        with open_env(database, registry, database.elevated("the benchmark fills its database")) as env:
            numbers = range(start, min(start + 5000, partners))
            env["res.partner"].create(
                [_partner(i, chance.choice(countries)) | {"user_id": owners.get(i % 1000)} for i in numbers]
            )


def _partner(number: int, country: int) -> dict[str, object]:
    common = " Holding" if number % 7 == 0 else ""
    rare = " Quixote" if number % 20_000 == 0 else ""
    return {
        "name": f"Partner {number * 7919 % PARTNERS:06d}{common}{rare}",
        "ref": f"P{number}",
        "company_name": f"Company {number % 1000}",
        "email": f"p{number}@example.org",
        "phone": f"+32 2 {number:07d}",
        "street": f"{number % 300} Main Street",
        "city": f"City {number % 500}",
        "zip": f"{number % 9999:04d}",
        "country_id": country,
        "customer_rank": number % 100,
    }


def run(server: Endpoint, partners: int, operations: Iterable[Callable[[Bed], Measured]]) -> list[Measured]:
    """Measure operations on so many partners."""
    with filled(server, partners) as rows:
        return [measure(rows, operation) for operation in operations]


def measure(rows: Filled, operation: Callable[[Bed], Measured], beside: Sequence[Beside] = ()) -> Measured:
    """Measure one operation, in transactions of its own."""
    with rows.bed(beside) as made:
        return operation(made)


def measure_unrecorded(rows: Filled, operation: Callable[[Bed], Measured], beside: Sequence[Beside] = ()) -> Measured:
    """Measure one operation without the history that the product keeps and others do not: like beside like."""
    rows.raw.execute(b"ALTER TABLE res_partner DISABLE TRIGGER gs_audit_insert, DISABLE TRIGGER gs_audit_update")
    try:
        measured = measure(rows, operation, beside)
    finally:
        rows.raw.execute(b"ALTER TABLE res_partner ENABLE TRIGGER gs_audit_insert, ENABLE TRIGGER gs_audit_update")
    return replace(measured, name=f"{measured.name}, unrecorded")


def _get(made: Bed) -> Measured:
    ids = iter(random.Random(2).choices(made.visible, k=100_000))
    partner = made.env["res.partner"]
    # The second rule that every reader of partners is under: his companies' own, and those of none. He works in none.
    query = (
        b"SELECT p.id, p.name, p.ref, p.company_name, p.email, p.phone, p.street, p.city, p.zip, p.country_id,"
        b" p.customer_rank, c.name ->> 'en_US' FROM res_partner p LEFT JOIN res_country c ON c.id = p.country_id"
        b" WHERE p.id = %s AND p.customer_rank >= %s"
        b" AND (p.company_id IS NULL OR p.company_id = ANY ('{}'::bigint[]))"
    )

    def product() -> object:
        return partner.browse(next(ids)).read(COLUMNS)

    def raw() -> object:
        return made.raw.execute(query, [next(ids), HIDDEN_BELOW]).fetchone()

    return compare("get by id", product, raw, bar=1.5, rounds=200, calls=10, beside=made.beside)


def _search(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    query = (
        b"SELECT id FROM res_partner WHERE city = %s AND customer_rank >= %s"
        b" AND (company_id IS NULL OR company_id = ANY ('{}'::bigint[]))"
        b" ORDER BY lower(name), name, id LIMIT 80"
    )
    cities = iter(f"City {i % 500}" for i in range(100_000))
    return compare(
        "search 80",
        lambda: partner.search([["city", "=", next(cities)]], limit=80, order="name, id"),
        lambda: made.raw.execute(query, [next(cities), HIDDEN_BELOW]).fetchall(),
        bar=1.2,
        rounds=100,
        calls=5,
        beside=made.beside,
    )


def _count(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    query = (
        b"SELECT count(*) FROM res_partner WHERE country_id = ANY (%s) AND customer_rank >= %s"
        b" AND (company_id IS NULL OR company_id = ANY ('{}'::bigint[]))"
    )
    countries = list(range(1, 60))
    return compare(
        "count",
        lambda: partner.search_count([["country_id", "in", countries]]),
        lambda: made.raw.execute(query, [countries, HIDDEN_BELOW]).fetchone(),
        bar=1.1,
        rounds=60,
        beside=made.beside,
    )


def _search_read(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    query = (
        b"SELECT p.id, p.name, p.ref, p.company_name, p.email, p.phone, p.street, p.city, p.zip, p.country_id,"
        b" p.customer_rank, c.name ->> 'en_US' FROM res_partner p LEFT JOIN res_country c ON c.id = p.country_id"
        b" WHERE p.customer_rank >= %s"
        b" AND (p.company_id IS NULL OR p.company_id = ANY ('{}'::bigint[]))"
        b" ORDER BY lower(p.name), p.name, p.id LIMIT 80 OFFSET %s"
    )
    offsets = iter(i * 80 % 800 for i in range(100_000))
    return compare(
        "search_read 80 x 10",
        lambda: partner.search_read([], COLUMNS, limit=80, offset=next(offsets), order="name, id"),
        lambda: made.raw.execute(query, [HIDDEN_BELOW, next(offsets)]).fetchall(),
        bar=1.2,
        rounds=200,
        beside=made.beside,
    )


def _names(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    ids = made.visible[:1000]
    query = (
        b"SELECT p.id, p.country_id, c.name ->> 'en_US' FROM res_partner p"
        b" LEFT JOIN res_country c ON c.id = p.country_id"
        b" WHERE p.id = ANY (%s) AND p.customer_rank >= %s"
        b" AND (p.company_id IS NULL OR p.company_id = ANY ('{}'::bigint[]))"
    )
    return compare(
        "1,000 many2one names",
        lambda: partner.browse(ids).read(["country_id"]),
        lambda: made.raw.execute(query, [ids, HIDDEN_BELOW]).fetchall(),
        bar=1.3,
        rounds=100,
        beside=made.beside,
    )


def _translated(made: Bed) -> Measured:
    partner = made.env.in_locale(Locale("de_DE"))["res.partner"]
    ids = made.visible[:1000]
    query = (
        b"SELECT p.id, p.country_id,"
        b" CASE WHEN c.name ->> 'de_DE' IS NULL THEN c.name ->> 'en_US' ELSE c.name ->> 'de_DE' END"
        b" FROM res_partner p LEFT JOIN res_country c ON c.id = p.country_id"
        b" WHERE p.id = ANY (%s) AND p.customer_rank >= %s"
    )
    return compare(
        "1,000 translated names",
        lambda: partner.browse(ids).read(["country_id"]),
        lambda: made.raw.execute(query, [ids, HIDDEN_BELOW]).fetchall(),
        bar=1.3,
        rounds=100,
        beside=made.beside,
    )


def _create(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    numbers = iter(range(1_000_000, 100_000_000, 1000))
    # The rule holds for new rows too: each must be one that its maker may see.
    rows = [
        [{**_partner(start + i, 1), "customer_rank": 50} for i in range(1000)]
        for start in (next(numbers) for _ in range(200))
    ]
    batches = iter(rows)
    declared = made.env.registry["res.partner"].columns
    columns = tuple(name for name in declared if name not in STAMPS)
    names = sql_list(composed.Identifier(name) for name in columns)
    arrays = sql_list(
        composed.SQL("{}::{}[]").format(composed.Placeholder(), composed.Identifier(_type(declared[name].column)))
        for name in columns
    )
    insert = composed.SQL("INSERT INTO res_partner ({}) SELECT * FROM unnest({}) RETURNING id")
    query = composed.Composed([insert.format(names, arrays)])
    unset = {name: declared[name].unset for name in columns} | {"active": True}

    def product() -> object:
        made_records = partner.create(next(batches))
        made.env.flush()
        return made_records

    def raw() -> object:
        batch = next(batches)
        values = [[row.get(name, unset[name]) for row in batch] for name in columns]
        return made.raw.execute(query, values).fetchall()

    return compare("create 1,000", product, raw, bar=1.5, rounds=30, beside=made.beside)


def _update(made: Bed) -> Measured:
    # Rows of their own for each side: both transactions stay open and would wait for each other.
    ids, others = list(made.visible[:1000]), list(made.visible[2000:3000])
    numbers = iter(range(10_000_000))
    partners = made.env["res.partner"].browse(ids)
    query = (
        b"UPDATE res_partner SET phone = %s, write_uid = 1, write_date = now(), version = version + 1"
        b" WHERE id = ANY (%s) AND customer_rank >= %s"
        b" AND (company_id IS NULL OR company_id = ANY ('{}'::bigint[]))"
        b" RETURNING id"
    )

    def product() -> None:
        partners.write({"phone": str(next(numbers))})
        made.env.flush()

    return compare(
        "update 1,000",
        product,
        lambda: made.raw.execute(query, [str(next(numbers)), others, HIDDEN_BELOW]).fetchall(),
        bar=1.2,
        rounds=40,
        beside=made.beside,
    )


def sql_list(parts: Iterable[composed.Composable]) -> composed.Composed:
    """Join pieces by commas."""
    return composed.SQL(", ").join(parts)  # nosemgrep: growsoft-sql-from-strings - the driver's own composed pieces


def _type(column: str | None) -> str:
    """Give PostgreSQL's own short name of a column type, as an identifier has to be."""
    return {"bigint": "int8", "integer": "int4", "boolean": "bool"}.get(column or "", column or "")


OPERATIONS: Sequence[Callable[[Bed], Measured]] = (
    _get,
    _search,
    _count,
    _search_read,
    _translated,
    _names,
    _create,
    _update,
)
