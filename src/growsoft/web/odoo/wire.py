"""Values as clients of Odoo know them: False for nothing, floats for amounts, UTC text for moments, pairs for links."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from growsoft.orm import Env, Model, ModelInfo
from growsoft.orm.fields import AnyField, Binary

DATETIME: Final = "%Y-%m-%d %H:%M:%S"
# What an unset value of these kinds is: their clients test for falsehood, and tell it from 0 and from an empty list.
_TEXTS: Final = frozenset(("char", "text", "html", "selection", "reference", "json"))

Row = Mapping[str, Any]


def shown(
    env: Env, info: ModelInfo, rows: Iterable[Row], names: Sequence[str], *, pairs: bool, sizes: bool
) -> list[Row]:
    """Turn rows of ours into theirs. ``pairs``: links as [id, name]; ``sizes``: of files only how large they are."""
    fields = [(name, info.fields[name]) for name in names if name in info.fields]
    found = list(rows)
    files = [] if sizes else [name for name, field in fields if isinstance(field, Binary)]
    contents = _contents(env, info, found, files) if files else {}
    result: list[Row] = []
    for row in found:
        out: dict[str, Any] = {"id": row["id"]}
        for name, field in fields:
            out[name] = contents[row["id"], name] if name in files else field_value(field, row[name], pairs=pairs)
        if "display_name" in names:
            out["display_name"] = row["display_name"]
        result.append(out)
    return result


def field_value(field: AnyField, value: object, *, pairs: bool = True) -> object:
    """Turn one value of a field into theirs."""
    if field.kind == "many2one":
        if not isinstance(value, tuple):
            return False
        link, name = value  # pyright: ignore[reportUnknownVariableType]  a pair of the data layer
        return [link, name] if pairs else link  # pyright: ignore[reportUnknownVariableType]
    if field.kind in _TEXTS:
        return value if value or value == 0 else False
    if field.kind == "binary":
        return False if value is None else _size(int(str(value)))
    return plain(value)


def plain(value: object) -> Any:  # noqa: ANN401  whatever JSON and XML-RPC can say
    """Turn what any method returned into what goes to the wire."""
    match value:
        case None:
            return False
        case bool() | int() | float() | str():
            return value
        case Model():
            return list(value.ids)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case Enum():
            return plain(value.value)
        case _:
            return _word(value)


def _word(value: object) -> object:
    """Write a single value that JSON does not know."""
    match value:
        case Decimal():
            return float(value)
        case datetime():
            return value.astimezone(UTC).strftime(DATETIME)
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


def _contents(env: Env, info: ModelInfo, rows: Sequence[Row], names: Sequence[str]) -> dict[tuple[int, str], object]:
    records = env[info.name].browse([row["id"] for row in rows])
    found: dict[tuple[int, str], object] = {}
    for record in records:
        for name in names:
            content = getattr(record, name)
            found[record.id, name] = False if content is None else base64.b64encode(content.read()).decode()
    return found


def _size(count: int) -> str:
    """Say a size the way their lists do."""
    size = float(count)
    for unit in ("bytes", "Kb", "Mb"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} Gb"
