"""Migrations: what an app does to a database that has an older version of it, all in the transaction of the upgrade.

An app's package ``migrations`` holds a module for each version that needs one, named after it: ``v2.py``, ``v1_10.py``.
Its ``pre(migration)`` runs before the tables are brought to the new declarations, ``post(migration)`` after that and
after the data files. Both run in the keeper: statements as the superuser, because a table's owner under FORCE would
update no row and say nothing; records through ``migration.env``, which acts elevated and under every policy.
"""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from growsoft.errors import ConfigError, GrowsoftError
from growsoft.orm.env import Env, Locale, env_in
from growsoft.orm.external import MODEL
from growsoft.orm.names import name_within
from growsoft.orm.registry import App, Registry, version_key
from growsoft.postgres import alter
from growsoft.postgres.context import Door, LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.schema import ColumnType
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.transaction import Result, Transaction

When = Literal["pre", "post"]

_MODULE: Final = re.compile(r"v([0-9]+(?:_[0-9]+)*)\Z")


class MigrationFailed(GrowsoftError):
    """A migration of an app failed; the database is as it was. Correct the migration, or what it stumbled over."""


@dataclass(slots=True)
class Bench:
    """The transaction in which the keeper changes one database: it acts as the superuser, or elevated through the ORM.

    Invariant: only one of the two speaks at a time; ``as_superuser`` is what holds between two of its methods.
    """

    transaction: Transaction
    database: Database

    @contextmanager
    def env(self, registry: Registry, reason: str) -> Generator[Env]:
        """Act elevated, under all policies; what was kept back is written and checked when the block ends."""
        door = self.database.elevated(reason, caller=__name__)
        self.transaction.switch(door)
        env = env_in(self.transaction, self.database, registry, door, Locale())
        try:
            yield env
            env.work.finish()
        finally:
            env.work.end()
            self.as_superuser()

    def as_superuser(self) -> None:
        """Be the superuser again. After an error PostgreSQL takes no statement; then the end of it all does it."""
        self.transaction.switch(_NOBODY)


class Migration:
    """What a migration may do; models and fields by their names: ``migration.rename_field("a.b", "old", "new")``."""

    def __init__(self, bench: Bench, app: str, installed: str, env: Env | None = None) -> None:
        """``installed`` is the version that the database has; ``env`` is there in ``post`` only."""
        self._bench = bench
        self._env = env
        self.app = app
        self.installed = installed

    @property
    def env(self) -> Env:
        """The records by the new declarations, elevated."""
        if self._env is None:
            raise MigrationFailed("In pre() the tables are still those of the old version; use run(), or post().")
        return self._env

    def run(self, query: Sql) -> Result:
        """Run a composed statement as the superuser: no policy hides a row from it, so say which rows you mean."""
        if self._env is not None:
            self._env.flush()
            self._bench.as_superuser()
            # The environment enters again by its own door before its next statement.
            self._env.work.door = _NOBODY
        result = self._bench.transaction.run(query)
        if self._env is not None:
            self._env.cache.forget()
        return result

    def has_field(self, model: str, name: str) -> bool:
        """Say whether a model's table has the column of a field."""
        return alter.has_column(self, _table(model), name)

    def rename_field(self, model: str, old: str, new: str) -> None:
        """Keep the values of a field under its new name."""
        alter.rename_column(self, _table(model), old, new)

    def drop_field(self, model: str, name: str) -> None:
        """Drop the column of a field with all it holds."""
        alter.drop_columns(self, _table(model), [name])

    def change_type(self, model: str, name: str, kind: ColumnType, using: Sql) -> None:
        """Give the column of a field another type; ``using`` is an expression over the row's old values."""
        alter.change_type(self, _table(model), name, kind, using)

    def translate_field(self, model: str, *names: str) -> None:
        """Let fields be translated from here on: what they hold is text in the source language, English.

        Those that are translated already, by a version between two numbers, stay as they are.
        """
        for name in names:
            if alter.is_of_type(self, _table(model), name, "jsonb"):
                continue
            using = sql("jsonb_build_object('en_US', {c})", c=ident(name))
            self.change_type(model, name, "jsonb", using)

    def rename_model(self, old: str, new: str) -> None:
        """Keep the records of a model, and the external ids of an app's own, under its new name."""
        alter.rename_table(self, _table(old), _table(new))
        ids = sql("UPDATE {t} SET model = {new} WHERE model = {old}", t=ident(_table(MODEL)), new=new, old=old)
        self.run(ids)

    def rename_list(self, model: str, old: str, new: str) -> None:
        """Keep the links of a Many2many under its new name, or its model's."""
        alter.rename_table(self, _list_table(model, old), _list_table(model, new))

    def drop_model(self, model: str, *lists: str) -> None:
        """Drop the table of a model, with its Many2many ``lists``, and all they hold."""
        table = _table(model)
        alter.drop_tables(self, [table, *(_list_table(model, name) for name in lists)])
        self.run(sql("DELETE FROM {t} WHERE model = {model}", t=ident(_table(MODEL)), model=model))


def migrate(bench: Bench, app: App, installed: str, when: When, env: Env | None = None) -> None:
    """Run the migrations of an app from the installed version up to the present one, oldest first."""
    for version, step in _steps(app, installed, when):
        migration = Migration(bench, app.name, installed, env)
        try:
            step(migration)
        except GrowsoftError as error:
            where = f"The {when} migration of {app.name} to {version}"
            raise MigrationFailed(f"{where} failed, and the database is as it was: {error.message}") from error
        if env is not None:
            env.flush()


def _steps(app: App, installed: str, when: When) -> Iterator[tuple[str, Callable[[Migration], None]]]:
    before, present = version_key(installed), version_key(app.version)
    for key, name in sorted(_modules(app).items()):
        if before < key <= present:
            step = getattr(importlib.import_module(name), when, None)
            if step is not None:
                yield ".".join(map(str, key)), step


def _modules(app: App) -> Mapping[tuple[int, ...], str]:
    package = f"{app.package}.migrations"
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return {}
    modules: dict[tuple[int, ...], str] = {}
    for module in pkgutil.iter_modules(found.__path__):
        match = _MODULE.match(module.name)
        if match is None:
            raise ConfigError(f"{package}.{module.name} is named after no version; name it such as v1_10.")
        modules[version_key(match[1].replace("_", "."))] = f"{package}.{module.name}"
    return modules


def _table(model: str) -> str:
    return model.replace(".", "_")


def _list_table(model: str, name: str) -> str:
    return name_within(f"{_table(model)}_{name}_rel")


_NOBODY: Final[Door] = LoginDoor()
