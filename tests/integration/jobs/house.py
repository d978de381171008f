"""What the tests of jobs have in their hands."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from growsoft.jobs import Place, Worker
from growsoft.orm import Env
from growsoft.postgres.context import Context
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from tests.integration.jobs.errands import Errand
from tests.support.shop import Shop


@dataclass(frozen=True)
class House:
    """One database of errands, its people and a worker that does what is due when it is told to."""

    shop: Shop
    people: dict[str, Context]
    place: Place
    worker: Worker

    @property
    def database(self) -> Database:
        """The database."""
        return self.shop.database

    @contextmanager
    def acting(self, login: str) -> Generator[Env]:
        """Act as somebody; committed at the end."""
        with self.shop.acting(self.people[login]) as env:
            yield env

    def errand(self, login: str, name: str = "milk") -> int:
        """Make an errand."""
        with self.acting(login) as env:
            return env[Errand].create({"name": name, "user_id": env.user_id}).id

    def jobs(self) -> list[dict[str, Any]]:
        """Look at the whole queue."""
        with self.shop.elevated() as env:
            return env["ir.job"].search_read([], order="id")

    def job(self) -> dict[str, Any]:
        """Look at the only job."""
        (found,) = self.jobs()
        return found

    def read(self, record_id: int) -> Errand:
        """Look at an errand: its values were read before the transaction ended."""
        with self.shop.elevated() as env:
            errand = env[Errand].browse(record_id)
            assert errand.name
            return errand

    def work(self) -> int:
        """Do all that is due now."""
        return self.worker.work_off(self.place)

    def hurry(self) -> None:
        """Let what waits for a later time be due now."""
        self.as_owner(sql("UPDATE ir_job SET eta = now() - interval '1 s'"))

    def as_owner(self, query: Sql) -> list[tuple[Any, ...]]:
        """Do something behind the walls."""
        with superuser(replace(self.shop.server, dbname=self.database.name)) as connection:
            return connection.run(query).all()
