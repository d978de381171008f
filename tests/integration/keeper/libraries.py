"""A library: a customer's database with an app of three versions, and the keepers of each version."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.product import InstalledApps
from growsoft.keeper.verbs import Created
from growsoft.orm import App, Env, load, open_env
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.security.keyring import Keyring
from tests.integration.keeper.conftest import INSTANCE_KEY, House
from tests.support.library import VERSIONS


@dataclass
class Library:
    """One customer's database, and the keepers of the versions that were published."""

    house: House
    made: Created
    pools: Pools
    log: VerbLog

    @property
    def name(self) -> str:
        return self.made.name

    @property
    def database(self) -> Database:
        return self.house.served(self.made, self.pools)

    def keeper(self, version: str, available: Mapping[str, App] | None = None) -> Keeper:
        """The keeper of an instance in which the code of one version is installed."""
        product = InstalledApps(available or VERSIONS[version])
        keeper = Keeper(self.house.endpoint(), Keyring(INSTANCE_KEY), product, self.log)
        keeper.start()
        return keeper

    @contextmanager
    def env(self, version: str, *apps: str) -> Generator[Env]:
        registry = load(apps or ("library",), available=VERSIONS[version])
        with open_env(self.database, registry, self.database.elevated("a test looks", caller=__name__)) as env:
            yield env

    def columns(self, table: str) -> set[object]:
        return set(
            self.house.ask(
                sql("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({t}) AND attnum > 0"
                    " AND NOT attisdropped", t=table), self.name,
            )
        )  # fmt: skip


@contextmanager
def new_library(house: House, pools: Pools, tmp_path: Path) -> Generator[Library]:
    """A database with library 1.0."""
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    log = VerbLog(fd)
    keeper = Keeper(house.endpoint(), Keyring(INSTANCE_KEY), InstalledApps(VERSIONS["1.0"]), log)
    keeper.start()
    made = keeper.create_database(new_database_name(), uuid4(), ("library",))
    yield Library(house, made, pools, log)
    keeper.drop_database(made.name)
    os.close(fd)
