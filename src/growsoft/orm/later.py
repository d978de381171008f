"""Jobs as an app declares and enqueues them: a method that runs later, in the name of whoever asked for it.

The queue is ``ir.job`` of the app base. Nobody but the queue's own group writes it: a job is enqueued in the caller's
transaction, by a context that holds his user id and that group alone. PostgreSQL notes who that was (``create_uid``).
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints
from uuid import UUID

import msgspec

from growsoft.errors import UserError, ValidationError
from growsoft.orm.clock import now
from growsoft.orm.timing import Timing, timing
from growsoft.postgres.context import Context, group_role, profile_name
from growsoft.postgres.database import SYSTEM_USER, Database
from growsoft.postgres.sql import Sql, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model

C = TypeVar("C", bound=Callable[..., None])

JOB: Final = "_growsoft_job"
QUEUE_GROUP: Final = "base.jobs"
QUEUE_PROFILE: Final = profile_name([group_role(QUEUE_GROUP)])
# Whoever enqueues more than this at a time wants one job for many records.
MOST_WAITING: Final = 10_000
LARGEST_ARGUMENTS: Final = 100_000  # characters of JSON
LARGEST_KEY: Final = 200
PRIORITIES: Final = range(100)

# What a process does when a job was committed: tell the job worker. Set by the command line as it puts parts together.
Announce = Callable[[Database, datetime], None]
announcing: list[Announce] = []


class NoJob(UserError):
    """This method cannot be run later; mark it with @api.job."""


class TooManyJobs(UserError):
    """You have too many jobs waiting already; try again when some of them are done."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a method runs as a job: failed ``attempts`` before it is given up, and the longest time one may take.

    With a ``schedule`` it also runs by itself, on no records: as the user of a login, or elevated for a reason.
    """

    attempts: int = 5
    timeout: timedelta = timedelta(minutes=5)
    schedule: str = ""
    zone: str = "UTC"
    elevated: str = ""
    user: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not run."""
        if self.attempts < 1 or not timedelta(seconds=1) <= self.timeout <= timedelta(hours=12):
            raise ValueError("a job has one attempt at least, and between a second and twelve hours for each")
        if bool(self.schedule) != bool(self.elevated or self.user) or (self.elevated and self.user):
            raise ValueError("a schedule says as whom it runs: user= a login, or elevated= a reason")
        if self.schedule:
            self.timing()

    def timing(self) -> Timing:
        """When it runs by itself."""
        return timing(self.schedule, self.zone)


def job(
    *,
    attempts: int = 5,
    timeout: timedelta = timedelta(minutes=5),
    schedule: str = "",
    zone: str = "UTC",
    elevated: str = "",
    user: str = "",
) -> Callable[[C], C]:
    """Let a method run later: ``records.delayed().method(...)``. Nothing can be enqueued without it.

    It runs on the same records in the name of whoever enqueued it, with the rights he has by then, once its
    transaction was committed. Its own changes are committed together with the fact that it is done: they happen exactly
    once. What it does outside of the database may happen again. It returns nothing; its arguments are JSON, read by the
    types in its signature.

    ``schedule`` (``"every 15 minutes"``, ``"daily 03:00"``, see ``growsoft.orm.timing``) also lets it run by itself on
    no records, by the calendar of ``zone``: as the user with the login ``user``, or ``elevated`` for a reason that a
    stranger would accept and that is audited.
    """
    options = JobOptions(attempts, timeout, schedule, zone, elevated, user)

    def marked(method: C) -> C:
        setattr(method, JOB, options)
        return method

    return marked


def options_of(cls: type[Model], method: str) -> JobOptions | None:
    """Give the options of a job by its name; None for what is no job, whatever else it may be."""
    found: object = inspect.getattr_static(cls, method, None)
    options = getattr(found, JOB, None)
    return options if isinstance(options, JobOptions) else None


class Arguments(msgspec.Struct, frozen=True):
    """The arguments of a call, as JSON."""

    positional: list[Any] = []
    named: dict[str, Any] = {}


def encode_arguments(method: Callable[..., None], args: tuple[object, ...], named: Mapping[str, object]) -> str:
    """Write arguments as JSON; what would not come back as it went in is refused now, not when the job runs."""
    try:
        bound = inspect.signature(method).bind(*args, **named)
        text = msgspec.json.encode(Arguments(list(bound.args), bound.kwargs)).decode()
        again = decode_arguments(method, text)
    except (TypeError, ValueError, msgspec.ValidationError) as error:
        raise ValidationError(f"{method.__qualname__} cannot be called like this later: {error}.") from None
    if again != (bound.args, bound.kwargs):
        raise ValidationError(
            f"{method.__qualname__}: its arguments do not come back from JSON as they went in; give each a type in its"
            " signature, and ids instead of records."
        )
    if len(text) > LARGEST_ARGUMENTS:
        raise ValidationError("The arguments of a job are too large; keep what they say in a record and give its id.")
    return text


def decode_arguments(method: Callable[..., None], text: str) -> tuple[tuple[object, ...], dict[str, object]]:
    """Read arguments, each by the type that the method's signature says."""
    given = msgspec.json.decode(text, type=Arguments)
    bound = inspect.signature(method).bind(*given.positional, **given.named)
    hints = get_type_hints(method, localns=_KNOWN)
    for name, value in bound.arguments.items():
        bound.arguments[name] = _typed(value, hints.get(name, Any), bound.signature.parameters[name].kind)
    return bound.args, bound.kwargs


def _typed(value: object, hint: object, kind: inspect._ParameterKind) -> object:
    match kind:
        case inspect.Parameter.VAR_POSITIONAL:
            return tuple(msgspec.convert(value, list[hint], strict=False))  # type: ignore[valid-type]
        case inspect.Parameter.VAR_KEYWORD:
            return msgspec.convert(value, dict[str, hint], strict=False)  # type: ignore[valid-type]
        case _:
            return msgspec.convert(value, hint, strict=False)


# What app modules may import for the type checker alone.
_KNOWN: Final[dict[str, object]] = {"datetime": datetime, "timedelta": timedelta, "Decimal": Decimal, "UUID": UUID}


@dataclass(frozen=True, slots=True)
class When:
    """When a job runs, before which others (0 is first), and the key by which it is known to be the same."""

    delay: timedelta = timedelta()
    at: datetime | None = None
    priority: int = 10
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse what the queue does not hold."""
        if self.priority not in PRIORITIES:
            raise ValidationError(f"The priority of a job is between 0 and {PRIORITIES[-1]}; 0 goes first.")
        if len(self.key) > LARGEST_KEY or "\0" in self.key:
            raise ValidationError(f"The key of a job has {LARGEST_KEY} characters at most.")
        if self.at is not None and self.at.tzinfo is None:
            raise ValidationError("Say in which time zone the job shall run at that time.")

    def eta(self) -> datetime:
        """The moment from which on it may run."""
        return (now() if self.at is None else self.at.astimezone(UTC)) + self.delay


class Delayed:
    """A recordset whose jobs are enqueued instead of run."""

    __slots__ = ("_records", "_when")

    def __init__(self, records: Model, when: When) -> None:
        """Made by ``Model.delayed``."""
        self._records = records
        self._when = when

    def __getattr__(self, name: str) -> Callable[..., int]:
        """Give what enqueues one method; it answers with the id of the job, 0 when there is one with its key."""
        records, when = self._records, self._when
        options = options_of(type(records), name)
        if options is None:
            raise NoJob(f"{records._name}.{name} cannot be run later; mark it with @api.job.")

        def enqueued(*args: object, **named: object) -> int:
            arguments = encode_arguments(getattr(records, name), args, named)
            return _enqueue(records, name, when, arguments, options)

        return enqueued


def _enqueue(records: Model, method: str, when: When, arguments: str, options: JobOptions) -> int:
    env, eta = records.env, when.eta()
    if env.context.record:
        raise NoJob("Whoever came by a link has no jobs.")
    if env.user_id <= SYSTEM_USER and not options.elevated:
        raise NoJob(
            "A job runs with the rights of the user who enqueues it; elevated code of no user has none to give."
        )
    ids = ",".join(map(str, records.ids))
    queue = queue_env(env)
    found = queue.execute(
        _ENQUEUE.rebind((
            f"{records._name}.{method}", records._name, method, ids, arguments, eta, when.priority, when.key,
            env.user_id if env.user_id > SYSTEM_USER else None, "_".join(map(str, env.companies)), env.actor,
            env.context.scope, env.lang, env.tz, env.user_id, MOST_WAITING, MOST_WAITING,
        ))
    ).column(int)  # fmt: skip
    if not found:
        if when.key and queue.execute(_SAME.rebind((env.user_id, records._name, method, when.key))).all():
            return 0
        raise TooManyJobs
    announce(env, eta)
    return found[0]


def announce(env: Env, eta: datetime) -> None:
    """Tell the job worker, once this transaction was committed, that there is something to do at a time."""
    for tell in announcing:
        env.work.transaction.on_commit.append(partial(tell, env.database, eta))


def queue_env(env: Env) -> Env:
    """Give the environment in which the same user acts on the queue, and on nothing else."""
    key = ("queue", env.user_id, env.companies, env.actor)
    found = env.work.elevated.get(key)
    if found is None:
        context = Context(env.user_id, QUEUE_PROFILE, env.companies, env.actor)
        door = env.database.signed(context)
        found = env.work.elevated[key] = type(env)(env.work, env.database, env.registry, door, context, env.locale)
    return found


_ENQUEUE: Final[Sql] = sql(
    "INSERT INTO ir_job (name, model_name, method_name, record_ids, arguments, eta, priority, identity_key, user_id,"
    " companies, actor, scope, lang, tz)"
    " SELECT {name}::text, {model}::text, {method}::text, {ids}::text, {arguments}::text, {eta}::timestamptz,"
    " {priority}::integer, {key}::text, {user}::bigint, {companies}::text, {actor}::bigint, {scope}::text,"
    " {lang}::text, {tz}::text"
    " WHERE (SELECT count(*) FROM (SELECT FROM ir_job WHERE create_uid = {me}::bigint AND state = 'waiting'"
    " LIMIT {most}::bigint) waiting) < {limit}::bigint"
    " ON CONFLICT (create_uid, model_name, method_name, identity_key) WHERE identity_key <> ''"
    " DO NOTHING RETURNING id",
    name="", model="", method="", ids="", arguments="", eta=None, priority=0, key="", user=0, companies="", actor=0,
    scope="", lang="", tz="", me=0, most=0, limit=0,
)  # fmt: skip
_SAME: Final[Sql] = sql(
    "SELECT id FROM ir_job WHERE create_uid = {me}::bigint AND model_name = {model}::text"
    " AND method_name = {method}::text AND identity_key = {key}::text",
    me=0, model="", method="", key="",
)  # fmt: skip
