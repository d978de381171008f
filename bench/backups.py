"""`python -m bench.backups`: a fleet's backups, and ours beside restic and borg, as JSON on standard output."""

from __future__ import annotations

import argparse
import json
import os
import sys

from bench import archivers, fleet


def main() -> int:
    """Run; it reports, people judge."""
    parser = argparse.ArgumentParser(prog="make bench-backups", description="Backups of a fleet, and beside others.")
    parser.add_argument("--databases", type=int, default=fleet.DATABASES)
    parser.add_argument("--megabytes", type=int, default=archivers.MEGABYTES)
    parser.add_argument("--only", choices=["fleet", "archivers"])
    asked = parser.parse_args()
    result: dict[str, object] = {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    if asked.only in (None, "archivers"):
        result["archivers"] = archivers.run(asked.megabytes)
    if asked.only in (None, "fleet"):
        result["fleet"] = fleet.run(asked.databases)
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
