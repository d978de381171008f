"""The desk: the backups of one instance, as its commands and its first start need them."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from growsoft.apps.instance.data import MAIN_CLUSTER
from growsoft.apps.instance.directory import Located
from growsoft.apps.instance.models import State, check_database_name
from growsoft.cli.databases import DEMO, keep_certificate, making, record_database, set_state
from growsoft.cli.errors import NotFound
from growsoft.cli.instance import Instance, open_instance
from growsoft.errors import GrowsoftError, ValidationError
from growsoft.keeper.port import Port
from growsoft.keeper.verbs import Created
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.sql import sql
from growsoft_cloud.backup.catalogue import ControlCatalogue, ControlKeys
from growsoft_cloud.backup.clocks import DAILY
from growsoft_cloud.backup.cluster import KeeperCluster
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import Manifest, Subject
from growsoft_cloud.backup.restore import Hook, Target, new_target
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.cli import Incomplete, backup_commands
from growsoft_cloud.cli_download import download_command
from growsoft_cloud.cli_keys import key_commands, purge_command
from growsoft_cloud.cli_moment import preview_command, restore_at
from growsoft_cloud.cli_swap import swap_commands
from growsoft_cloud.fleet.models import CustomerDatabase
from growsoft_cloud.fleet.sites import policy_of, prepare_played


@dataclass(frozen=True, slots=True)
class InstanceDesk:
    """The ``Desk`` of an instance."""

    instance: Instance
    service: BackupService

    def subject(self, name: str, /) -> Subject:
        """Return a database by the name people call it, the newest of those that had it."""
        if name == "control":
            return self._subject(self.instance.facts.control, "paid", "active")
        with self.instance.env(self.instance.facts.control, "a database is looked up for its backups") as env:
            rows = env[CustomerDatabase].search(CustomerDatabase.name == name, order="id desc", limit=1)
            if not rows:
                raise NotFound(
                    f"There is no database {name}; `growsoft db list --all` shows those that are or were there."
                )
            where = Located(rows.name, UUID(rows.uuid), rows.pg_name, rows.key_id, tuple(rows.apps.split(",")))
            return self._subject(where, rows.plan.value, rows.state.value)

    def incoming(self, name: str, /) -> tuple[Target, Sequence[Hook]]:
        """Refuse a name that is taken; return the database to come, and what enters it under that name."""
        target = self.coming(name)

        def entered(created: Created, manifest: Manifest) -> None:
            self.enter(name, target, created, manifest.database)

        return target, [entered]

    def coming(self, name: str, /) -> Target:
        """Refuse a name that is taken; return the database to come."""
        check_database_name(name)
        try:
            self.instance.find(name)
        except NotFound:
            return new_target()
        raise ValidationError(f"There is a database {name} already; restore into a new name.")

    def enter(self, name: str, target: Target, created: Created, of: Subject) -> None:
        """Enter a restored database under its name; `of` is the one that it was restored from."""
        where = Located(name, target.uuid, target.name, created.key_id, tuple(created.apps))
        with making(self.instance, fcntl.LOCK_SH):
            record_database(self.instance, where, of.plan or "paid")
            self._note_origin(where, of)
            keep_certificate(self.instance, name)
            set_state(self.instance, where, State.ACTIVE)

    def lineage(self, name: str, /) -> Sequence[UUID]:
        """Return the database of a name, and those of which it is a restored backup or that were restored of it."""
        newest = self.subject(name)
        if newest.control:
            return (newest.uuid,)
        with self.instance.env(self.instance.facts.control, "a database's backups are looked for") as env:
            origin = env[CustomerDatabase].search(CustomerDatabase.uuid == str(newest.uuid)).origin()
            family = (CustomerDatabase.lineage == origin) | (CustomerDatabase.uuid == origin)
            return [UUID(row.uuid) for row in env[CustomerDatabase].search(family, order="id desc")]

    def _subject(self, where: Located, plan: str, state: str) -> Subject:
        return Subject(
            uuid=where.uuid,
            name=where.name,
            postgres_name=where.pg_name,
            plan=plan,
            state=state,
            addresses=(self.instance.url(where.name),),
            cluster=MAIN_CLUSTER,
            data_centre=self.service.policy.production.name,
            control=where == self.instance.facts.control,
        )

    def _note_origin(self, where: Located, of: Subject) -> None:
        """Remember whose data it is: only over a database of the same customer it may be swapped."""
        known = CustomerDatabase.uuid
        with self.instance.env(self.instance.facts.control, "a restored database remembers where it is from") as env:
            source = env[CustomerDatabase].search(known == str(of.uuid))
            origin = source.origin() if source else str(of.uuid)
            env[CustomerDatabase].search(known == str(where.uuid)).write(
                {"lineage": origin, "beside": True, "staging": bool(source and source.staging)}
            )


@contextmanager
def desk_of(instance: Instance, keeper: Port) -> Generator[InstanceDesk]:
    """Open the desk over an instance that is open."""
    with instance.env(instance.facts.control, "the sites of backups are looked up") as env:
        policy = policy_of(env, instance.state, instance.keyring)
    service = BackupService(
        instance=instance.facts.instance,
        keyring=instance.keyring,
        policy=policy,
        cluster=KeeperCluster(keeper, _server_version(instance), instance.state.primary.parent),
        catalogue=ControlCatalogue(instance),
        customer_keys=ControlKeys(instance),
        guard=FileGuard(instance.state.keeper / "backups"),
        files=instance.state.files,
    )
    yield InstanceDesk(instance, service)


@contextmanager
def open_desk() -> Generator[InstanceDesk]:
    """Open the desk of the instance of the environment."""
    with open_instance() as instance, instance.keeper() as keeper, desk_of(instance, keeper) as desk:
        yield desk


def first_backups(instance: Instance, say: Callable[[str], None]) -> None:
    """Take and verify a first backup of what a first start makes: a hook of each start.

    Not of every database without a backup: a start must not take as long as the largest of them.
    """
    with instance.env(instance.facts.control, "the sites of this machine are made at its first start") as env:
        prepare_played(env, instance.state)
    with instance.keeper() as keeper, desk_of(instance, keeper) as desk:
        for name in ("control", *_made_by_setup(instance)):
            subject = desk.subject(name)
            if not desk.service.list(subject.uuid):
                say(_first_backup(desk, subject))


def backup_before(instance: Instance, name: str, purpose: str) -> str:
    """Back a database up before it is changed; give the backup's short id. Raises what is in the way of copies."""
    with instance.keeper() as keeper, desk_of(instance, keeper) as desk:
        record = desk.service.backup_now(desk.subject(name), purpose)
    if not record.complete:
        reasons = " ".join(failure.reason for failure in record.failures)
        raise Incomplete(f"{record.id} has too few proven copies. {reasons}")
    return record.id


def _made_by_setup(instance: Instance) -> list[str]:
    is_demo = (CustomerDatabase.name == DEMO) & (CustomerDatabase.state == State.ACTIVE)
    with instance.env(instance.facts.control, "the demo database is looked for, to back it up") as env:
        return env[CustomerDatabase].search(is_demo).mapped(CustomerDatabase.name)


def _first_backup(desk: InstanceDesk, subject: Subject) -> str:
    try:
        record = desk.service.backup_now(subject, DAILY)
    except GrowsoftError as error:
        return f"No backup of {subject.name} yet: {error.message}"
    if not record.complete:
        reasons = " ".join(failure.reason for failure in record.failures)
        return f"{record.id} of {subject.name} has too few copies. {reasons} Then: growsoft backup verify {record.id}"
    return f"Backed up {subject.name}: {record.id}, {len(record.copies)} copies, each read back and compared."


backup = backup_commands(open_desk, partial(restore_at, open_desk))
for _command in (
    preview_command(open_desk),
    *swap_commands(open_desk),
    *key_commands(open_desk),
    download_command(open_desk),
):
    backup.add_command(_command)
db_purge = purge_command(open_desk)


def _server_version(instance: Instance) -> int:
    control = instance.database(instance.facts.control)
    with control.transaction(LoginDoor(), "read") as transaction:
        return int(transaction.execute(sql("SELECT current_setting('server_version_num')")).scalar())
