"""A product of hand-written declarations: notes of their own users, and an app that adds a column."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from growsoft.errors import ConfigError
from growsoft.keeper.product import Added, Change
from growsoft.orm.migrating import Bench
from growsoft.postgres.database import ELEVATED_GROUP, Database
from growsoft.postgres.overlay import Declared
from growsoft.postgres.policies import COMMANDS, TRUE, Declarations, Grant, Policy
from growsoft.postgres.schema import Column, Table
from growsoft.postgres.sql import literal, sql

GROUP = "g_notes_user"
OWN = sql("user_id = (SELECT gs.user_id())")


@dataclass
class Notes:
    """The apps `base` and, on top of it, `extra`; counts how often a template was filled."""

    version: str = "1.0"
    fail: bool = False
    pause: float = 0.0
    fills: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    filling: threading.Event = field(default_factory=threading.Event)
    extra_columns: tuple[str, ...] = ()

    def versions(self, apps: Sequence[str]) -> Mapping[str, str]:
        unknown = sorted(set(apps) - {"base", "extra"})
        if unknown:
            raise ConfigError(f"There is no app {unknown[0]!r}.")
        return {"base": self.version, **({"extra": "2.0"} if "extra" in apps else {})}

    def declarations(self, apps: Sequence[str]) -> Declarations:
        versions = self.versions(apps)
        names = ("name", *(("colour",) if "extra" in versions else ()), *self.extra_columns)
        table = Table("note", (*(Column(n, "text", True, literal("")) for n in names), Column("user_id", "bigint")))
        return Declarations(
            versions,
            (table,),
            (
                Policy("note", "g_own_select", "SELECT", OWN, GROUP),
                Policy("note", "g_own_insert", "INSERT", OWN, GROUP),
                *(Policy("note", f"elevated_{c.lower()}", c, TRUE, ELEVATED_GROUP) for c in COMMANDS),
            ),
            (
                Grant("note", GROUP, ("id", *names, "user_id"), (*names, "user_id")),
                Grant("note", ELEVATED_GROUP, ("id", *names, "user_id"), (*names, "user_id"), names, delete=True),
            ),
            (GROUP,),
        )

    def added(self, apps: Sequence[str], rows: Sequence[Declared]) -> Added:
        return Added(self.declarations(apps), tuple(str(row) for row in rows))

    def fill(self, database: Database, apps: Sequence[str]) -> None:
        self.fills.append(tuple(apps))
        self.filling.set()
        with database.transaction(database.elevated("the records that come with the notes")) as transaction:
            transaction.execute(sql("INSERT INTO note (name, user_id) VALUES ('welcome', 1)"))
            transaction.execute(sql("SELECT pg_sleep({seconds})", seconds=self.pause))
        if self.fail:
            raise ConfigError("The records do not fit.")

    def retire(self, change: Change, bench: Bench) -> list[str]:
        del change, bench
        return []

    def before(self, change: Change, bench: Bench) -> None:
        del change, bench

    def after(self, change: Change, bench: Bench) -> list[str]:
        del bench
        return [f"now {', '.join(change.after)}"]
