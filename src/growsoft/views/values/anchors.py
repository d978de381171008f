"""Anchors: how another app changes a view in place, beside what is there, without writing the view anew.

A change is a value of its own and not a new view: two apps that change the same form are both heard, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from growsoft.views.values.named import FieldName, field_name
from growsoft.views.values.parts import Group, Lines, Tab

ViewKind = Literal["form", "list"]
Where = Literal["after", "before", "replace", "remove", "end"]


@dataclass(frozen=True, slots=True)
class Section:
    """A group or a tab, by its title, as a place in a form."""

    title: str


Anchor: TypeAlias = FieldName | Section
Item: TypeAlias = FieldName | Group | Lines | Tab


@dataclass(frozen=True, slots=True)
class Step:
    """One change: where, beside what, and what comes there. `inside` names the table of lines whose columns change."""

    where: Where
    anchor: str | Section
    items: tuple[str | Group | Lines | Tab, ...] = ()
    inside: str = ""


class Anchored:
    """What can be changed beside its parts.

    A field that is put beside a field joins its group; a part that is put beside a field stands beside that group.
    """

    __slots__ = ()

    def extension(self) -> Extension:
        """Return a change that changes nothing yet."""
        raise NotImplementedError

    def after(self, anchor: Anchor, *items: Item, inside: FieldName = "") -> Extension:
        """`order_form.after(Order.partner_id, Order.carrier_id)`."""
        return _with(self.extension(), "after", anchor, items, inside)

    def before(self, anchor: Anchor, *items: Item, inside: FieldName = "") -> Extension:
        """`order_form.before(Section("Total"), Group("Parcel", Order.weight))`."""
        return _with(self.extension(), "before", anchor, items, inside)

    def replace(self, anchor: Anchor, *items: Item, inside: FieldName = "") -> Extension:
        """`order_list.replace(Order.user_id, Order.team_id)`."""
        return _with(self.extension(), "replace", anchor, items, inside)

    def remove(self, *anchors: Anchor, inside: FieldName = "") -> Extension:
        """`order_form.remove(OrderLine.discount, inside=Order.order_line)`."""
        found = self.extension()
        for anchor in anchors:
            found = _with(found, "remove", anchor, (), inside)
        return found

    def at_end(self, *items: Item, of: str = "") -> Extension:
        """`order_form.at_end(Order.carrier_id, of="Delivery")`; without a section at the end of the view."""
        return _with(self.extension(), "end", Section(of), items, "")


@dataclass(frozen=True, slots=True)
class Extension(Anchored):
    """What an app changes in the form or the list of a model; more can be said of it in a row."""

    model: str
    kind: ViewKind
    steps: tuple[Step, ...] = ()

    def extension(self) -> Extension:
        """Return this."""
        return self


def _with(found: Extension, where: Where, anchor: Anchor, items: tuple[Item, ...], inside: FieldName) -> Extension:
    at = anchor if isinstance(anchor, Section) else field_name(anchor)
    named = tuple(item if isinstance(item, Group | Lines | Tab) else field_name(item) for item in items)
    return replace(found, steps=(*found.steps, Step(where, at, named, field_name(inside))))
