"""Making a backup: one dump at the first site that takes it, with its files, and from there at all others."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from msgspec import structs

from growsoft.keeper.verbs import HistoryHead
from growsoft.postgres.dump import DumpFacts
from growsoft.security.envelope import derived
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import CIPHER, COMPRESSION, Packed, pack
from growsoft_cloud.backup.copies import Copy, Failure, More, Small, Spread, prove, put, spread
from growsoft_cloud.backup.errors import BackupError, NoSiteTook, SiteError, SiteFull
from growsoft_cloud.backup.files import Earlier, Gathering, file_name, seal_index
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
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.seals import NOTE, keep_seal
from growsoft_cloud.backup.shelf import Shelf, with_reasons
from growsoft_cloud.backup.sites import Kind, Site, new_name

# A file that was read back from a site so long ago is not sent or read again for the next backup; then mending has
# to read it first.
TAKEN_OVER_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Making:
    """One backup that is being made: of what, for what, and who hears of it."""

    shelf: Shelf
    subject: Subject
    purpose: str
    listener: Listener | None = None

    def run(self) -> BackupRecord:
        """Make it and record what came of it; nobody else may be making one of this database."""
        for site in self.shelf.policy.sites:
            with suppress(SiteError):
                site.sweep()
        with ExitStack() as held:
            return self._everywhere(*self._first(held))

    def _everywhere(self, first: _First, refused: Sequence[Failure]) -> BackupRecord:
        # From here on there is a backup: whoever dies now leaves copies to be made of it, not a dump to be made again.
        self.shelf.record(first.manifest, first.small.stored, Spread((first.copy,), tuple(refused)))
        tried = {failure.site for failure in refused} | {first.site.name}
        others = [site for site in self.shelf.policy.sites if site.name not in tried]
        archive = first.manifest.archive
        meter = Meter(self.listener, Step.COPY, archive.bytes * len(others))
        outcome = spread(first.site, others, archive, first.small, meter, first.more)
        unsealed = () if first.history is None else keep_seal(self.shelf.policy.sites, self.subject.uuid, first.history)
        return self.shelf.record(
            first.manifest,
            first.small.stored,
            Spread((first.copy, *outcome.copies), (*refused, *outcome.failures, *unsealed)),
        )

    def _first(self, held: ExitStack) -> tuple[_First, Sequence[Failure]]:
        """Write the backup to the first site that takes it and gives it back."""
        refused: list[Failure] = []
        expected = max((record.bytes for record in self.shelf.catalogue.list(self.subject.uuid)[:1]), default=0)
        for site in self.shelf.policy.sites:
            try:
                _refuse_full(site, expected)
                return self._written(site, held), refused
            except SiteError as error:
                # A stream cannot be rewound: the next site gets a dump, a key and names of its own.
                refused.append(Failure(site.name, error.message))
        raise NoSiteTook(with_reasons(NoSiteTook.default_message(), refused))

    def _written(self, site: Site, held: ExitStack) -> _First:
        """Write archive, files and manifest to one site and prove all; what cannot be proven is removed again."""
        dumped = self._dumped(site)
        own: MutableSequence[Small] = []
        try:
            prove(site, dumped.stored, Meter(self.listener, Step.VERIFY, dumped.stored.bytes))
            told, more = self._with_files(site, dumped, own, held)
            manifest = self._manifest(dumped, told)
            data = write_manifest(manifest, self.shelf.keyring)
            small = Small(StoredObject(new_name(Kind.MANIFEST), len(data), sha256(data).hexdigest()), data)
            put(site, small)
        except BaseException:
            with suppress(SiteError):
                for stored in (dumped.stored, *(small.stored for small in own)):
                    site.delete(stored.name)
            raise
        return _First(site, manifest, small, more.copy_at(site), dumped.history, more)

    def _dumped(self, site: Site) -> _Dumped:
        """Stream a dump, compressed and encrypted, into a new object of a site."""
        backup, data_key, name = uuid4(), new_data_key(), new_name(Kind.ARCHIVE)
        with (
            site.create(name) as writer,
            written_by(lambda fd: self.shelf.cluster.dump(self.subject.postgres_name, fd)) as dump,
        ):
            meter = Meter(self.listener, Step.DUMP)
            packed = pack(dump.stream, writer, data_key, associated_data("archive", backup), meter)
            # Inside the block: when the dump failed at its very end, the object must not come to be.
            told = dump.result()
            _refuse_another(self.subject, told.uuid)
        stored = StoredObject(name, packed.stored.bytes, packed.stored.sha256)
        return _Dumped(
            backup, data_key, stored, packed, told.facts, structs.replace(self.subject, apps=told.apps), told.history
        )

    def _with_files(
        self, site: Site, dumped: _Dumped, own: MutableSequence[Small], held: ExitStack
    ) -> tuple[FileList | None, More]:
        """Bring the files that a dump refers to, to its site, and list them."""
        addresses, subject = dumped.facts.files, dumped.subject
        if not addresses:
            return None, More()
        # What an earlier backup keeps must not be deleted while this one counts on it.
        held.enter_context(self.shelf.guard.reading(subject.uuid))
        earlier = self._earlier(subject.uuid)
        key = derived(self.shelf.keyring.open(self.shelf.customer_keys.current(subject.uuid)).material, "file-names")
        folder = self.shelf.folder_of(subject.postgres_name)
        others = [other for other in self.shelf.policy.sites if other is not site]
        index = Gathering(site, others, folder, partial(file_name, subject.uuid, key), earlier).gather(addresses)
        told, small = seal_index(index, dumped.data_key, dumped.backup)
        put(site, small)
        own.append(small)
        proven = {one.name: (earlier.proven[one.name], earlier.at(one)) for one in self.shelf.policy.sites
                  if one.name in earlier.proven}  # fmt: skip
        return told, More((small.stored,), index.objects, proven)

    def _earlier(self, database: UUID) -> Earlier:
        """Return the files of the newest backup that has some, and at which sites they were proven not long ago."""
        since = datetime.now(UTC) - TAKEN_OVER_FOR
        for record in self.shelf.catalogue.list(database):
            if record.manifest.files is not None:
                proven = {copy.site: copy.verified_at for copy in record.copies if copy.verified_at > since}
                with suppress(BackupError):
                    return Earlier(self.shelf.index_of(record.manifest), proven)
        return Earlier()

    def _manifest(self, dumped: _Dumped, files: FileList | None) -> Manifest:
        """Describe a backup."""
        facts, subject = dumped.facts, dumped.subject
        customer_key = self.shelf.customer_keys.current(subject.uuid)
        contents = Contents(
            dump_bytes=dumped.packed.plain.bytes,
            dump_sha256=dumped.packed.plain.sha256,
            rows=facts.rows,
            roles=facts.roles,
            roles_sql=facts.roles.text(),
        )
        return Manifest(
            id=dumped.backup,
            number=self.shelf.catalogue.next_number(),
            instance=self.shelf.instance,
            created_at=facts.snapshot_at,
            finished_at=datetime.now(UTC),
            purpose=self.purpose,
            database=subject,
            postgres=_source(facts),
            encoding=Encoding(compression=COMPRESSION, cipher=CIPHER),
            archive=dumped.stored,
            files=files,
            keys=Keys(
                customer_key_id=customer_key.key_id,
                data_key=self.shelf.keyring.wrap(dumped.data_key, customer_key).to_text(),
                customer_key=customer_key.to_text() if subject.control else "",
            ),
            contents=seal_contents(contents, dumped.data_key, dumped.backup),
            notes={} if dumped.history is None else {NOTE: f"{dumped.history.number} {dumped.history.hash}"},
        )


class _First(NamedTuple):
    """A backup at the first site that took it."""

    site: Site
    manifest: Manifest
    small: Small
    copy: Copy
    history: HistoryHead | None
    more: More


class _Dumped(NamedTuple):
    """An archive at a site, and the key that opens it."""

    backup: UUID
    data_key: bytes
    stored: StoredObject
    packed: Packed
    facts: DumpFacts
    subject: Subject
    history: HistoryHead | None


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
