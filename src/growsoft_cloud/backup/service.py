"""Backing up: one full, independent, encrypted backup of a database, proven at every site of its policy."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from msgspec import structs

from growsoft.keeper.verbs import HistoryHead
from growsoft.postgres.dump import DumpFacts
from growsoft.security.envelope import KeyUnusable, WrappedKey, derived
from growsoft.security.filefolder import FileFolder
from growsoft.security.keyring import Keyring
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import CIPHER, COMPRESSION, Packed, pack
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.copies import (
    Copy,
    Failure,
    More,
    Small,
    Spread,
    prove,
    proven_bytes,
    put,
    repair,
    spread,
)
from growsoft_cloud.backup.errors import BackupError, NoGoodCopy, NoSiteTook, SiteError, SiteFull
from growsoft_cloud.backup.files import (
    STORAGE,
    Earlier,
    FileIndex,
    Gathering,
    file_name,
    open_index,
    seal_index,
)
from growsoft_cloud.backup.guard import Guard, Work
from growsoft_cloud.backup.manifest import (
    Contents,
    Encoding,
    FileList,
    Keys,
    Manifest,
    Source,
    StoredObject,
    Subject,
    associated_data,
    seal_contents,
    write_manifest,
)
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.progress import Listener, Meter, Step
from growsoft_cloud.backup.records import BackupRecord, Catalogue, CustomerKeys, Proof
from growsoft_cloud.backup.seals import NOTE, keep_seal
from growsoft_cloud.backup.sites import Kind, Site, new_name
from growsoft_cloud.fleet.policy import BackupPolicy, PolicyError

# A file that was read back from a site so long ago is not sent or read again for the next backup; then mending has
# to read it first.
TAKEN_OVER_FOR: Final = timedelta(days=7)

# How long one waits for somebody else who mends or deletes copies of the same database, in seconds.
PATIENCE: Final = 3600.0


class _First(NamedTuple):
    """A backup at the first site that took it."""

    site: Site
    manifest: Manifest
    small: Small
    copy: Copy
    history: HistoryHead | None
    more: More


class _Wish(NamedTuple):
    """Who hears of a backup that is being made, and what is held until it is recorded."""

    listener: Listener | None
    held: ExitStack


class _Dumped(NamedTuple):
    """An archive at a site, and the key that opens it."""

    backup: UUID
    data_key: bytes
    stored: StoredObject
    packed: Packed
    facts: DumpFacts
    subject: Subject
    history: HistoryHead | None


@dataclass(frozen=True, slots=True)
class BackupService:
    """Makes and keeps the backups of one instance. `keyring` seals; `retired` ones still prove older manifests.

    `files` has a folder for each database that keeps files; without it what a restore brings is only looked at.
    """

    instance: UUID
    keyring: Keyring
    policy: BackupPolicy[Site]
    cluster: Cluster
    catalogue: Catalogue
    customer_keys: CustomerKeys
    guard: Guard
    retired: tuple[Keyring, ...] = ()
    files: Path | None = None

    @property
    def keyrings(self) -> tuple[Keyring, ...]:
        """Every keyring whose manifests are believed."""
        return (self.keyring, *self.retired)

    def backup_now(
        self, subject: Subject, purpose: str = "manual", listener: Listener | None = None, *, wait: float = 300.0
    ) -> BackupRecord:
        """Back up a database and record what came of it; look at `complete` and `failures`.

        `subject` is what the control database knows of it; the versions of its apps are read from the database itself.
        One dump is written to the first site that takes it, and copied from there as it is. Raises `NoSiteTook` when
        no site did, `DumpFailed` when PostgreSQL did not give it, `AlreadyWorking` when another one was being made
        for `wait` seconds.
        """
        with self.guard.only(subject.uuid, Work.MAKING, wait=wait):
            return self._made(subject, purpose, listener)

    def _made(self, subject: Subject, purpose: str, listener: Listener | None) -> BackupRecord:
        for site in self.policy.sites:
            with suppress(SiteError):
                site.sweep()
        with ExitStack() as held:
            return self._everywhere(subject, self._first(subject, purpose, _Wish(listener, held)), listener)

    def _everywhere(
        self, subject: Subject, begun: tuple[_First, Sequence[Failure]], listener: Listener | None
    ) -> BackupRecord:
        first, refused = begun
        # From here on there is a backup: whoever dies now leaves copies to be made of it, not a dump to be made again.
        self._recorded(first.manifest, first.small.stored, Spread((first.copy,), tuple(refused)))
        tried = {failure.site for failure in refused} | {first.site.name}
        others = [site for site in self.policy.sites if site.name not in tried]
        archive = first.manifest.archive
        meter = Meter(listener, Step.COPY, archive.bytes * len(others))
        outcome = spread(first.site, others, archive, first.small, meter, first.more)
        unsealed = () if first.history is None else keep_seal(self.policy.sites, subject.uuid, first.history)
        return self._recorded(
            first.manifest,
            first.small.stored,
            Spread((first.copy, *outcome.copies), (*refused, *outcome.failures, *unsealed)),
        )

    def list(self, database: UUID | None = None) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        return self.catalogue.list(database)

    def find(self, backup: str) -> BackupRecord:
        """Return a backup by its short id or its uuid; raises `BackupNotFound`."""
        return self.catalogue.find(backup)

    def repair(self, backup: str, proven: dict[str, set[str]] | None = None) -> BackupRecord:
        """Read every copy back, replace what is missing or corrupt from a good one, and record the result.

        Raises `NoGoodCopy` when there is none. Files that `proven` has for a site are not read again.
        """
        database = self.catalogue.find(backup).manifest.database.uuid
        with self.guard.only(database, Work.COPIES, wait=PATIENCE):
            record = self.catalogue.find(backup)
            small, _failures = self.manifest_of(record)
            more = (*record.manifest.objects[1:], *self.index_of(record.manifest).objects)
            outcome = repair(self.policy.sites, record.manifest.archive, small, more, proven)
            return self._recorded(record.manifest, record.manifest_object, outcome, record.proof)

    def proved(self, backup: str, proof: Proof) -> BackupRecord:
        """Remember a trial restore of a backup."""
        database = self.catalogue.find(backup).manifest.database.uuid
        with self.guard.only(database, Work.COPIES, wait=PATIENCE):
            record = structs.replace(self.catalogue.find(backup), proof=proof)
            self.catalogue.record(record)
        return record

    def manifest_of(self, record: BackupRecord) -> tuple[Small, tuple[Failure, ...]]:
        """Return the manifest from the first site that has it whole, and what failed before; its seal is not checked.

        Raises `NoGoodCopy`.
        """
        failures: list[Failure] = []
        for site in self.policy.sites:
            try:
                data = proven_bytes(site, record.manifest_object)
            except SiteError as error:
                failures.append(Failure(site.name, error.message))
            else:
                return Small(record.manifest_object, data), tuple(failures)
        raise NoGoodCopy(_with_reasons(NoGoodCopy.default_message(), failures))

    def archive_of(self, record: BackupRecord, prefer: str = "") -> tuple[Site, tuple[Failure, ...]]:
        """Return a site whose archive was read back just now and was right, and what failed before.

        Raises `NoGoodCopy`.
        """
        failures: list[Failure] = []
        for site in sorted(self.policy.sites, key=lambda site: site.name != prefer):
            try:
                prove(site, record.manifest.archive)
            except SiteError as error:
                failures.append(Failure(site.name, error.message))
            else:
                return site, tuple(failures)
        raise NoGoodCopy(_with_reasons(NoGoodCopy.default_message(), failures))

    def data_key(self, manifest: Manifest) -> bytes:
        """Open a backup's key by the customer's, which the control database knows; its own comes along.

        Raises `KeyUnusable`.
        """
        wrapped = WrappedKey.from_text(manifest.keys.data_key)
        if manifest.keys.customer_key:
            customer_key = WrappedKey.from_text(manifest.keys.customer_key)
        else:
            customer_key = self.customer_keys.find(manifest.database.uuid, manifest.keys.customer_key_id)
        for keyring in self.keyrings[:-1]:
            with suppress(KeyUnusable):
                return keyring.unwrap(wrapped, customer_key)
        return self.keyrings[-1].unwrap(wrapped, customer_key)

    def index_of(self, manifest: Manifest) -> FileIndex:
        """Return the list of a backup's files, from the first site that has it whole. Raises `BackupError`."""
        if manifest.files is None:
            return FileIndex()
        reasons: list[Failure] = []
        for site in self.policy.sites:
            try:
                data = proven_bytes(site, manifest.files.stored)
                return open_index(data, self.data_key(manifest), manifest.id)
            except SiteError as error:
                reasons.append(Failure(site.name, error.message))
            except KeyUnusable as error:
                raise NoGoodCopy(f"The files of {manifest.short_id} cannot be told any more: {error}") from error
        raise NoGoodCopy(_with_reasons(NoGoodCopy.default_message(), reasons))

    def folder_of(self, postgres_name: str) -> FileFolder | None:
        """Return the files of a database; None where there are none to be had."""
        return None if self.files is None else FileFolder(self.files / postgres_name)

    def _earlier(self, database: UUID) -> Earlier:
        """Return the files of the newest backup that has some, and at which sites they were proven not long ago."""
        since = datetime.now(UTC) - TAKEN_OVER_FOR
        for record in self.catalogue.list(database):
            if record.manifest.files is not None:
                proven = {copy.site: copy.verified_at for copy in record.copies if copy.verified_at > since}
                with suppress(BackupError):
                    return Earlier(self.index_of(record.manifest), proven)
        return Earlier()

    def _first(self, subject: Subject, purpose: str, wish: _Wish) -> tuple[_First, Sequence[Failure]]:
        """Write the backup to the first site that takes it and gives it back."""
        refused: list[Failure] = []
        expected = max((record.bytes for record in self.catalogue.list(subject.uuid)[:1]), default=0)
        for site in self.policy.sites:
            try:
                _refuse_full(site, expected)
                return self._written(site, subject, purpose, wish), refused
            except SiteError as error:
                # A stream cannot be rewound: the next site gets a dump, a key and names of its own.
                refused.append(Failure(site.name, error.message))
        raise NoSiteTook(_with_reasons(NoSiteTook.default_message(), refused))

    def _written(self, site: Site, subject: Subject, purpose: str, wish: _Wish) -> _First:
        """Write archive, files and manifest to one site and prove all; what cannot be proven is removed again."""
        dumped = self._dumped(site, subject, wish.listener)
        own: MutableSequence[Small] = []
        try:
            prove(site, dumped.stored, Meter(wish.listener, Step.VERIFY, dumped.stored.bytes))
            told, more = self._with_files(site, dumped, own, wish.held)
            manifest = self._manifest(dumped, purpose, told)
            data = write_manifest(manifest, self.keyring)
            small = Small(StoredObject(new_name(Kind.MANIFEST), len(data), sha256(data).hexdigest()), data)
            put(site, small)
        except BaseException:
            with suppress(SiteError):
                for stored in (dumped.stored, *(small.stored for small in own)):
                    site.delete(stored.name)
            raise
        return _First(site, manifest, small, more.copy_at(site), dumped.history, more)

    def _with_files(
        self, site: Site, dumped: _Dumped, own: MutableSequence[Small], held: ExitStack
    ) -> tuple[FileList | None, More]:
        """Bring the files that a dump refers to, to its site, and list them."""
        addresses, subject = dumped.facts.files, dumped.subject
        if not addresses:
            return None, More()
        # What an earlier backup keeps must not be deleted while this one counts on it.
        held.enter_context(self.guard.reading(subject.uuid))
        earlier = self._earlier(subject.uuid)
        key = derived(self.keyring.open(self.customer_keys.current(subject.uuid)).material, "file-names")
        folder = self.folder_of(subject.postgres_name)
        others = [other for other in self.policy.sites if other is not site]
        index = Gathering(site, others, folder, partial(file_name, subject.uuid, key), earlier).gather(addresses)
        told, small = seal_index(index, dumped.data_key, dumped.backup)
        put(site, small)
        own.append(small)
        proven = {one.name: (earlier.proven[one.name], earlier.at(one)) for one in self.policy.sites
                  if one.name in earlier.proven}  # fmt: skip
        return told, More((small.stored,), index.objects, proven)

    def _dumped(self, site: Site, subject: Subject, listener: Listener | None) -> _Dumped:
        """Stream a dump, compressed and encrypted, into a new object of a site."""
        backup, data_key, name = uuid4(), new_data_key(), new_name(Kind.ARCHIVE)
        with (
            site.create(name) as writer,
            written_by(lambda fd: self.cluster.dump(subject.postgres_name, fd)) as dump,
        ):
            meter = Meter(listener, Step.DUMP)
            packed = pack(dump.stream, writer, data_key, associated_data("archive", backup), meter)
            # Inside the block: when the dump failed at its very end, the object must not come to be.
            told = dump.result()
            _refuse_another(subject, told.uuid)
        stored = StoredObject(name, packed.stored.bytes, packed.stored.sha256)
        return _Dumped(
            backup, data_key, stored, packed, told.facts, structs.replace(subject, apps=told.apps), told.history
        )

    def _manifest(self, dumped: _Dumped, purpose: str, files: FileList | None) -> Manifest:
        """Describe a backup."""
        facts, subject = dumped.facts, dumped.subject
        customer_key = self.customer_keys.current(subject.uuid)
        contents = Contents(
            dump_bytes=dumped.packed.plain.bytes,
            dump_sha256=dumped.packed.plain.sha256,
            rows=facts.rows,
            roles=facts.roles,
            roles_sql=facts.roles.text(),
        )
        return Manifest(
            id=dumped.backup,
            number=self.catalogue.next_number(),
            instance=self.instance,
            created_at=facts.snapshot_at,
            finished_at=datetime.now(UTC),
            purpose=purpose,
            database=subject,
            postgres=_source(facts),
            encoding=Encoding(compression=COMPRESSION, cipher=CIPHER),
            archive=dumped.stored,
            files=files,
            keys=Keys(
                customer_key_id=customer_key.key_id,
                data_key=self.keyring.wrap(dumped.data_key, customer_key).to_text(),
                customer_key=customer_key.to_text() if subject.control else "",
            ),
            contents=seal_contents(contents, dumped.data_key, dumped.backup),
            notes={} if dumped.history is None else {NOTE: f"{dumped.history.number} {dumped.history.hash}"},
        )

    def _recorded(
        self, manifest: Manifest, manifest_object: StoredObject, outcome: Spread, proof: Proof | None = None
    ) -> BackupRecord:
        """Remember a backup with its proven copies."""
        record = BackupRecord(
            manifest=manifest,
            manifest_object=manifest_object,
            copies=outcome.copies,
            failures=(*outcome.failures, *_of_missing(manifest)),
            complete=self._keeps_promise(outcome.copies) and not manifest.missing_files,
            proof=proof,
        )
        self.catalogue.record(record)
        return record

    def _keeps_promise(self, copies: Sequence[Copy]) -> bool:
        """Say whether copies alone would make a policy: the rule stands in one place."""
        proven = {copy.site for copy in copies}
        sites = tuple(site for site in self.policy.sites if site.name in proven)
        try:
            BackupPolicy(self.policy.retention, sites, self.policy.production)
        except PolicyError:
            return False
        return True


def _source(facts: DumpFacts) -> Source:
    """Describe the PostgreSQL of a dump."""
    return Source(
        version=facts.server_version,
        encoding=facts.encoding,
        locale_provider=facts.locale_provider,
        locale=facts.locale,
        bytes=facts.database_bytes,
        extensions=facts.extensions,
    )


def _of_missing(manifest: Manifest) -> tuple[Failure, ...]:
    """Say loudly that records referred to files which were not in the storage any more."""
    if not manifest.missing_files:
        return ()
    return (
        Failure(
            STORAGE,
            f"{manifest.missing_files} files of {manifest.database.name} were missing from its storage when it was "
            "backed up; restore an older backup beside it and take them from there.",
        ),
    )


def _refuse_another(subject: Subject, told: UUID) -> None:
    """Refuse a database that says itself that it is another one than the control database thinks."""
    if subject.uuid != told:
        raise BackupError(
            f"The database {subject.postgres_name} is {told}, but is listed as {subject.uuid}; correct its entry first."
        )


def _refuse_full(site: Site, expected: int) -> None:
    """Refuse a site that has less room than the last backup took: the dump would be for nothing."""
    free = site.free_space()
    if free is not None and free < expected:
        raise SiteFull(site.name, f"the site has {free} bytes left, the last backup took {expected}; make room there.")


def _with_reasons(message: str, failures: Sequence[Failure]) -> str:
    """Return a message with the reason of each site."""
    return " ".join([message, *(failure.reason for failure in failures)])
