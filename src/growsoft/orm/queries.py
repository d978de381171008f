"""What a recordset can be asked beyond searching and reading: groups, names, streams, and rows as JSON."""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from growsoft.errors import ValidationError
from growsoft.orm import grouping, naming
from growsoft.orm.domain import Condition, from_wire

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.fields.base import AnyField
    from growsoft.orm.registry import ModelInfo

Domain = Condition | Sequence[object]


class Queries:
    """Questions to a model, asked under the rights of its environment."""

    __slots__ = ()

    env: Env

    @property
    def _info(self) -> ModelInfo:
        raise NotImplementedError

    def read_group(
        self,
        domain: Domain = (),
        groupby: Sequence[str | AnyField] = (),
        aggregates: Sequence[str] = (),
        *,
        having: Domain = (),
        order: str = "",
        offset: int = 0,
        limit: int | None = None,
        subtotals: bool = False,
    ) -> list[dict[str, Any]]:
        """Give groups as rows: ``read_group([], ["partner_id", "date_order:month"], ["amount_total:sum"])``.

        Each has its values, ``__count``, and ``__domain``, which leads to its records; a part of time has its bounds in
        ``__range`` and begins in the user's time zone. ``having`` and ``order`` speak of these keys.
        """
        return grouping.read_group(
            self.env, self._info, condition_of(domain), groupby, aggregates,
            conditions=having, order=order, offset=offset, limit=limit, subtotals=subtotals,
        )  # fmt: skip

    def name_search(
        self,
        text: str = "",
        domain: Domain = (),
        *,
        operator: naming.NameOperator = "ilike",
        limit: int | None = 100,
    ) -> list[tuple[int, str]]:
        """Find records by what somebody types: those of this name first, then names that begin so or contain it.

        Looks at ``_rec_name`` and the fields of ``_rec_names_search`` that the user may read.
        """
        return naming.name_search(self.env, self._info, text, condition_of(domain), operator, limit)


def condition_of(domain: Domain) -> Condition:
    """Take a typed condition, or read a domain list."""
    if isinstance(domain, Condition):
        return domain
    if isinstance(domain, str | bytes):
        raise ValidationError("A search condition is a typed condition or a domain list.")
    return from_wire(domain)
