"""The environment: who acts, on which database, in which language; every recordset carries one."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeVar, overload

from growsoft.errors import AccessError, ConfigError, GrowsoftError
from growsoft.orm import clock
from growsoft.orm.compile import Bound, Compiler
from growsoft.orm.domain import Condition, Leaf, names_in
from growsoft.orm.fields import AnyField, Computed
from growsoft.orm.inverting import asked
from growsoft.orm.rights import Rights
from growsoft.orm.work import Cache, Work
from growsoft.postgres.context import Context, Door, group_role, working_in
from growsoft.postgres.database import Database, Files
from growsoft.postgres.sql import Sql, proven_literal, sql
from growsoft.postgres.transaction import CompanyRefused, Conflict, Mode, Result, retrying
from growsoft.words import SOURCE, Terms, _

if TYPE_CHECKING:
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo, Registry

M = TypeVar("M", bound="Model")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Locale:
    """How values are shown: language (BCP 47 with ``_``), and the IANA name of a time zone."""

    lang: str = SOURCE
    tz: str = "UTC"


class DraftWritten(GrowsoftError):
    """What works out a form that is not saved yet tried to write to a record; this is a defect, please report it."""


class Env:
    """Who acts. ``env[Model]`` is an empty recordset to start from.

    ``lang`` is the language in which texts are read and written: his, when the apps bring words in it. ``groups`` are
    the roles of his groups in PostgreSQL; the ORM knows an id and group names, never the user's record.
    """

    __slots__ = ("cache", "context", "database", "door", "drafting", "lang", "locale", "registry", "work")

    def __init__(
        self, work: Work, database: Database, registry: Registry, door: Door, context: Context, locale: Locale
    ) -> None:
        """Made by ``open_env`` and by ``sudo``."""
        self.work = work
        self.database = database
        self.registry = registry
        self.door = door
        self.context = context
        self.locale = locale
        self.lang = locale.lang if locale.lang in registry.languages else SOURCE
        self.drafting = False
        self.cache: Cache = work.enter(self)

    @overload
    def __getitem__(self, model: type[M]) -> M: ...
    @overload
    def __getitem__(self, model: str) -> Model: ...
    def __getitem__(self, model: type[M] | str) -> M | Model:
        """Give the empty recordset of a model, by class or by name."""
        name = model if isinstance(model, str) else model._name
        return self.registry[name].cls._of(self, ())

    @property
    def user_id(self) -> int:
        """Id of the signed-in user."""
        return self.context.user

    @property
    def companies(self) -> tuple[int, ...]:
        """Ids of the companies he works in."""
        return self.context.companies

    @property
    def company_id(self) -> int:
        """Id of the current company, the first of those he works in; 0 when there is none."""
        return self.companies[0] if self.companies else 0

    @property
    def actor(self) -> int:
        """Id of the staff member who acts for him; 0 when he acts himself."""
        return self.context.actor

    @property
    def elevated(self) -> bool:
        """Whether this is elevated code (sudo)."""
        return self.context.elevated

    @property
    def groups(self) -> frozenset[str]:
        """The roles of the user's groups, implied ones included."""
        return self.work.groups(self.context.profile)

    @property
    def files(self) -> Files:
        """Where files of this database are kept."""
        if self.database.files is None:
            raise ConfigError("This process has no storage for files; start it with the command line of Growsoft.")
        return self.database.files

    @property
    def terms(self) -> Terms:
        """The words of that language."""
        return self.registry.terms(self.lang)

    @property
    def tz(self) -> str:
        """The time zone of what is shown."""
        return self.locale.tz

    def now(self) -> datetime:
        """The present moment, in UTC; a test may set the clock."""
        return clock.now()

    def has_group(self, group: str) -> bool:
        """Whether the user is in a group (``app.group``); elevated code is in all."""
        return self.elevated or group_role(group) in self.groups

    def in_locale(self, locale: Locale) -> Env:
        """The same, shown in another language or time zone."""
        made = Env(self.work, self.database, self.registry, self.door, self.context, locale)
        return made._apart() if self.drafting else made

    def _apart(self) -> Env:
        """Give the same one with a memory of its own, in which nothing can be written: for drafts."""
        made = Env(self.work, self.database, self.registry, self.door, self.context, self.locale)
        made.cache, made.drafting = Cache(), True
        return made

    def refuse_in_draft(self) -> None:
        """Raise when somebody would write while a form is only worked out."""
        if self.drafting:
            raise DraftWritten

    def with_companies(self, *companies: int) -> Env:
        """Work in these of his companies, the first of them the current one. Raises ``CompanyRefused`` for others."""
        if not self.elevated and not set(companies) <= set(self.allowed_companies):
            raise CompanyRefused
        door = working_in(self.door, companies)
        made = Env(self.work, self.database, self.registry, door, self.work.enter_by(self, door), self.locale)
        return made._apart() if self.drafting else made

    def with_company(self, company: int) -> Env:
        """Work in one company first, and in the others as before."""
        return self.with_companies(company, *(other for other in self.companies if other != company))

    @property
    def allowed_companies(self) -> tuple[int, ...]:
        """Ids of all companies that the user may work in, his main one first."""
        return tuple(self.execute(_ACCOUNT.rebind((self.user_id,))).column(int))

    def sudo(self, reason: LiteralString) -> Env:
        """Act elevated, for a reason that a stranger would accept; reason and place of the call are audited.

        ``reason`` must be a literal at the place of the call.
        """
        frame = sys._getframe(1)  # the constants of the caller prove it
        proven_literal(reason, frame)
        return self._elevated_for(reason, f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}")

    def _elevated_for(self, reason: str, caller: str) -> Env:
        """Give the elevated environment of one reason and place: whoever asks again goes on where he was."""
        if self.elevated:
            return self
        key = (reason, caller, self.user_id, self.companies, self.actor, self.locale, self.drafting)
        found = self.work.elevated.get(key)
        if found is None:
            door = self.database.elevated(reason, user=self.user_id, caller=caller)
            door = replace(door, context=replace(door.context, companies=self.companies, actor=self.actor))
            found = Env(self.work, self.database, self.registry, door, door.context, self.locale)
            found.drafting = self.drafting
            self.work.elevated[key] = found
        return found

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what happens inside when it fails, and go on. Only what is inside may fail and be passed over."""
        with self.work.savepoint():
            yield

    def lock(self, name: str, *, wait: bool = True) -> bool:
        """Be the only one in this database who is at something, until the end of the transaction; say whether one is.

        Whoever finds it taken, or began before the last one had ended, raises ``Conflict``: what he has seen is older
        than what the other one did. The whole unit of work runs again (``run``, and every request, does so), after its
        turn has come and before it has looked at anything. Without ``wait`` he only learns that it is taken.
        """
        key = self.database.lock_key(name)
        if not self.work.execute(self, _TRY_LOCK.rebind((key,))).scalar(bool):
            if not wait:
                return False
            raise Conflict(wait_for=(self.database.name, key))
        if name not in self.work.held:
            try:
                self.work.execute(self, _HOLD_LOCK.rebind((key,)))
            except Conflict as error:
                raise Conflict(wait_for=(self.database.name, key)) from error
            self.work.held.add(name)
        return True

    def flush(self) -> None:
        """Write what waits to be written, work out what depends on it, and check it."""
        self.work.flush()

    def execute(self, query: Sql) -> Result:
        """Run a composed statement under this context: for what the ORM does not say. Flush first when it must see."""
        return self.work.execute(self, query)

    def compiler(self) -> Compiler:
        """Give what compiles conditions for whoever acts here."""
        return Compiler(self.registry, Bound(self.user_id, self.companies), self.sees, self.lang, self._found_by)

    def _found_by(self, info: ModelInfo, field: Computed[Any], leaf: Leaf) -> Condition:
        """Ask the method by which a field that is not stored is found; what its condition speaks of is written."""
        condition = asked(self[info.name], field, leaf)
        self.work.prepare(self, names_in(condition))
        return condition

    @property
    def rights(self) -> Rights:
        """What the user's groups may do with the columns of each model."""
        return self.registry.rights(self.context.profile, self.groups)

    def readable(self, info: ModelInfo) -> frozenset[str]:
        """The columns of a model that the user's groups may read at all."""
        return self.rights.readable(info)

    def sees(self, info: ModelInfo, field: AnyField) -> bool:
        """Whether the user's groups may read a field at all, links to many and unstored ones included."""
        return self.rights.sees(self.registry, info, field)

    def refuse_unreadable(self, info: ModelInfo, field: AnyField) -> None:
        """Raise ``AccessError`` for a field that the user's groups may not read."""
        if not self.sees(info, field):
            raise AccessError(_("You may not read {label} of {model}.", label=field.label, model=info.description))


@contextmanager
def open_env(
    database: Database, registry: Registry, door: Door, *, mode: Mode = "write", locale: Locale | None = None
) -> Generator[Env]:
    """Open a transaction by a door; what was kept back is written and checked before it is committed."""
    with database.transaction(door, mode) as transaction:
        env = env_in(transaction, database, registry, door, locale or Locale())
        try:
            yield env
            env.work.finish()
        finally:
            env.work.end()


def env_in(transaction: object, database: Database, registry: Registry, door: Door, locale: Locale) -> Env:
    """Make the first environment of a transaction."""
    from growsoft.postgres.transaction import ContextRefused, Transaction

    if not isinstance(transaction, Transaction) or transaction.context is None:
        raise ContextRefused("An environment needs a transaction that was entered by a user.")
    served = registry.served(transaction)
    return Env(Work(transaction, door), database, served, door, transaction.context, locale)


def run(
    database: Database,
    registry: Registry,
    door: Callable[[], Door],
    work: Callable[[Env], T],
    *,
    mode: Mode = "write",
    locale: Locale | None = None,
) -> T:
    """Do a whole unit of work; again when it lost against somebody else's. ``door`` is asked anew for each attempt."""

    def attempt() -> T:
        with open_env(database, registry, door(), mode=mode, locale=locale) as env:
            return work(env)

    return retrying(attempt)


_TRY_LOCK: Final = sql("SELECT pg_try_advisory_xact_lock({key}::bigint)", key=0)
_HOLD_LOCK: Final = sql("SELECT gs.hold_lock({key}::bigint)", key=0)
Values = Mapping[str, object]
_ACCOUNT: Final = sql("SELECT unnest(companies) FROM gs.account({user}::bigint)", user=0)
