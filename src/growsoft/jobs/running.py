"""Running one job: as whom, in which transaction, and what becomes of it."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from growsoft.errors import AccessError, GrowsoftError, MissingError, ValidationError
from growsoft.jobs.progress import JobCancelled, Progress, told_by
from growsoft.jobs.queue import Taken, finish, give_back, give_up, hold, pause_after, queue_door, try_again
from growsoft.orm import Env, Locale, Registry
from growsoft.orm.env import env_in
from growsoft.orm.later import JobOptions, NoJob, decode_arguments, options_of
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.context import Context, SignedDoor, numbered
from growsoft.postgres.database import SYSTEM_USER, Database
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import Conflict, ProfileMissing, Transaction, retrying

LONGEST_MESSAGE: Final = 1000
# The same input would be refused again.
FINAL_ERRORS: Final = (AccessError, MissingError, ValidationError, NoJob)

EnsureProfile = Callable[[str], None]


class UserGone(NoJob):
    """Whoever enqueued this job cannot sign in any more, so it does not run."""


class TookTooLong(GrowsoftError):
    """This job took longer than it may; make it smaller, or give it more time with @api.job(timeout=...)."""


class TakenAway(Exception):
    """Somebody else has the job by now."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the jobs of one database; ``ensure_profile`` has PostgreSQL get ready for a set of groups."""

    database: Database
    registry: Registry
    ensure_profile: EnsureProfile

    def run(self, job: Taken) -> None:
        """Run a job that was taken, and note what became of it; whatever it raises is for its row and for the log."""
        began = time.monotonic()
        try:
            options = self._options(job)
            with numbered(f"job_{job.id}"):
                retrying(lambda: self._attempt(job, options))
        except TakenAway:
            pass
        except ProfileMissing:
            self.ensure_profile(self.database.name)
            give_back(self.database, job)
        except JobCancelled as error:
            give_up(self.database, job, error.message, cancelled=True)
        except FINAL_ERRORS as error:
            self._log(job)
            give_up(self.database, job, error.message[:LONGEST_MESSAGE])
        except Exception as error:  # noqa: BLE001  whatever an app raises, the next job must run
            self._log(job)
            self._failed(job, error, time.monotonic() - began)

    def longest(self, job: Taken) -> timedelta:
        """How long a job may take."""
        try:
            return self._options(job).timeout
        except NoJob:
            return timedelta()

    def _attempt(self, job: Taken, options: JobOptions) -> None:
        door = queue_door(self.database)
        with self.database.transaction(door, profile=door.context.profile) as transaction:
            queue = env_in(transaction, self.database, self.registry, door, Locale())
            if not hold(transaction, job):
                raise TakenAway
            _limit(transaction, options.timeout)
            with told_by(Progress(self.database, job.id)):
                try:
                    self._call(self._env(queue, job, options), job)
                    queue.work.finish()
                finally:
                    queue.work.end()
            transaction.switch(door)
            finish(transaction, job)

    def _call(self, env: Env, job: Taken) -> None:
        records = env[job.model].browse(job.record_ids)
        method: Callable[..., None] = getattr(records, job.method)
        args, named = decode_arguments(method, job.arguments)
        method(*args, **named)

    def _env(self, queue: Env, job: Taken, options: JobOptions) -> Env:
        """Give the environment of whom a job runs as, in the transaction that holds it."""
        door = self._door(queue.work.transaction, job, options)
        return Env(queue.work, self.database, self.registry, door, door.context, Locale(job.lang, job.tz))

    def _door(self, transaction: Transaction, job: Taken, options: JobOptions) -> SignedDoor:
        by_itself = job.enqueued_by <= SYSTEM_USER
        if by_itself and options.elevated:
            return self.database.elevated(options.elevated, caller=f"job {job.name}")
        if by_itself and not (job.schedule and options.user):
            raise NoJob
        asked = _ACCOUNT.rebind((None, options.user) if by_itself else (job.enqueued_by, ""))
        user, profile, companies, active = transaction.execute(asked).one()
        if not user or not active or not profile:
            raise UserGone
        return self.database.signed(_context(job, int(user), str(profile), tuple(companies)))

    def _options(self, job: Taken) -> JobOptions:
        info = self.registry.models.get(job.model)
        options = None if info is None else options_of(info.cls, job.method)
        if options is None:
            raise NoJob(f"{job.name} is no job of the installed apps.")
        return options

    def _failed(self, job: Taken, error: Exception, seconds: float) -> None:
        options = self._options(job)
        if isinstance(error, DatabaseUnavailable) and seconds >= options.timeout.total_seconds():
            error = TookTooLong()
        said = error.message if isinstance(error, GrowsoftError) else f"{type(error).__name__}; the log says more."
        message = said[:LONGEST_MESSAGE]
        if job.failures + 1 >= options.attempts:
            give_up(self.database, job, message)
        else:
            pause = timedelta(seconds=1) if isinstance(error, Conflict) else pause_after(job.failures + 1)
            try_again(self.database, job, message, pause)

    def _log(self, job: Taken) -> None:
        sys.stderr.write(f"job {job.id} {job.name} of {self.database.name}:\n{traceback.format_exc()}")


def _context(job: Taken, user: int, profile: str, companies: tuple[int, ...]) -> Context:
    """Narrow what the user has by now to what he had when he enqueued the job."""
    if job.enqueued_by > SYSTEM_USER:
        companies = tuple(one for one in job.companies if one in companies)  # the current one first
    return Context(user, profile, companies, job.actor, scope=job.scope)


def _limit(transaction: Transaction, timeout: timedelta) -> None:
    # PostgreSQL takes a new time for the transaction into account only when there was none before.
    milliseconds = str(int(timeout.total_seconds() * 1000))
    transaction.execute(_NO_LIMIT)
    transaction.execute(_LIMIT.rebind((milliseconds,) * 3))


_ACCOUNT: Final[Sql] = sql(
    "SELECT user_id, profile, companies, active FROM gs.job_account({user}::bigint, {login}::text)", user=0, login=""
)
_NO_LIMIT: Final[Sql] = sql("SELECT set_config('transaction_timeout', '0', true)")
_LIMIT: Final[Sql] = sql(
    "SELECT set_config('statement_timeout', {s}::text, true), set_config('transaction_timeout', {t}::text, true),"
    " set_config('idle_in_transaction_session_timeout', {i}::text, true)",
    s="", t="", i="",
)  # fmt: skip
