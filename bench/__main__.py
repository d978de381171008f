"""`python -m bench`: every benchmark, as a table on standard error and JSON on standard output."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys

from bench import archive, data_layer, instance, lists, queries
from growsoft.postgres.connection import Endpoint
from growsoft.testing.cluster import ephemeral_cluster


def main() -> int:
    """Run; ends with 0 also when a bar is missed: a benchmark reports, people judge."""
    parser = argparse.ArgumentParser(prog="make bench", description="Growsoft beside hand-written SQL.")
    parser.add_argument("--partners", type=int, default=data_layer.PARTNERS)
    parser.add_argument("--databases", type=int, default=instance.DATABASES)
    parser.add_argument("--only", choices=["data-layer", "queries", "lists", "archive", "instance"])
    asked = parser.parse_args()
    result: dict[str, object] = {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "partners": asked.partners,
    }
    if asked.only in (None, "archive"):
        with ephemeral_cluster() as cluster:
            server = Endpoint(str(cluster.socket_dir), cluster.port, "postgres", cluster.superuser, cluster.password)
            compared, rates = archive.run(server)
        result["archive"] = {**compared[0].row(), **rates, "read_back": compared[1].row()}
        _table([one.row() for one in compared])
        sys.stderr.write(f"{rates}\n")
    if asked.only not in ("instance", "archive"):
        kinds = {"data-layer": data_layer.OPERATIONS, "queries": queries.OPERATIONS, "lists": lists.OPERATIONS}
        chosen = [one for kind, operations in kinds.items() if asked.only in (None, kind) for one in operations]
        with ephemeral_cluster() as cluster:
            server = Endpoint(str(cluster.socket_dir), cluster.port, "postgres", cluster.superuser, cluster.password)
            rows = [one.row() for one in data_layer.run(server, asked.partners, chosen)]
        result["data_layer"] = rows
        _table(rows)
    if asked.only in (None, "instance"):
        result["instance"] = told = instance.run(asked.databases)
        for name, value in told.items():
            sys.stderr.write(f"{name:<24} {value}\n")
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


def _table(rows: list[dict[str, object]]) -> None:
    sys.stderr.write(f"{'operation':<24} {'ms':>9} {'raw ms':>9} {'ratio':>6} {'bar':>5}\n")
    for row in rows:
        mark = "" if row["ok"] else "  over the bar"
        line = (
            f"{row['operation']:<24} {row['product_ms']:>9} {row['raw_ms']:>9} {row['ratio']:>6} {row['bar']:>5}{mark}"
        )
        sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
