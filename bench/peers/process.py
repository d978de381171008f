"""A peer as the bench sees it: a process of its own venv, asked by JSON lines and timed by itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as composed

from bench.data_layer import Bed, Filled
from bench.peers.apart.inputs import COLUMNS, HIDDEN_BELOW, some_ids
from growsoft.postgres.connection import Endpoint

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
# The columns of the product's table that every peer has, below these names or below those that the peer tells.
COPIED = (
    "id", "create_date", "write_date", "name", "ref", "company_name", "is_company", "parent_id", "function", "email",
    "phone", "website", "street", "city", "zip", "country_id", "customer_rank", "supplier_rank", "comment",
    "company_id", "active",
)  # fmt: skip


class PeerFailed(Exception):
    """The peer's process ended in the middle of a question; what it said stands above."""


@dataclass(slots=True)
class Peer:
    """A running peer. ``told`` is what it needs to know of the rows, ``operations`` the names of those it can do."""

    name: str
    process: subprocess.Popen[str]
    told: dict[str, object] = field(default_factory=dict)
    operations: frozenset[str] = frozenset()
    backend: int = 0

    def ask(self, do: str, **details: object) -> dict[str, Any]:
        """Ask one thing and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise PeerFailed(f"{self.name}: {do}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def turn(self, operation: str, calls: int) -> float:
        """Give the seconds of one call, as the peer measured them."""
        return float(self.ask("turn", operation=operation, calls=calls)["seconds"])


@contextmanager
def running(name: str, server: Endpoint) -> Generator[Peer]:
    """Start a peer's process; it ends with the block."""
    command = [str(PYTHON), "-m", f"bench.peers.apart.with_{name}"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PG"))}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    with process:
        peer = Peer(name, process)
        where = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        peer.ask("start", server=where)
        yield peer
        assert process.stdin is not None
        process.stdin.close()


def fill(peer: Peer, server: Endpoint, rows: Filled) -> float:
    """Make the peer's database with the rows that the product has; give the seconds its empty tables took.

    The countries come first; ids stay what they are, so that every side can be asked for the same records.
    """
    database = f"peer_{peer.name}"
    create_database(server, database)
    told = peer.ask("make", database=database)
    with psycopg.connect(replace(server, dbname=database).dsn(), autocommit=True) as there:
        # What a framework put there itself gives way.
        there.execute(composed.SQL("TRUNCATE {} CASCADE").format(composed.Identifier(told["country"])))
        names = b"SELECT id, name ->> 'en_US' FROM res_country"
        _copy(rows, names, there, told["country"], {"id": "id", "name": "name"}, told)
        listed = composed.SQL(", ").join(composed.Identifier(name) for name in COPIED)
        query = composed.SQL("SELECT {} FROM res_partner ORDER BY id").format(listed)
        _copy(rows, query, there, told["partner"], {name: told["columns"].get(name, name) for name in COPIED}, told)
        _count_on(there, told["partner"])
        there.execute("VACUUM ANALYZE")
    peer.told = {"visible": list(rows.visible), "changed": list(rows.visible[2000:3000])}
    opened = peer.ask("open", database=database, told=peer.told)
    peer.operations, peer.backend = frozenset(opened["operations"]), int(opened["backend"])
    return float(told["seconds"])


def create_database(server: Endpoint, name: str, template: str = "template0") -> None:
    """Create an empty database that sorts as the product's do, or a copy."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(
            composed.SQL("CREATE DATABASE {} TEMPLATE {} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'").format(
                composed.Identifier(name), composed.Identifier(template)
            )
        )


def check(peer: Peer, rows: Filled) -> None:
    """See that the peer answers what the rows say; a side that does less work would be no comparison."""
    answers = peer.ask("answers", told=peer.told)
    with rows.bed() as made:
        wrong = {key: (answers[key], value) for key, value in _answers(made).items() if answers[key] != value}
    assert not wrong, f"{peer.name} answers something else: {wrong}"


def _answers(made: Bed) -> Mapping[str, object]:
    def rows(query: bytes, *values: object) -> list[tuple[Any, ...]]:
        return made.raw.execute(query, [*values]).fetchall()

    first = next(some_ids(made.visible))
    partner = made.env["res.partner"].browse(first).read(COLUMNS)[0]
    told = [partner[name][0] if name == "country_id" else partner[name] for name in COLUMNS]
    order = b" ORDER BY lower(name), name, id LIMIT 80"
    sees = b" FROM res_partner WHERE customer_rank >= %s"
    return {
        "get": [str(value) for value in told],
        "search": [r[0] for r in rows(b"SELECT id" + sees + b" AND city = %s" + order, HIDDEN_BELOW, "City 0")],
        "page": [r[0] for r in rows(b"SELECT id" + sees + order, HIDDEN_BELOW)],
        "count": rows(b"SELECT count(*)" + sees + b" AND country_id = ANY (%s)", HIDDEN_BELOW, [*range(1, 60)])[0][0],
        "groups": sorted(
            [*r] for r in rows(b"SELECT count(*), sum(customer_rank)" + sees + b" GROUP BY country_id", HIDDEN_BELOW)
        ),
        "names": [
            r[0]
            for r in rows(
                b"SELECT DISTINCT (c.name ->> 'en_US') COLLATE \"C\" FROM res_partner p"
                b" JOIN res_country c ON c.id = p.country_id WHERE p.id = ANY (%s) ORDER BY 1",
                made.visible[:1000],
            )
        ],
    }


def _copy(
    rows: Filled,
    query: bytes | composed.Composed,
    there: psycopg.Connection[tuple[object, ...]],
    table: str,
    columns: Mapping[str, str],
    told: Mapping[str, Any],
) -> None:
    """Copy rows; columns that only the peer has get the constants it told."""
    constants: dict[str, object] = told.get("constants", {}).get(table, {})
    names = composed.SQL(", ").join(composed.Identifier(name) for name in (*columns.values(), *constants))
    target = composed.SQL("COPY {} ({}) FROM STDIN").format(composed.Identifier(table), names)
    with there.cursor() as cursor, cursor.copy(target) as copy:
        for row in rows.raw.execute(query).fetchall():
            copy.write_row((*row, *constants.values()))


def _count_on(there: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    name = composed.Identifier(table)
    there.execute(
        composed.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}").format(
            composed.Literal(table), name
        )
    )
