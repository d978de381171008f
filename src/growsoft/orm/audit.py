"""What the history of each model is made of: every column and every link, but for what a model leaves out."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from growsoft.errors import ConfigError
from growsoft.orm.fields import Many2many
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.names import name_within
from growsoft.postgres.audit import FUNCTION_PREFIX, UNRECORDED, Audit

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo
    from growsoft.postgres.schema import Table


def audits(info: ModelInfo, tables: Iterable[Table]) -> Iterator[Audit]:
    """Give the histories of a model's own table and of its tables of links; none where it has none (``_audit``).

    Left out are the stamps, which every row of the history has itself, content of files, and ``_audit_without``;
    transient records have no history.
    """
    unknown = set(info.cls._audit_without) - set(info.fields)
    if unknown:
        raise ConfigError(f"{info.name}._audit_without names {', '.join(sorted(unknown))}, which are no fields of it.")
    if not info.cls._audit or info.cls._transient:
        return
    left_out = STAMPS | set(info.cls._audit_without)
    links = {field.relation(info.table): name for name, field in info.fields.items() if isinstance(field, Many2many)}
    for table in tables:
        function = name_within(f"{FUNCTION_PREFIX}{table.name}")
        if table.name == info.table:
            kept = (c for c in table.columns if c.name not in left_out and c.type not in UNRECORDED)
            yield Audit(table.name, function, tuple(kept))
        elif links.get(table.name, "") not in left_out:
            yield Audit(table.name, function, owner=info.table, field=links[table.name])
