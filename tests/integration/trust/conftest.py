"""Fixtures: how a test plants what only the superuser could."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from growsoft.postgres.sql import Sql
from growsoft.postgres.superuser import superuser
from tests.support.shop import Shop

Plant = Callable[[Shop, Sql], None]


@pytest.fixture
def plant() -> Plant:
    """Run a statement in a shop's database as the superuser."""

    def run(shop: Shop, statement: Sql) -> None:
        with superuser(replace(shop.server, dbname=shop.database.name)) as connection:
            connection.run(statement)

    return run
