"""Manifests, format 1: what a backup is, of which database, and what is needed to restore it.

A manifest is two lines of JSON: the body, and the seal over the body's bytes. The body can be read without any key, as
far as disaster recovery needs it (which database, which plan, which addresses); what tells about the database's inside
(roles, row counts, files) is encrypted under the backup's own key. The reference: docs/reference/backup-format.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from growsoft.postgres.role_facts import RoleFacts, RolesRefused
from growsoft.security.keyring import Keyring
from growsoft_cloud.backup.archive import pack_bytes, unpack_bytes
from growsoft_cloud.backup.errors import ManifestError, ManifestForged, UnknownFormat

T = TypeVar("T")

FORMAT: Final = 1

# A restored database costs what its manifest says: nothing negative, no hash that is none, no time without a zone.
Size = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Moment = Annotated[datetime, Meta(tz=True)]


class StoredObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object as every site stores it: its name there, its length and the hash of exactly those bytes."""

    name: str
    bytes: Size
    sha256: Sha256


class FileList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list of a backup's files, sealed like its archive: how many, how many bytes, and how many were missing."""

    stored: StoredObject
    files: Size
    bytes: Size
    missing: Size = 0


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database that was backed up, as the control database knew it: enough to write its entry there again."""

    uuid: UUID
    name: str
    postgres_name: str
    plan: str
    state: str = "active"
    addresses: tuple[str, ...] = ()
    apps: dict[str, str] = {}
    cluster: str = ""
    data_centre: str = ""
    control: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The PostgreSQL that the dump came from; `version` is the server's number (170010), `bytes` its size on disk."""

    version: Number
    encoding: str
    locale_provider: str
    locale: str
    bytes: Size
    extensions: dict[str, str] = {}


class Encoding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the archive's bytes came about, from the inside out."""

    dump: str = "pg_dump-custom"
    compression: str = "zstd"
    cipher: str = "AES256_GCM_HKDF_1MB"


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key of the archive, wrapped by the customer's backup key of this id.

    The customer's key itself lies in the control database, so that destroying it there destroys it; only the control
    database's own manifests carry their customer key (wrapped by the instance key), because nothing is before them.
    """

    customer_key_id: Number
    data_key: str
    customer_key: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body: one backup. `created_at` is the moment of the dump's snapshot: the age of the data counts from it."""

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    id: UUID
    number: Number
    instance: UUID
    created_at: Moment
    finished_at: Moment
    purpose: str
    database: Subject
    postgres: Source
    encoding: Encoding
    archive: StoredObject
    files: FileList | None = None
    keys: Keys
    contents: bytes
    notes: dict[str, str] = {}

    @property
    def short_id(self) -> str:
        """The id that people type: `b-0142`."""
        return f"b-{self.number:04d}"

    @property
    def missing_files(self) -> int:
        """How many files its rows refer to that were not in the storage any more."""
        return 0 if self.files is None else self.files.missing

    @property
    def objects(self) -> tuple[StoredObject, ...]:
        """The objects that belong to this backup alone, without the manifest: the archive, and the list of files."""
        return (self.archive,) if self.files is None else (self.archive, self.files.stored)


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What only the holder of the key may know: the dump's length and hash, roles, row counts.

    `roles_sql` is the text of `roles` for stock tools; our own restore uses `roles`, which can say nothing else.
    """

    dump_bytes: Size
    dump_sha256: Sha256
    rows: dict[str, Size]
    roles: RoleFacts
    roles_sql: str


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second line: HMAC-SHA256 (RFC 2104) over the bytes of the first, and which instance key it comes from."""

    instance_key: str
    hmac_sha256: Sha256


def associated_data(part: str, backup: UUID) -> bytes:
    """Return what binds an encrypted stream to its backup and its part of it (`archive` or `contents`)."""
    return f"growsoft-backup-1/{part}/{backup}".encode()


def seal_contents(contents: Contents, data_key: bytes, backup: UUID) -> bytes:
    """Encrypt the contents under the backup's own key."""
    return pack_bytes(msgspec.json.encode(contents), data_key, associated_data("contents", backup))


def open_contents(manifest: Manifest, data_key: bytes) -> Contents:
    """Decrypt the contents; raises `ManifestError` when they do not belong to this manifest."""
    plain = unpack_bytes(manifest.contents, data_key, associated_data("contents", manifest.id))
    return _decoded(plain, Contents)


def write_manifest(manifest: Manifest, keyring: Keyring) -> bytes:
    """Return the two lines, sealed."""
    body = msgspec.json.encode(manifest)
    seal = Seal(keyring.fingerprint(), _mac(keyring, body))
    return body + b"\n" + msgspec.json.encode(seal) + b"\n"


def read_manifest(data: bytes, keyrings: Iterable[Keyring]) -> Manifest:
    """Read a manifest that one of our instance keys sealed: the present one, or one from before a rotation.

    Raises `ManifestForged` when none did, `UnknownFormat` for a newer format, `ManifestError` for anything else.
    """
    body, seal = _lines(data)
    # The format is looked at first, only to say the right thing: a newer one may seal in another way.
    _refuse_unknown(body)
    found = _decoded(seal, Seal)
    for keyring in keyrings:
        if found.instance_key == keyring.fingerprint() and hmac.compare_digest(found.hmac_sha256, _mac(keyring, body)):
            return _decoded(body, Manifest)
    raise ManifestForged


def read_unproven(data: bytes) -> Manifest:
    """Read a manifest without any key: for people who look at a site. Nothing may be restored by it."""
    body, _seal = _lines(data)
    _refuse_unknown(body)
    return _decoded(body, Manifest)


class _Format(msgspec.Struct):
    format: int


def _refuse_unknown(body: bytes) -> None:
    """Refuse another format by its number alone, whatever else it holds."""
    found = _decoded(body, _Format).format
    if found != FORMAT:
        raise UnknownFormat(
            f"This manifest has format {found}, this version reads format {FORMAT}; restore it with a newer Growsoft."
        )


def _lines(data: bytes) -> tuple[bytes, bytes]:
    """Return the body and the seal."""
    lines = data.split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise ManifestError("This is no manifest: it must be two lines; take it from another site.")
    return lines[0], lines[1]


def _mac(keyring: Keyring, body: bytes) -> str:
    """Return the seal's value."""
    return hmac.digest(keyring.manifest_key(), body, "sha256").hex()


def _decoded(data: bytes, kind: type[T]) -> T:
    """Decode strictly: no unknown field, no value of another type."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RolesRefused) as error:
        raise ManifestError(f"This manifest cannot be used ({error}); take it from another site.") from error
