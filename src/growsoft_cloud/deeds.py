"""Deeds: who did what to a customer's database by command, written down with the change itself."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from uuid import UUID

from growsoft.orm import Env
from growsoft_cloud.fleet import models
from growsoft_cloud.fleet.models.operations import RunState

# Only root can become somebody else, so whoever sets this could sign with any name anyway.
_BEHIND_ROOT = "SUDO_USER"


def whoever_calls() -> str:
    """Name the user of this machine who gave a command; ask before an instance is opened, which changes the user."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    behind = os.environ.get(_BEHIND_ROOT, "") if uid == 0 else ""
    return f"{behind[:60]} as {name}" if behind else name


def write_down(env: Env, kind: str, of: tuple[UUID, str], *, operator: str, message: str, backup: str = "") -> None:
    """Note what was done to a database (its uuid and name) where it is done: neither is there without the other."""
    now = datetime.now(UTC)
    env[models.Run].create(
        {
            "kind": kind,
            "database_uuid": str(of[0]),
            "database_name": of[1],
            "state": RunState.DONE,
            "started_at": now,
            "ended_at": now,
            "backup": backup,
            "operator": operator,
            "message": message,
        }
    )
