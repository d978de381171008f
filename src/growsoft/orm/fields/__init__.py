"""The fields of a model, as an application developer writes them: ``from growsoft.orm import fields``."""

from growsoft.orm.fields.base import AnyField, Field
from growsoft.orm.fields.binary import Binary, Content
from growsoft.orm.fields.computed import Computed
from growsoft.orm.fields.json import Json, JsonValue
from growsoft.orm.fields.markup import Html
from growsoft.orm.fields.reference import Many2oneReference, Reference
from growsoft.orm.fields.relational import Many2many, Many2one, One2many, Relation
from growsoft.orm.fields.scalar import Boolean, Char, Date, Datetime, Decimal, Integer, Monetary, Selection, Text

__all__ = [
    "AnyField",
    "Binary",
    "Boolean",
    "Char",
    "Computed",
    "Content",
    "Date",
    "Datetime",
    "Decimal",
    "Field",
    "Html",
    "Integer",
    "Json",
    "JsonValue",
    "Many2many",
    "Many2one",
    "Many2oneReference",
    "Monetary",
    "One2many",
    "Reference",
    "Relation",
    "Selection",
    "Text",
]
