"""Forms: one record on a page."""

from __future__ import annotations

from dataclasses import dataclass

from growsoft.views.values.anchors import Anchored, Extension
from growsoft.views.values.named import FieldName, ModelName, field_name, model_name
from growsoft.views.values.parts import Action, Group, Lines, Part, Tab


@dataclass(frozen=True, slots=True, init=False)
class Form(Anchored):
    """One record of a model on a page; `status` names a selection that is shown as steps above it.

    `actions` are the buttons of its head, `tree` its parts as declared: groups, lines, and tabs that hold such.
    """

    model: str
    tree: tuple[Part, ...]
    status: str
    actions: tuple[Action, ...]

    def __init__(
        self, model: ModelName, *parts: Part, status: FieldName = "", actions: tuple[Action, ...] = ()
    ) -> None:
        """`Form(Order, Group("", Order.partner_id), Lines(Order.order_line), status=Order.state)`."""
        if not parts:
            raise ValueError(f"The form of {model_name(model)} shows nothing.")
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "tree", parts)
        object.__setattr__(self, "status", field_name(status))
        object.__setattr__(self, "actions", actions)

    @property
    def parts(self) -> tuple[Group | Lines, ...]:
        """All groups and tables of lines in their order, those in tabs included."""
        return tuple(one for part in self.tree for one in (part.parts if isinstance(part, Tab) else (part,)))

    @property
    def placed(self) -> tuple[tuple[str, Group | Lines], ...]:
        """All groups and tables of lines, each with the title of its tab, empty for those above the tabs."""
        return tuple(
            (part.title if isinstance(part, Tab) else "", one)
            for part in self.tree
            for one in (part.parts if isinstance(part, Tab) else (part,))
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields of the form, each once."""
        named = [*((self.status,) if self.status else ())]
        for part in self.parts:
            named.extend(part.fields if isinstance(part, Group) else (part.field,))
        return tuple(dict.fromkeys(named))

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of its groups and tabs."""
        tabs = tuple(part.title for part in self.tree if isinstance(part, Tab))
        return tabs + tuple(part.title for part in self.parts if isinstance(part, Group) and part.title)

    def extension(self) -> Extension:
        """Return a change of this form that changes nothing yet."""
        return Extension(self.model, "form")

    def with_tree(self, tree: tuple[Part, ...]) -> Form:
        """Return the form with other parts."""
        return Form(self.model, *tree, status=self.status, actions=self.actions)

    def with_actions(self, actions: tuple[Action, ...]) -> Form:
        """Return the form with other buttons."""
        return Form(self.model, *self.tree, status=self.status, actions=actions)
