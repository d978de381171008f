"""Copies: a database beside another one with an identity of its own; one for tests reaches nobody outside."""

from __future__ import annotations

import fcntl
import time
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from growsoft.apps.base.jobs import Cron, Job, JobState
from growsoft.apps.base.models import Company, Setting
from growsoft.apps.instance.directory import Located
from growsoft.apps.instance.models import CustomerDatabase, State, check_database_name
from growsoft.cli.databases import FIRST_KEY, forget, keep_certificate, making, record_database, set_state
from growsoft.cli.errors import UsageError
from growsoft.cli.instance import Instance
from growsoft.cli.lifecycle import customer_database, steps
from growsoft.orm import Env
from growsoft.postgres.keeper import new_database_name
from growsoft.security.filefolder import FileFolder

# Whoever sees the name of a copy for tests must know it for one.
TEST: Final = "test"
STAGING: Final = "database.staging_of"


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy: where it is served, how many files came along, what was switched off, and how long it took (seconds)."""

    where: Located
    url: str
    files: int
    schedules: int
    jobs: int
    seconds: float


def copy_database(instance: Instance, source: str, name: str, *, staging: bool) -> Copied:
    """Copy a database, in use or not, as it is at one moment, with its files.

    The copy has its own uuid, keys and login; nobody is signed in there, and no link of the original leads there. For
    tests (``staging``) its schedules are off and its waiting jobs cancelled before anybody can enter it.
    """
    began = time.monotonic()
    original = customer_database(instance, source)
    check_database_name(name)
    if staging and TEST not in name:
        raise UsageError(f"A copy for tests says so in its name; type: growsoft db copy {source} {name}-test --staging")
    with making(instance, fcntl.LOCK_SH):
        where = Located(name, uuid4(), new_database_name(), FIRST_KEY, original.apps, staging)
        record_database(instance, where, _plan_of(instance, original))
        try:
            files, schedules, jobs = _filled(instance, original, where)
            set_state(instance, where, State.ACTIVE)
        except BaseException:
            forget(instance, where)
            raise
    return Copied(where, instance.url(name), files, schedules, jobs, time.monotonic() - began)


def _filled(instance: Instance, original: Located, where: Located) -> tuple[int, int, int]:
    with steps() as tell, instance.keeper(tell) as keeper:
        keeper.copy_database(original.pg_name, where.pg_name, where.uuid)
    copied = FileFolder(instance.state.files / original.pg_name).copy_to(
        FileFolder(instance.state.files / where.pg_name)
    )
    keep_certificate(instance, where.name)
    if not where.staging:
        return copied, 0, 0
    with instance.env(where, "a copy for tests is kept from reaching anybody") as env:
        return (copied, *_silenced(env, original.name))


def _silenced(env: Env, original: str) -> tuple[int, int]:
    """Switch off whatever would act by itself, and mark what people read on papers."""
    schedules = env[Cron].search(Cron.active == True)  # noqa: E712 - a condition
    schedules.write({"active": False})
    waiting = env[Job].search(Job.state.in_([JobState.WAITING, JobState.RUNNING]))
    waiting.write({"state": JobState.CANCELLED})
    for company in env[Company].search(()):
        company.write({"name": f"{TEST.upper()} {company.name}"})
    env[Setting].create({"key": STAGING, "value": original})
    return len(schedules), len(waiting)


def _plan_of(instance: Instance, original: Located) -> str:
    with instance.env(instance.facts.control, "the plan of a database that is copied") as env:
        return env[CustomerDatabase].search(CustomerDatabase.uuid == str(original.uuid)).plan.value
