"""The standby (HA-1): what it shows at this moment, by a change that is made now and must arrive there."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Final

from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.sql import sql
from growsoft.trust.states import Finding, not_met
from growsoft.trust.world import World

PATIENCE: Final = 5.0

NO_FAILOVER: Final = "No failover was done and timed yet, so nobody knows that one works."
DO_ONE: Final = "This version has no failover command; until it has, a lost primary is restored from its backups."


def failover_was_done(world: World) -> Finding:
    """HA-1: not met before a failover was done; the evidence says what the standby shows now."""
    return not_met(f"{NO_FAILOVER} {_shown(world)}", DO_ONE)


def _shown(world: World) -> str:
    primary = world.subjects[0].database
    position = _change(primary)
    try:
        return _arrived(_standby_of(world, primary), position)
    except DatabaseUnavailable:
        return "The standby does not answer."


def _change(primary: Database) -> str:
    """Commit a change on the primary (its own audit row) and return the position behind it."""
    with primary.transaction(
        primary.elevated("claim HA-1 is checked: this row must reach the standby", caller=__name__)
    ):
        pass
    with primary.transaction(LoginDoor(), "read") as transaction:
        return transaction.execute(sql("SELECT pg_current_wal_insert_lsn()::text")).scalar(str)


def _arrived(standby: Database, position: str) -> str:
    """Wait until the standby has replayed a position, and say how long that took."""
    began = time.monotonic()
    while True:
        with standby.transaction(LoginDoor(), "read") as transaction:
            in_recovery, behind = transaction.execute(
                sql(
                    "SELECT pg_is_in_recovery(), pg_wal_lsn_diff({position}::pg_lsn, pg_last_wal_replay_lsn())::bigint",
                    position=position,
                )
            ).one()
        waited = time.monotonic() - began
        if not in_recovery:
            return "The standby is no standby any more: it was promoted."
        if behind is not None and behind <= 0:
            return f"The standby streams: a change that was made now was readable there after {waited * 1000:.0f} ms."
        if waited > PATIENCE:
            return f"The standby is behind: {behind or 'an unknown number of'} bytes after {PATIENCE:.0f} s."
        time.sleep(0.02)


def _standby_of(world: World, primary: Database) -> Database:
    """Return the control database as the standby has it: a hot standby answers its logins, read-only."""
    try:
        port = int(json.loads(world.state.ports.read_text(encoding="utf-8"))["standby"])
    except (OSError, KeyError) as error:
        raise DatabaseUnavailable from error
    return replace(primary, endpoint=replace(primary.endpoint, port=port))
