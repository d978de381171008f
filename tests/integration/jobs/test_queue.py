"""Jobs: enqueued with what was done, run as who enqueued them, tried again, given up, cancelled."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from growsoft.apps.base.jobs import Job
from growsoft.errors import AccessError, UserError, ValidationError
from growsoft.orm import Locale, open_env
from growsoft.orm.later import NoJob
from growsoft.postgres.sql import sql
from tests.integration.jobs.errands import Errand
from tests.integration.jobs.house import House


def test_a_job_runs_once_on_its_records_and_is_done(house: House) -> None:
    milk, bread = house.errand("ann"), house.errand("ann", "bread")
    with house.acting("ann") as env:
        env[Errand].browse((milk, bread)).delayed().do()
    assert house.job()["state"] == "waiting"
    assert house.work() == 1
    assert house.work() == 0
    assert [house.read(one).times for one in (milk, bread)] == [1, 1]
    job = house.job()
    assert (job["state"], job["run"], job["failures"], job["message"]) == ("done", 1, 0, "")
    assert job["user_id"] == (house.people["ann"].user, "Ann")


def test_what_is_rolled_back_enqueues_nothing(house: House) -> None:
    milk = house.errand("ann")
    with suppress(ZeroDivisionError), house.acting("ann") as env:
        env[Errand].browse(milk).delayed().do()
        assert 1 / 0
    with house.acting("ann") as env:
        with suppress(ZeroDivisionError), env.savepoint():
            env[Errand].browse(milk).delayed().do()
            assert 1 / 0
        env[Errand].browse(milk).delayed().refuse()
    assert [job["method_name"] for job in house.jobs()] == ["refuse"]


def test_a_job_acts_as_who_enqueued_it_with_typed_arguments(house: House) -> None:
    milk = house.errand("ann")
    door = house.database.signed(house.people["ann"])
    with open_env(house.database, house.place.registry, door, locale=Locale("de_DE", "Europe/Berlin")) as env:
        env[Errand].browse(milk).delayed().note("hello", date(2026, 3, 1), amount=Decimal("1.50"), loud=True)
    house.work()
    ann = house.people["ann"]
    assert house.read(milk).noted == f"hello 01.03.2026 1.50 True by {ann.user} in {ann.companies} de_DE"


def test_a_job_has_the_rights_that_its_user_has_by_now(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().do()
    with house.shop.elevated() as env:
        env["res.users"].browse(house.people["ann"].user).write({"active": False})
    house.work()
    assert house.read(milk).times == 0
    job = house.job()
    assert job["state"] == "failed"
    assert job["message"].startswith("Whoever enqueued this job cannot sign in any more")


def test_a_job_sees_no_records_of_others(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("bob") as env:
        env[Errand].browse(milk).delayed().do()
    house.work()
    assert house.read(milk).times == 0
    assert house.job()["state"] == "failed"


def test_a_job_sees_no_company_that_its_user_lost_or_won_since(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().note("hello", date(2026, 3, 1))
    with house.shop.elevated() as env:
        new = env["res.company"].create({"name": "New", "currency_id": env["res.currency"].search([], limit=1)})
        env["res.users"].browse(house.people["ann"].user).write({"company_ids": [(6, 0, [new.id])]})
    house.work()
    assert " in () " in house.read(milk).noted


def test_what_fails_is_undone_waits_longer_each_time_and_is_given_up(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().stumble()
    pauses: list[timedelta] = []
    for failures in (1, 2):
        house.work()
        job = house.job()
        assert (job["state"], job["failures"]) == ("waiting", failures)
        pauses.append(job["eta"] - datetime.now(UTC))
        house.hurry()
    house.work()
    job = house.job()
    assert (job["state"], job["failures"]) == ("failed", 3)
    assert job["message"] == "RuntimeError; the log says more.", "no value of a row is shown"
    assert house.read(milk).times == 0
    assert timedelta(seconds=7) < pauses[0] < timedelta(seconds=13) < pauses[1] < timedelta(seconds=50)


def test_what_was_refused_is_not_tried_again(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().refuse()
    house.work()
    job = house.job()
    assert (job["state"], job["failures"], job["message"]) == ("failed", 1, "This errand is nonsense.")


def test_what_takes_too_long_is_stopped(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().dawdle()
    began = time.monotonic()
    house.work()
    assert time.monotonic() - began < 10
    job = house.job()
    assert (job["state"], job["failures"]) == ("waiting", 1)
    assert job["message"].startswith("This job took longer than it may")


def test_a_key_is_one_job(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        for _ in range(3):
            env[Errand].browse(milk).delayed(key="milk of today").do()
        env[Errand].browse(milk).delayed(key="milk of tomorrow").do()
    with house.acting("bob") as env:
        env[Errand].delayed(key="milk of today").do()
    assert house.work() == 3
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed(key="milk of today").do()
    assert house.work() == 0
    assert house.read(milk).times == 2


def test_two_who_enqueue_one_key_at_once_enqueue_one_job(house: House) -> None:
    milk = house.errand("ann")
    meet = threading.Barrier(2)
    lost: list[Exception] = []

    def enqueue() -> None:
        try:
            with house.acting("ann") as env:
                assert env[Errand].browse(milk).name
                meet.wait(10)
                env[Errand].browse(milk).delayed(key="once").do()
        except UserError as error:
            lost.append(error)
        except Exception as error:  # noqa: BLE001  shown by the test
            lost.append(error)

    threads = [threading.Thread(target=enqueue) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error).__name__ for error in lost] in ([], ["Conflict"])
    assert len(house.jobs()) == 1


def test_jobs_run_by_priority_and_not_before_their_time(house: House) -> None:
    names = ("last", "first", "later")
    made = [house.errand("ann", name) for name in names]
    with house.acting("ann") as env:
        env[Errand].browse(made[0]).delayed(priority=50).do()
        env[Errand].browse(made[1]).delayed(priority=1).do()
        env[Errand].browse(made[2]).delayed(delay=timedelta(hours=1), priority=0).do()
    assert house.work() == 2
    with house.shop.elevated() as env:
        assert env["errand.trace"].search([], order="id").mapped("name") == ["first", "last"]


def test_what_cannot_run_later_is_refused_when_it_is_enqueued(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        errand = env[Errand].browse(milk)
        with pytest.raises(NoJob, match=r"errand\.no_job cannot be run later"):
            errand.delayed().no_job()
        for method in ("write", "unlink", "_value", "name"):
            with pytest.raises(NoJob):
                getattr(errand.delayed(), method)
        with pytest.raises(ValidationError, match="missing a required argument"):
            errand.delayed().note()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        with pytest.raises(ValidationError, match="cannot be called like this later"):
            errand.delayed().note("x", "no date")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        with pytest.raises(ValidationError, match="between 0 and 99"):
            errand.delayed(priority=-1)
        with pytest.raises(ValidationError, match="time zone"):
            errand.delayed(at=datetime(2026, 1, 1)).do()  # noqa: DTZ001  that is the mistake
    with house.shop.elevated() as env, pytest.raises(NoJob, match="of no user"):
        env[Errand].browse(milk).delayed().do()
    assert house.jobs() == []


def test_people_cancel_and_retry_their_own_jobs_alone(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed(key="k").do()
        env[Errand].browse(milk).delayed().refuse()
    waiting, _ = house.jobs()
    with house.acting("bob") as env:
        assert not env[Job].search([])
        for action in ("action_cancel", "action_retry"):
            with pytest.raises((AccessError, UserError)):
                getattr(env[Job].browse(waiting["id"]), action)()
    with house.acting("ann") as env:
        env[Job].browse(waiting["id"]).action_cancel()
        with pytest.raises(UserError, match="is over"):
            env[Job].browse(waiting["id"]).action_cancel()
        env[Errand].browse(milk).delayed(key="k").do()
    assert house.work() == 2
    assert [job["state"] for job in house.jobs()] == ["cancelled", "failed", "done"]
    with house.acting("ann") as env:
        env[Job].browse(house.jobs()[1]["id"]).action_retry()
    assert house.work() == 1
    assert house.jobs()[1]["run"] == 2


def test_a_running_job_tells_how_far_it_is_and_can_be_stopped(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().tell(30.0)
    thread = threading.Thread(target=house.work)
    thread.start()
    try:
        told = _until(lambda: house.as_owner(sql("SELECT done, text FROM ir_job_progress")))
        assert told == [(50, "half-way")]
        with house.acting("ann") as env:
            job = env[Job].search([])
            assert [one.done for one in job.progress_ids] == [50]
            job.action_cancel()
    finally:
        thread.join(20)
    assert not thread.is_alive()
    assert house.job()["state"] == "cancelled"
    assert house.read(milk).times == 0


def test_somebody_with_thousands_of_jobs_does_not_keep_others_waiting(house: House) -> None:
    milk, bread = house.errand("ann"), house.errand("bob", "bread")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed(priority=0).tell(3.0)
        env[Errand].browse(milk).delayed(priority=0).tell(3.0)
    house.as_owner(
        sql(
            "INSERT INTO ir_job (name, model_name, method_name, eta, create_uid) SELECT 'x', 'errand', 'do',"
            " now() - interval '1 h', {ann}::bigint FROM generate_series(1, 5000)",
            ann=house.people["ann"].user,
        )
    )
    with house.acting("bob") as env:
        env[Errand].browse(bread).delayed(priority=99).do()
    threads = [threading.Thread(target=house.worker.run_next, args=(house.place,)) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.3)
    threads[2].join(1)
    assert house.read(bread).times == 1, "ann has two of three threads, whatever she enqueued"
    for thread in threads:
        thread.join()


def test_old_jobs_are_swept(house: House) -> None:
    milk = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(milk).delayed().do()
        env[Errand].browse(milk).delayed().refuse()
    house.work()
    house.as_owner(sql("UPDATE ir_job SET finished_at = now() - interval '8 days'"))
    with house.shop.elevated() as env:
        env[Job].sweep()
    assert [job["state"] for job in house.jobs()] == ["failed"]


def _until(look: object) -> object:
    assert callable(look)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found: object = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")
