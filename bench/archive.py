"""Archives: a dump, compressed, encrypted, hashed and synced to a site, beside the dump alone (bar: 1.3 times).

The second row is a backup's first proven copy: the same, read back from the disk and hashed.
"""

from __future__ import annotations

import os
import resource
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from bench.fleet import fill
from bench.measure import Measured, compare
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import dump_database
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import pack, unpack
from growsoft_cloud.backup.copies import prove
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.sites import Kind, new_name
from growsoft_cloud.fleet import Continent, DataCentre

BAR: Final = 1.3
ROUNDS: Final = 9
MEGABYTES: Final = 256


def run(server: Endpoint, megabytes: int = MEGABYTES) -> tuple[list[Measured], dict[str, object]]:
    """Measure; returns the comparison, and sizes and rates (MB/s of the plain dump)."""
    here = replace(server, dbname="bench_archive")
    fill(server, here.dbname, megabytes)
    with tempfile.TemporaryDirectory() as folder:
        site = FolderSite("bench", DataCentre("bench", Continent.EUROPE, "Here", "FR"), Path(folder) / "site").prepare()
        key, bound = new_data_key(), str(uuid4()).encode()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        stored: list[StoredObject] = []

        def archive() -> None:
            name = new_name(Kind.ARCHIVE)
            with site.create(name) as writer, written_by(lambda fd: dump_database(here, fd)) as dump:
                packed = pack(dump.stream, writer, key, bound)
                dump.result()
            stored.append(StoredObject(name, packed.stored.bytes, packed.stored.sha256))

        def proven() -> None:
            archive()
            prove(site, stored[-1])

        with Path(os.devnull).open("wb") as nowhere:

            def dump_alone() -> None:
                dump_database(here, nowhere.fileno())

            measured = [
                compare("archive", archive, dump_alone, bar=BAR, rounds=ROUNDS),
                compare("archive, read back", proven, dump_alone, bar=BAR, rounds=ROUNDS),
            ]
            with site.open(stored[0].name) as file:
                found = unpack(file, nowhere, key, bound)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    plain = found.plain.bytes / 1e6
    return measured, {
        "plain_mb": round(plain, 1),
        "stored_mb": round(found.stored.bytes / 1e6, 1),
        "archive_mb_per_s": round(plain / measured[0].product_ms * 1000, 1),
        "dump_mb_per_s": round(plain / measured[0].raw_ms * 1000, 1),
        "memory_grown_mb": round(grown / 1024, 1),
    }
