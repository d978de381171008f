"""The records instance brings: its one cluster, and the user in whose name workers look databases up."""

from __future__ import annotations

from growsoft.apps.base.data import group_ids
from growsoft.orm import Env

# Nobody can sign in as this user; it may read the directory and write when databases have jobs, and nothing else.
DIRECTORY_LOGIN = "__directory__"
MAIN_CLUSTER = "main"


def load(env: Env) -> None:
    """Fill a new control database."""
    env["instance.cluster"].create({"name": MAIN_CLUSTER})
    env["res.users"].create(
        {
            "name": "Directory",
            "login": DIRECTORY_LOGIN,
            "active": False,
            "groups_id": [(6, 0, group_ids(env, ["instance.directory"]))],
        }
    )
