"""Base jobs: the queue of a database, its schedules, and what is swept again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum

from growsoft.apps.base.models import Attachment, Users
from growsoft.errors import AccessError, UserError
from growsoft.orm import Access, Indexed, Model, Rule, Unique, api, current, fields
from growsoft.orm.filesweep import sweep_files
from growsoft.orm.later import QUEUE_GROUP, announce, queue_env
from growsoft.orm.timing import timing
from growsoft.postgres.sql import sql
from growsoft.words import _

# How long people can look up what became of a job.
KEEP_DONE = timedelta(days=7)
KEEP_FAILED = timedelta(days=92)


class JobState(Enum):
    """Where a job is in its life; a failed one waits for somebody who retries it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Model):
    """Job: a method that runs later, in the name of whoever enqueued it.

    Only the queue's own group writes here (`growsoft.orm.later`, `growsoft.jobs`): a user can neither make a job nor
    change one, whatever SQL he finds a way to run.
    """

    _name = "ir.job"
    _order = "id desc"
    _audit = False  # a job is its own history

    name = fields.Char("Job", required=True)
    user_id = fields.Many2one(Users, "Enqueued by")
    state = fields.Selection(JobState, default=JobState.WAITING)
    model_name = fields.Char("Model", required=True)
    method_name = fields.Char("Method", required=True)
    record_ids = fields.Text("Records", help="The ids, separated by commas.")
    arguments = fields.Text(default="{}")
    priority = fields.Integer(default=10, help="0 goes first.")
    eta = fields.Datetime("Not before", required=True)
    identity_key = fields.Char("Key")
    schedule = fields.Char(help="The schedule that enqueued it.")
    failures = fields.Integer()
    lost = fields.Integer("Lost runs", help="How often the worker that ran it has ended.")
    run = fields.Integer("Runs")
    started_at = fields.Datetime("Started")
    finished_at = fields.Datetime("Finished")
    lease_until = fields.Datetime("Taken until")
    worker = fields.Char()
    message = fields.Text("What went wrong")
    progress_ids: fields.One2many[JobProgress] = fields.One2many(inverse="job_id")
    # Of the context it was enqueued in.
    companies = fields.Char()
    actor = fields.Integer()
    scope = fields.Char()
    lang = fields.Char(default="en_US")
    tz = fields.Char("Time zone", default="UTC")

    once = Unique("create_uid", model_name, method_name, identity_key, message="There is a job with this key already.")
    waiting = Indexed("create_uid", priority, eta, "id", where=state == JobState.WAITING)
    due = Indexed(eta, where=state == JobState.WAITING)
    running = Indexed(lease_until, where=state == JobState.RUNNING)
    finished = Indexed(finished_at, state)

    everybody = Access("base.user", "read")
    queue = Access(QUEUE_GROUP)
    own = Rule(user_id == current.user, group="base.user", verbs=("read",))
    all_jobs = Rule(eta != None, group="base.admin", verbs=("read",))  # noqa: E711  a condition: every job has one
    for_the_queue = Rule(eta != None, group=QUEUE_GROUP)  # noqa: E711  as above

    @api.public
    def action_cancel(self) -> None:
        """Do not run these jobs; one that runs already is asked to stop."""
        for job in self._in_hands():
            if job.state not in (JobState.WAITING, JobState.RUNNING, JobState.FAILED):
                raise UserError(_("{name} is over; there is nothing to cancel.", name=job.name))
            if job.state == JobState.RUNNING:
                job.env.execute(_ASK_TO_STOP.rebind((job.id,)))
            else:
                job.write({"state": JobState.CANCELLED, "identity_key": "", "finished_at": datetime.now(UTC)})
        self.env.flush()

    @api.public
    def action_retry(self) -> None:
        """Let failed or cancelled jobs run again, from now on."""
        for job in self._in_hands():
            if job.state not in (JobState.FAILED, JobState.CANCELLED):
                raise UserError(_("{name} has not failed; there is nothing to retry.", name=job.name))
            job.write({"state": JobState.WAITING, "failures": 0, "lost": 0, "message": "", "finished_at": None})
        self.env.flush()
        announce(self.env, datetime.now(UTC))

    def _in_hands(self) -> Job:
        """Give the same jobs, writable, to whoever enqueued them and to administrators."""
        self.env.refuse_unreadable(self._info, self._info.fields["state"])
        others = [job for job in self if job.user_id.id != self.env.user_id]
        if others and not self.env.has_group("base.admin"):
            raise AccessError
        return self.with_env(queue_env(self.env))

    @api.job(schedule="daily 02:15", elevated="jobs that were over long ago are swept")
    def sweep(self) -> None:
        """Forget jobs that were over long ago."""
        self.env.execute(_SWEEP.rebind((KEEP_DONE, KEEP_FAILED)))


class JobProgress(Model):
    """Progress: how far a running job is, told in the middle of its transaction."""

    _name = "ir.job.progress"
    _order = "id"
    _rec_name = "text"
    _audit = False

    job_id = fields.Many2one(Job, required=True, ondelete="cascade")
    done = fields.Integer("Per cent")
    text = fields.Char("Now")
    stop = fields.Boolean("Asked to stop")

    once = Unique(job_id)
    everybody = Access("base.user", "read")
    queue = Access(QUEUE_GROUP)
    own = Rule(job_id.any(Job.user_id == current.user), group="base.user", verbs=("read",))
    all_jobs = Rule(job_id != None, group="base.admin", verbs=("read",))  # noqa: E711  a condition: each has a job
    for_the_queue = Rule(job_id != None, group=QUEUE_GROUP)  # noqa: E711  as above


class Cron(Model):
    """Schedule: a method that runs by itself, again and again; apps declare it with `@api.job(schedule=...)`."""

    _name = "ir.cron"
    _order = "name"
    _audit_without = ("nextcall", "lastcall")

    name = fields.Char(required=True, readonly=True, unique=True)
    model_name = fields.Char("Model", required=True, readonly=True)
    method_name = fields.Char("Method", required=True, readonly=True)
    timing = fields.Char(
        required=True, help="every 15 minutes, daily 03:00, weekly mon,thu 07:30, monthly 1 02:00", size=100
    )
    tz = fields.Char("Time zone", default="UTC", size=64)
    active = fields.Boolean(default=True)
    nextcall = fields.Datetime("Next run")
    lastcall = fields.Datetime("Last run")

    administrators = Access("base.admin", "read", "write")
    queue = Access(QUEUE_GROUP, "read", "write")

    @api.constrains("timing", "tz")
    def _check_timing(self) -> None:
        for cron in self:
            timing(cron.timing, cron.tz)
            cron.nextcall = None  # worked out anew


class SignIns(Users, extend=True):
    """Users, with what is swept of their ways in."""

    @api.job(schedule="every 10 minutes", elevated="sessions, links and devices that are over are swept")
    def sweep_sign_ins(self) -> None:
        """Forget sessions, one-time links and known devices that are over."""
        self.env.execute(sql("SELECT gs.sweep_sign_ins()"))


class Files(Attachment, extend=True):
    """Attachments, with what is swept of the files of all records."""

    @api.job(schedule="daily 03:40", elevated="files that no record refers to any more are swept")
    def sweep_files(self) -> None:
        """Delete files that no record has referred to for two days."""
        sweep_files(self.env)


_ASK_TO_STOP = sql(
    "INSERT INTO ir_job_progress (job_id, stop) VALUES ({job}::bigint, true) ON CONFLICT (job_id)"
    " DO UPDATE SET stop = true, write_uid = excluded.write_uid, write_date = now()",
    job=0,
)
_SWEEP = sql(
    "WITH over AS (SELECT id FROM ir_job WHERE (state IN ('done', 'cancelled') AND finished_at < now() - {d}::interval)"
    " OR (state = 'failed' AND finished_at < now() - {f}::interval)), told AS ("
    " DELETE FROM ir_job_progress WHERE job_id IN (SELECT id FROM over)"
    " OR job_id IN (SELECT id FROM ir_job WHERE state <> 'running'))"
    " DELETE FROM ir_job WHERE id IN (SELECT id FROM over)",
    d=None, f=None,
)  # fmt: skip
