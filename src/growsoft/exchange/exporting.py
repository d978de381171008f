"""Exporting: the records of a model as a file, in bounded memory and as far as whoever asks may read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final, Literal
from zoneinfo import ZoneInfo

from growsoft.exchange.columns import Columns, ExportRefused, columns_by_default
from growsoft.exchange.escaping import harmless
from growsoft.exchange.tables import table_of
from growsoft.orm import Env
from growsoft.orm.queries import Domain

BATCH: Final = 1000
BATCH_WITH_LINES: Final = 200

Kind = Literal["csv", "xlsx"]
Progress = Callable[[int], None]

__all__ = ["ExportRefused", "Exported", "Kind", "Progress", "export_file"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file holds: so many records, in so many rows (without the header)."""

    records: int
    rows: int


def export_file(
    env: Env,
    model: str,
    stream: IO[bytes],
    paths: Sequence[str] | Mapping[str, str] = (),
    domain: Domain = (),
    *,
    kind: Kind = "csv",
    order: str = "",
    progress: Progress | None = None,
) -> Exported:
    """Write the records of a model that a condition finds into a file that ``import_file`` reads back exactly.

    ``paths`` are columns: ``name``, ``partner_id/ref``, ``order_line/product_id``, ``id`` and ``partner_id/id`` for
    external ids (records that have none get one), ``.id`` for the number in this database; without any the external id
    and all fields that can be imported. A mapping gives each of them its heading. Texts are in the language of the
    environment, moments in its time zone. ``progress`` is told the records that are behind. Raises ``ExportRefused``,
    ``DomainError`` and ``AccessError``.
    """
    info = env.registry[model]
    columns = Columns(env, info, tuple(paths) or columns_by_default(env, info))
    size = BATCH_WITH_LINES if columns.has_lines else BATCH
    names = sorted(columns.branch.names) or ["id"]
    batches = env[model].stream(domain, names, batch=size, order=order or "id")
    headings = paths if isinstance(paths, Mapping) else dict[str, str]()
    records = rows = 0
    with table_of(kind, stream, ZoneInfo(env.tz)) as table:
        table.write([harmless(headings.get(path, path)) for path in columns.header])
        for batch in batches:
            for row in columns.rows(batch):
                table.write(row)
                rows += 1
            records += len(batch)
            if progress is not None:
                progress(records)
    return Exported(records, rows)
