"""The keeper: the one holder of the superuser login, and the closed list of what it does with it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from growsoft.errors import GrowsoftError
from growsoft.keeper.archive import Archive
from growsoft.keeper.databases import Databases
from growsoft.keeper.history import History, Rounds
from growsoft.keeper.lifecycle import Lifecycle
from growsoft.keeper.locks import Locks
from growsoft.keeper.log import Caller, VerbLog
from growsoft.keeper.overlays import Overlays
from growsoft.keeper.port import Port
from growsoft.keeper.product import Product
from growsoft.keeper.records import Records
from growsoft.keeper.templates import Report, Templates
from growsoft.keeper.verbs import (
    ApplyDeclarations,
    AppVerb,
    ClusterVerb,
    CopyDatabase,
    CreateDatabase,
    Done,
    DropDatabase,
    Dump,
    EnsureProfile,
    HistoryVerb,
    InstallApps,
    ListApps,
    ListCluster,
    RehearseUpgrade,
    Restore,
    RotateKeys,
    SealHistory,
    Stop,
    Stopping,
    SweepHistory,
    UninstallApps,
    UpgradeApps,
    Verb,
    VerifyHistory,
    verb_name,
)
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import drop_unfinished
from growsoft.postgres.keeper import (
    DatabaseBusy,
    KeeperError,
    RequestMalformed,
    VerbRefused,
    is_retriable,
    superuser_errors,
)
from growsoft.security.keyring import Keyring

A = TypeVar("A")

# How long a verb waits for another one of the same database before it answers that the database is busy.
PATIENCE: Final = 30.0


def silent(step: str) -> None:
    """Report progress to nobody."""
    del step


class Keeper(Port):
    """The verbs' work, over one cluster. Thread-safe; one at a time for each instance (`start.hold`)."""

    def __init__(self, server: Endpoint, keyring: Keyring, product: Product, log: VerbLog) -> None:
        """Take the superuser's way in, the instance's keys, the installed apps, and where to note what is done."""
        self._server = server
        self._log = log
        # Who is told how far a verb is that this process asks itself for.
        self.report: Report = silent
        self._locks = Locks()
        self._records = Records(server)
        self._templates = Templates(server, self._records, product, self._locks)
        overlays = Overlays(product, self._templates)
        self._databases = Databases(server, keyring.worker_keys(), self._records, self._templates, overlays)
        self._history = History(self._databases)
        self.rounds = Rounds(self._history, self._records, self._locks)
        self._archive = Archive(self._databases, self._records, self._history)
        self._lifecycle = Lifecycle(self._databases, self._templates, product, self._archive, self._records)

    def start(self) -> None:
        """Make the cluster fit for us, and drop what an earlier keeper left half-made; before the first verb."""
        with self._records.session():
            self._records.prepare()
            with superuser_errors():
                drop_unfinished(self._server)
            self.sweep()
            self._records.drop_leftover_roles()

    def sweep(self) -> None:
        """Drop what failed verbs could not drop themselves, as when the server went away under them."""
        for name in self._records.unfinished_names():
            try:
                with self._locks.alone(name, 0):
                    self._records.sweep(name)
            except DatabaseBusy:
                continue  # not left behind: it is being made right now

    def perform(
        self, verb: Verb, caller: Caller, *, fd: int | None = None, report: Report = silent, patience: float = PATIENCE
    ) -> Done:
        """Do what a verb says, and note it. Raises `GrowsoftError` in every case that has a reason."""
        began = time.monotonic()
        outcome, error = "failed", "unknown"
        try:
            with self._locked(verb, patience), self._records.session():
                done = self._dispatch(verb, fd, report)
            outcome, error = "done", ""
        except GrowsoftError as failure:
            outcome, error = _outcome(failure), f"{type(failure).__name__}: {failure}"
            raise
        except Exception as failure:
            self._log.event("defect", caller, _described(failure))
            error = type(failure).__name__
            raise KeeperError from failure
        finally:
            self._log.verb(verb_name(verb), _names(verb), caller, time.monotonic() - began, outcome, error)
        return done

    def ask(self, verb: Verb, expected: type[A], fd: int | None = None) -> A:
        """Perform a verb for the process that we are in."""
        done = self.perform(verb, Caller.ourselves(), fd=fd, report=self.report)
        if not isinstance(done, expected):
            raise VerbRefused
        return done

    def _dispatch(self, verb: Verb, fd: int | None, report: Report) -> Done:
        if isinstance(verb, Dump | Restore | CopyDatabase):
            return self._archived(verb, fd, report)
        if fd is not None:
            raise RequestMalformed("This verb takes no descriptor.")
        if isinstance(verb, HistoryVerb):
            return self._of_history(verb)
        return self._of_apps(verb, report) if isinstance(verb, AppVerb) else self._of_cluster(verb, report)

    def _of_cluster(self, verb: ClusterVerb, report: Report) -> Done:
        match verb:
            case CreateDatabase(name, uuid, apps):
                return self._databases.create(name, uuid, apps, report)
            case DropDatabase(database):
                return self._databases.drop(database)
            case EnsureProfile(database):
                return self._databases.ensure_profile(database)
            case ApplyDeclarations(database):
                return self._databases.apply(database, report)
            case RotateKeys(database, key_id):
                return self._databases.rotate_keys(database, key_id)
            case ListCluster():
                return self._databases.list_cluster()
            case Stop():
                return Stopping()

    def _archived(self, verb: Dump | Restore | CopyDatabase, fd: int | None, report: Report) -> Done:
        match verb:
            case Dump(database):
                return self._archive.dump(database, _required(fd), report)
            case Restore():
                return self._archive.restore(verb, _required(fd), report)
            case CopyDatabase(database, name, uuid):
                return self._archive.copy(database, name, uuid, report)

    def _of_apps(self, verb: AppVerb, report: Report) -> Done:
        match verb:
            case ListApps(database):
                return self._lifecycle.describe(database)
            case InstallApps(database, apps, demo):
                return self._lifecycle.install(database, apps, report, demo=demo)
            case UpgradeApps(database, apps):
                return self._lifecycle.upgrade(database, apps, report)
            case UninstallApps(database, apps):
                return self._lifecycle.uninstall(database, apps, report)
            case RehearseUpgrade(database):
                return self._lifecycle.rehearse(database, report)

    def _of_history(self, verb: HistoryVerb) -> Done:
        match verb:
            case SealHistory(database):
                return self._history.seal(database)
            case VerifyHistory(database, known):
                return self._history.verify(database, known)
            case SweepHistory(database, days):
                return self._history.sweep(database, days)

    @contextmanager
    def _locked(self, verb: Verb, patience: float) -> Generator[None]:
        with ExitStack() as stack:
            for name, alone in _claims(verb):
                lock = self._locks.alone if alone else self._locks.shared
                stack.enter_context(lock(name, patience))
            yield


def _claims(verb: Verb) -> list[tuple[str, bool]]:
    """Say what a verb must hold, and whether alone.

    A dump can take an hour. Declarations and keys exclude only each other (both set the login's password), so that a
    worker that starts meanwhile can serve; what they change is kept apart from the dump by PostgreSQL's own locks.
    """
    match verb:
        case Dump(database) | EnsureProfile(database) | ListApps(database) | RehearseUpgrade(database):
            return [(database, False)]
        case SealHistory(database) | VerifyHistory(database) | SweepHistory(database):
            return [(database, False)]
        case ApplyDeclarations(database):
            return [(database, False), (f"declarations of {database}", True), (f"keys of {database}", True)]
        case RotateKeys(database):
            return [(database, False), (f"keys of {database}", True)]
        case CopyDatabase(database, name):
            return [(database, False), (name, True)]
        case CreateDatabase(name) | Restore(name) | DropDatabase(name):
            return [(name, True)]
        case InstallApps(database) | UpgradeApps(database) | UninstallApps(database):
            return [(database, True)]
        case ListCluster() | Stop():
            return []


def _names(verb: Verb) -> str:
    """Name the databases of a verb, for the log."""
    match verb:
        case CopyDatabase(database, name):
            return f"{database}, {name}"
        case CreateDatabase(name) | Restore(name):
            return name
        case ListCluster() | Stop():
            return ""
        case _:
            return verb.database


def _required(fd: int | None) -> int:
    if fd is None:
        raise RequestMalformed("This verb needs a descriptor, and none came with it.")
    return fd


def _described(defect: Exception) -> str:
    """Say where a defect is. What a driver says of it stays out: it quotes statements, and one holds a password."""
    said = str(defect) if type(defect).__module__ == "builtins" else ""
    return "".join([*traceback.format_tb(defect.__traceback__, -4), f"{type(defect).__name__}: {said}"])


def _outcome(failure: GrowsoftError) -> str:
    if isinstance(failure, VerbRefused | RequestMalformed):
        return "refused"
    return "busy" if is_retriable(failure) else "failed"
