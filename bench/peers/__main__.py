"""`python -m bench.peers`: the table of all sides on standard error, JSON on standard output."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from contextlib import ExitStack

from bench import data_layer, queries
from bench.measure import Measured, pin
from bench.peers.imports import compare_imports
from bench.peers.process import Peer, check, fill, running
from growsoft.postgres.connection import Endpoint
from growsoft.testing.cluster import ephemeral_cluster

PEERS = ("django", "tryton")
_READS, _WRITES = data_layer.OPERATIONS[:-2], data_layer.OPERATIONS[-2:]
OPERATIONS = (*_READS, queries.groups, queries.json_page, *_WRITES)


def main() -> int:
    """Run; ends with 0 also when a bar is missed: a benchmark reports, people judge."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description="Growsoft beside other frameworks.")
    parser.add_argument("--partners", type=int, default=data_layer.PARTNERS)
    parser.add_argument("--import-rows", type=int, default=100_000)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    asked = parser.parse_args()
    load_before = os.getloadavg()[0]
    with ephemeral_cluster() as cluster:
        server = Endpoint(str(cluster.socket_dir), cluster.port, "postgres", cluster.superuser, cluster.password)
        rows, imported = _run(server, asked.partners, asked.peers, asked.import_rows)
    told = {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        "partners": asked.partners,
        "rows": [one.row() for one in rows],
        "import_s": imported,
    }
    _table(rows, asked.peers)
    seconds = "  ".join(f"{name} {value}" for name, value in imported.items())
    sys.stderr.write(f"import of {asked.import_rows:,}, seconds: {seconds}\n")
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


def _run(server: Endpoint, partners: int, names: list[str], imported: int) -> tuple[list[Measured], dict[str, float]]:
    with data_layer.filled(server, partners) as rows, ExitStack() as stack:
        peers: list[Peer] = [stack.enter_context(running(name, server)) for name in names]
        for peer in peers:
            fill(peer, server, rows)
            check(peer, rows)
        pin(*(peer.process.pid for peer in peers), *(peer.backend for peer in peers))
        measured = [data_layer.measure(rows, operation, peers) for operation in OPERATIONS]
        measured += [data_layer.measure_unrecorded(rows, operation, peers) for operation in _WRITES]
        return measured, compare_imports(rows, peers, imported)


def _table(rows: list[Measured], names: list[str]) -> None:
    heads = "".join(f"{name:>18}" for name in ("growsoft", *names))
    sys.stderr.write(f"milliseconds, and how many times the hand-written SQL's\n{'operation':<26}{'raw':>9}{heads}\n")
    for row in rows:
        sides = [row.product_ms, *(row.others.get(name) for name in names)]
        cells = "".join(f"{'-':>18}" if ms is None else f"{ms:>10.2f} {ms / row.raw_ms:>6.2f}x" for ms in sides)
        sys.stderr.write(f"{row.name:<26}{row.raw_ms:>9.2f}{cells}\n")


if __name__ == "__main__":
    sys.exit(main())
