"""The port: the verbs as methods, the same whether the keeper is another process or this one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from growsoft.keeper.verbs import (
    ApplyDeclarations,
    AppsChanged,
    AppsListed,
    ClusterListed,
    CopyDatabase,
    Created,
    CreateDatabase,
    DeclarationsApplied,
    DropDatabase,
    Dropped,
    Dump,
    Dumped,
    Ensured,
    EnsureProfile,
    HistoryHead,
    HistorySealed,
    HistorySwept,
    HistoryVerified,
    InstallApps,
    KeysRotated,
    ListApps,
    ListCluster,
    Rehearsed,
    RehearseUpgrade,
    Restore,
    RotateKeys,
    SealHistory,
    SweepHistory,
    UninstallApps,
    UpgradeApps,
    Verb,
    VerifyHistory,
)
from growsoft.postgres.apply import Applied
from growsoft.postgres.role_facts import RoleFacts

A = TypeVar("A")


class WorkerVerbs(ABC):
    """The two verbs of workers: a `KeeperPort`."""

    @abstractmethod
    def ask(self, verb: Verb, expected: type[A], fd: int | None = None) -> A:
        """Have a verb done and return its answer, which is of the expected kind; raises `GrowsoftError`."""

    def ensure_profile(self, database: str) -> None:
        """Grant the login of a database exactly the profiles that its accounts use."""
        self.ask(EnsureProfile(database), Ensured)

    def apply_declarations(self, database: str) -> Applied:
        """Bring a database to what its apps declare; the answer has the fingerprint that the start-up check expects."""
        done = self.ask(ApplyDeclarations(database), DeclarationsApplied)
        return Applied(done.changed, done.drifts, done.fingerprint, apps=done.apps)


class Port(WorkerVerbs):
    """All verbs, for the command line and the operations worker."""

    def create_database(self, name: str, uuid: UUID, apps: Sequence[str]) -> Created:
        """Make a database with its login from the template of its apps; again for the same uuid it only answers."""
        return self.ask(CreateDatabase(name, uuid, tuple(apps)), Created)

    def drop_database(self, database: str) -> bool:
        """Drop a database and its login at once; returns whether it was there."""
        return self.ask(DropDatabase(database), Dropped).existed

    def copy_database(self, database: str, name: str, uuid: UUID) -> Created:
        """Copy a database, in use or not, into a new one with an identity of its own."""
        return self.ask(CopyDatabase(database, name, uuid), Created)

    def dump(self, database: str, fd: int) -> Dumped:
        """Write a database into a descriptor, in the custom form of `pg_dump`; the descriptor stays open."""
        return self.ask(Dump(database), Dumped, fd)

    def restore(
        self, name: str, uuid: UUID, fd: int, *, roles: RoleFacts, rows: Mapping[str, int] | None = None
    ) -> Created:
        """Make a new database of the dump in a descriptor; `rows`, when given, must be what is found in it."""
        profiles = {profile.name: profile.groups for profile in roles.profiles}
        verb = Restore(name, uuid, roles.names, profiles, None if rows is None else dict(rows))
        return self.ask(verb, Created, fd)

    def list_cluster(self) -> ClusterListed:
        """Say which databases and templates the cluster holds."""
        return self.ask(ListCluster(), ClusterListed)

    def list_apps(self, database: str) -> AppsListed:
        """Say which apps a database has, in which versions."""
        return self.ask(ListApps(database), AppsListed)

    def install_apps(self, database: str, apps: Sequence[str], *, demo: bool = False) -> AppsChanged:
        """Install apps with what they depend on; ``demo`` makes it a demo database."""
        return self.ask(InstallApps(database, tuple(apps), demo), AppsChanged)

    def upgrade_apps(self, database: str, apps: Sequence[str] = ()) -> AppsChanged:
        """Bring a database to the installed versions of its apps; the files of ``apps`` are loaded in any case."""
        return self.ask(UpgradeApps(database, tuple(apps)), AppsChanged)

    def uninstall_apps(self, database: str, apps: Sequence[str]) -> AppsChanged:
        """Uninstall apps with all that their tables and fields hold."""
        return self.ask(UninstallApps(database, tuple(apps)), AppsChanged)

    def rehearse_upgrade(self, database: str) -> Rehearsed:
        """Upgrade a copy of a database, say what came of it, and drop the copy."""
        return self.ask(RehearseUpgrade(database), Rehearsed)

    def seal_history(self, database: str) -> HistorySealed:
        """Seal what is new in the history of a database."""
        return self.ask(SealHistory(database), HistorySealed)

    def verify_history(self, database: str, known: Sequence[HistoryHead] = ()) -> HistoryVerified:
        """Compare the history of a database with its seals, and these with the heads that other places keep."""
        return self.ask(VerifyHistory(database, tuple(known)), HistoryVerified)

    def sweep_history(self, database: str, days: int) -> int:
        """Delete what was sealed more than `days` ago, 730 at least; returns how many rows that were."""
        return self.ask(SweepHistory(database, days), HistorySwept).rows

    def rotate_keys(self, database: str, key_id: int) -> None:
        """Bring signing key and login password of a database to a number: the present one, or the next."""
        self.ask(RotateKeys(database, key_id), KeysRotated)
