"""Fixtures for application developers: database, env, users, clock, statements (docs/how-to/test-an-app.md)."""

from growsoft.postgres.querylog import QueryLog, RepeatedStatement, log_queries
from growsoft.testing.clock import Clock
from growsoft.testing.clone import Clone
from growsoft.testing.people import AsUser, MakeUser
from growsoft.testing.queries import CountQueries

__all__ = [
    "AsUser",
    "Clock",
    "Clone",
    "CountQueries",
    "MakeUser",
    "QueryLog",
    "RepeatedStatement",
    "log_queries",
]
