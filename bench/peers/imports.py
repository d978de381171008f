"""Importing one CSV file on every side, all in one transaction that is undone: seconds, once each."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bench.data_layer import Filled
from bench.peers.apart.inputs import COLUMNS, new_batches
from growsoft.exchange.importing import import_csv
from growsoft.exchange.plan import Options, make_plan

if TYPE_CHECKING:
    from collections.abc import Generator

    from bench.peers.process import Peer

_BATCH = 1000
# Beyond the references of those that were made before: the peers' transactions are still open.
_FIRST = 9_000_000


def compare_imports(rows: Filled, peers: Sequence[Peer], count: int) -> dict[str, float]:
    """Give the seconds of every side for a file of so many rows, by its name."""
    with _file(rows, count) as path:
        told = {"raw": _raw(rows, path), "growsoft": _product(rows, path)}
        for peer in peers:
            answer = peer.ask("import_file", path=str(path))
            assert answer["rows"] == count, f"{peer.name} took {answer['rows']} rows"
            told[peer.name] = float(answer["seconds"])
    return {name: round(seconds, 1) for name, seconds in told.items()}


@contextmanager
def _file(rows: Filled, count: int) -> Generator[Path]:
    found = rows.raw.execute("SELECT name ->> 'en_US' FROM res_country ORDER BY id").fetchall()
    countries = [str(name) for (name,) in found]
    with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
        path = Path(folder, "partners.csv")
        with path.open("w", encoding="utf-8", newline="") as stream:
            _write(stream, countries, count)
        yield path


def _write(stream: IO[str], countries: Sequence[str], count: int) -> None:
    writer = csv.DictWriter(stream, list[str](COLUMNS))
    writer.writeheader()
    for number, batch in enumerate(islice(new_batches(_BATCH, _FIRST), count // _BATCH)):
        country = countries[number % len(countries)]
        writer.writerows({**row, "country_id": country} for row in batch)


def _product(rows: Filled, path: Path) -> float:
    with rows.work("bench") as env:
        options = Options(maps=[(name, name) for name in COLUMNS])
        plan = make_plan(env.registry, env.registry["res.partner"], options)
        began = time.perf_counter()
        with path.open("rb") as stream:
            report = import_csv(env, plan, stream)
        assert not report.errors, report.errors[0]
        assert report.created, "nothing came of the file"
        return time.perf_counter() - began


class _Undo(Exception):
    """Nothing of this shall last."""


def _raw(rows: Filled, path: Path) -> float:
    query = (
        b"INSERT INTO res_partner (name, ref, company_name, email, phone, street, city, zip, country_id, customer_rank)"
        b" SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
        b" %s::text[], %s::bigint[], %s::integer[])"
    )
    began = time.perf_counter()
    with suppress(_Undo), rows.raw.transaction(), path.open(encoding="utf-8", newline="") as stream:
        found = rows.raw.execute("SELECT name ->> 'en_US', id FROM res_country").fetchall()
        countries = {str(name): identifier for name, identifier in found}
        reader = csv.DictReader(stream)
        while batch := list(islice(reader, _BATCH)):
            columns: list[list[object]] = [[row[name] for row in batch] for name in COLUMNS]
            columns[-2] = [countries[str(name)] for name in columns[-2]]
            rows.raw.execute(query, columns)
        raise _Undo
    return time.perf_counter() - began
