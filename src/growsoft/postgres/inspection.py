"""Inspection: what a cluster says about its databases and logins, and who gets in where when he knocks."""

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

import psycopg

from growsoft.postgres.check import Runs
from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.sql import sql

Way = Literal["socket", "tls", "plain"]
WAYS: Final[tuple[Way, ...]] = ("socket", "tls", "plain")

LOOPBACK: Final = "127.0.0.1"


class Answer(Enum):
    """How a server answers a connection: it lets in, or one of its walls refuses."""

    ADMITTED = "let in"
    RULES = "refused by the login rules"
    PRIVILEGE = "refused by a missing privilege"
    CREDENTIAL = "refused by the wrong password"
    CLOSED = "refused by a closed database"


@dataclass(frozen=True, slots=True)
class Knock:
    """One attempt to get in as a login with a password; ``replication`` asks for the stream of the whole cluster."""

    login: str
    password: str = field(repr=False)
    dbname: str
    way: Way
    replication: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """One database: whether it takes connections at all, and what is granted on it to others than its owner.

    ``grants`` are (role, privilege) pairs; everybody is the role ``""``.
    """

    name: str
    owner: str
    open: bool
    grants: frozenset[tuple[str, str]]

    @property
    def lets_in(self) -> frozenset[str]:
        """The roles that may connect."""
        return frozenset(role for role, privilege in self.grants if privilege == "CONNECT")


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """One login: the roles it is a member of, directly or not, and whether it has a right over the whole cluster."""

    name: str
    superuser: bool
    mighty: bool
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every database and every login of a cluster, as anybody who may connect can read them."""

    databases: tuple[DatabaseFacts, ...]
    logins: tuple[LoginFacts, ...]


def read_catalogue(connection: Runs) -> Catalogue:
    """Read the catalogue; it needs no rights."""
    databases = (
        DatabaseFacts(str(name), str(owner), bool(is_open), _pairs(roles, privileges))
        for name, owner, is_open, roles, privileges in connection.run(_DATABASES).all()
    )
    logins = (
        LoginFacts(str(name), bool(is_super), bool(is_mighty), frozenset(map(str, roles)))
        for name, is_super, is_mighty, roles in connection.run(_LOGINS).all()
    )
    return Catalogue(tuple(databases), tuple(logins))


def knock(server: Endpoint, attempt: Knock, *, timeout: int = 5) -> Answer:
    """Try to get in, and leave at once; raises ``DatabaseUnavailable`` when the server did not decide."""
    try:
        raw = psycopg.connect(
            host=server.host if attempt.way == "socket" else LOOPBACK,
            port=server.port,
            dbname=attempt.dbname,
            user=attempt.login,
            password=attempt.password,
            sslmode="disable" if attempt.way == "plain" else "require",
            sslcertmode="disable",  # nobody's certificate from a home folder comes into it
            gssencmode="disable",
            connect_timeout=timeout,
            application_name="growsoft inspection",
            replication="true" if attempt.replication else None,
        )
    except psycopg.OperationalError as error:
        return _answer(error)
    with closing(raw):
        return Answer.ADMITTED


# libpq tells a refused connection by its text alone; the servers are started with lc_messages C.
_SAID: Final[tuple[tuple[re.Pattern[str], Answer], ...]] = (
    (re.compile(r"FATAL:  (?:pg_hba\.conf rejects|no pg_hba\.conf entry)"), Answer.RULES),
    (re.compile(r"FATAL:  permission denied (?:for database|to start WAL sender)"), Answer.PRIVILEGE),
    (re.compile(r"FATAL:  password authentication failed"), Answer.CREDENTIAL),
    (re.compile(r"FATAL:  database \S+ is not currently accepting connections"), Answer.CLOSED),
)


def _answer(error: psycopg.OperationalError) -> Answer:
    text = str(error)
    for pattern, answer in _SAID:
        if pattern.search(text):
            return answer
    raise DatabaseUnavailable from error


def _pairs(roles: Iterable[object], privileges: Iterable[object]) -> frozenset[tuple[str, str]]:
    return frozenset((str(role), str(privilege)) for role, privilege in zip(roles, privileges, strict=True))


# A database without an access list has PostgreSQL's default one, by which everybody may connect.
_DATABASES: Final = sql(
    "SELECT d.datname, o.rolname, d.datallowconn,"
    " coalesce(array_agg(coalesce(r.rolname, '')) FILTER (WHERE g.grantee <> d.datdba), '{{}}')::text[],"
    " coalesce(array_agg(g.privilege_type) FILTER (WHERE g.grantee <> d.datdba), '{{}}')::text[]"
    " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid = d.datdba"
    " LEFT JOIN LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) g ON true"
    " LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee GROUP BY d.oid, d.datname, o.rolname, d.datallowconn"
    " ORDER BY d.datname"
)

_LOGINS: Final = sql(
    "WITH RECURSIVE belongs(login, role) AS ("
    " SELECT m.member, m.roleid FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles l ON l.oid = m.member"
    " WHERE l.rolcanlogin UNION SELECT b.login, m.roleid FROM belongs b"
    " JOIN pg_catalog.pg_auth_members m ON m.member = b.role)"
    " SELECT l.rolname, l.rolsuper,"
    " l.rolsuper OR l.rolbypassrls OR l.rolcreatedb OR l.rolcreaterole OR l.rolreplication,"
    " ARRAY(SELECT r.rolname FROM belongs b JOIN pg_catalog.pg_roles r ON r.oid = b.role WHERE b.login = l.oid)::text[]"
    " FROM pg_catalog.pg_roles l WHERE l.rolcanlogin ORDER BY l.rolname"
)
