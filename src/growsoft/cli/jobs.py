"""`growsoft jobs`: what a database does later, and again and again."""

from __future__ import annotations

from typing import Final

import click

from growsoft.apps.base.jobs import Cron, Job, JobState
from growsoft.cli.errors import NotFound
from growsoft.cli.instance import announced, open_instance
from growsoft.cli.output import print_json, print_rows
from growsoft.jobs import Place, Worker
from growsoft.jobs.schedules import enqueue_now, ensure_schedules
from growsoft.jobs.worker import Idle
from growsoft.orm import Env, load

COLUMNS: Final = (
    "id", "name", "user", "state", "eta", "finished_at", "failures", "progress", "message",
)  # fmt: skip
SCHEDULES: Final = ("name", "timing", "tz", "active", "nextcall", "lastcall")
REASON: Final = "an administrator looks after jobs on the command line"

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = click.Choice([state.value for state in JobState])


@click.group()
def jobs() -> None:
    """List, run, retry and cancel the jobs of a database.

    `control` is the control database.
    """


@jobs.command("list")
@click.argument("db")
@click.option("--state", type=_state, help="Only jobs in this state.")
@click.option("--limit", default=100, show_default=True, help="The latest so many.")
@click.option("--schedules", is_flag=True, help="What runs again and again, and when next.")
@_json
def list_(db: str, state: str | None, limit: int, *, schedules: bool, as_json: bool) -> None:
    """List the jobs of a database, the latest first, or its schedules."""
    with open_instance() as instance, instance.env(instance.find(db), REASON) as env:
        if schedules:
            rows = env[Cron].search_read([], SCHEDULES)
            print_rows([{name: row[name] for name in SCHEDULES} for row in rows], SCHEDULES, as_json=as_json)
            return
        domain = [] if state is None else [("state", "=", state)]
        found = [_row(job) for job in env[Job].search(domain, limit=limit)]
    print_rows(found, COLUMNS, as_json=as_json)


@jobs.command()
@click.argument("db")
@click.argument("schedule", required=False)
@_json
def run(db: str, schedule: str | None, *, as_json: bool) -> None:
    """Run what is due in a database here and now, without waiting for the job worker; a SCHEDULE also before its time.

    The answer says how many jobs have run; `jobs list` shows what became of them.
    """
    with open_instance() as instance, announced(instance):
        where = instance.find(db)
        place = Place(instance.database(where), load(where.apps))
        if schedule is not None:
            ensure_schedules(place.database, place.registry)
            if not enqueue_now(place.database, schedule):
                raise NotFound(f"There is no schedule {schedule}; see growsoft jobs list {db} --schedules.")
        with instance.keeper() as keeper:
            done = Worker(Idle(), keeper.ensure_profile, name="command line").work_off(place)
    if as_json:
        print_json({"run": done})
    else:
        click.echo(f"{done} jobs have run.")


@jobs.command()
@click.argument("db")
@click.argument("ids", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that failed.")
@_json
def retry(db: str, ids: tuple[int, ...], *, everything: bool, as_json: bool) -> None:
    """Let failed or cancelled jobs run again."""
    with open_instance() as instance, instance.env(instance.find(db), REASON) as env:
        chosen = env[Job].search(Job.state == JobState.FAILED) if everything else _chosen(env, ids)
        chosen.action_retry()
    _told(chosen.ids, "waits again", as_json=as_json)


@jobs.command()
@click.argument("db")
@click.argument("ids", type=int, nargs=-1, required=True)
@_json
def cancel(db: str, ids: tuple[int, ...], *, as_json: bool) -> None:
    """Do not run jobs; one that runs already is asked to stop."""
    with open_instance() as instance, instance.env(instance.find(db), REASON) as env:
        _chosen(env, ids).action_cancel()
    _told(ids, "is cancelled, or asked to stop", as_json=as_json)


def _chosen(env: Env, ids: tuple[int, ...]) -> Job:
    found = env[Job].browse(ids).exists()
    missing = sorted(set(ids) - set(found.ids))
    if missing or not ids:
        raise NotFound(f"There is no job {', '.join(map(str, missing)) or 'to choose: give ids, or --all'}.")
    return found


def _told(ids: tuple[int, ...], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": list(ids)})
    else:
        for one in ids:
            click.echo(f"Job {one} {what}.")


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "name": job.name,
        "user": job.user_id.login if job.user_id else "",
        "state": job.state.value,
        "eta": job.eta,
        "finished_at": job.finished_at,
        "failures": job.failures,
        "progress": ", ".join(f"{one.done} % {one.text}".strip() for one in job.progress_ids),
        "message": job.message,
    }
