"""Which tables hold users, groups and companies: the triggers that keep accounts in the private side true."""

from collections.abc import Iterable
from dataclasses import dataclass

from growsoft.postgres.schema import Trigger


@dataclass(frozen=True, slots=True)
class Accounts:
    """The tables and columns of the one app that has users; ``company`` is the column of a user's main company.

    Pairs are relation tables with source_id and target_id: ``membership`` user -> group, ``implication`` group ->
    implied group, ``companies`` user -> company.
    """

    users: str
    login: str
    active: str
    company: str
    groups: str
    group_key: str
    membership: str
    implication: str
    companies: str


def account_triggers(declared: Iterable[Accounts]) -> dict[str, tuple[Trigger, ...]]:
    """Give the triggers by table (accounts.sql has what they do)."""
    found: dict[str, tuple[Trigger, ...]] = {}
    for accounts in declared:
        pairs = {
            accounts.membership: "membership",
            accounts.implication: "implication",
            accounts.companies: "company",
        }
        found[accounts.users] = (
            Trigger("gs_account", "mirror_user", (accounts.login, accounts.active, accounts.company)),
        )
        found[accounts.groups] = (Trigger("gs_group", "mirror_group", (accounts.group_key,)),)
        for table, kind in pairs.items():
            found[table] = (Trigger(f"gs_{kind}", "mirror_pair", (kind, "source_id", "target_id")),)
    return found
