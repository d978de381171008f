"""Screens as data: searches that people saved, and what an administrator changed on lists and forms."""

from __future__ import annotations

from enum import Enum

from growsoft.apps.base.models import Users
from growsoft.errors import ValidationError
from growsoft.orm import Access, Env, Model, Rule, api, current, fields
from growsoft.words import _


def _myself(env: Env) -> Users:
    return env[Users].browse(() if env.elevated else env.user_id)


class SavedSearch(Model):
    """Saved search: what a list is searched and grouped by, kept under a name; it shows nobody more than before."""

    _name = "ir.filters"
    _order = "name, id"

    name = fields.Char(required=True, size=80)
    model_id = fields.Char("Technical name of the model", required=True, index=True, size=64)
    user_id = fields.Many2one(Users, "Owner", required=True, default=_myself, index=True)
    shared = fields.Boolean(help="Everybody sees it who sees the list")
    is_default = fields.Boolean("Opened first", help="The list begins with it")
    query = fields.Text("Search", help="As the address of the list says it")

    everybody = Access("base.user")
    own = Rule(user_id == current.user, group="base.user")
    shared_ones = Rule(shared == True, group="base.user", verbs=("read",))  # noqa: E712  a condition
    administrators = Rule(shared == True, group="base.admin", verbs=("write", "unlink"))  # noqa: E712  as above

    @api.constrains("shared", "is_default")
    def _check_default(self) -> None:
        """What opens first for everybody is not for everybody to decide."""
        for search in self:
            if search.shared and search.is_default and "base.admin" not in self.env.groups and not self.env.elevated:
                raise ValidationError(_("Only an administrator chooses the search that a list opens for everybody."))


class ViewKind(Enum):
    """Which screen is changed."""

    FORM = "form"
    LIST = "list"


class ViewChange(Enum):
    """What is done to a field there."""

    ADD = "add"
    MOVE = "move"
    HIDE = "hide"
    RELABEL = "relabel"


class ScreenChange(Model):
    """Change of a screen: a field that an administrator added, moved, hid or called otherwise, on a list or a form."""

    _name = "ir.ui.view"
    _order = "sequence, id"
    _rec_name = "field"

    model = fields.Char("Technical name of the model", required=True, index=True, size=64)
    type = fields.Selection(ViewKind, "Screen", required=True, default=ViewKind.LIST)
    change = fields.Selection(ViewChange, required=True, default=ViewChange.HIDE)
    field = fields.Char(required=True, size=64)
    anchor = fields.Char("Behind", size=64, help="The field that it stands behind; at the beginning when empty")
    label = fields.Char(size=200, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    everybody = Access("base.user", "read")
    administrators = Access("base.admin")
