"""Models: a class is a table with its rules, an instance is a set of its records in one environment."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString, Self, TypeVar, cast, overload

from growsoft.errors import MissingError, UserError, ValidationError
from growsoft.orm import companies, drafts, history, reader, rows, search, writer
from growsoft.orm.domain import Condition
from growsoft.orm.fields.base import Field, is_field
from growsoft.orm.fields.relational import Relation
from growsoft.orm.fields.stamps import Identity, Moment, Number
from growsoft.orm.later import Delayed, When
from growsoft.orm.match import matches
from growsoft.orm.narrow import are_ids
from growsoft.orm.queries import Domain, Queries, condition_of
from growsoft.orm.texts import refuse_unknown, translations
from growsoft.postgres.refusals import Locked
from growsoft.postgres.sql import proven_literal
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.history import Entry
    from growsoft.orm.registry import ModelInfo

V = TypeVar("V")
M = TypeVar("M", bound="Model")


class ModelType(type):
    """Gives no model instances a place for what is no field: a misspelt name fails instead of being kept nowhere."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: object) -> ModelType:
        """Make the class."""
        namespace.setdefault("__slots__", ())
        return super().__new__(cls, name, bases, namespace, **kwargs)


class Model(Queries, metaclass=ModelType):
    """Base of all models. A subclass names itself by ``_name``; with ``extend=True`` it changes its parent in place.

    A model that is built upon another one, under a name of its own, has that one's fields and methods in a table of its
    own. With ``delegate="partner_id"`` each of its records has a record of that model instead, linked by this field,
    and shows what that one has. With ``abstract=True`` a model has no table and is there to be built upon; with
    ``transient=True`` its rows are seen by their maker alone and are swept once they are old.

    ``_order`` sorts records, ``_rec_name`` is the field that
    names one, ``_description`` says what they are; ``_rec_names_search`` are more fields by which ``name_search`` finds
    them. ``_parent_name`` is the link to the record above: it makes a hierarchy, in which ``child_of`` searches.
    PostgreSQL keeps the history of every change, unless ``_audit`` is False; ``_audit_without`` names fields whose
    values must not stand in it, such as keys.
    """

    __slots__ = ("_ids", "_prefetch", "env")

    _name: ClassVar[str] = ""
    _table: ClassVar[str] = ""
    _order: ClassVar[str] = "id"
    _rec_name: ClassVar[str] = "name"
    _parent_name: ClassVar[str] = ""
    _rec_names_search: ClassVar[tuple[str, ...]] = ()
    _description: ClassVar[str] = ""
    _audit: ClassVar[bool] = True
    _audit_without: ClassVar[tuple[str, ...]] = ()
    _company: ClassVar[str] = "company_id"
    _extends: ClassVar[bool] = False
    _abstract: ClassVar[bool] = False
    _transient: ClassVar[bool] = False
    _delegates: ClassVar[tuple[str, ...]] = ()
    _transient_max_hours: ClassVar[float] = 1.0  # since the last change
    _transient_max_count: ClassVar[int] = 0  # the newest of all users together; 0 is no limit
    defined: ClassVar[list[type[Model]]] = []

    env: Env
    _ids: tuple[int, ...]
    _prefetch: reader.Prefetch

    id = Identity()
    create_uid = Number("Created by")
    create_date = Moment("Created on")
    write_uid = Number("Changed by")
    write_date = Moment("Changed on")
    version = Number("Version")

    def __init_subclass__(
        cls,
        *,
        extend: bool = False,
        abstract: bool = False,
        transient: bool = False,
        delegate: str | tuple[str, ...] = (),
        **kwargs: object,
    ) -> None:
        """Take a class into the list that registries are built from."""
        super().__init_subclass__(**kwargs)
        if "_made" in vars(cls):
            return
        if not cls._name or (not extend and "_name" not in vars(cls)):
            raise TypeError(f"{cls.__qualname__} needs a _name, or extend=True to change its parent in place")
        for name, value in vars(cls).items():
            if is_field(value) and (hasattr(Model, name) or name.startswith("_")):
                raise TypeError(f"{cls.__qualname__}.{name}: every model has something of this name; choose another")
        if abstract + transient + extend > 1:
            raise TypeError(f"{cls.__qualname__} is one of these: abstract, transient, or an extension of a model")
        cls._extends = extend
        cls._delegates = (delegate,) if isinstance(delegate, str) else delegate
        if cls._delegates:
            cls._speak_for_itself()
        if not extend:
            cls._abstract, cls._transient = abstract, transient
            if "_parent_name" not in vars(cls):
                cls._parent_name = ""  # a link to records of the model that this one is built upon makes no hierarchy
        cls._table = cls._name.replace(".", "_")
        if "_description" not in vars(cls) and not extend:
            cls._description = (cls.__doc__ or "").partition("\n")[0].partition(":")[0].strip().rstrip(".")
        Model.defined.append(cls)

    @classmethod
    def _speak_for_itself(cls) -> None:
        """Take nothing from a model whose columns are not here."""
        for name in ("_order", "_rec_names_search", "_audit_without"):
            if name not in vars(cls):
                setattr(cls, name, getattr(Model, name))

    # -- sets of records ---------------------------------------------------------------------------------------------

    @classmethod
    def _of(cls, env: Env, ids: tuple[int, ...], prefetch: reader.Prefetch | None = None) -> Self:
        records = object.__new__(cls)
        records.env = env
        records._ids = ids
        records._prefetch = reader.Among(ids) if prefetch is None else prefetch
        return records

    @property
    def _info(self) -> ModelInfo:
        return self.env.registry.models[self._name]

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids, in order."""
        return self._ids

    def __iter__(self) -> Iterator[Self]:
        """Give the records one by one; what one reads is fetched for all."""
        for record_id in self._ids:
            yield self._of(self.env, (record_id,), self._prefetch)

    def __len__(self) -> int:
        """How many."""
        return len(self._ids)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._ids)

    def __getitem__(self, index: int | slice) -> Self:
        """Give one, or a part."""
        ids = self._ids[index]
        return self._of(self.env, ids if isinstance(ids, tuple) else (ids,), self._prefetch)

    def __contains__(self, record: object) -> bool:
        """Whether a record is among these."""
        return isinstance(record, Model) and record._name == self._name and all(i in self._ids for i in record._ids)

    def __eq__(self, other: object) -> bool:
        """The same records of the same model, in whatever order."""
        return isinstance(other, Model) and other._name == self._name and set(other._ids) == set(self._ids)

    def __hash__(self) -> int:
        """Agree with ``__eq__``."""
        return hash((self._name, frozenset(self._ids)))

    def __or__(self, other: Self) -> Self:
        """Both sets, without doubles."""
        return self._of(self.env, tuple(dict.fromkeys((*self._ids, *self._same(other)._ids))))

    __add__ = __or__

    def __and__(self, other: Self) -> Self:
        """Those in both."""
        keep = set(self._same(other)._ids)
        return self._of(self.env, tuple(i for i in self._ids if i in keep), self._prefetch)

    def __sub__(self, other: Self) -> Self:
        """Those that are not in the other."""
        drop = set(self._same(other)._ids)
        return self._of(self.env, tuple(i for i in self._ids if i not in drop), self._prefetch)

    def __repr__(self) -> str:
        """Show model and ids; names may be personal data."""
        return f"{self._name}{self._ids}"

    def browse(self, ids: int | Iterable[int]) -> Self:
        """Give records by id, without asking whether they exist. The id 0 of an empty recordset gives an empty one."""
        if isinstance(ids, int):
            given: tuple[int, ...] = () if ids == 0 and not isinstance(ids, bool) else (ids,)
        else:
            given = tuple(ids)
        if not are_ids(given):
            raise ValidationError(_("The id of a record is a whole number, one or more."))
        return self._of(self.env, given)

    def ensure_one(self) -> Self:
        """Give itself when it is exactly one record; else say so."""
        if len(self._ids) != 1:
            raise UserError(_("This works on one record at a time; {count} were given.", count=len(self._ids)))
        return self

    def exists(self) -> Self:
        """Give those that exist and may be seen."""
        return self._of(self.env, search.existing(self.env, self._info, self._ids), self._prefetch)

    @overload
    def mapped(self, what: Relation[M]) -> M: ...  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]  the first that fits answers
    @overload
    def mapped(self, what: Field[V]) -> list[V]: ...
    @overload
    def mapped(self, what: Callable[[Self], V]) -> list[V]: ...
    @overload
    def mapped(self, what: str) -> Any: ...  # noqa: ANN401  a path in text has no type
    def mapped(self, what: object) -> object:
        """Give a value of each record; records are joined without doubles. ``what``: a field, a path or a function."""
        if isinstance(what, str | Field):
            result: object = self
            for name in what.split(".") if isinstance(what, str) else (what.name,):
                result = reader.gathered(result, name)
            return result
        if not callable(what):
            raise TypeError("mapped() takes a field, a path or a function")
        return [what(record) for record in self]

    def filtered(self, what: Condition | Callable[[Self], bool]) -> Self:
        """Keep those that meet a condition or for which a function is true."""

        def test(record: Self) -> bool:
            return matches(record, what) if isinstance(what, Condition) else what(record)

        return self._of(self.env, tuple(record._ids[0] for record in self if test(record)), self._prefetch)

    def sorted(self, key: Callable[[Self], Any] | str | None = None, *, reverse: bool = False) -> Self:
        """Sort by a function, by a field's name, or in the model's order."""
        if key is None:
            ids = set(self._ids)
            return self.search(Identity.among(self._ids)) if ids else self
        by: Callable[[Any], Any] = attrgetter(key) if isinstance(key, str) else key
        ordered = sorted(self, key=by, reverse=reverse)
        return self._of(self.env, tuple(record._ids[0] for record in ordered), self._prefetch)

    def grouped(self, key: Callable[[Self], V]) -> dict[V, Self]:
        """Group by what a function gives."""
        groups: dict[V, list[int]] = {}
        for record in self:
            groups.setdefault(key(record), []).append(record._ids[0])
        return {value: self._of(self.env, tuple(ids), self._prefetch) for value, ids in groups.items()}

    # -- reading -----------------------------------------------------------------------------------------------------

    def search(self, domain: Domain = (), *, offset: int = 0, limit: int | None = None, order: str = "") -> Self:
        """Find records by a typed condition or a domain list."""
        return self._of(self.env, search.search(self.env, self._info, condition_of(domain), offset, limit, order))

    def search_count(self, domain: Domain = (), *, limit: int | None = None) -> int:
        """Count records; with ``limit`` stop there (a screen says "10,000+")."""
        return search.count(self.env, self._info, condition_of(domain), limit)

    def read(self, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Give values as they go to the wire: links as (id, name), many as ids. Raises when one is not there."""
        found = rows.read(self.env, self._info, names, self._ids)
        if len(found) < len(set(self._ids)):
            raise MissingError
        return found

    def search_read(
        self,
        domain: Domain = (),
        names: Sequence[str] = (),
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str = "",
    ) -> list[dict[str, Any]]:
        """Search and read in one query."""
        return rows.search_read(self.env, self._info, condition_of(domain), names, offset, limit, order)

    def defaults(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Give the values with which a new record begins, by field, as ``read`` gives them.

        Of fields with a default, and of these the ones that may be read; asking for one that may not is refused. What a
        new record's other fields are worked out to says ``growsoft.orm.drafts.draft``.
        """
        return drafts.defaults(self.env, self._info, names)

    @property
    def display_name(self) -> str:
        """The name people know a record by."""
        return str(getattr(self, self._rec_name)) if self._ids else ""

    # -- writing -----------------------------------------------------------------------------------------------------

    @overload
    def create(self, values: Mapping[str, object]) -> Self: ...
    @overload
    def create(self, values: Sequence[Mapping[str, object]]) -> Self: ...
    def create(self, values: Mapping[str, object] | Sequence[Mapping[str, object]]) -> Self:
        """Make one record, or many at once."""
        many = [values] if isinstance(values, Mapping) else values
        return self._of(self.env, writer.create(self.env, self._info, many))

    def write(self, values: Mapping[str, object]) -> None:
        """Change fields of all these records."""
        self._assign(values)

    def unlink(self) -> None:
        """Delete these records."""
        if self._ids:
            writer.unlink(self.env, self._info, self._ids)

    def history(self, limit: int = 80) -> list[Entry]:
        """Give who changed this record when, newest first, as far as the reader may see its fields now."""
        return history.entries(self.env, self._info, self.ensure_one()._ids[0], limit)

    def lock(self, *, nowait: bool = False, skip: bool = False) -> Self:
        """Lock these records until the end of the transaction; others who lock them wait.

        With ``nowait`` raise ``Locked`` instead of waiting for somebody else, with ``skip`` give those that nobody else
        has locked. It takes the right to write them.
        """
        if nowait or skip:
            free = self._of(self.env, search.lock_free(self.env, self._info, self._ids), self._prefetch)
            if nowait and len(free) < len(self):
                raise Locked
            return free
        search.lock(self.env, self._info, self._ids)
        return self

    def ensure_version(self, version: int) -> None:
        """Refuse to go on when somebody changed the record since that version was read; says who and when."""
        search.ensure_version(self.env, self._info, self.ensure_one()._ids[0], version)

    def sudo(self, reason: LiteralString) -> Self:
        """Give the same records in elevated hands, for a literal reason that is audited."""
        frame = sys._getframe(1)  # the constants of the caller prove the literal
        proven_literal(reason, frame)
        caller = f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"
        return self._of(self.env._elevated_for(reason, caller), self._ids)

    def with_env(self, env: Env) -> Self:
        """Give the same records in another environment of the same transaction."""
        return self._of(env, self._ids)

    def delayed(
        self, *, delay: timedelta = timedelta(), at: datetime | None = None, priority: int = 10, key: str = ""
    ) -> Self:
        """Enqueue a method marked ``@api.job`` instead of calling it: ``orders.delayed(key="ask").send_reminder()``.

        It runs when this transaction was committed, not before ``at`` (else now) plus ``delay``, in the name of whoever
        acts here; jobs of priority 0 go first, of 99 last. One ``key`` is one job of this user for a method as long as
        the job is kept: whoever enqueues it again, enqueues nothing.
        """
        return cast("Self", Delayed(self, When(delay, at, priority, key)))

    # -- languages ---------------------------------------------------------------------------------------------------

    def with_lang(self, lang: str) -> Self:
        """Give the same records with their texts in another language; what is written is written in it."""
        return self._of(self.env.in_locale(replace(self.env.locale, lang=lang)), self._ids)

    def translations(self, name: str) -> dict[str, str]:
        """Give the texts of one record by language, as far as there are any; others read the source language."""
        return translations(self.env, self._info, name, self.ensure_one()._ids[0])

    def translate(self, name: str, texts: Mapping[str, str]) -> None:
        """Write the texts of some languages."""
        for lang, text in texts.items():
            refuse_unknown(self.env.registry, lang)
            self.with_lang(lang).write({name: text})

    # -- companies ---------------------------------------------------------------------------------------------------

    def _check_companies(self) -> None:
        companies.refuse_foreign_links(self)

    def _check_companies_of_links(self) -> None:
        companies.refuse_links_of_others(self)

    # -- for fields --------------------------------------------------------------------------------------------------

    def _value(self, name: str) -> Any:  # noqa: ANN401  what the driver gives
        if not self._ids:
            return self._info.fields[name].unset
        if len(self._ids) > 1:
            if isinstance(self._info.fields[name], Relation):
                return reader.linked_ids(self, name)
            self.ensure_one()
        return reader.value(self, name)

    def _assign(self, values: Mapping[str, object]) -> None:
        if self._ids:
            writer.assign(self.env, self._info, self._ids, values)

    def _linked(self, field: Relation[Any], ids: tuple[int, ...]) -> Model:
        cls = self.env.registry.models[field.comodel].cls
        return cls._of(self.env, ids, reader.Beyond(self, field))

    def _same(self, other: Self) -> Self:
        if not isinstance(other, Model) or other._name != self._name:
            raise TypeError(f"{self._name} and {other!r} do not mix")
        return other
