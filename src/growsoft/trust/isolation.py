"""Isolation (DB-1, DB-2): one database and one login for each customer, and no way from one to another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from growsoft.postgres.context import LoginDoor
from growsoft.postgres.inspection import WAYS, Answer, Catalogue, DatabaseFacts, Knock, knock, read_catalogue
from growsoft.postgres.parameters import REPLICATION, SUPERUSER
from growsoft.postgres.sql import sql
from growsoft.trust.states import Finding, judged, met
from growsoft.trust.trespass import trespasses
from growsoft.trust.world import CannotCheck, Entry, Subject, World, each

SYSTEM_DATABASES: Final = frozenset(("postgres", "template0", "template1"))
PROFILE_PREFIX: Final = "p_"

# Each knock starts a process of the server: so many logins and so many neighbours of each are tried live, drawn anew
# every time. The catalogue is read for all of them.
MOST_LOGINS: Final = 12
MOST_NEIGHBOURS: Final = 6

NO_CUSTOMER: Final = "There is no customer's database, so there was nothing to look at."
CREATE_ONE: Final = "Create one: growsoft db create NAME"


def one_database_each(world: World) -> Finding:
    """DB-1: the catalogue and the registry agree, and each login enters its own database with its own keys."""
    entries, subjects = world.entries, world.subjects
    customers = [entry for entry in entries if entry.state == "active" and not entry.control]
    if not customers:
        raise CannotCheck(NO_CUSTOMER, CREATE_ONE)
    problems = disagreements(entries, catalogue(world)) + each(world, subjects, _enters)
    return judged(
        problems,
        "Compare `growsoft db list --all` with the cluster, and drop or restore what differs.",
        met(
            f"Each of {len(subjects)} databases, the control database among them, has one login in PostgreSQL and was"
            " entered by it with its own keys; the registry lists exactly these."
        ),
    )


def no_way_across(world: World) -> Finding:
    """DB-2: every path from one database to another is tried as the databases' own logins, and refused."""
    if len(world.subjects) < 2:
        raise CannotCheck(NO_CUSTOMER, CREATE_ONE)
    known = catalogue(world)
    tried = Counter[str]()
    problems = strangers(known) + list(shared_keys(world.subjects, world.entries))
    problems += each(world, _drawn(world.subjects, MOST_LOGINS), lambda one: _across(world, one, known, tried))
    return judged(
        problems,
        "See pg_hba.conf, the grants on databases and the memberships of logins; `growsoft up` writes the first anew.",
        met(
            f"{tried['knocks']} connections to other databases by socket, TLS and plain TCP, with other passwords and"
            f" for replication, and {tried['statements']} ways out of a session were tried as {tried['logins']} of"
            f" {len(world.subjects)} logins: all refused. {len(known.databases)} databases admit nobody else; no two"
            " share a key."
        ),
    )


def catalogue(world: World) -> Catalogue:
    """Read the catalogue as the control database's own login."""
    with world.subjects[0].database.transaction(LoginDoor(), "read") as transaction:
        return read_catalogue(transaction)


def disagreements(entries: Sequence[Entry], known: Catalogue) -> list[str]:
    """Compare the registry with the cluster, in both directions."""
    here = {database.name: database for database in known.databases}
    listed = Counter(entry.pg_name for entry in entries)
    problems = [f"{count} customers are registered for {name}" for name, count in listed.items() if count > 1]
    for entry in entries:
        problems += _of_entry(entry, here, known)
    alive = {entry.pg_name for entry in entries if entry.state in ("active", "creating", "upgrading", "replaced")}
    for database in known.databases:
        # What nobody may enter is a template, or just being made: its own login is let in as the very last step.
        if database.name not in alive | SYSTEM_DATABASES and database.open and database.lets_in:
            problems.append(f"{database.name} is in the cluster and not in the registry")
    for login in known.logins:
        if login.name not in here and login.name not in (SUPERUSER, REPLICATION):
            problems.append(f"the login {login.name} belongs to no database")
    return problems


def strangers(known: Catalogue) -> list[str]:
    """Find who may enter a database that is not his, and which logins are, or may become, somebody else."""
    problems: list[str] = []
    for database in known.databases:
        guests = sorted(database.lets_in - {database.name})
        problems += [f"{role or 'everybody'} may connect to {database.name}" for role in guests]
    for login in known.logins:
        if login.superuser and login.name != SUPERUSER:
            problems.append(f"{login.name} is a superuser")
        elif login.mighty and login.name not in (SUPERUSER, REPLICATION):
            problems.append(f"{login.name} has a right over the whole cluster")
        foreign = login.roles & _not_for_logins(known)
        problems += [f"{login.name} is a member of {role}" for role in sorted(foreign)]
    return problems


def shared_keys(subjects: Sequence[Subject], entries: Sequence[Entry]) -> Iterator[str]:
    """Find databases that share a password, a signing key or a backup key, or hold another customer's."""
    databases = [subject.database for subject in subjects]
    if len({database.endpoint.password for database in databases}) < len(databases):
        yield "two logins have one password"
    if len({database.signing_key for database in databases}) < len(databases):
        yield "two databases have one signing key"
    wrapped = [(entry.uuid, entry.backup_key) for entry in entries if entry.backup_key is not None]
    if len({key.sealed for _, key in wrapped}) < len(wrapped):
        yield "two customers have one backup key"
    for uuid, key in wrapped:
        if key.customer != uuid:
            yield f"the backup key of {uuid} is another customer's"


def _of_entry(entry: Entry, here: dict[str, DatabaseFacts], known: Catalogue) -> Iterator[str]:
    database = here.get(entry.pg_name)
    if entry.state in ("dropped", "purged"):
        if database is not None:
            yield f"database {entry.uuid} was dropped and is still there"
    elif entry.state in ("active", "replaced"):
        if database is None:
            yield f"database {entry.uuid} is registered and not there"
        elif database.lets_in != frozenset((entry.pg_name,)):
            yield f"database {entry.uuid} lets in {_listed(database.lets_in)}"
        if entry.pg_name not in {login.name for login in known.logins}:
            yield f"database {entry.uuid} has no login of its own"


def _enters(subject: Subject) -> Iterator[str]:
    """Enter a database by its own login and signing key, which both follow from the uuid in the registry."""
    database = subject.database
    with database.transaction(database.elevated("claim DB-1 is checked", caller=__name__)) as transaction:
        where, login = transaction.execute(sql("SELECT current_database()::text, session_user::text")).one()
    if (where, login) != (database.name, database.name):
        yield f"{subject.told} was entered as {login} in {where}"


@dataclass(frozen=True, slots=True)
class _Try:
    """A knock, and the one wall that must refuse it: when another one does, the first has fallen."""

    knock: Knock
    refusal: Answer
    told: str


def _across(world: World, subject: Subject, known: Catalogue, tried: Counter[str]) -> Iterator[str]:
    neighbours = _neighbours(world, subject)
    tried["logins"] += 1
    for attempt in _knocks(subject, neighbours, known):
        tried["knocks"] += 1
        answer = knock(subject.database.endpoint, attempt.knock)
        if answer is not attempt.refusal:
            yield f"{attempt.told} was {answer.value}, not {attempt.refusal.value}"
    yield from trespasses(subject, neighbours, tried)


def _knocks(subject: Subject, neighbours: Sequence[Subject], known: Catalogue) -> Iterator[_Try]:
    own, password = subject.database.name, subject.database.endpoint.password
    templates = [database.name for database in known.databases if not database.lets_in][:1]
    others = [*(other.database.name for other in neighbours), "postgres", "template1", *templates]
    for target in dict.fromkeys(others):
        for way in WAYS:
            yield _Try(Knock(own, password, target, way), Answer.RULES, f"{own} at {target} ({way})")
    for other in neighbours[:1]:
        wrong = other.database.endpoint.password
        yield _Try(Knock(own, wrong, own, "socket"), Answer.CREDENTIAL, f"{own} with another login's password")
    yield _Try(Knock(own, password, own, "plain"), Answer.RULES, f"{own} without encryption")
    yield _Try(Knock(own, password, own, "tls", replication=True), Answer.RULES, f"{own} for replication")
    yield _Try(Knock(SUPERUSER, password, own, "tls"), Answer.RULES, "the superuser from the network")
    yield _Try(Knock(SUPERUSER, password, own, "socket"), Answer.CREDENTIAL, "the superuser with a login's password")


def _neighbours(world: World, subject: Subject) -> list[Subject]:
    """Draw some other databases; the control database is always among them."""
    control, *customers = world.subjects
    others = [other for other in customers if other is not subject]
    return [*([] if subject is control else [control]), *_drawn(others, MOST_NEIGHBOURS)]


def _drawn(subjects: Sequence[Subject], most: int) -> list[Subject]:
    chance = random.SystemRandom()
    return list(subjects) if len(subjects) <= most else chance.sample(list(subjects), most)


def _not_for_logins(known: Catalogue) -> frozenset[str]:
    """Everything a login's membership must not reach: other logins, and every role but profiles and their groups."""
    roles = {role for login in known.logins for role in login.roles}
    return frozenset(role for role in roles if not role.startswith((PROFILE_PREFIX, "g_")) and role != "gs_elevated")


def _listed(roles: Iterable[str]) -> str:
    return ", ".join(sorted(role or "everybody" for role in roles)) or "nobody"
