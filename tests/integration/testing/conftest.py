"""The fixtures of application developers, over the built-in apps and the cluster of this session."""

import pytest

from growsoft.testing.fixtures import (
    as_user,
    clock,
    clone,
    count_queries,
    env,
    people,
    query_log,
    registry,
    shared_database,
    template,
    user,
)

__all__ = [
    "as_user", "clock", "clone", "count_queries", "env", "people", "query_log", "registry", "shared_database",
    "template", "user",
]  # fmt: skip


@pytest.fixture(scope="session")
def growsoft_apps() -> tuple[str, ...]:
    """The apps of these tests."""
    return ("sale",)


@pytest.fixture(scope="session")
def growsoft_demo() -> bool:
    """No demo records."""
    return False
