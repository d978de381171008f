"""What an app declares about its screens, as values: forms, lists, searches, boards, charts, and menu entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from growsoft.views.values.anchors import Extension, Section, Step
from growsoft.views.values.boards import Calendar, Chart, ChartKind, Kanban, Pivot
from growsoft.views.values.form import Form
from growsoft.views.values.listing import List
from growsoft.views.values.named import FieldName, ModelName, field_name, model_name
from growsoft.views.values.parts import Action, Group, Lines, Part, Tab
from growsoft.views.values.search import Filter, GroupBy, Search, Unit, key_of

__all__ = [
    "Action",
    "Calendar",
    "Chart",
    "ChartKind",
    "Extension",
    "FieldName",
    "Filter",
    "Form",
    "Group",
    "GroupBy",
    "Kanban",
    "Lines",
    "List",
    "Menu",
    "ModelName",
    "Part",
    "Pivot",
    "Search",
    "Section",
    "Step",
    "Tab",
    "Unit",
    "View",
    "Views",
    "field_name",
    "key_of",
    "model_name",
]


@dataclass(frozen=True, slots=True)
class Menu:
    """An entry of the apps menu: whose list it opens, under which title, in which app's section.

    With a ``path`` it opens a page of the app's own, for those who may read the model.
    """

    title: str
    model: str
    section: str
    sequence: int = 10
    path: str = ""


View = Form | List | Search | Kanban | Chart | Pivot | Calendar


@dataclass(frozen=True, slots=True)
class Views:
    """The views of one model; those it does not have are None."""

    form: Form
    list: List
    search: Search
    kanban: Kanban | None = field(default=None)
    chart: Chart | None = field(default=None)
    pivot: Pivot | None = field(default=None)
    calendar: Calendar | None = field(default=None)
