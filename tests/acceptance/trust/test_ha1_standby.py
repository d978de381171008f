"""HA-1 on a running instance: not met without a failover, and honest about what the standby shows."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from growsoft.postgres.local import superuser_endpoint
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.acceptance.trust.conftest import Ask
from tests.support.instance import Home


def test_ha1_without_a_failover_is_not_met_and_says_that_the_standby_streams(ask: Ask) -> None:
    found = ask("HA-1")
    assert found["state"] == "not met"
    assert "No failover was done" in found["evidence"]
    assert "a change that was made now was readable there after" in found["evidence"]


def test_ha1_says_that_the_standby_is_behind(running_instance: Home, ask: Ask) -> None:
    with _paused(running_instance):
        found = ask("HA-1")
    assert "The standby is behind" in found["evidence"]
    assert "streams" not in found["evidence"]


@contextmanager
def _paused(home: Home) -> Generator[None]:
    """Let the standby receive and not replay."""
    port = int(json.loads(home.state.ports.read_text())["standby"])
    with superuser(replace(superuser_endpoint(home.state), port=port)) as standby:
        standby.run(sql("SELECT pg_wal_replay_pause()"))
        try:
            yield
        finally:
            standby.run(sql("SELECT pg_wal_replay_resume()"))
