"""SW-7: injected SQL makes no jobs, changes none, runs nothing that is no job, and keeps nobody from his own."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from growsoft.jobs.queue import take
from growsoft.orm.later import QUEUE_PROFILE
from growsoft.postgres.sql import sql
from tests.integration.jobs.conftest import errand_registry, errand_template, house
from tests.integration.jobs.errands import Errand
from tests.integration.jobs.house import House
from tests.support.attacker import Attacker
from tests.support.notes import Notes

__all__ = ["errand_registry", "errand_template", "house"]

ROW = "(name, model_name, method_name, record_ids, eta) VALUES ('x', 'errand', 'do', '1', now())"


@pytest.fixture
def ann(house: House) -> Generator[Attacker]:
    """Ann's session, into which SQL is injected; she and bob have a job each."""
    for login in ("ann", "bob"):
        errand = house.errand(login)
        with house.acting(login) as env:
            env[Errand].browse(errand).delayed().do()
    with Attacker(Notes(house.database, house.shop.server)) as login_of_the_app:
        login_of_the_app.enter(house.people["ann"])
        yield login_of_the_app


def _queue(house: House) -> list[tuple[object, ...]]:
    return house.as_owner(
        sql("SELECT id, create_uid, user_id, model_name, method_name, state, priority FROM ir_job ORDER BY id")
    )


ATTACKS = [
    f"INSERT INTO ir_job {ROW}",
    "INSERT INTO ir_job (name, model_name, method_name, eta, create_uid) VALUES ('x', 'errand', 'do', now(), {bob})",
    "INSERT INTO ir_job (name, model_name, method_name, eta, create_uid) VALUES ('x', 'errand', 'round_up', now(), 0)",
    "UPDATE ir_job SET method_name = 'no_job'",
    "UPDATE ir_job SET user_id = {bob}",
    "UPDATE ir_job SET create_uid = 0",
    "UPDATE ir_job SET priority = 0",
    "UPDATE ir_job SET state = 'running'",
    "UPDATE ir_job SET state = 'cancelled'",
    "DELETE FROM ir_job",
    "SELECT FROM ir_job FOR UPDATE",
    "INSERT INTO ir_job_progress (job_id, stop) SELECT id, true FROM ir_job",
    "INSERT INTO ir_cron (name, model_name, method_name, timing) VALUES ('x', 'errand', 'round_up', 'every minute')",
    "UPDATE ir_cron SET nextcall = now()",
    "SELECT * FROM gs.job_account({bob}, '')",
    "SELECT * FROM gs.job_account({ann}, '')",
    "SELECT gs.sweep_sign_ins()",
    "TRUNCATE ir_job",
    "NOTIFY jobs; SELECT pg_notify('jobs', '')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_sw7_the_queue_is_out_of_reach(house: House, ann: Attacker, attack: str) -> None:
    before = _queue(house)
    people = {name: str(context.user) for name, context in house.people.items()}
    for role in ("", QUEUE_PROFILE):
        ann.raw.execute("SAVEPOINT attack")
        if role:  # the login of the database may take this role, without a context that was signed for it
            assert not ann.attempt(f"SET LOCAL ROLE {role}").refused
        outcome = ann.attempt(attack.replace("{bob}", people["bob"]).replace("{ann}", people["ann"]))
        assert outcome.refused or outcome.count == 0, (role, outcome)
        ann.raw.execute("ROLLBACK TO SAVEPOINT attack")
    ann.raw.execute("COMMIT")
    assert _queue(house) == before


def test_sw7_ann_sees_her_own_jobs_alone(house: House, ann: Attacker) -> None:
    assert ann.attempt("SELECT create_uid FROM ir_job").rows == [(house.people["ann"].user,)]
    assert ann.attempt("SELECT count(*) FROM ir_cron").refused


@pytest.mark.parametrize(
    ("model", "method"),
    [("errand", "no_job"), ("errand", "unlink"), ("errand", "__class__"), ("errand", "sudo"), ("res.users", "write"),
     ("no.such", "do"), ("errand", "round_up; DROP TABLE errand")],
)  # fmt: skip
def test_sw7_a_forged_row_runs_nothing_that_is_no_job(house: House, model: str, method: str) -> None:
    """Even who could write the queue only runs what apps marked as a job."""
    errand = house.errand("ann")
    house.as_owner(
        sql(
            "INSERT INTO ir_job (name, model_name, method_name, record_ids, eta, create_uid)"
            " VALUES ('forged', {model}::text, {method}::text, {ids}::text, now(), {ann}::bigint) RETURNING id",
            model=model, method=method, ids=str(errand), ann=house.people["ann"].user,
        )
    )  # fmt: skip
    assert house.work() == 1
    job = house.job()
    assert job["state"] == "failed"
    assert "is no job of the installed apps" in job["message"]


def test_sw7_a_users_row_never_runs_elevated(house: House) -> None:
    """`round_up` runs elevated by its schedule; enqueued by a user it has this user's rights."""
    milk, bread = house.errand("ann"), house.errand("bob", "bread")
    with house.acting("ann") as env:
        env[Errand].delayed().round_up()
    house.work()
    assert [house.read(one).times for one in (milk, bread)] == [100, 0]


def test_sw7_nobody_takes_all_threads(house: House) -> None:
    for login, count in (("ann", 5), ("bob", 1)):
        errand = house.errand(login)
        with house.acting(login) as env:
            for _ in range(count):
                env[Errand].browse(errand).delayed(priority=0 if login == "ann" else 99).do()
    taken = [take(house.database, "test", per_user=2) for _ in range(4)]
    users = [None if job is None else job.enqueued_by for job in taken]
    ann, bob = (house.people[login].user for login in ("ann", "bob"))
    assert users == [ann, ann, bob, None]
