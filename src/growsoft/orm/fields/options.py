"""The keywords that every field takes, as a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

if TYPE_CHECKING:
    from growsoft.orm.env import Env

V = TypeVar("V")


class Common(TypedDict, total=False):
    """What does not depend on the type of the value; see ``Field``."""

    help: str
    readonly: bool | None
    index: bool | str
    groups: str | tuple[str, ...]
    unique: bool | str
    unique_per: str
    copy: bool


class Single(Common, total=False):
    """What a field with one value may be besides: see ``Field``."""

    company_dependent: bool
    related: str
    store: bool


class Options(Single, Generic[V], total=False):
    """All of them; see ``Field``."""

    required: bool
    default: V | Callable[[Env], V]
