"""Which database has jobs: one line for each, raised by whoever enqueues, and no raise is ever lost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from growsoft.apps.instance.dispatch import SWEEP, Announcer, ControlBook
from growsoft.orm import load, open_env
from growsoft.orm.later import announcing
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.web.ports import Site
from tests.integration.jobs.errands import Errand
from tests.integration.jobs.house import House
from tests.support.databases import database_from
from tests.support.shop import Shop


@dataclass
class Hosting:
    """A control database that knows one customer's database, and the book over it."""

    shop: Shop
    house: House

    def control(self) -> Site:
        """The control database."""
        return Site("control", self.shop.database, self.shop.registry)

    def by_name(self, name: str) -> Site | None:
        """The customer's."""
        return Site(name, self.house.database, self.house.place.registry) if name == "errands" else None

    @property
    def book(self) -> ControlBook:
        """The book."""
        return ControlBook(self)

    def taken(self) -> list[str]:
        """Take what is due, the control database itself left out."""
        return [due.place.database.name for due in self.book.due(5) if due.ticket is not None]

    def due(self) -> datetime:
        """What the line says."""
        with self.shop.elevated() as env:
            found: datetime = env.execute(sql("SELECT due FROM instance_due")).scalar()
        return found


@pytest.fixture(scope="session")
def control_template(server: Endpoint) -> Generator[str]:
    """The name of a filled control database."""
    registry, bare, pools = load(["instance"]), "control_bare", Pools(2)
    with new_template(server, bare, registry.declarations):
        pass
    with database_from(server, bare, pools) as database:
        with open_env(database, registry, database.elevated("a test fills its template")) as env:
            for app in registry.apps:
                if app.load is not None:
                    app.load(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)


@pytest.fixture
def hosting(
    server: Endpoint, control_template: str, fresh_database: Callable[[str], Database], house: House
) -> Hosting:
    """One customer, whose line is not there yet."""
    shop = Shop(fresh_database(control_template), server, load(["instance"]))
    shop.ensure_profiles()
    with shop.elevated() as env:
        cluster = env["instance.cluster"].search([], limit=1)
        for name, state, uuid in (("errands", "active", house.database.uuid), ("gone", "dropped", uuid4())):
            values = {"name": name, "uuid": str(uuid), "pg_name": f"db_{name}", "state": state, "cluster_id": cluster}
            env["instance.database"].create(values)
    return Hosting(shop, house)


def test_a_new_database_is_visited_at_once_and_then_when_it_is_due(hosting: Hosting) -> None:
    (due,) = [due for due in hosting.book.due(5) if due.ticket is not None]
    assert due.place.database.name == hosting.house.database.name
    assert hosting.taken() == [], "taken: nobody else visits it now"
    hosting.book.visited(due, datetime.now(UTC) + timedelta(hours=5))
    assert hosting.due() < datetime.now(UTC) + SWEEP, "swept, whatever is written about it"
    again = datetime.now(UTC)
    with superuser(replace(hosting.shop.server, dbname=hosting.shop.database.name)) as owner:
        owner.run(sql("UPDATE instance_due SET due = now() - interval '1 s'"))
    assert len(hosting.taken()) == 1
    assert hosting.due() > again


def test_a_job_that_comes_during_a_visit_is_not_overlooked(hosting: Hosting) -> None:
    """The visitor has read an empty queue; a job is committed and announced; then he writes when to come again."""
    (due,) = [due for due in hosting.book.due(5) if due.ticket is not None]
    announcer = Announcer(hosting.shop.database)
    announcing.append(announcer.announce)
    try:
        errand = hosting.house.errand("ann")
        with hosting.house.acting("ann") as env:
            env[Errand].browse(errand).delayed().do()
    finally:
        announcing.remove(announcer.announce)
        announcer.close()
    hosting.book.visited(due, datetime.now(UTC) + timedelta(minutes=5))
    assert len(hosting.taken()) == 1, "the announcement stands"


def test_an_announcement_only_brings_a_visit_forward(hosting: Hosting) -> None:
    hosting.taken()
    before = hosting.due()
    for delay, expected in ((timedelta(hours=1), before), (timedelta(minutes=1), None)):
        announcer = Announcer(hosting.shop.database)
        announcer.announce(hosting.house.database, datetime.now(UTC) + delay)
        announcer.close()
        if expected is not None:
            assert hosting.due() == expected
    assert hosting.due() < before


def test_what_is_rolled_back_announces_nothing(hosting: Hosting) -> None:
    told: list[Database] = []

    def tell(database: Database, eta: datetime) -> None:
        del eta
        told.append(database)

    announcing.append(tell)
    try:
        errand = hosting.house.errand("ann")
        with suppress(AssertionError), hosting.house.acting("ann") as env:
            env[Errand].browse(errand).delayed().do()
            assert not errand
    finally:
        announcing.remove(tell)
    assert told == []
