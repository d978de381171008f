"""Who may do what: rights of groups, rules about rows, and checks on values, declared in a model's class body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from growsoft.orm.domain import Condition, ContextValue

if TYPE_CHECKING:
    from growsoft.orm.fields import AnyField

Verb = Literal["read", "create", "write", "unlink"]
VERBS: Final[tuple[Verb, ...]] = ("read", "create", "write", "unlink")


@dataclass(frozen=True, slots=True, init=False)
class Access:
    """What a group may do with a model at all. Without one, a group can do nothing with it."""

    group: str
    verbs: frozenset[Verb]

    def __init__(self, group: str, *verbs: Verb) -> None:
        """``group`` as ``app.name``; ``verbs`` among read, create, write, unlink; none given means all."""
        object.__setattr__(self, "group", checked_group(group))
        unknown = set(verbs) - set(VERBS)
        if unknown:
            raise ValueError(f"Access knows read, create, write and unlink, not {', '.join(sorted(unknown))}")
        object.__setattr__(self, "verbs", frozenset(verbs or VERBS))


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows a group sees, or which rows nobody may pass.

    With a ``group`` it opens rows to that group (rules of all a user's groups add up); without one it narrows what
    everybody sees (all of them must hold), elevated code excepted. A model with a rule for any group shows nothing to a
    group that has none: deny by default.
    """

    condition: Condition
    group: str = field(default="", kw_only=True)
    verbs: tuple[Verb, ...] = field(default=VERBS, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what could not be enforced."""
        if self.group:
            checked_group(self.group)
        if not self.verbs or set(self.verbs) - set(VERBS):
            raise ValueError(f"a Rule is about read, create, write or unlink, not {self.verbs!r}")


@dataclass(frozen=True, slots=True)
class Follows:
    """Rows have the rights of the record they name, whatever its model: who reads it sees them, who may change it, too.

    ``model`` and ``record`` are the fields that name it, a model's name and an id; ``create`` is the right on the
    record that adding a row takes. A row that names none is its maker's alone. ``Access`` is still needed: it opens
    columns and verbs.
    """

    model: str = "res_model"
    record: str = "res_id"
    create: Literal["read", "write"] = "write"

    def needed(self, verb: Verb) -> Verb:
        """Give the right on the record that a verb on its rows takes."""
        return self.create if verb == "create" else "read" if verb == "read" else "write"


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that PostgreSQL holds every row to, on columns of the row itself; ``message`` is for people."""

    condition: Condition
    message: str


@dataclass(frozen=True, slots=True, init=False)
class Indexed:
    """An index over several columns of a model, of the rows that meet ``where``."""

    fields: tuple[str | AnyField, ...]
    where: Condition | None

    def __init__(self, *fields: str | AnyField, where: Condition | None = None) -> None:
        """``fields`` in the order in which they are looked up; what every model has is given by name."""
        if not fields:
            raise ValueError("an index needs a field at least")
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "where", where)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(one if isinstance(one, str) else one.name for one in self.fields)


@dataclass(frozen=True, slots=True, init=False)
class Unique(Indexed):
    """Fields whose values together belong to one record at most; ``message`` is for people.

    Rows in which a text that need not be filled is empty, or any value is missing, are left alone. The refusal tells
    whoever writes that there is such a record, even one he may not see: let the company, or whatever decides who sees
    a record, be one of the fields.
    """

    message: str

    def __init__(self, *fields: str | AnyField, message: str = "", where: Condition | None = None) -> None:
        """Without a ``message`` the refusal names the fields."""
        Indexed.__init__(self, *fields, where=where)
        object.__setattr__(self, "message", message)


@dataclass(frozen=True, slots=True)
class Current:
    """What a rule knows about who asks."""

    user: ContextValue = field(default=ContextValue("user"))
    companies: ContextValue = field(default=ContextValue("companies"))


current: Final = Current()


def checked_group(group: str) -> str:
    """Refuse a name that is not ``app.group`` in lower-case letters, digits and ``_``."""
    app, dot, name = group.partition(".")
    if not (dot and app.isidentifier() and name.isidentifier() and group == group.lower() and group.isascii()):
        raise ValueError(f"a group is named app.group in lower case, not {group!r}")
    return group
