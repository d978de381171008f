"""Models and fields as records: what the apps have, to be looked up, and what an administrator adds at run time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Self, overload

from growsoft.errors import UserError, ValidationError
from growsoft.orm import Access, Model, Rule, api, fields
from growsoft.orm.overlay import CustomModel, custom_field, custom_model, refuse_unknown_groups
from growsoft.orm.sweep import sweep
from growsoft.words import _


class Origin(Enum):
    """Who brought something: an app, or an administrator."""

    BASE = "base"
    MANUAL = "manual"


class StillUsed(UserError):
    """Archive it first: nobody sees it then, and its values are kept. What you delete afterwards is gone for good."""


class ModelRecord(Model):
    """Model: what the apps keep records of, and what an administrator added (its technical name begins with x_)."""

    _name = "ir.model"
    _order = "model"

    model = fields.Char("Technical name", required=True, unique="There is a model of this name already.", size=64)
    name = fields.Char(required=True, size=200)
    info = fields.Text("Description")
    state = fields.Selection(Origin, "Origin", default=Origin.MANUAL, readonly=True)
    modules = fields.Char("App", readonly=True)
    transient = fields.Boolean(readonly=True)
    active = fields.Boolean(default=True, help="Archived: nobody sees its records, which are kept")
    reader_groups = fields.Char(help="Who reads its records: groups such as base.user, with commas between them")
    writer_groups = fields.Char(help="Who makes, changes and deletes them, too; administrators always do")
    field_id: fields.One2many[FieldRecord] = fields.One2many("ir.model.fields", "Fields", inverse="model_id")

    everybody = Access("base.user", "read")
    administrators = Access("base.admin")
    own = Rule(state == Origin.MANUAL, verbs=("create", "write", "unlink"))

    @api.computed("model", "active")
    def applied(self) -> bool:
        """Whether it is in use by now: the tables follow within moments, or when nobody holds them."""
        return self.model in self.env.registry.models

    @api.constrains("model", "name", "info", "active", "reader_groups", "writer_groups")
    def _check_declaration(self) -> None:
        for record in self:
            if record.state is Origin.MANUAL:
                refuse_unknown_groups(self.env.registry, record.reader_groups, record.writer_groups)
                custom_model(self.env.registry.plain, row_of(record))
                self.env.work.declared = True

    def unlink(self) -> None:
        """Delete for good, with all records of these models: only what was archived."""
        if any(record.active and record.state is Origin.MANUAL for record in self):
            raise StillUsed
        own_fields = self.env[FieldRecord].search(FieldRecord.model_id.in_(self))
        own_fields.filtered(lambda one: one.active and one.state is Origin.MANUAL).write({"active": False})
        own_fields.unlink()
        super().unlink()
        self.env.work.declared = True

    @api.job(schedule="every 10 minutes", elevated="rows of wizards are there for a moment and are swept")
    def sweep_transient(self) -> None:
        """Delete rows of transient models that are old, or too many."""
        sweep(self.env)


class FieldRecord(Model):
    """Field: of an app's model, or added by an administrator (its technical name begins with x_)."""

    _name = "ir.model.fields"
    _order = "model, name"
    _rec_name = "field_description"

    model_id = fields.Many2one(ModelRecord, "Model", required=True)
    model = fields.Char("Technical name of the model", required=True, index=True, size=64)
    name = fields.Char("Technical name", required=True, index=True, size=64)
    field_description = fields.Char("Label", required=True, size=200)
    help = fields.Text()
    ttype = fields.Char("Kind", required=True, size=20, help="Such as char, integer, selection, many2one")
    relation = fields.Char("Linked model", size=64)
    relation_field = fields.Char("Link back", readonly=True)
    required = fields.Boolean()
    readonly = fields.Boolean(readonly=True)
    index = fields.Boolean("Indexed", help="Searching and sorting by it stay fast when there are many records")
    store = fields.Boolean("Stored", default=True, readonly=True)
    groups = fields.Char(help="Who sees it: groups such as base.user, with commas between them; empty is everybody")
    selection = fields.Text("Choices", help="One a line: the value, a colon, the words, such as 'red: Bright red'")
    size = fields.Integer("Longest text")
    digits = fields.Integer("Decimals", default=2)
    state = fields.Selection(Origin, "Origin", default=Origin.MANUAL, readonly=True)
    modules = fields.Char("App", readonly=True)
    active = fields.Boolean(default=True, help="Archived: nobody sees its values, which are kept")

    everybody = Access("base.user", "read")
    administrators = Access("base.admin")
    own = Rule(state == Origin.MANUAL, verbs=("create", "write", "unlink"))

    @api.computed("model", "name", "active")
    def applied(self) -> bool:
        """Whether it is in use by now: the tables follow within moments, or when nobody holds them."""
        info = self.env.registry.models.get(self.model)
        return info is not None and self.name in info.fields

    @api.constrains(
        "model_id", "model", "name", "field_description", "help", "ttype", "relation", "required", "index", "groups",
        "selection", "size", "digits", "active",
    )  # fmt: skip
    def _check_declaration(self) -> None:
        for record in self:
            if record.state is Origin.MANUAL:
                record.check_declaration()
                self.env.work.declared = True

    @overload
    def create(self, values: Mapping[str, object]) -> Self: ...
    @overload
    def create(self, values: Sequence[Mapping[str, object]]) -> Self: ...
    def create(self, values: Mapping[str, object] | Sequence[Mapping[str, object]]) -> Self:
        """Make fields; the technical name of the model is that of the chosen one."""
        many = [values] if isinstance(values, Mapping) else values
        return super().create([one if one.get("model") else {**one, "model": self._chosen(one)} for one in many])

    def _chosen(self, values: Mapping[str, object]) -> str:
        link = FieldRecord.model_id.to_raw(values.get("model_id"))
        return self.env[ModelRecord].browse(link).model if isinstance(link, int) else ""

    def check_declaration(self) -> None:
        """Refuse one field that does not fit, with a sentence for people."""
        if self.model != self.model_id.model:
            raise ValidationError(_("The technical name of the model is that of the model which was chosen."))
        if self.search_count([["model", "=", self.model], ["name", "=", self.name]]) > 1:
            raise ValidationError(_("The model has a field {name} already.", name=self.name))
        refuse_unknown_groups(self.env.registry, self.groups)
        custom_field(self.env.registry.plain, self._own_models(), row_of(self))

    def _own_models(self) -> Mapping[str, CustomModel]:
        plain = self.env.registry.plain
        records = self.env[ModelRecord].search(ModelRecord.state == Origin.MANUAL)
        return {record.model: custom_model(plain, row_of(record)) for record in records}

    def unlink(self) -> None:
        """Delete for good, with the values of these fields: only what was archived."""
        if any(record.active and record.state is Origin.MANUAL for record in self):
            raise StillUsed
        super().unlink()
        self.env.work.declared = True


def row_of(record: Model) -> Mapping[str, object]:
    """Give one record as the trigger mirrors it (overlay.sql)."""
    return {name: value for name, value in record.read()[0].items() if name not in {"field_id", "applied"}}
