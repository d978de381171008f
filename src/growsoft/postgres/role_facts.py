"""Role facts: what of a cluster's roles one database needs, so that it can be restored into another cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from growsoft.errors import GrowsoftError
from growsoft.postgres.context import profile_name
from growsoft.postgres.sql import Sql, ident, idents, literal, plain, sql
from growsoft.postgres.superuser import Superuser

# The one parameter that holds the signed context, and the one role that may set it (docs/decisions/0002).
DEFINER = "gs_definer"

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}\Z")
_GROUP = re.compile(r"g_[a-z0-9_]{1,61}\Z|gs_elevated\Z")


class RolesRefused(GrowsoftError):
    """These roles cannot come from a Growsoft database; restore another backup and keep this one for inspection."""


# A backup can only name roles, and profiles that are what their name says: nothing in it can give somebody a login, a
# privilege of the whole cluster, or a wider profile to the other databases that share it.
@dataclass(frozen=True, slots=True)
class Profile:
    """A profile: the hash of the sorted groups is its name, so it means the same in every cluster."""

    name: str
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a profile that is not what its name says."""
        if self.name != profile_name(self.groups) or not all(_GROUP.match(group) for group in self.groups):
            raise RolesRefused(f"{self.name} is not the profile of {', '.join(self.groups) or 'no group'}.")


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """Every role that a database's owners, grants and policies name, and the profiles its accounts use."""

    names: tuple[str, ...]
    profiles: tuple[Profile, ...]

    def __post_init__(self) -> None:
        """Refuse a name that PostgreSQL would read in another way, and a profile whose roles are not listed."""
        for name in self.names:
            if not _NAME.match(name):
                raise RolesRefused(f"{name!r} cannot be the name of a role here.")
        needed = {name for profile in self.profiles for name in (profile.name, *profile.groups)}
        if missing := needed - set(self.names):
            raise RolesRefused(f"The roles {', '.join(sorted(missing))} are used but not listed.")

    def text(self) -> str:
        """Return `roles.sql`, for stock tools: run it with psql as a superuser before the dump. It can run again."""
        lines = (f"{plain(statement)};" for statement in statements(self))
        return "\n".join(
            ["-- The roles that the dump names: no passwords, nobody can sign in as one of them.", *lines, ""]
        )


def read_roles(connection: Superuser) -> RoleFacts:
    """Read the roles of the database that the connection is in."""
    named = connection.run(_NAMED).column()
    profiles = [Profile(name, tuple(groups)) for name, groups in connection.run(_PROFILES).all()]
    groups = {group for profile in profiles for group in profile.groups}
    names = {*named, *groups, *(profile.name for profile in profiles)}
    return RoleFacts(tuple(sorted(names)), tuple(profiles))


def restore_roles(connection: Superuser, roles: RoleFacts) -> None:
    """Make the roles that the cluster lacks; those that are there stay as they are."""
    with connection.atomic():
        for statement in statements(roles):
            connection.run(statement)


def statements(roles: RoleFacts) -> Iterable[Sql]:
    """Yield what makes the roles; each statement can run again."""
    for name in roles.names:
        yield sql(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text}) THEN"
            " CREATE ROLE {name} NOLOGIN NOINHERIT; END IF; END $$",
            text=literal(name), name=ident(name),
        )  # fmt: skip
    for profile in roles.profiles:
        yield sql(
            "GRANT {groups} TO {profile} WITH INHERIT TRUE, SET FALSE",
            groups=idents(profile.groups), profile=ident(profile.name),
        )  # fmt: skip
    if DEFINER in roles.names:
        yield sql("GRANT SET ON PARAMETER backtrace_functions TO {definer}", definer=ident(DEFINER))


# pg_shdepend (PostgreSQL documentation, chapter 51.49) knows every owner, grantee and policy role of a database's
# objects; the bootstrap superuser is pinned and never in it, but it owns what nobody else does.
_NAMED = sql(
    "SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' AND (r.oid = 10 OR EXISTS ("
    "SELECT FROM pg_catalog.pg_shdepend d WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid"
    " AND d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))"
)

# A database's login is named like it, and holds exactly the profiles in use.
_PROFILES = sql(
    "SELECT p.rolname, array_agg(g.rolname::text ORDER BY g.rolname) FROM pg_catalog.pg_auth_members held"
    " JOIN pg_catalog.pg_roles p ON p.oid = held.roleid JOIN pg_catalog.pg_auth_members within ON within.member = p.oid"
    " JOIN pg_catalog.pg_roles g ON g.oid = within.roleid WHERE p.rolname ~ '^p_' AND held.member ="
    " (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = pg_catalog.current_database())"
    " GROUP BY p.rolname ORDER BY p.rolname"
)
