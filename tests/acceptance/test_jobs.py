"""Jobs on a running instance: the worker learns of them at once, schedules are there, a killed worker comes back."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from tests.support.instance import Home

ENQUEUE = 'env["res.users"].delayed().sweep_sign_ins()'


def _latest(home: Home) -> dict[str, Any]:
    found: list[dict[str, Any]] = home.json("jobs", "list", "demo", "--limit", "1")
    return found[0] if found else {"state": "unknown"}


def _done(home: Home, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while (job := _latest(home))["state"] != "done" and time.monotonic() < until:
        time.sleep(0.2)
    return job


def test_what_the_shell_enqueues_runs_within_seconds(running_instance: Home) -> None:
    running_instance.run("shell", "demo", "-c", ENQUEUE)
    job = _done(running_instance, 15)
    assert (job["name"], job["state"]) == ("res.users.sweep_sign_ins", "done")


def test_every_database_has_its_schedules(running_instance: Home) -> None:
    for name in ("demo", "control"):
        found = {row["name"]: row for row in running_instance.json("jobs", "list", name, "--schedules")}
        assert found["res.users.sweep_sign_ins"]["timing"] == "every 10 minutes"
        assert found["res.users.sweep_sign_ins"]["nextcall"]


def test_a_killed_job_worker_is_started_again(running_instance: Home) -> None:
    worker = running_instance.pid("jobs")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    running_instance.run("shell", "demo", "-c", ENQUEUE)
    assert _done(running_instance, 30)["state"] == "done"
    assert running_instance.pid("jobs") not in (None, worker)


def test_jobs_run_by_hand_and_refusals_say_what_to_do(running_instance: Home) -> None:
    assert running_instance.json("jobs", "run", "demo", "ir.job.sweep")["run"] >= 1
    assert _latest(running_instance)["name"] == "ir.job.sweep"
    for arguments, says in (
        (("run", "demo", "no.such"), "growsoft jobs list demo --schedules"),
        (("retry", "demo"), "give ids, or --all"),
        (("cancel", "demo", "999999"), "no job 999999"),
    ):
        done = running_instance.run("jobs", *arguments)
        assert done.code == 3
        assert says in done.err
