"""Databases for tests: made from a template in about a tenth of a second, gone after the test."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from growsoft.keeper.product import fill_empty
from growsoft.orm import Registry, open_env
from growsoft.orm.filekeys import with_files
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import (
    MAINTENANCE_DATABASE,
    Identity,
    create_database,
    drop_database,
    new_template,
)
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import Purpose, WorkerKeys
from growsoft.security.tokens import new_opaque_name


@contextmanager
def database_from(server: Endpoint, template: str, pools: Pools) -> Generator[Database]:
    """Copy a template into a database with a login, a password and a signing key of its own; drop it afterwards."""
    identity = Identity(new_opaque_name("db"), uuid4(), secrets.token_urlsafe(16), 1, secrets.token_bytes(32))
    create_database(server, identity, template)
    endpoint = replace(server, dbname=identity.name, user=identity.name, password=identity.password)
    keys = WorkerKeys(secrets.token_bytes(32))
    wrapped = keys.new_customer_key(identity.uuid, Purpose.FILES)
    with superuser(server, identity.name) as connection:
        connection.run(sql("DELETE FROM gs_priv.file_key"))  # the template's own
        connection.run(sql("INSERT INTO gs_priv.file_key VALUES (1, {w})", w=wrapped.to_bytes()))
    database = Database(endpoint, identity.uuid, identity.key_id, identity.signing_key, pools)
    try:
        with TemporaryDirectory(prefix="gs-files-") as folder:
            yield with_files(database, Path(folder), keys)
    finally:
        pools.forget(endpoint)
        with superuser(server, MAINTENANCE_DATABASE) as connection:
            drop_database(connection, identity.name)


@contextmanager
def filled_template(server: Endpoint, registry: Registry, *, demo: bool) -> Generator[str]:
    """Give the name of a database that has the apps of a registry and their records, ready to be copied."""
    bare = f"template_{secrets.token_hex(4)}"
    pools = Pools(2)
    with new_template(server, bare, registry.declarations):
        pass
    try:
        with database_from(server, bare, pools) as database:
            with open_env(database, registry, database.elevated("a test session makes its database")) as env:
                fill_empty(env, demo=demo)
            pools.close()  # nobody may be connected to what is copied
            yield database.name
    finally:
        with superuser(server, MAINTENANCE_DATABASE) as connection:
            drop_database(connection, bare)
