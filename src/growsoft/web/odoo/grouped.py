"""read_group in the words of Odoo: which sums are wanted, in which order, and how a row is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from growsoft.orm import ModelInfo
from growsoft.web.odoo import wire


def aggregates(info: ModelInfo, fields: Sequence[str], keys: Sequence[str]) -> list[tuple[str, str]]:
    """Give the name of each result, and our own words for it: ``amount``, ``amount:avg``, ``most:max(amount)``."""
    grouped = {key.partition(":")[0] for key in keys}
    found: list[tuple[str, str]] = []
    for spec in fields:
        name, _, function = spec.partition(":")
        if function.endswith(")"):
            function, _, source = function.removesuffix(")").partition("(")
            found.append((name, f"{source}:{function}"))
        elif name not in grouped and name in info.fields and (function or _adds_up(info, name)):
            found.append((name, f"{name}:{function or 'sum'}"))
    return found


def _adds_up(info: ModelInfo, name: str) -> bool:
    field = info.fields[name]
    return field.stored and field.kind in ("integer", "decimal", "monetary") and name != "id"


def ordered(order: str, sums: Sequence[tuple[str, str]]) -> str:
    """Give an order by our own words for the results."""
    ours = dict(sums)
    parts = [part.split() for part in order.split(",") if part.strip()]
    return ", ".join(" ".join([ours.get(part[0], part[0]), *part[1:]]) for part in parts)


def row_of(
    info: ModelInfo, row: Mapping[str, Any], keys: Sequence[str], rest: Sequence[str], sums: Sequence[tuple[str, str]],
    *, lazy: bool,
) -> dict[str, Any]:  # fmt: skip
    """Name the cells of a row; ``rest`` are the groups that a lazy caller asks for next."""
    out: dict[str, Any] = {}
    for key in keys:
        field = info.fields[key.partition(":")[0]]
        out[key] = wire.field_value(field, row[key]) if field.kind == "many2one" else wire.plain(row[key])
        if out[key] == "":
            out[key] = False
    out.update({theirs: wire.plain(row[ours]) for theirs, ours in sums})
    out[f"{keys[0].partition(':')[0]}_count" if lazy else "__count"] = row["__count"]
    out["__domain"] = wire.plain(row["__domain"])
    if "__range" in row:
        out["__range"] = wire.plain(row["__range"])
    if rest:
        out["__context"] = {"group_by": list(rest)}
    return out
