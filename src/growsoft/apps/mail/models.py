"""Mail models: notes with whom they tell, followers, and activities. Each has the rights of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, Self
from zoneinfo import ZoneInfo

from growsoft.apps.base.models import Users
from growsoft.apps.mail.mentions import mentioned
from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Access, Env, Follows, Indexed, Model, Rule, Unique, api, current, fields
from growsoft.words import _

Values = Mapping[str, object]
LONGEST: Final = 10_000


class Message(Model):
    """Note: what somebody says about a record. It stays as it was said, by whom the database knows.

    Whoever reads the record may add one. Those who are named in it, and those who follow the record, are told.
    """

    _name = "mail.message"
    _order = "id desc"
    _rec_name = "body"
    _audit = False  # a note is its own history: nobody changes one

    body = fields.Text("Note", required=True)
    model = fields.Char("Model", required=True, size=64)
    res_id = fields.Many2oneReference("Record", model_field="model", required=True)

    owner = Follows("model", "res_id", create="read")
    everybody = Access("base.user", "read", "create")

    def create(self, values: Values | Sequence[Values]) -> Self:
        """Add notes, and tell those whom they concern."""
        made = super().create(values)
        for note in made:
            note.tell()
        return made

    def tell(self) -> None:
        """Tell who is named and who follows, but for whoever says it himself."""
        env = self.env
        own = (Followers.res_model == self.model) & (Followers.res_id == self.res_id)
        follow = env[Followers].search(own)
        users = {follower.user_id.id for follower in follow} | set(mentioned(env, self.body))
        told = self.sudo("people are told of notes that name them, and of those on records that they follow")
        told.env[Notification].create(
            [{"mail_message_id": self.id, "user_id": user} for user in sorted(users - {env.user_id})]
        )

    @api.constrains("body", "model")
    def _check_note(self) -> None:
        for note in self:
            if not note.body.strip():
                raise ValidationError(_("Note: write something first."))
            if len(note.body) > LONGEST:
                raise ValidationError(_("Note: write {most} characters at most.", most=LONGEST))
            if note.model not in self.env.registry.models:
                raise ValidationError(_("A note names a record by its model and its id."))


class Notification(Model):
    """Notification: that somebody has yet to read a note. What it says he reads with his own rights."""

    _name = "mail.notification"
    _order = "id desc"
    _rec_name = "id"
    _audit = False  # who has read what is nobody's history

    mail_message_id = fields.Many2one(Message, "Note", required=True, ondelete="cascade")
    user_id = fields.Many2one(Users, "Told", required=True)
    is_read = fields.Boolean("Read")

    waiting = Indexed("user_id", where=is_read == False)  # noqa: E712  a condition, not a truth value
    everybody = Access("base.user", "read", "write")
    own = Rule(user_id == current.user, group="base.user")


class Followers(Model):
    """Follower: who is told of the notes on a record."""

    _name = "mail.followers"
    _order = "id"
    _rec_name = "user_id"
    _audit = False  # following changes nothing of the record

    res_model = fields.Char("Model", required=True, size=64)
    res_id = fields.Many2oneReference("Record", model_field="res_model", required=True)
    user_id = fields.Many2one(Users, "Follower", required=True)

    once = Unique("res_model", "res_id", "user_id", message="This person follows the record already.")
    owner = Follows("res_model", "res_id", create="read")
    everybody = Access("base.user", "read", "create")

    @api.public
    def action_unfollow(self) -> None:
        """Stop following; whoever follows may."""
        for follower in self:
            if follower.user_id.id != self.env.user_id:
                raise AccessError(_("Only {name} can stop this.", name=follower.user_id.name))
        self.sudo("people stop following what they like").unlink()


class ActivityType(Model):
    """Kind of activity: a call, a meeting, something to do."""

    _name = "mail.activity.type"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)

    everybody = Access("base.user", "read")
    administrators = Access("base.admin")


def _today(env: Env) -> date:
    return env.now().astimezone(ZoneInfo(env.tz or "UTC")).date()


def _me(env: Env) -> Users:
    return env[Users].browse(() if env.elevated else env.user_id)


def _usual(env: Env) -> ActivityType:
    return env[ActivityType].search([], limit=1)


class Activity(Model):
    """Activity: what somebody is to do about a record, until when. When it is done, it becomes a note."""

    _name = "mail.activity"
    _order = "date_deadline, id"
    _rec_name = "summary"

    activity_type_id = fields.Many2one(ActivityType, "Kind", required=True, default=_usual)
    summary = fields.Char(size=200)
    date_deadline = fields.Date("Due", required=True, default=_today)
    user_id = fields.Many2one(Users, "Assigned to", required=True, default=_me)
    res_model = fields.Char("Model", required=True, size=64)
    res_id = fields.Many2oneReference("Record", model_field="res_model", required=True)

    of_user = Indexed("user_id", "date_deadline")
    owner = Follows("res_model", "res_id", create="read")
    everybody = Access("base.user")

    def create(self, values: Values | Sequence[Values]) -> Self:
        """Plan activities; whoever else is to do one is told by a note."""
        made = super().create(values)
        for activity in made:
            if activity.user_id.id != self.env.user_id:
                activity.post_note(f"{activity.headline()} → @{activity.user_id.login}")
        return made

    @api.public
    def action_feedback(self, feedback: str = "") -> None:
        """Note that activities are done, with what came of them; for those assigned, and who may change them."""
        for activity in self:
            activity.post_note("\n".join(part for part in (f"✓ {activity.headline()}", feedback.strip()) if part))
        self._over()

    @api.public
    def action_cancel(self) -> None:
        """Take activities back, without a note."""
        self._over()

    def _over(self) -> None:
        mine = self.filtered(lambda activity: activity.user_id.id == self.env.user_id)
        (self - mine).unlink()
        mine.sudo("whoever an activity is assigned to may finish it").unlink()

    def post_note(self, body: str) -> None:
        """Write a note on the record of an activity."""
        self.env[Message].create({"body": body, "model": self.res_model, "res_id": self.res_id})

    def headline(self) -> str:
        """Return what is to be done, and until when."""
        what = ": ".join(part for part in (self.activity_type_id.name, self.summary) if part)
        return f"{what} ({self.date_deadline.isoformat()})" if self.date_deadline else what

    @api.constrains("res_model")
    def _check_record(self) -> None:
        for activity in self:
            if activity.res_model not in self.env.registry.models:
                raise ValidationError(_("An activity names a record by its model and its id."))
