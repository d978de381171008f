"""Accounts without users: who may enter a database whose apps have no users, for tests of rights alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, group_role, profile_name
from growsoft.postgres.database import Database
from growsoft.postgres.provision import ensure_profiles
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser


def made_accounts(
    server: Endpoint, database: Database, people: Iterable[tuple[int, Iterable[str], Sequence[int]]]
) -> list[Context]:
    """Let people in: the id of each, the closed set of his groups, his companies. Gives their contexts."""
    contexts = [
        (Context(user, profile_name(map(group_role, groups)), tuple(companies)), sorted(set(map(group_role, groups))))
        for user, groups, companies in ((user, list(groups), companies) for user, groups, companies in people)
    ]
    with superuser(server, database.name) as owner:
        for who, roles in contexts:
            owner.run(
                sql(
                    "INSERT INTO gs_priv.profile VALUES ({name}, {roles}::text[]) ON CONFLICT DO NOTHING",
                    name=who.profile, roles=roles,
                )
            )  # fmt: skip
            owner.run(
                sql(
                    "INSERT INTO gs_priv.account (user_id, login, active, companies, profile)"
                    " VALUES ({user}, {login}, true, {companies}::bigint[], {profile})",
                    user=who.user, login=f"user{who.user}", companies=list(who.companies), profile=who.profile,
                )
            )  # fmt: skip
        ensure_profiles(owner, database.name)
    return [who for who, _roles in contexts]
