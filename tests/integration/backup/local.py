"""A bare cluster as a backup sees it: straight through the superuser, for databases that no keeper made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.dump import dump_database, finish_restore, restore_database
from growsoft.postgres.provision import drop_database
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.superuser import superuser
from growsoft_cloud.backup.cluster import Capacity
from tests.integration.backup.conftest import SHOP, Place


@dataclass(frozen=True)
class BareCluster:
    """Databases of the tests: each says that it is the shop with the app sale."""

    place: Place

    def dump(self, database: str, fd: int, /) -> Dumped:
        facts = dump_database(self.place.endpoint(database), fd, binaries=self.place.binaries)
        return Dumped(SHOP, {"sale": "1.0"}, facts)

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        assert rows
        found = restore_database(self.place.endpoint(), name, fd, roles=roles, binaries=self.place.binaries)
        finish_restore(self.place.endpoint(), name)
        return Created(name, uuid, 1, {"sale": "1.0"}, "", rows=found)

    def drop(self, name: str, /) -> None:
        with superuser(self.place.endpoint()) as connection:
            drop_database(connection, name)

    def capacity(self) -> Capacity:
        return Capacity(self.place.binaries.version, None)
