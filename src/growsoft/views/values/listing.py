"""Lists: records in rows."""

from __future__ import annotations

from dataclasses import dataclass

from growsoft.views.values.anchors import Anchored, Extension
from growsoft.views.values.named import FieldName, ModelName, field_names, model_name
from growsoft.views.values.parts import Action


@dataclass(frozen=True, slots=True, init=False)
class List(Anchored):
    """Records of a model in rows; the first column leads to the record.

    `totals` are the columns that are added up, `actions` what people may run on the rows that they choose.
    """

    model: str
    columns: tuple[str, ...]
    order: str
    totals: tuple[str, ...]
    actions: tuple[Action, ...]

    def __init__(
        self,
        model: ModelName,
        *columns: FieldName,
        order: str = "",
        totals: tuple[FieldName, ...] = (),
        actions: tuple[Action, ...] = (),
    ) -> None:
        """`List(Partner, Partner.name, Partner.city, order="name")`; without an order the model's own."""
        if not columns:
            raise ValueError(f"The list of {model_name(model)} has no columns.")
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "columns", field_names(columns))
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "totals", field_names(totals))
        object.__setattr__(self, "actions", actions)

    def extension(self) -> Extension:
        """Return a change of this list that changes nothing yet."""
        return Extension(self.model, "list")

    def with_columns(self, columns: tuple[str, ...]) -> List:
        """Return the list with other columns; what is no column any more is not added up."""
        kept = tuple(name for name in self.totals if name in columns)
        return List(self.model, *columns, order=self.order, totals=kept, actions=self.actions)

    def with_actions(self, actions: tuple[Action, ...]) -> List:
        """Return the list with other actions."""
        return List(self.model, *self.columns, order=self.order, totals=self.totals, actions=actions)
