"""How the data layer scales: processor time on ever more rows, for a user who sees most of them and one of few."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path

from psycopg import sql as composed

from bench.data_layer import COLUMNS, Filled, Raw, filled
from bench.measure import pin
from bench.peers.apart.inputs import new_batches
from growsoft.orm import Env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.sql import sql
from growsoft.testing.cluster import ephemeral_cluster

SIZES = (10_000, 100_000, 1_000_000)
USERS = ("bench", "narrow")
_ROUNDS = 25
# From the sixth time on PostgreSQL may keep a plan.
_WARMING = 7
# What the product's own code makes; the rest of a large table is copied from it.
_MADE = 10_000

Call = Callable[[], object]


def curves(sizes: Sequence[int] = SIZES) -> dict[str, dict[str, dict[int, float]]]:
    """Give milliseconds of processor time by user, operation and number of partners."""
    result: dict[str, dict[str, dict[int, float]]] = {user: {} for user in USERS}
    for size in sizes:
        with ephemeral_cluster() as cluster:
            server = Endpoint(str(cluster.socket_dir), cluster.port, "postgres", cluster.superuser, cluster.password)
            for user, told in _one_size(server, size).items():
                for name, milliseconds in told.items():
                    result[user].setdefault(name, {})[size] = milliseconds
    return result


def _one_size(server: Endpoint, size: int) -> dict[str, dict[str, float]]:
    with filled(server, min(size, _MADE)) as rows:
        grow(rows.raw, size)
        return {user: _measured(rows, user) for user in USERS}


def grow(raw: Raw, size: int) -> None:
    """Copy what is there until there are so many: more rows and more cities, but no city with more partners.

    What was there already is all that has a salesperson, so the narrow user sees his ten however many there are.
    """
    listed = raw.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'res_partner'::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attname NOT IN ('id', 'name', 'ref', 'city', 'user_id')"
    ).fetchall()
    names = composed.SQL(", ").join(composed.Identifier(str(name)) for (name,) in listed)
    query = composed.SQL(
        "INSERT INTO res_partner (name, ref, city, {names})"
        " SELECT name || ' ' || n, ref || '-' || n, city || '-' || n, {names}"
        " FROM res_partner, generate_series(1, %s::integer) n"
    ).format(names=names)
    raw.execute("SET session_replication_role = replica")
    raw.execute(query, [size // _MADE - 1])
    raw.execute("RESET session_replication_role")
    raw.execute("VACUUM ANALYZE")


def _measured(rows: Filled, user: str) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, operation in OPERATIONS.items():
        with rows.work(user) as env:
            backend = env.execute(sql("SELECT pg_backend_pid()")).scalar(int)
            pin(backend)
            call = operation(env)
            told[name] = round(statistics.median(_times(call, backend)) * 1000, 2)
    return told


def _times(call: Call, backend: int) -> list[float]:
    """Give the processor time of calls, here and in PostgreSQL: waiting for others would say nothing of the rows."""
    for _ in range(_WARMING):
        call()
    times: list[float] = []
    for _ in range(_ROUNDS):
        began = time.process_time() + _worked(backend)
        call()
        times.append(time.process_time() + _worked(backend) - began)
    return times


def _worked(process: int) -> float:
    return int(Path(f"/proc/{process}/schedstat").read_text("ascii").split()[0]) / 1e9


def _get(env: Env) -> Call:
    partner, ids = env["res.partner"], _some(env)
    return lambda: partner.browse(random.choice(ids)).read(COLUMNS)


def _search(env: Env) -> Call:
    partner, cities = env["res.partner"], cycle(f"City {number}" for number in range(0, 500, 7))
    return lambda: partner.search([["city", "=", next(cities)]], limit=80, order="name, id")


def _page(env: Env) -> Call:
    partner, offsets = env["res.partner"], cycle(range(0, 800, 80))
    return lambda: partner.search_read([], COLUMNS, limit=80, offset=next(offsets), order="name, id")


def _count_city(env: Env) -> Call:
    partner, cities = env["res.partner"], cycle(f"City {number}" for number in range(0, 500, 7))
    return lambda: partner.search_count([["city", "=", next(cities)]])


def _count(env: Env) -> Call:
    partner = env["res.partner"]
    return lambda: partner.search_count([])


def _group(env: Env) -> Call:
    partner = env["res.partner"]
    return lambda: partner.read_group([], ["country_id"], ["customer_rank:sum"])


def _names(env: Env) -> Call:
    partner, ids = env["res.partner"], _some(env)
    return lambda: partner.browse(ids).read(["country_id"])


def _name_search(env: Env) -> Call:
    partner, words = env["res.partner"], cycle(("partner 000123", "quixote", "nothing like it"))
    return lambda: partner.name_search(next(words))


def _create(env: Env) -> Call:
    partner, batches = env["res.partner"], new_batches(100)

    def call() -> None:
        partner.create([{**row, "country_id": False, "user_id": env.user_id} for row in next(batches)])
        env.flush()

    return call


def _update(env: Env) -> Call:
    partners, phones = env["res.partner"].browse(_some(env)[:10]), iter(range(1000))

    def call() -> None:
        partners.write({"phone": str(next(phones))})
        env.flush()

    return call


def _some(env: Env) -> list[int]:
    return list(env["res.partner"].search([], limit=1000, order="id").ids)


# The last two look at every row that the user sees; they cannot be flat for one who sees most of them.
OPERATIONS: Mapping[str, Callable[[Env], Call]] = {
    "get by id": _get,
    "search by city": _search,
    "search_read 80 x 10": _page,
    "count of a city": _count_city,
    "1,000 many2one names": _names,
    "name_search": _name_search,
    "create 100": _create,
    "update 10": _update,
    "count all": _count,
    "read_group by country": _group,
}


def main() -> int:
    """Print the curves on standard error and JSON on standard output."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description="Growsoft on ever more rows.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    asked = parser.parse_args()
    told = curves(asked.sizes)
    sys.stderr.write(f"milliseconds{'':<24}" + "".join(f"{size:>12,}" for size in asked.sizes) + "\n")
    for user, operations in told.items():
        for name, curve in operations.items():
            cells = "".join(f"{curve[size]:>12.2f}" for size in asked.sizes)
            sys.stderr.write(f"{'wide' if user == 'bench' else 'narrow':<8}{name:<28}{cells}\n")
    json.dump({"load": os.getloadavg()[0], "milliseconds": told}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
