"""The verbs: everything the keeper can be asked and everything it answers. Never SQL, never a path."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from growsoft.postgres.dump import DumpFacts
from growsoft.postgres.keeper import DATABASE_NAME
from growsoft.postgres.schema import Drift
from growsoft.postgres.sealing import SHORTEST_RETENTION

# A name that does not fit is refused while the request is decoded: no verb ever sees it. `\Z`, because `$` would let a
# line break pass.
DatabaseName: TypeAlias = Annotated[str, Meta(pattern=DATABASE_NAME)]
AppName: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,39}\Z")]
RoleName: TypeAlias = Annotated[str, Meta(pattern=r"\A(?!pg_|db_)[a-z_][a-z0-9_]{0,62}\Z")]
ProfileName: TypeAlias = Annotated[str, Meta(pattern=r"\Ap_[0-9a-f]{40}\Z")]
TableName: TypeAlias = Annotated[str, Meta(max_length=140)]
KeyId: TypeAlias = Annotated[int, Meta(ge=1, lt=2**31)]
Digest: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]

MOST_APPS: Final = 200
FIRST_KEY: Final = 1
AppNames: TypeAlias = Annotated[tuple[AppName, ...], Meta(min_length=1, max_length=MOST_APPS)]


class _Verb(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="verb"):
    """A request: its class is the verb, its fields are all that a caller may decide."""


class CreateDatabase(_Verb, frozen=True, tag="create_database"):
    """Make a customer's database with its login; asked again for the same uuid it only answers."""

    name: DatabaseName
    uuid: UUID
    apps: AppNames


class DropDatabase(_Verb, frozen=True, tag="drop_database"):
    """Drop a database and its login at once."""

    database: DatabaseName


class CopyDatabase(_Verb, frozen=True, tag="copy_database"):
    """Copy a database, in use or not, into a new one with an identity of its own."""

    database: DatabaseName
    name: DatabaseName
    uuid: UUID


class EnsureProfile(_Verb, frozen=True, tag="ensure_profile"):
    """Grant the login of a database exactly the profiles that its accounts use."""

    database: DatabaseName


class ApplyDeclarations(_Verb, frozen=True, tag="apply_declarations"):
    """Bring a database to what its apps declare, by adding only."""

    database: DatabaseName


class Dump(_Verb, frozen=True, tag="dump"):
    """Write a database into the descriptor that comes with the request."""

    database: DatabaseName


class Restore(_Verb, frozen=True, tag="restore"):
    """Make a new database of the dump in the descriptor that comes with the request.

    `roles` and `profiles` are those that the dump names; `rows`, when given, must be what is found afterwards.
    """

    name: DatabaseName
    uuid: UUID
    roles: Annotated[tuple[RoleName, ...], Meta(max_length=20_000)]
    profiles: dict[ProfileName, tuple[RoleName, ...]]
    rows: dict[TableName, Count] | None = None


class ListCluster(_Verb, frozen=True, tag="list_cluster"):
    """Say which databases and templates the cluster holds."""


class RotateKeys(_Verb, frozen=True, tag="rotate_keys"):
    """Bring signing key and login password of a database to a number: the present one, or the next."""

    database: DatabaseName
    key_id: KeyId


class ListApps(_Verb, frozen=True, tag="list_apps"):
    """Say which apps a database has, in which versions."""

    database: DatabaseName


class InstallApps(_Verb, frozen=True, tag="install_apps"):
    """Install apps with what they depend on; asked again it only answers. ``demo`` makes it a demo database."""

    database: DatabaseName
    apps: AppNames
    demo: bool = False


class UpgradeApps(_Verb, frozen=True, tag="upgrade_apps"):
    """Bring a database to the installed versions of its apps; the files of ``apps`` are loaded in any case."""

    database: DatabaseName
    apps: Annotated[tuple[AppName, ...], Meta(max_length=MOST_APPS)] = ()


class UninstallApps(_Verb, frozen=True, tag="uninstall_apps"):
    """Uninstall apps with all that their tables and fields hold."""

    database: DatabaseName
    apps: AppNames


class RehearseUpgrade(_Verb, frozen=True, tag="rehearse_upgrade"):
    """Upgrade a copy of a database, say what came of it, and drop the copy."""

    database: DatabaseName


class SealHistory(_Verb, frozen=True, tag="seal_history"):
    """Seal what is new in the history of a database."""

    database: DatabaseName


class HistoryHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seal of a history as it is remembered elsewhere: its number, and its SHA-256 in hexadecimal."""

    number: Count
    hash: Digest


class VerifyHistory(_Verb, frozen=True, tag="verify_history"):
    """Compare the history of a database with its seals, and these with the heads that other places keep."""

    database: DatabaseName
    known: Annotated[tuple[HistoryHead, ...], Meta(max_length=5_000)] = ()


class SweepHistory(_Verb, frozen=True, tag="sweep_history"):
    """Delete what was sealed more than some days ago; never less than two years."""

    database: DatabaseName
    days: Annotated[int, Meta(ge=SHORTEST_RETENTION.days, le=36_500)]


class Stop(_Verb, frozen=True, tag="stop"):
    """Let the keeper finish what it does and end."""


Verb: TypeAlias = (
    CreateDatabase | DropDatabase | CopyDatabase | EnsureProfile | ApplyDeclarations | Dump | Restore | ListCluster
    | RotateKeys | ListApps | InstallApps | UpgradeApps | UninstallApps | RehearseUpgrade | SealHistory | VerifyHistory
    | SweepHistory | Stop
)  # fmt: skip
AppVerb: TypeAlias = ListApps | InstallApps | UpgradeApps | UninstallApps | RehearseUpgrade
ClusterVerb: TypeAlias = (
    CreateDatabase | DropDatabase | EnsureProfile | ApplyDeclarations | ListCluster | RotateKeys | Stop
)  # fmt: skip
HistoryVerb: TypeAlias = SealHistory | VerifyHistory | SweepHistory
WorkerVerb: TypeAlias = EnsureProfile | ApplyDeclarations


def verb_name(verb: Verb) -> str:
    """Give the name of a verb, as it is on the wire and in the log."""
    return str(verb.__struct_config__.tag)


class Created(msgspec.Struct, frozen=True, tag="created"):
    """A database is there. With `key_id` and its uuid the workers' keys give its login password and signing key.

    `fingerprint` is what the start-up check expects; it is empty where an upgrade is needed first (a restored backup
    of older apps). `new` is false when it was there already. `rows` counts what a restore or a copy brought.
    """

    name: str
    uuid: UUID
    key_id: int
    apps: dict[str, str]
    fingerprint: str
    new: bool = True
    rows: dict[str, int] = {}

    @property
    def upgrade_needed(self) -> bool:
        """Whether the database belongs to other versions of its apps than are installed."""
        return not self.fingerprint


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """The database is gone; `existed` says whether it was there."""

    existed: bool


class Ensured(msgspec.Struct, frozen=True, tag="ensured"):
    """The profiles are granted; `new` counts those that were not before."""

    new: int


class DeclarationsApplied(msgspec.Struct, frozen=True, tag="applied"):
    """The database is what its apps declare, but for `drifts`; `fingerprint` is what the start-up check expects."""

    changed: bool
    fingerprint: str
    drifts: tuple[Drift, ...] = ()
    apps: tuple[str, ...] = ()


class Dumped(msgspec.Struct, frozen=True, tag="dumped"):
    """The dump is written; `facts` were read in its own snapshot, `history` is the newest seal before it."""

    uuid: UUID
    apps: dict[str, str]
    facts: DumpFacts
    history: HistoryHead | None = None


class DatabaseEntry(msgspec.Struct, frozen=True):
    """A customer's database in the cluster; `state` is `open`, or `unfinished` while it is being made.

    An `outdated` one belongs to other versions of its apps than are installed, and waits for its upgrade.
    """

    name: str
    bytes: int
    connections: int
    state: str
    outdated: bool = False


class TemplateEntry(msgspec.Struct, frozen=True):
    """A template, and the versions of the apps it holds."""

    name: str
    apps: dict[str, str]
    fingerprint: str


class ClusterListed(msgspec.Struct, frozen=True, tag="cluster"):
    """What the cluster holds; `server_version` is the server's number (170010)."""

    server_version: int
    databases: tuple[DatabaseEntry, ...]
    templates: tuple[TemplateEntry, ...]


class KeysRotated(msgspec.Struct, frozen=True, tag="rotated"):
    """The keys are at this number; the one before still signs, and no older one."""

    key_id: int


class AppsListed(msgspec.Struct, frozen=True, tag="apps"):
    """The apps of a database with their versions; `outdated` when the installed ones, or the platform, are others."""

    apps: dict[str, str]
    outdated: bool
    demo: bool


class AppsChanged(msgspec.Struct, frozen=True, tag="apps_changed"):
    """The database has these apps now; `before` are those it had.

    `notes` are for people, `statements` is the DDL that brought its tables to the declarations.
    """

    before: dict[str, str]
    apps: dict[str, str]
    fingerprint: str
    notes: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    seconds: float = 0.0
    changed: bool = True


class Rehearsed(msgspec.Struct, frozen=True, tag="rehearsed"):
    """What the upgrade did to a copy; `rows` has the tables whose number of rows it changed, before and after."""

    upgrade: AppsChanged
    rows: dict[str, tuple[int, int]]
    copy_seconds: float
    upgrade_seconds: float


class HistorySealed(msgspec.Struct, frozen=True, tag="sealed"):
    """So many rows were sealed; `head` is the newest seal. Others may be `waiting` for the end of a transaction."""

    rows: int
    head: HistoryHead | None
    waiting: bool


class HistoryFinding(msgspec.Struct, frozen=True):
    """What is wrong with a history: from which seal on, and the first row that it concerns."""

    wrong: str
    seal: int
    where: str
    text: str


class HistoryVerified(msgspec.Struct, frozen=True, tag="verified"):
    """What was looked at; the history is whole when there are no findings. `waiting` rows are not sealed yet."""

    rows: int
    seals: int
    swept: int
    waiting: int
    head: HistoryHead | None
    findings: tuple[HistoryFinding, ...]


class HistorySwept(msgspec.Struct, frozen=True, tag="swept"):
    """So many rows were deleted."""

    rows: int


class Stopping(msgspec.Struct, frozen=True, tag="stopping"):
    """The keeper takes no more requests."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request failed or was refused; `error` is the name of the error."""

    error: str
    message: str
    retriable: bool


Done: TypeAlias = (
    Created | Dropped | Ensured | DeclarationsApplied | Dumped | ClusterListed | KeysRotated | AppsListed | AppsChanged
    | Rehearsed | HistorySealed | HistoryVerified | HistorySwept | Stopping
)  # fmt: skip


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The request is being worked on; more messages follow."""

    step: str
    seconds: float


Message: TypeAlias = Done | Failed | Progress


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A request on the wire; its number is in every message that answers it."""

    number: Annotated[int, Meta(ge=0, le=2**62)]
    verb: Verb


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A message on the wire that belongs to a request."""

    number: int
    message: Message
