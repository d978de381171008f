"""Saving: searches under a name, one's own and those that others share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from growsoft.errors import MissingError
from growsoft.orm.domain import Leaf
from growsoft.orm.env import Env
from growsoft.views.listing import Saved
from growsoft.views.query import Query

MODEL: Final = "ir.filters"
MOST: Final = 100
_NAMES: Final = ("name", "query", "user_id", "shared", "is_default")

# Reads the query that an address says; what is not known is left out.
Read = Callable[[str], Query]


def saved_searches(env: Env, model: str, path: str, read: Read) -> tuple[Saved, ...]:
    """Return the saved searches of a list: one's own, then those that are shared."""
    if MODEL not in env.registry.models:
        return ()
    rows = env[MODEL].search_read(Leaf(("model_id",), "=", model), _NAMES, limit=MOST)
    found = (_saved(env, row, path, read) for row in rows)
    return tuple(sorted(found, key=lambda saved: not saved.mine))


def _saved(env: Env, row: Mapping[str, object], path: str, read: Read) -> Saved:
    match row["user_id"]:
        case (int(owner), str()):
            pass
        case _:
            owner = 0
    return Saved(
        id=int(str(row["id"])),
        name=str(row["name"]),
        # Read and written anew: what was stored leads to this list and nowhere else.
        address=read(str(row["query"])).address(path),
        mine=owner == env.user_id,
        shared=bool(row["shared"]),
        default=bool(row["is_default"]),
    )


def opened_first(searches: tuple[Saved, ...]) -> Saved | None:
    """Return the search that a list begins with: one's own choice before everybody's."""
    return next((saved for saved in searches if saved.default), None)


def save_search(env: Env, model: str, name: str, query: Query, *, shared: bool, default: bool) -> None:
    """Keep a search under a name; one of the same name is replaced. Raises `ValidationError`."""
    own = Leaf(("model_id",), "=", model) & Leaf(("user_id",), "=", env.user_id)
    if default:
        env[MODEL].search(own & Leaf(("is_default",), "=", True)).write({"is_default": False})
    values: dict[str, object] = {"query": urlencode(query.kept.pairs()), "shared": shared, "is_default": default}
    found = env[MODEL].search(own & Leaf(("name",), "=", name), limit=1)
    if found:
        found.write(values)
    else:
        env[MODEL].create({"name": name, "model_id": model, "user_id": env.user_id, **values})
    env.flush()


def forget_search(env: Env, model: str, record: int) -> None:
    """Delete a saved search of a list. Raises `MissingError` for one that this person does not see."""
    found = env[MODEL].search(Leaf(("model_id",), "=", model) & Leaf(("id",), "=", record))
    if not found:
        raise MissingError
    found.unlink()
