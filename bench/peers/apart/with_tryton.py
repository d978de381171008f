"""Tryton: each operation by the model method that its clients call, with the rule as an `ir.rule`."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

from bench.peers.apart import inputs
from bench.peers.apart.serve import Opened, serve

_COUNTRIES = list(range(1, 60))
_MODULE = "bench_contacts"
_FIELDS = tuple("country" if name == "country_id" else name for name in inputs.COLUMNS)
_ORDER = [("name", "ASC"), ("id", "ASC")]


class Tryton:
    """Tryton with one transaction that stays open."""

    def start(self, server: Mapping[str, str]) -> None:
        """Configure, and make the module known as an installed distribution would."""
        from trytond import config

        config.set("database", "uri", "postgresql://{user}:{password}@/?host={host}&port={port}".format(**server))
        config.set("database", "path", tempfile.gettempdir())
        from trytond import tools
        from trytond.tools import misc

        module = EntryPoint(_MODULE, "bench.peers.apart.tryton_contacts", "trytond.modules")
        tools.entry_points = misc.entry_points = lambda: EntryPoints([module])
        from trytond.pool import Pool

        Pool.start()

    def make(self, database: str) -> Mapping[str, object]:
        """Initialise the database, activate the module, make a user and the rule."""
        from trytond import backend
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        with Transaction().start(database, 0):
            backend.Database(database).init()
        pool = Pool(database)
        pool.init(update=["ir", "res"], lang=["en"])
        with Transaction().start(database, 0):
            pool.get("ir.module").update_list()
        pool.init(update=[_MODULE], lang=["en"], activatedeps=True)
        with Transaction().start(database, 0):
            _user_and_rule(pool)
        return {
            "partner": "bench_partner",
            "country": "bench_country",
            "columns": {"parent_id": "parent", "country_id": "country", "company_id": "company"},
        }

    def open(self, database: str, told: Mapping[str, Any]) -> Opened:
        """Open a transaction that stays open, as the other sides do."""
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        self._stack = _transaction(database)
        self._stack.__enter__()
        cursor = Transaction().connection.cursor()
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
        return Opened(backend, _Work(Pool().get("bench.partner"), told).operations())

    def answers(self, told: Mapping[str, Any]) -> Mapping[str, object]:
        """Answer with the first inputs."""
        from trytond.pool import Pool

        return _Work(Pool().get("bench.partner"), told).answers()

    def import_file(self, path: str) -> int:
        """Import by the model's own import, in the open transaction, and undo it."""
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        with open(path, encoding="utf-8", newline="") as stream:  # noqa: PTH123
            rows = list(csv.reader(stream))
        names = ["country" if name == "country_id" else name for name in rows[0]]
        made = Pool().get("bench.partner").import_data(names, rows[1:])
        Transaction().rollback()
        return int(made)

    def touch(self, database: str) -> None:
        """Read some partners of another database, whose pool of models is then kept."""
        from trytond.pool import Pool

        with _transaction(database):
            Pool(database).get("bench.partner").search_read([], limit=10, fields_names=["name"])


def _transaction(database: str) -> Any:  # noqa: ANN401
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    pool = Pool(database)
    if database not in Pool.database_list():
        pool.init()
    with Transaction().start(database, 0, readonly=True):
        (user,) = pool.get("res.user").search([("login", "=", "bench")])
    return Transaction().start(database, user.id, context={"_check_access": True})


def _user_and_rule(pool: Any) -> None:  # noqa: ANN401
    pool.get("res.user").create([{"name": "bench", "login": "bench"}])
    rule = {"domain": json.dumps([["customer_rank", ">=", inputs.HIDDEN_BELOW]])}
    group = {
        "name": "From a certain rank on",
        "model": "bench.partner",
        "global_p": True,
        "rules": [("create", [rule])],
    }
    pool.get("ir.rule.group").create([group])


class _Work:
    """The operations; each call takes the next input."""

    def __init__(self, partner: Any, told: Mapping[str, Any]) -> None:  # noqa: ANN401
        self._model = partner
        self._visible: Sequence[int] = told["visible"]
        self._changed: Sequence[int] = told["changed"]
        self._ids, self._cities = inputs.some_ids(self._visible), inputs.cities()
        self._pages, self._api_pages = inputs.pages(), inputs.pages()
        self._batches, self._numbers = inputs.new_batches(), iter(range(10_000_000))

    def operations(self) -> dict[str, Any]:
        return {
            "get by id": self._get,
            "search 80": self._search,
            "search_read 80 x 10": self._search_read,
            "search_read_json 80 x 10": self._api,
            "count": self._count,
            "read_group by country": self._group,
            "1,000 many2one names": self._names,
            "create 1,000": self._create,
            "update 1,000": self._update,
        }

    def answers(self) -> dict[str, object]:
        first = self._get()
        return {
            "get": [str(first[name]) for name in _FIELDS],
            "search": [found.id for found in self._search()],
            "page": [row["id"] for row in self._search_read()],
            "count": self._count(),
            "groups": sorted([n, total] for _, _, n, total in self._group()),
            "names": sorted({row["country."]["rec_name"] for row in self._names()}),
        }

    def _get(self) -> dict[str, Any]:
        return self._model.read([next(self._ids)], [*_FIELDS, "country.rec_name"])[0]

    def _search(self) -> list[Any]:
        return self._model.search([("city", "=", next(self._cities))], limit=80, order=_ORDER)

    def _page(self, start: int) -> list[dict[str, Any]]:
        names = [*_FIELDS, "country.rec_name"]
        return self._model.search_read([], offset=start, limit=80, order=_ORDER, fields_names=names)

    def _search_read(self) -> list[dict[str, Any]]:
        return self._page(next(self._pages))

    def _api(self) -> bytes:
        from trytond.protocols.jsonrpc import JSONEncoder

        return json.dumps(self._page(next(self._api_pages)), cls=JSONEncoder, separators=(",", ":")).encode()

    def _count(self) -> int:
        return self._model.search_count([("country", "in", _COUNTRIES)])

    def _group(self) -> list[tuple[Any, ...]]:
        """Group as Tryton's own reports do: a query of python-sql around the rule."""
        from sql.aggregate import Count, Sum
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        table, country = self._model.__table__(), Pool().get("bench.country").__table__()
        seen = self._model.search([], order=[], query=True)
        joined = table.join(country, "LEFT", condition=table.country == country.id)
        query = joined.select(
            table.country, country.name, Count(table.id), Sum(table.customer_rank),
            where=table.id.in_(seen), group_by=[table.country, country.name], order_by=[country.name, table.country],
        )  # fmt: skip
        cursor = Transaction().connection.cursor()
        cursor.execute(*query)  # nosemgrep: growsoft-sql-from-strings - python-sql composed the query
        return cursor.fetchall()

    def _names(self) -> list[dict[str, Any]]:
        return self._model.read(self._visible[:1000], ["country", "country.rec_name"])

    def _create(self) -> list[Any]:
        batch = next(self._batches)
        return self._model.create([{**row, "country": 1} for row in map(_without_country_id, batch)])

    def _update(self) -> None:
        self._model.write(self._model.browse(self._changed), {"phone": str(next(self._numbers))})


def _without_country_id(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "country_id"}


if __name__ == "__main__":
    serve(Tryton())
