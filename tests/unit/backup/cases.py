"""A backup made of values, for tests that need no database."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from growsoft.postgres.context import profile_name
from growsoft.postgres.role_facts import Profile, RoleFacts
from growsoft.security.keyring import Keyring, Purpose
from growsoft_cloud.backup.copies import Small
from growsoft_cloud.backup.manifest import (
    Contents,
    Encoding,
    Keys,
    Manifest,
    Source,
    StoredObject,
    Subject,
    seal_contents,
    write_manifest,
)
from growsoft_cloud.backup.sites import Kind, Site, new_name

KEYRING = Keyring(bytes(range(32)))
OTHER_KEYRING = Keyring(bytes(range(1, 33)))
DATA_KEY = bytes(range(2, 34))
BACKUP = UUID(int=1)
SUBJECT = Subject(
    uuid=UUID(int=2),
    name="Kyoto Ceramics",
    postgres_name="d_7f3a",
    plan="paid",
    addresses=("kyoto.example",),
    apps={"base": "1.0", "sale": "1.2"},
    data_centre="gravelines",
)
CUSTOMER_KEY = KEYRING.new_customer_key(SUBJECT.uuid, Purpose.BACKUPS)
PROFILE = Profile(profile_name(["g_sale_user"]), ("g_sale_user",))
ROLES = RoleFacts(("g_sale_user", "gs_definer", PROFILE.name), (PROFILE,))
CONTENTS = Contents(
    dump_bytes=3, dump_sha256=sha256(b"abc").hexdigest(), rows={"public.secret_table": 42}, roles=ROLES,
    roles_sql=ROLES.text(),
)  # fmt: skip


def stored(kind: Kind, data: bytes) -> StoredObject:
    return StoredObject(new_name(kind), len(data), sha256(data).hexdigest())


def manifest(archive: bytes = b"abc", number: int = 142, subject: Subject = SUBJECT) -> Manifest:
    return Manifest(
        id=BACKUP,
        number=number,
        instance=UUID(int=3),
        created_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        finished_at=datetime(2026, 3, 4, 5, 6, 9, tzinfo=UTC),
        purpose="daily",
        database=subject,
        postgres=Source(version=170010, encoding="UTF8", locale_provider="builtin", locale="C.UTF-8", bytes=8_000_000),
        encoding=Encoding(),
        archive=stored(Kind.ARCHIVE, archive),
        keys=Keys(customer_key_id=1, data_key=KEYRING.wrap(DATA_KEY, CUSTOMER_KEY).to_text()),
        contents=seal_contents(CONTENTS, DATA_KEY, BACKUP),
    )


def backed_up(site: Site, archive: bytes) -> tuple[Manifest, Small]:
    """Put a whole backup on a site."""
    made = manifest(archive)
    data = write_manifest(made, KEYRING)
    small = Small(stored(Kind.MANIFEST, data), data)
    for name, content in ((made.archive.name, archive), (small.stored.name, data)):
        with site.create(name) as writer:
            writer.write(content)
    return made, small
