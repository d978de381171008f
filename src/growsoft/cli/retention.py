"""How long the history of a database is kept: its own policy, never below what is allowed."""

from __future__ import annotations

from typing import Final

from growsoft.cli.errors import UsageError
from growsoft.orm import Env
from growsoft.postgres.sealing import SHORTEST_RETENTION

SETTING: Final = "audit.retention_days"
LONGEST_DAYS: Final = 36_500


def retention_days(env: Env) -> int | None:
    """Give the policy of a database, from its settings; None keeps everything for ever.

    Raises ``UsageError`` for a policy that is no number of days, or too short.
    """
    rows = env["ir.config_parameter"].search_read([["key", "=", SETTING]], ["value"])
    told = str(rows[0]["value"]).strip() if rows else ""
    if not told:
        return None
    least = SHORTEST_RETENTION.days
    if not (told.isascii() and told.isdigit() and least <= int(told) <= LONGEST_DAYS):
        raise UsageError(
            f"The setting {SETTING} is a number of days from {least} to {LONGEST_DAYS}, not {told[:40]!r}."
        )
    return int(told)
