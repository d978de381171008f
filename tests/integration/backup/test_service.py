"""A customer's database is backed up to three sites, lost, and comes back as it was."""

import io
import os
import re
import resource
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from growsoft.errors import GrowsoftError
from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.dump import DatabaseExists, count_rows
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import Keyring, KeyUnusable, WrappedKey
from growsoft_cloud.backup.cluster import Capacity
from growsoft_cloud.backup.errors import BackupError, CannotRestore, ManifestForged, NoGoodCopy, NoSiteTook, NotTheSame
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import (
    Manifest,
    StoredObject,
    Subject,
    open_contents,
    read_unproven,
    seal_contents,
    write_manifest,
)
from growsoft_cloud.backup.progress import Progress, Step
from growsoft_cloud.backup.records import SiteCatalogue, scan
from growsoft_cloud.backup.restore import Hook, Target, restore
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Site, Writer, new_name
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.conftest import MARKER, SHOP, Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.small import Keys
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, Wrapper, three_sites
from tests.unit.backup.volumes import small_volume

pytestmark = pytest.mark.postgres

SUBJECT = Subject(
    uuid=SHOP, name="Kyoto Ceramics", postgres_name="shop", plan="paid", addresses=("kyoto.example",),
    apps={"sale": "1.0"}, data_centre="gravelines",
)  # fmt: skip


@pytest.fixture
def sites(tmp_path: Path) -> tuple[FolderSite, FolderSite, FolderSite]:
    return three_sites(tmp_path)


def service_of(place: Place, sites: tuple[FolderSite, ...], keys: Keys | None = None) -> BackupService:
    return BackupService(
        instance=UUID(int=3),
        keyring=KEYRING,
        policy=BackupPolicy(Retention(), sites, GRAVELINES),
        cluster=BareCluster(place),
        catalogue=SiteCatalogue(sites, [KEYRING]),
        customer_keys=keys or Keys(),
        guard=FileGuard(sites[0].path.parent / "guard"),
    )


@pytest.fixture
def service(home: Place, shop: str, sites: tuple[FolderSite, ...]) -> BackupService:
    assert shop == SUBJECT.postgres_name
    return service_of(home, sites)


def on(service: BackupService, *sites: Site) -> BackupService:
    return replace(service, policy=BackupPolicy(Retention(), sites, GRAVELINES))


def objects(sites: tuple[FolderSite, ...]) -> list[Path]:
    return [path for site in sites for path in site.path.rglob("*") if re.fullmatch("[0-9a-f]{32}", path.name)]


def as_new(name: str) -> Target:
    return Target(name, uuid4())


@contextmanager
def dropped(place: Place, *names: str) -> Generator[None]:
    try:
        yield
    finally:
        with superuser(place.endpoint()) as connection:
            for name in names:
                connection.run(sql("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=ident(name)))


@contextmanager
def lost(*sites: FolderSite) -> Generator[None]:
    """Take the volumes of some sites away."""
    away = [(site.path, site.path.with_name(f"{site.name}-away")) for site in sites]
    for path, elsewhere in away:
        path.rename(elsewhere)
    yield
    for path, elsewhere in away:
        elsewhere.rename(path)


def content(place: Place, name: str) -> list[object]:
    """Every row of both tables, and who may see them."""
    with superuser(place.endpoint(name)) as connection:
        return [
            connection.run(sql("SELECT * FROM partner ORDER BY id")).all(),
            connection.run(sql("SELECT * FROM sale_order ORDER BY id")).all(),
            connection.run(sql("SELECT polname, polroles::regrole[]::text FROM pg_policy ORDER BY 1")).all(),
            connection.run(sql("SELECT last_value FROM partner_id_seq")).scalar(),
        ]


# -- backing up


def test_bk2_a_backup_has_three_proven_copies_on_two_continents(service: BackupService) -> None:
    record = service.backup_now(SUBJECT)
    assert record.id == "b-0001"
    assert record.complete
    assert [(copy.site, copy.continent.value) for copy in record.copies] == [
        ("gravelines", "Europe"),
        ("frankfurt", "Europe"),
        ("montreal", "North America"),
    ]
    assert record.manifest.created_at < min(copy.verified_at for copy in record.copies)
    for site in service.policy.sites:
        with site.open(record.manifest.archive.name) as file:
            assert len(file.read()) == record.bytes
    assert service.list(SUBJECT.uuid) == [record]
    assert service.backup_now(SUBJECT).id == "b-0002"


def test_en4_nothing_of_the_customers_data_is_readable_at_any_site(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    with superuser(home.endpoint("shop")) as connection:
        found = connection.run(sql("SELECT count(*) FROM partner WHERE name LIKE {m}", m=MARKER + "%")).scalar()
    assert found == 5000  # what is searched for is there
    service.backup_now(SUBJECT)
    stored = objects(sites)
    assert len(stored) == 6
    for path in stored:
        data = path.read_bytes()
        for secret in (MARKER.encode(), b"g_sale_user", b"sale_order", b"Zanzibar"):
            assert secret not in data
        assert path.stat().st_mode & 0o777 == 0o600
        assert "shop" not in str(path.relative_to(sites[0].path.parent))


def test_bk2_each_site_alone_tells_databases_plans_and_addresses(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    record = service.backup_now(SUBJECT)
    for site in sites:
        (found,) = scan(site, [KEYRING]).backups
        assert found.manifest == record.manifest
        assert found.manifest.database == SUBJECT
        (name,) = site.list(Kind.MANIFEST)
        assert read_unproven((site.path / name).read_bytes()).database.plan == "paid"


def test_a_strangers_manifest_is_told_and_not_believed(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    record = service.backup_now(SUBJECT)
    forged = sites[0].path / record.manifest_object.name
    forged.write_bytes(forged.read_bytes().replace(b"kyoto.example", b"crook.example"))
    told = scan(sites[0], [KEYRING])
    assert told.backups == ()
    assert "not written by this instance" in told.refused[0].reason


@pytest.mark.parametrize("full", [0, 1])
def test_bk2_a_full_disk_leaves_the_backup_to_the_other_sites(
    service: BackupService, sites: tuple[FolderSite, ...], tmp_path: Path, full: int
) -> None:
    with small_volume(tmp_path / "volume", "24k") as volume:
        small = FolderSite(sites[full].name, sites[full].data_centre, volume / "site").prepare()
        chosen = tuple(small if number == full else site for number, site in enumerate(sites))
        record = on(service, *chosen).backup_now(SUBJECT)
        assert objects((small,)) == []
        assert small.list(Kind.ARCHIVE) == []
    assert [copy.site for copy in record.copies] == [site.name for site in chosen if site is not small]
    assert [failure.site for failure in record.failures] == [small.name]
    assert "full" in record.failures[0].reason
    assert not record.complete
    # Once there is room again, the third copy is made of the others.
    assert service.repair(record.id).complete


def test_bk2_when_every_site_is_full_there_is_no_backup(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(NoSiteTook, match=r"gravelines.*full.*frankfurt.*full.*montreal.*full"):
            service.backup_now(SUBJECT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert objects(sites) == []
    assert service.list() == []
    assert "shop" in home.databases()


def test_bk2_a_site_with_less_room_than_the_last_backup_took_is_not_even_tried(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    class Nearly(Wrapper):
        def free_space(self) -> int | None:
            return 1000

        def create(self, name: str, /) -> AbstractContextManager[Writer]:
            raise AssertionError(name)

    service.backup_now(SUBJECT)
    record = on(service, Nearly(sites[0]), *sites[1:]).backup_now(SUBJECT)
    assert "1000 bytes left" in record.failures[0].reason


def test_bk2_a_lost_site_is_told_and_repaired_when_it_is_back(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    with lost(sites[2]):
        record = service.backup_now(SUBJECT)
    assert not record.complete
    assert "volume is mounted" in record.failures[0].reason
    assert service.repair(record.id).complete
    assert service.find(record.id).complete


def test_bk2_a_lying_first_site_never_counts_and_keeps_nothing(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    class Lying(Wrapper):
        def open(self, name: str, /) -> BinaryIO:
            with self.honest.open(name) as file:
                return io.BytesIO(file.read()[::-1])

    record = on(service, Lying(sites[0]), *sites[1:]).backup_now(SUBJECT)
    assert [copy.site for copy in record.copies] == ["frankfurt", "montreal"]
    assert objects(sites[:1]) == []


def test_a_database_that_cannot_be_dumped_leaves_nothing_at_the_sites(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    """The dump breaks off in the middle: what was written until then must not become an object."""

    class Cut(BareCluster):
        def dump(self, database: str, fd: int, /) -> Dumped:
            os.write(fd, bytes(100_000))
            return super().dump(f"no_{database}", fd)

    with pytest.raises(DatabaseUnavailable):
        replace(service, cluster=Cut(home)).backup_now(SUBJECT)
    assert objects(sites) == []
    assert service.list() == []


def test_an_interrupted_backup_leaves_nothing(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step is Step.DUMP and progress.done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.backup_now(SUBJECT, listener=interrupt)
    assert objects(sites) == []


def test_progress_tells_every_step_to_its_end(service: BackupService, home: Place) -> None:
    heard: dict[Step, Progress] = {}
    record = service.backup_now(SUBJECT, listener=lambda progress: heard.update({progress.step: progress}))
    with dropped(home, "again"):
        restore(service, record.id, as_new("again"), listener=lambda progress: heard.update({progress.step: progress}))
    assert heard[Step.COPY].done == heard[Step.COPY].total == 2 * record.bytes
    assert heard[Step.VERIFY].done == record.bytes
    assert heard[Step.RESTORE].done == heard[Step.RESTORE].total == heard[Step.DUMP].done


# -- restoring


def test_bk2_a_dropped_database_comes_back_as_it_was(service: BackupService, home: Place) -> None:
    before = content(home, "shop")
    record = service.backup_now(SUBJECT)
    with dropped(home, "revived"):
        done = restore(service, record.id, as_new("revived"))
        assert content(home, "revived") == before
        assert done.rows == 25_000
        assert done.site == "gravelines"
        with superuser(home.endpoint("revived")) as connection:
            assert count_rows(connection)["gs_priv.signing_key"] == 0


def test_dr1_any_one_surviving_site_and_the_keys_are_enough_for_a_fresh_cluster(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place, fresh: Place
) -> None:
    before = content(home, "shop")
    service.backup_now(SUBJECT)
    keys = Keys({SUBJECT.uuid: service.customer_keys.current(SUBJECT.uuid)})
    for survivor in sites:
        with lost(*(site for site in sites if site is not survivor)):
            left = service_of(fresh, sites, keys)
            (record,) = left.list()
            assert record.copies == ()
            name = f"from_{survivor.name}"
            assert restore(left, record.id, as_new(name)).site == survivor.name
            assert content(fresh, name) == before


def test_dr1_the_control_database_brings_its_own_key(
    service: BackupService, sites: tuple[FolderSite, ...], fresh: Place
) -> None:
    """Nothing but one site and the escrowed instance key: no table of keys is there yet."""
    service.backup_now(structs.replace(SUBJECT, control=True))
    bare = service_of(fresh, sites, Keys())
    assert restore(bare, "b-0001", as_new("control")).rows == 25_000


def test_en4_a_destroyed_customer_key_makes_every_copy_unreadable(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    record = service.backup_now(SUBJECT)
    with pytest.raises(KeyUnusable):
        restore(service_of(home, sites, Keys()), record.id, as_new("shredded"))
    assert "shredded" not in home.databases()


DAMAGE: list[Callable[[Path], object]] = [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(path.read_bytes()[::-1]),
    lambda path: path.unlink(),
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("which", ["archive", "manifest"])
def test_bk2_a_damaged_copy_is_passed_over_and_repaired(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place, damage: Callable[[Path], object], which: str
) -> None:
    record = service.backup_now(SUBJECT)
    stored = record.manifest.archive if which == "archive" else record.manifest_object
    damage(sites[0].path / stored.name)
    with dropped(home, "revived"):
        done = restore(service, record.id, as_new("revived"))
    assert done.site == ("frankfurt" if which == "archive" else "gravelines")
    assert [failure.site for failure in done.damaged] == ["gravelines"]
    assert service.find(record.id).complete
    with dropped(home, "revived"):
        assert restore(service, record.id, as_new("revived"), site="gravelines").site == "gravelines"


def test_bk2_when_no_copy_is_good_nothing_is_made(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    record = service.backup_now(SUBJECT)
    for site in sites:
        DAMAGE[1](site.path / record.manifest.archive.name)
    with pytest.raises(NoGoodCopy, match=r"gravelines.*frankfurt.*montreal"):
        restore(service, record.id, as_new("half"))
    assert "half" not in home.databases()
    assert len(objects(sites)) == 6


def test_bk2_a_site_that_lies_the_second_time_leaves_no_half_database(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    """The copy was right when it was proven; what comes for the restore breaks off."""
    opened: list[str] = []

    class Turncoat(Wrapper):
        def open(self, name: str, /) -> BinaryIO:
            opened.append(name)
            if opened.count(name) < 2 or not name.startswith("archive"):
                return self.honest.open(name)
            with self.honest.open(name) as file:
                return io.BytesIO(file.read()[:-50])

    record = service.backup_now(SUBJECT)
    with pytest.raises(GrowsoftError, match=r"damaged|missing"):
        restore(on(service, Turncoat(sites[0]), *sites[1:]), record.id, as_new("half"))
    assert "half" not in home.databases()


def test_bk2_a_dump_that_is_not_what_its_manifest_says_is_never_kept(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    """The seal is ours and every byte is the stored one; only the dump's own hash says otherwise."""
    record = service.backup_now(SUBJECT)
    key = KEYRING.unwrap(
        WrappedKey.from_text(record.manifest.keys.data_key), service.customer_keys.current(SUBJECT.uuid)
    )
    contents = structs.replace(open_contents(record.manifest, key), dump_sha256="0" * 64)
    wrong = structs.replace(record.manifest, contents=seal_contents(contents, key, record.manifest.id))
    data = write_manifest(wrong, KEYRING)
    stored = StoredObject(new_name(Kind.MANIFEST), len(data), sha256(data).hexdigest())
    with sites[0].create(stored.name) as writer:
        writer.write(data)
    service.catalogue.record(structs.replace(record, manifest=wrong, manifest_object=stored))
    with pytest.raises(NotTheSame):
        restore(service, record.id, as_new("other"))
    assert "other" not in home.databases()


def test_a_manifest_that_was_not_ours_is_never_restored(
    service: BackupService, sites: tuple[FolderSite, ...], home: Place
) -> None:
    record = service.backup_now(SUBJECT)
    stranger = replace(service, keyring=Keyring(bytes(range(1, 33))))
    with pytest.raises(ManifestForged):
        restore(stranger, record.id, as_new("strange"))
    assert "strange" not in home.databases()
    assert sites


def test_a_failing_hook_undoes_the_restore(service: BackupService, home: Place) -> None:
    called: list[str] = []

    def note(created: Created, manifest: Manifest) -> None:
        called.append(f"{created.name} {manifest.short_id}")

    def refuse(created: Created, manifest: Manifest) -> None:
        raise CannotRestore(f"{created.name} {manifest.short_id} has a table without a policy.")

    record = service.backup_now(SUBJECT)
    hooks: list[Hook] = [note, refuse, note]
    with pytest.raises(CannotRestore, match="without a policy"):
        restore(service, record.id, as_new("refused"), hooks)
    assert called == ["refused b-0001"]
    assert "refused" not in home.databases()


def test_bk2_other_row_counts_than_in_the_manifest_undo_the_restore(service: BackupService, home: Place) -> None:
    class Losing(BareCluster):
        def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
            made = super().restore(name, uuid, fd, roles=roles, rows=rows)
            return structs.replace(made, rows={**made.rows, "public.partner": 4999})

    losing = replace(service, cluster=Losing(home))
    record = losing.backup_now(SUBJECT)
    with pytest.raises(NotTheSame, match=r"public.partner has 4999 rows and had 5000"):
        restore(losing, record.id, as_new("short"))
    assert "short" not in home.databases()


def test_a_database_that_is_there_is_never_restored_over(service: BackupService, home: Place) -> None:
    record = service.backup_now(SUBJECT)
    with pytest.raises(DatabaseExists):
        restore(service, record.id, as_new("shop"))
    assert len(content(home, "shop")) == 4


def test_an_older_server_and_a_small_disk_are_told_before_anything_is_made(service: BackupService, home: Place) -> None:
    class Old(BareCluster):
        def capacity(self) -> Capacity:
            return Capacity(160_004, None)

    class Small(BareCluster):
        def capacity(self) -> Capacity:
            return Capacity(self.place.binaries.version, 1_000_000)

    record = service.backup_now(SUBJECT)
    for cluster, said in ((Old, "is from PostgreSQL"), (Small, "1000000 are free")):
        with pytest.raises(CannotRestore, match=said):
            restore(replace(service, cluster=cluster(home)), record.id, as_new("unfit"))


def test_a_database_that_says_it_is_another_one_is_not_backed_up(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    with pytest.raises(BackupError, match="correct its entry"):
        service.backup_now(structs.replace(SUBJECT, uuid=UUID(int=8)))
    assert objects(sites) == []
