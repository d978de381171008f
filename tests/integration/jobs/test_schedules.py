"""Schedules: what runs by itself, by the calendar, once however often it was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from growsoft.apps.base.jobs import Cron
from growsoft.errors import AccessError
from growsoft.jobs.schedules import enqueue_due, enqueue_now, ensure_schedules
from growsoft.orm.timing import BadTiming
from growsoft.postgres.sql import sql
from tests.integration.jobs.house import House

OWN = ("errand.round_up", "errand.tidy")


@pytest.fixture
def planned(house: House) -> House:
    """A database that knows its schedules, each with its first time."""
    ensure_schedules(house.database, house.place.registry)
    enqueue_due(house.database, house.place.registry)
    return house


def _scheduled(house: House) -> list[tuple[str, str]]:
    return [(job["schedule"], job["state"]) for job in house.jobs() if job["schedule"] in OWN]


def _only_own(house: House) -> None:
    house.as_owner(sql("UPDATE ir_cron SET active = (model_name = 'errand') RETURNING id"))


def test_declared_schedules_are_written_down_once(planned: House) -> None:
    ensure_schedules(planned.database, planned.place.registry)
    with planned.shop.elevated() as env:
        found = {cron.name: cron for cron in env[Cron].search([])}
        swept = {"ir.job.sweep", "res.users.sweep_sign_ins", "ir.model.sweep_transient", "ir.attachment.sweep_files"}
        assert {*OWN, *swept} == set(found)
        now = datetime.now(UTC)
        round_up = found["errand.round_up"].nextcall
        assert round_up is not None
        assert now < round_up <= now + timedelta(minutes=15)
        assert round_up.minute % 15 == 0
    assert _scheduled(planned) == [], "what is new waits for its first time"


def test_what_was_missed_ten_times_runs_once_and_then_by_the_calendar(planned: House) -> None:
    _only_own(planned)
    milk = planned.errand("ann")
    missed = sql("UPDATE ir_cron SET nextcall = now() - interval '150 min' WHERE name = 'errand.round_up' RETURNING id")
    planned.as_owner(missed)
    assert planned.work() == 1
    assert planned.work() == 0
    assert planned.read(milk).times == 100, "elevated: it saw ann's errand"
    (reasons,) = planned.as_owner(sql("SELECT count(*) FROM gs_priv.audit WHERE reason ~ 'nobody in particular'"))
    assert reasons == (1,)
    with planned.shop.elevated() as env:
        cron = env[Cron].search(Cron.name == "errand.round_up")
        assert cron.nextcall is not None
        assert cron.nextcall > datetime.now(UTC)
        assert cron.nextcall.minute % 15 == 0


def test_a_schedule_does_not_overtake_itself(planned: House) -> None:
    _only_own(planned)
    for _ in range(3):
        planned.as_owner(sql("UPDATE ir_cron SET nextcall = now() WHERE name = 'errand.round_up' RETURNING id"))
        enqueue_due(planned.database, planned.place.registry)
    assert _scheduled(planned) == [("errand.round_up", "waiting")]


def test_a_schedule_runs_as_the_user_it_names(planned: House) -> None:
    milk, bread = planned.errand("ann"), planned.errand("bob", "bread")
    assert enqueue_now(planned.database, "errand.tidy")
    assert not enqueue_now(planned.database, "errand.no_such")
    planned.work()
    assert planned.read(milk).noted == f"tidied by {planned.people['ann'].user}"
    assert planned.read(bread).noted == "", "ann does not see it"


def test_a_schedule_of_somebody_who_left_fails_and_says_so(planned: House) -> None:
    with planned.shop.elevated() as env:
        env["res.users"].browse(planned.people["ann"].user).write({"active": False})
    enqueue_now(planned.database, "errand.tidy")
    planned.work()
    (job,) = [job for job in planned.jobs() if job["schedule"] == "errand.tidy"]
    assert (job["state"], job["message"][:24]) == ("failed", "Whoever enqueued this jo")


def test_what_no_app_declares_any_more_does_not_run(planned: House) -> None:
    _only_own(planned)
    planned.as_owner(
        sql("UPDATE ir_cron SET method_name = 'no_job', nextcall = now() WHERE name = 'errand.tidy' RETURNING id")
    )
    planned.work()
    assert _scheduled(planned) == []


def test_an_administrator_changes_times_and_switches_schedules_off(planned: House) -> None:
    admin = planned.shop.user("root", "base.admin")
    with planned.shop.acting(admin) as env:
        tidy = env[Cron].search(Cron.name == "errand.tidy")
        with pytest.raises(AccessError):
            tidy.write({"method_name": "no_job"})
        with pytest.raises(BadTiming, match="every 15 minutes"), env.savepoint():
            tidy.timing = "now and then"
    with planned.shop.acting(admin) as env:
        tidy = env[Cron].search(Cron.name == "errand.tidy")
        tidy.write({"timing": "weekly mon 08:00", "tz": "Asia/Tokyo"})
        env[Cron].search(Cron.name == "errand.round_up").active = False
    enqueue_due(planned.database, planned.place.registry)
    with planned.shop.elevated() as env:
        planned_for = env[Cron].search(Cron.name == "errand.tidy").nextcall
        assert planned_for is not None
        assert (planned_for.weekday(), planned_for.hour) == (6, 23), "Monday 08:00 in Tokyo is Sunday 23:00 UTC"
    planned.as_owner(sql("UPDATE ir_cron SET nextcall = now() WHERE name = 'errand.round_up' RETURNING id"))
    assert enqueue_due(planned.database, planned.place.registry) == 0
