"""What a recordset can be asked beyond searching and reading: groups, names, streams, and rows as JSON."""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from growsoft.errors import ValidationError
from growsoft.orm import grouping, naming, rows, streaming
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
    _ids: tuple[int, ...]

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

    def search_read_json(
        self,
        domain: Domain = (),
        names: Sequence[str] = (),
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str = "",
    ) -> bytes:
        """Search and read in one query; the rows of ``search_read`` as a JSON array, at a fraction of its cost."""
        return rows.search_read_json(self.env, self._info, condition_of(domain), names, offset, limit, order)

    def read_json(self, names: Sequence[str] = ()) -> bytes:
        """Give the rows of ``read`` as a JSON array. Raises when one is not there."""
        return rows.read_json(self.env, self._info, names, self._ids)

    def stream(
        self, domain: Domain = (), names: Sequence[str] = (), *, batch: int = 2000, order: str = "id"
    ) -> Generator[list[dict[str, Any]]]:
        """Give the rows of ``search_read`` in batches, however many millions, in bounded memory.

        They are as they were when the first batch was asked for. Between batches what waits is written, and what was
        read is forgotten. Ends with the transaction: afterwards it raises ``WorkEnded``.
        """
        return streaming.stream(self.env, self._info, condition_of(domain), names, batch, order)


def condition_of(domain: Domain) -> Condition:
    """Take a typed condition, or read a domain list."""
    if isinstance(domain, Condition):
        return domain
    if isinstance(domain, str | bytes):
        raise ValidationError("A search condition is a typed condition or a domain list.")
    return from_wire(domain)
