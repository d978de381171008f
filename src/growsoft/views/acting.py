"""Acting: the buttons of a record that its app declares, and archiving, as far as they are for this record now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from growsoft.errors import MissingError, UserError
from growsoft.orm import Env, Model
from growsoft.orm.match import matches
from growsoft.views.fields import ModelView
from growsoft.views.values import Action, Form
from growsoft.words import _

ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True)
class Buttons:
    """What may be done with one record: its app's actions, and whether it can be archived or taken out again."""

    actions: tuple[Action, ...]
    archive: bool
    restore: bool


def buttons_of(env: Env, model: ModelView, form: Form, record: int) -> Buttons:
    """Return the buttons of a record that its reader may change; somebody who may not has none."""
    if not model.may("write"):
        return Buttons((), archive=False, restore=False)
    found = env[model.name].browse(record)
    active = model.fields.get(ACTIVE)
    known = active is not None and active.kind == "boolean" and not active.readonly
    is_active = bool(getattr(found, ACTIVE)) if known else False
    return Buttons(
        tuple(action for action in form.actions if _offered(action, found)),
        archive=known and is_active,
        restore=known and not is_active,
    )


def act(env: Env, model: ModelView, form: Form, record: int, method: str) -> str:
    """Run an action that the form of a model offers for this record now, and return its title.

    Raises `MissingError` for what is not offered on any record, and `UserError` where this record has moved on.
    """
    found = env[model.name].browse(record).exists()
    action = next((action for action in form.actions if action.method == method), None)
    if not found or action is None or not model.may("write"):
        raise MissingError
    if not _offered(action, found):
        raise UserError(_("{title} is not possible any more: look at the record as it is now.", title=action.title))
    getattr(found, method)()
    env.flush()
    return action.title


def archive(env: Env, model: ModelView, record: int, *, active: bool) -> None:
    """Take a record out of use, or into use again."""
    found = env[model.name].browse(record).exists()
    view = model.fields.get(ACTIVE)
    if not found or view is None or view.kind != "boolean" or view.readonly or not model.may("write"):
        raise MissingError
    found.write({ACTIVE: active})
    env.flush()


def _offered(action: Action, record: Model) -> bool:
    return action.when is None or matches(record, action.when)
