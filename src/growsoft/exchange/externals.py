"""External ids: names by which files know records, whatever their number is in this database.

They are kept beside those that apps give to the records they bring (``ir.model.data``, as in Odoo). A name without a
point belongs to the module ``__import__``; names that an export had to invent belong to ``__export__``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from secrets import token_hex
from typing import Final

from growsoft.errors import ValidationError
from growsoft.orm import Env, Model
from growsoft.orm.external import MODEL

IMPORTED: Final = "__import__"
EXPORTED: Final = "__export__"
_ID: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}\.[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}|[A-Za-z0-9_-]{1,80}", re.ASCII)
_CHUNK: Final = 1000


class NoExternalId(ValidationError):
    """This is no external id: write letters, digits, _, - and points, such as __import__.customer-7."""


def full_id(text: str) -> str:
    """Give an external id with its module. Raises ``NoExternalId``."""
    if not _ID.fullmatch(text):
        raise NoExternalId
    return text if "." in text else f"{IMPORTED}.{text}"


def known_ids(env: Env, model: str, texts: Collection[str]) -> dict[str, int]:
    """Give the records that external ids name, as far as whoever acts may see them."""
    names = {text: full_id(text) for text in texts if _ID.fullmatch(text)}
    if not names:
        return {}
    rows = env.sudo("an import finds records by the external ids that it names")[MODEL].search_read(
        [["model", "=", model], ["complete_name", "in", sorted(set(names.values()))]], ["complete_name", "res_id"]
    )
    ids = {row["complete_name"]: row["res_id"] for row in rows}
    there = set(env[model].browse(set(ids.values())).exists().ids)
    return {text: ids[name] for text, name in names.items() if ids.get(name) in there}


def refuse_of_app(env: Env, text: str) -> None:
    """Raise ``ValidationError`` for the id of a new record that only an installed app may give."""
    module = full_id(text).partition(".")[0]
    if module in {app.name for app in env.registry.apps}:
        raise ValidationError(f"External ids of the app {module} are its own; leave {module}. out.")


def note_ids(env: Env, model: str, named: Mapping[str, int]) -> None:
    """Keep the external ids of new records. Raises ``ValidationError`` for ids that an installed app gives itself."""
    values: list[dict[str, object]] = []
    for text, record in named.items():
        module, _point, name = full_id(text).partition(".")
        refuse_of_app(env, text)
        values.append({"module": module, "name": name, "model": model, "res_id": record})
    if values:
        noted = env.sudo("an import notes by which external ids its records are found again")[MODEL]
        _forget_deleted(noted, [f"{one['module']}.{one['name']}" for one in values])
        noted.create(values)


def _forget_deleted(noted: Model, names: Collection[str]) -> None:
    """Give back the ids of records that were deleted; one of a living record is taken, whoever sees that."""
    rows = noted.search_read([["complete_name", "in", list(names)]], ["complete_name", "model", "res_id"])
    for row in rows:
        if row["model"] in noted.env.registry.models and noted.env[row["model"]].browse(row["res_id"]).exists():
            raise ValidationError(
                f"{row['complete_name']}: another record has this external id already; choose another."
            )
    noted.browse([row["id"] for row in rows]).unlink()


def given_ids(env: Env, model: str, ids: Iterable[int]) -> dict[int, str]:
    """Give the external id of each record; those that have none get one, so that a later import finds them."""
    wanted = list(dict.fromkeys(ids))
    data = env.sudo("an export names records by external ids, so that an import finds them again")[MODEL]
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        rows = data.search_read(
            [["model", "=", model], ["res_id", "in", part]], ["res_id", "complete_name"], order="id"
        )
        for row in rows:
            found.setdefault(row["res_id"], row["complete_name"])
        new = {
            record: f"{model.replace('.', '_')[:50]}_{record}_{token_hex(4)}" for record in part if record not in found
        }
        data.create([{"module": EXPORTED, "name": n, "model": model, "res_id": record} for record, n in new.items()])
        found |= {record: f"{EXPORTED}.{name}" for record, name in new.items()}
    return found
