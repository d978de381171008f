"""A backup through the keeper: what comes back is protected, and has an identity of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.postgres.check import fingerprint, problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import Keyring
from growsoft_cloud.backup.cluster import KeeperCluster
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.restore import new_target, restore
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.conftest import Place
from tests.integration.backup.small import Keys
from tests.integration.keeper.product import Notes
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, three_sites

pytestmark = pytest.mark.postgres


@contextmanager
def kept(place: Place, root: Path, keyring: Keyring = KEYRING) -> Generator[Keeper]:
    with (root / "keeper.log").open("ab") as log:
        keeper = Keeper(place.endpoint(), keyring, Notes(), VerbLog(log.fileno()))
        keeper.start()
        yield keeper


@contextmanager
def opened(place: Place, name: str, uuid: UUID) -> Generator[Database]:
    """The database as a worker opens it: with the login and the key that follow from its uuid."""
    keys, pools = KEYRING.worker_keys(), Pools(4)
    cluster = place.cluster
    endpoint = Endpoint(str(cluster.socket_dir), cluster.port, name, name, keys.login_password(uuid, 1))
    try:
        yield Database(endpoint, uuid, 1, keys.signing_key(uuid, 1), pools)
    finally:
        pools.close()


def notes(place: Place, name: str, uuid: UUID) -> list[str]:
    with opened(place, name, uuid) as database, database.transaction(database.elevated("look", user=1)) as transaction:
        return [str(text) for text in transaction.execute(sql("SELECT name FROM note ORDER BY id")).column()]


def write(place: Place, name: str, uuid: UUID, text: str) -> None:
    with opened(place, name, uuid) as database, database.transaction(database.elevated("write")) as transaction:
        transaction.execute(sql("INSERT INTO note (name, user_id) VALUES ({text}, 1)", text=text))


def walls(place: Place, name: str) -> tuple[list[str], str]:
    with superuser(place.endpoint(name)) as connection:
        return problems(connection), fingerprint(connection)


def service_of(keeper: Keeper, place: Place, sites_root: Path, keys: Keys) -> BackupService:
    sites = three_sites(sites_root)
    return BackupService(
        instance=UUID(int=3),
        keyring=KEYRING,
        policy=BackupPolicy(Retention(), sites, GRAVELINES),
        cluster=KeeperCluster(keeper, place.binaries.version, sites_root),
        catalogue=SiteCatalogue(sites, [KEYRING]),
        customer_keys=keys,
        guard=FileGuard(sites_root / "guard"),
    )


def test_bk2_a_customers_database_comes_back_in_a_fresh_cluster_behind_its_walls(
    home: Place, fresh: Place, tmp_path: Path
) -> None:
    name, uuid, keys = new_database_name(), UUID(int=11), Keys()
    with kept(home, tmp_path) as keeper:
        keeper.create_database(name, uuid, ["base"])
        write(home, name, uuid, "before the backup")
        subject = Subject(uuid=uuid, name="Notes", postgres_name=name, plan="trial")
        record = service_of(keeper, home, tmp_path, keys).backup_now(subject)
        assert record.complete
        assert record.manifest.database.apps == {"base": "1.0"}
        write(home, name, uuid, "after the backup")
        expected = walls(home, name)
        keeper.drop_database(name)
    into = new_target()
    with kept(fresh, tmp_path) as keeper:
        done = restore(service_of(keeper, fresh, tmp_path, keys), record.id, into)
    assert (done.database, done.uuid) == into
    assert notes(fresh, into.name, into.uuid) == ["welcome", "before the backup"]
    assert walls(fresh, into.name) == expected
    assert expected[0] == []


def test_bk2_a_restored_copy_and_its_original_do_not_open_each_other(home: Place, tmp_path: Path) -> None:
    name, uuid, keys, into = new_database_name(), UUID(int=12), Keys(), new_target()
    with kept(home, tmp_path) as keeper:
        keeper.create_database(name, uuid, ["base"])
        service = service_of(keeper, home, tmp_path, keys)
        record = service.backup_now(Subject(uuid=uuid, name="Notes", postgres_name=name, plan="trial"))
        restore(service, record.id, into)
        try:
            assert notes(home, into.name, into.uuid) == notes(home, name, uuid) == ["welcome"]
            with pytest.raises(Exception, match=r"answer|refused|believe"):
                notes(home, into.name, uuid)
            # The copy is a database like any other: it can be backed up in its turn, under a key of its own.
            again = service.backup_now(
                Subject(uuid=into.uuid, name="Notes again", postgres_name=into.name, plan="trial"),
            )
            assert again.manifest.keys.data_key != record.manifest.keys.data_key
        finally:
            keeper.drop_database(name)
            keeper.drop_database(into.name)


def test_a_restore_into_a_name_that_is_taken_leaves_that_database_alone(home: Place, tmp_path: Path) -> None:
    name, uuid = new_database_name(), UUID(int=13)
    with kept(home, tmp_path) as keeper:
        keeper.create_database(name, uuid, ["base"])
        service = service_of(keeper, home, tmp_path, Keys())
        record = service.backup_now(Subject(uuid=uuid, name="Notes", postgres_name=name, plan="trial"))
        try:
            with pytest.raises(Exception, match="another database of this name"):
                restore(service, record.id, new_target()._replace(name=name))
            assert notes(home, name, uuid) == ["welcome"]
        finally:
            keeper.drop_database(name)
