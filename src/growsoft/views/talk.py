"""Talk: the notes, activities and changes of a record in one line of time, and what waits for somebody anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from growsoft.errors import MissingError, UserError
from growsoft.orm import Env
from growsoft.orm.domain import EVERYTHING, Condition, Leaf
from growsoft.views.fields import Link, ModelView
from growsoft.views.history import Moment, history_of
from growsoft.views.manner import Manner
from growsoft.views.people import users_of
from growsoft.views.records import Records
from growsoft.words import _

NOTE: Final = "mail.message"
ACTIVITY: Final = "mail.activity"
KIND: Final = "mail.activity.type"
FOLLOWER: Final = "mail.followers"
BELL: Final = "mail.notification"
NEWEST: Final = 100
MOST_WAITING: Final = 50
MOST_PEOPLE: Final = 200


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody said."""

    at: datetime
    when: str
    who: str
    body: str


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the line of time: a note, or a change."""

    at: datetime
    note: Note | None = None
    change: Moment | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """An activity: what is to be done by whom until when, and whether that is late, today or later."""

    id: int
    kind: str
    summary: str
    due: str
    day: date
    state: str
    who: str
    model: str
    record: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said and planned about a record."""

    said: tuple[Said, ...]
    planned: tuple[Planned, ...]
    kinds: tuple[Link, ...]
    people: tuple[Link, ...]
    followers: tuple[str, ...]
    follows: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A note that somebody has yet to read, and where it is."""

    note: Note
    model: str
    record: int
    name: str


def kept_for(env: Env, model: ModelView) -> bool:
    """Say whether there are notes on records of a model: not on what itself belongs to other records."""
    owner = env.registry.models[model.name]
    return NOTE in env.registry.models and owner.follows is None and not owner.transient


def talk_of(env: Env, model: ModelView, record: int, manner: Manner) -> Talk:
    """Return what is said and planned about a record. Raises `MissingError` for one that is not for this reader."""
    changes = history_of(env, model, record, manner)
    condition = _of(model, record, "model")
    rows = env[NOTE].search_read(condition, ["body", "create_date", "create_uid"], limit=NEWEST)
    names = _people(env, {int(row["create_uid"]) for row in rows})
    notes = [_note(row, names, manner) for row in rows]
    said = [*(Said(note.at, note=note) for note in notes), *(Said(change.at, change=change) for change in changes)]
    follow = env[FOLLOWER].search_read(_of(model, record), ["user_id"])
    return Talk(
        said=tuple(sorted(said, key=lambda one: one.at, reverse=True)),
        planned=tuple(_planned(env, _of(model, record), manner)),
        kinds=_links(env, KIND),
        people=_links(env, _users(env), Leaf(("active",), "=", True)),
        followers=tuple(str(row["user_id"][1]) for row in follow),
        follows=any(row["user_id"][0] == env.user_id for row in follow),
    )


def say(env: Env, model: ModelView, record: int, body: str) -> None:
    """Add a note to a record that may be read."""
    _seen(env, model, record)
    env[NOTE].create({"body": body.replace("\r\n", "\n").strip(), "model": model.name, "res_id": record})
    env.flush()


def plan(env: Env, model: ModelView, record: int, form: Mapping[str, str]) -> None:
    """Plan an activity as a form has it. Raises `UserError` where something is wrong with it."""
    _seen(env, model, record)
    try:
        day = date.fromisoformat(form.get("due", ""))
    except ValueError:
        raise UserError(_("Say until when: choose a day.")) from None
    numbers = {name: form.get(name, "") for name in ("kind", "user")}
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in numbers.values()):
        raise UserError(_("Choose what is to be done, and by whom."))
    values = {"date_deadline": day, "activity_type_id": int(numbers["kind"]), "user_id": int(numbers["user"])}
    where = {"res_model": model.name, "res_id": record, "summary": form.get("summary", "").strip()[:200]}
    env[ACTIVITY].create({**values, **where})
    env.flush()


def finish(env: Env, model: ModelView, record: int, activity: int, feedback: str, *, done: bool) -> None:
    """Note that an activity is done, or take it back."""
    found = env[ACTIVITY].search(_of(model, record) & Leaf(("id",), "=", activity)) if kept_for(env, model) else None
    if not found:
        raise MissingError
    if done:
        getattr(found, "action_feedback")(feedback)  # noqa: B009  the app above this floor says what it does
    else:
        getattr(found, "action_cancel")()  # noqa: B009  as above
    env.flush()


def follow(env: Env, model: ModelView, record: int, *, on: bool) -> None:
    """Follow a record from now on, or no more."""
    _seen(env, model, record)
    mine = env[FOLLOWER].search(_of(model, record) & Leaf(("user_id",), "=", env.user_id))
    if on and not mine:
        env[FOLLOWER].create({"res_model": model.name, "res_id": record, "user_id": env.user_id})
    elif mine and not on:
        getattr(mine, "action_unfollow")()  # noqa: B009  as above
    env.flush()


def waiting(env: Env) -> int:
    """Return how many notes whoever acts has yet to read."""
    if BELL not in env.registry.models:
        return 0
    return env[BELL].search_count(_unread(env), limit=MOST_WAITING)


def told(env: Env, manner: Manner) -> list[Told]:
    """Return the newest notes that whoever acts has yet to read, as far as he still may."""
    if BELL not in env.registry.models:
        return []
    bells = env[BELL].search_read(_unread(env), ["mail_message_id"], limit=MOST_WAITING)
    ids = [int(row["mail_message_id"][0]) for row in bells if row["mail_message_id"]]
    fields = ["body", "create_date", "create_uid", "model", "res_id"]
    rows = env[NOTE].search_read(Leaf(("id",), "in", tuple(ids)), fields)
    names = _people(env, {int(row["create_uid"]) for row in rows})
    places = [(str(row["model"]), int(row["res_id"])) for row in rows]
    called = _called(env, places)
    return [Told(_note(row, names, manner), *place, called[place]) for row, place in zip(rows, places, strict=True)]


def read_all(env: Env) -> None:
    """Note that whoever acts has read what he was told."""
    if BELL in env.registry.models:
        env[BELL].search(_unread(env)).write({"is_read": True})
        env.flush()


def mine(env: Env, manner: Manner) -> list[Planned]:
    """Return what whoever acts has to do, the longest overdue first."""
    if ACTIVITY not in env.registry.models:
        return []
    found = list(_planned(env, Leaf(("user_id",), "=", env.user_id), manner, limit=MOST_WAITING))
    called = _called(env, [(one.model, one.record) for one in found])
    return [
        Planned(one.id, one.kind, one.summary, one.due, one.day, one.state, one.who, one.model, one.record, name)
        for one in found
        for name in (called[one.model, one.record],)
    ]


def today(env: Env) -> date:
    """Return the day it is where whoever acts is."""
    return env.now().astimezone(ZoneInfo(env.tz or "UTC")).date()


def _planned(env: Env, condition: Condition, manner: Manner, limit: int | None = None) -> Iterable[Planned]:
    fields = ["activity_type_id", "summary", "date_deadline", "user_id", "res_model", "res_id"]
    now = today(env)
    for row in env[ACTIVITY].search_read(condition, fields, limit=limit):
        day: date = row["date_deadline"]
        yield Planned(
            id=int(row["id"]),
            kind=str(row["activity_type_id"][1]),
            summary=str(row["summary"]),
            due=manner.day(day),
            day=day,
            state="late" if day < now else "today" if day == now else "later",
            who=str(row["user_id"][1]) if row["user_id"] else "",
            model=str(row["res_model"]),
            record=int(row["res_id"]),
        )


def _note(row: Mapping[str, object], names: Mapping[int, str], manner: Manner) -> Note:
    at, who = row["create_date"], row["create_uid"]
    if not isinstance(at, datetime) or not isinstance(who, int):
        raise TypeError("A note has its moment and its maker.")
    return Note(at, manner.moment(at), names.get(who, "Growsoft"), str(row["body"]))


def _of(model: ModelView, record: int, field: str = "res_model") -> Condition:
    return Leaf((field,), "=", model.name) & Leaf(("res_id",), "=", record)


def _unread(env: Env) -> Condition:
    return Leaf(("user_id",), "=", env.user_id) & Leaf(("is_read",), "=", False)


def _seen(env: Env, model: ModelView, record: int) -> None:
    if not kept_for(env, model) or not env[model.name].browse(record).exists():
        raise MissingError


def _users(env: Env) -> str:
    users = users_of(env)
    return "" if users is None else users.name


def _people(env: Env, ids: set[int]) -> dict[int, str]:
    return {link.id: link.name for link in _links(env, _users(env), Leaf(("id",), "in", tuple(ids)))}


def _links(env: Env, model: str, condition: Condition = EVERYTHING) -> tuple[Link, ...]:
    if model not in env.registry.models:
        return ()
    name = env.registry.models[model].rec_name
    rows = env[model].search_read(condition, [name], limit=MOST_PEOPLE)
    return tuple(Link(int(row["id"]), str(row[name])) for row in rows)


def _called(env: Env, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the names of records of any models; one that may not be seen is told by its number."""
    by_model: dict[str, set[int]] = {}
    for model, record in wanted:
        by_model.setdefault(model, set()).add(record)
    records = Records(env)
    found = {(model, record): f"No. {record}" for model, ids in by_model.items() for record in ids}
    for model, ids in by_model.items():
        names = records.known_names(model, ids) if model in env.registry.models else dict[int, str]()
        found |= {(model, record): name for record, name in names.items()}
    return found
