"""Fields that link records: to one, to many, and to many on both sides."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, Unpack, overload

from growsoft.orm.domain import Condition, ContextValue, Leaf
from growsoft.orm.fields.base import Field
from growsoft.orm.fields.options import Common, Single
from growsoft.orm.names import name_within
from growsoft.orm.narrow import is_id
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

M = TypeVar("M", bound="Model")

_ANNOTATED = re.compile(r"\[\s*['\"]?([A-Za-z_][\w.]*)['\"]?\s*\]\s*\Z")


class Relation(Field[M], Generic[M]):
    """A field whose value is a recordset of another model (``comodel``); of many records it is all they link to."""

    def __init__(self, comodel: type[M] | str | None, string: str = "", **options: Any) -> None:  # noqa: ANN401
        """``comodel`` is a class, a model's name, or None when the annotation says it."""
        super().__init__(string, **options)
        self._comodel = comodel
        self._owner: type[Model] | None = None

    def __set_name__(self, owner: type[Model], name: str) -> None:
        """Keep the owner: a class named in the annotation may be defined after it."""
        super().__set_name__(owner, name)
        self._owner = owner

    @property
    def comodel(self) -> str:
        """The name of the linked model."""
        if isinstance(self._comodel, str):
            return self._comodel
        target = self._annotated() if self._comodel is None else self._comodel
        return target._name  # the public name of every model class

    def any(self, condition: Condition) -> Condition:
        """Hold where at least one linked record meets the condition."""
        return Leaf((self,), "any", condition)

    def not_any(self, condition: Condition) -> Condition:
        """Hold where no linked record meets the condition."""
        return Leaf((self,), "not any", condition)

    def child_of(self, records: M | int | ContextValue) -> Condition:
        """Hold where one of these records, or one below them in their hierarchy, is linked."""
        return Leaf((self,), "child_of", records)

    def parent_of(self, records: M | int | ContextValue) -> Condition:
        """Hold where one of these records, or one above them in their hierarchy, is linked."""
        return Leaf((self,), "parent_of", records)

    def to_raw(self, value: object) -> object:
        """Give the ids of a recordset, which must be of the right model; anything else as it is."""
        ids = self.ids_of(value)
        return value if ids is None else ids

    def ids_of(self, value: object) -> tuple[int, ...] | None:
        """Give the ids of a recordset, which must be of the right model; None when it is none."""
        from growsoft.orm.model import Model

        if not isinstance(value, Model):
            return None
        if value._name != self.comodel:
            raise self.refuse(value, f"a record of {self.comodel}")
        return value.ids

    def _annotated(self) -> type[Model]:
        owner = self._owner
        if owner is None:
            raise TypeError("a relation is declared in a model")
        annotation = str(owner.__annotations__.get(self.name, ""))
        found = _ANNOTATED.search(annotation.replace("ForwardRef('", "'").replace("')", "'"))
        if found is None:
            raise TypeError(f"{owner.__name__}.{self.name} needs an annotation such as One2many['OrderLine']")
        return _resolved(found[1], sys.modules[owner.__module__])


class Many2one(Relation[M]):
    """A link to one record; unset is an empty recordset.

    Deleting the target is refused while links to it exist. With ``ondelete="cascade"`` the ORM deletes the linking
    records first, as far as whoever deletes may; PostgreSQL itself never does, because it would delete hidden ones.
    """

    column: ClassVar[ColumnType | None] = "bigint"
    kind = "many2one"

    def __init__(
        self,
        comodel: type[M] | str,
        string: str = "",
        *,
        required: bool = False,
        default: M | int | Callable[[Env], M] | None = None,
        ondelete: Literal["restrict", "cascade"] = "restrict",
        check_company: bool = False,
        **options: Unpack[Single],
    ) -> None:
        """``comodel`` as a class, or by name where the class comes later.

        With ``check_company`` the linked record belongs to the same company as this one, or to none.
        """
        super().__init__(comodel, string, required=required, default=default, **options)
        self.ondelete = ondelete
        self.check_company = check_company

    def to_python(self, raw: Any, records: Model) -> M:  # noqa: ANN401
        """Give the linked record; the links of its neighbours are prefetched with it."""
        ids = raw if isinstance(raw, tuple) else (raw,) if raw else ()  # pyright: ignore[reportUnknownVariableType]
        found: M = records._linked(self, ids)  # type: ignore[assignment]  # pyright: ignore[reportUnknownArgumentType]
        return found

    def to_raw(self, value: object) -> object:
        """Take one record or its id."""
        ids = self.ids_of(value)
        if ids is not None and len(ids) > 1:
            raise self.refuse(value, _("one record"))
        linked = value if ids is None else next(iter(ids), None)
        if linked is None or linked is False or linked == "":
            return None
        if not is_id(linked):
            raise self.refuse(value, f"an id of {self.comodel}")
        return linked

    @overload  # type: ignore[override]  # a link is compared with records, with an id, or with the one who asks
    def __eq__(self, other: M | None) -> Condition: ...
    @overload
    def __eq__(self, other: int | ContextValue) -> Condition: ...
    def __eq__(self, other: object) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hold where this record is linked; an empty recordset or ``None`` asks for no link."""
        return Leaf((self,), "=", other)

    @overload  # type: ignore[override]  # as above
    def __ne__(self, other: M | None) -> Condition: ...
    @overload
    def __ne__(self, other: int | ContextValue) -> Condition: ...
    def __ne__(self, other: object) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hold where another record is linked, or none."""
        return Leaf((self,), "!=", other)

    def in_(self, values: M | ContextValue) -> Condition:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  a recordset is the collection
        """Hold where one of these records is linked."""
        return Leaf((self,), "in", values)

    def not_in(self, values: M | ContextValue) -> Condition:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  a recordset is the collection
        """Hold where none of these records is linked."""
        return Leaf((self,), "not in", values)

    __hash__ = object.__hash__


class One2many(Relation[M]):
    """The records of another model that link here by their field ``inverse``."""

    kind = "one2many"

    def __init__(
        self, comodel: type[M] | str | None = None, string: str = "", *, inverse: str, **options: Unpack[Common]
    ) -> None:
        """Without ``comodel`` the annotation names the class: ``lines: One2many["Line"] = One2many(inverse="...")``."""
        super().__init__(comodel, string, **options)
        self.inverse = inverse

    def to_python(self, raw: Any, records: Model) -> M:  # noqa: ANN401
        """Give the linked records in their model's order."""
        found: M = records._linked(self, raw or ())  # type: ignore[assignment]
        return found


class Many2many(Relation[M]):
    """Links to many records, kept in a relation table of their own."""

    kind = "many2many"

    def __init__(
        self, comodel: type[M] | str, string: str = "", *, check_company: bool = False, **options: Unpack[Common]
    ) -> None:
        """``comodel`` as a class or by name; ``check_company`` as for ``Many2one``."""
        super().__init__(comodel, string, **options)
        self.check_company = check_company

    def to_python(self, raw: Any, records: Model) -> M:  # noqa: ANN401
        """Give the linked records in their model's order."""
        found: M = records._linked(self, raw or ())  # type: ignore[assignment]
        return found

    def relation(self, table: str) -> str:
        """Name the relation table of the model whose table this is; its columns are source_id and target_id."""
        return name_within(f"{table}_{self.name}_rel")


def _resolved(path: str, namespace: object) -> type[Model]:
    found: Any = namespace
    for part in path.split("."):
        found = getattr(found, part)
    target: type[Model] = found
    return target
