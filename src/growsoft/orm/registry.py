"""The registry: what a set of apps declares, resolved once and shared by all databases that have these apps."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from growsoft.errors import ConfigError
from growsoft.orm.access import Access, Check, Follows, Indexed, Rule, checked_group
from growsoft.orm.companies import CheckedLink, checked_links
from growsoft.orm.domain import DomainError, names_in
from growsoft.orm.fields import AnyField
from growsoft.orm.graph import Dependencies
from growsoft.orm.languages import languages_of, words_of
from growsoft.orm.model import Model
from growsoft.orm.money import currency_links, currency_path
from growsoft.postgres.overlay import read_rows
from growsoft.postgres.sql import sql
from growsoft.words import SOURCE, Terms, Words

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.forms import Form
    from growsoft.orm.fulltext import Fulltext
    from growsoft.orm.grouping import GroupPlan
    from growsoft.orm.orders import Order
    from growsoft.orm.rights import Rights
    from growsoft.orm.rows import Plan
    from growsoft.postgres.accounts import Accounts
    from growsoft.postgres.policies import Declarations
    from growsoft.postgres.schema import ColumnType
    from growsoft.postgres.sql import Sql
    from growsoft.postgres.transaction import Transaction

T = TypeVar("T")
Link = tuple[str, str]  # a model and one of its fields

ENTRY_POINT: Final = "growsoft.apps"
APP_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_VERSION: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,4}\Z", re.ASCII)


def version_key(version: str) -> tuple[int, ...]:
    """Give what sorts versions: ``1.10`` comes after ``1.9``, and ``1.0`` is ``1``."""
    if not _VERSION.match(version):
        raise ConfigError(f"{version!r} is no version: write numbers with points between them, such as 1.2.")
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of users that an app declares; whoever is in it is in the implied ones too."""

    key: str
    name: str
    implied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse keys that are not ``app.group``."""
        for key in (self.key, *self.implied):
            checked_group(key)


@dataclass(frozen=True)
class App:
    """The manifest of an app. ``package`` holds its modules: models, migrations, and what else web and jobs look for.

    ``data`` and ``demo`` name files in the package (``data/countries.csv``), whose records the app owns by external
    ids; those of ``demo`` come only into demo databases. ``load`` runs once, when a database gets the app; ``follow``
    whenever the apps of a database change. ``accounts`` is given by the one app that has users.
    """

    name: str
    version: str
    package: str
    summary: str = ""
    description: str = ""
    category: str = ""
    author: str = ""
    licence: str = ""
    depends: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    data: tuple[str, ...] = ()
    demo: tuple[str, ...] = ()
    load: Callable[[Env], None] | None = None
    follow: Callable[[Env], None] | None = None
    accounts: Accounts | None = None
    menu: bool = True

    def __post_init__(self) -> None:
        """Refuse names and versions that could not be told apart or put in order."""
        if not APP_NAME.match(self.name):
            raise ConfigError(
                f"{self.name!r} is no name for an app: use lower-case letters, digits and _ (40 at most)."
            )
        version_key(self.version)


class Memo(Generic[T]):
    """What was worked out once. Bounded, because what is asked for comes from outside; emptied when it is full."""

    def __init__(self, size: int = 2000) -> None:
        """Keep ``size`` answers."""
        self._size = size
        self._found: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """Give what is known."""
        return self._found.get(key)

    def put(self, key: Hashable, value: T) -> T:
        """Keep it and give it."""
        if len(self._found) >= self._size:
            self._found.clear()
        self._found[key] = value
        return value


@dataclass(frozen=True)
class ModelInfo:
    """One model with everything the apps of a registry say about it.

    Five say who is concerned when its records change: ``inverses`` are its links that make it a line of
    another record; ``listed_by`` the lists (model, field) that change when a field does; ``cascades`` the links (model,
    field) that go with its records; ``linked_by`` the fields of other models that link here in both directions;
    ``referred_by`` those that link here without a foreign key.
    """

    name: str
    app: str
    cls: type[Model]
    fields: Mapping[str, AnyField]
    access: tuple[Access, ...]
    rules: Mapping[str, Rule]
    checks: Mapping[str, Check]
    constraints: tuple[tuple[str, frozenset[str]], ...]
    public: Mapping[str, str]
    inverses: tuple[str, ...] = ()
    listed_by: Mapping[str, tuple[Link, ...]] = dataclass_field(default_factory=dict[str, "tuple[Link, ...]"])
    cascades: tuple[Link, ...] = ()
    linked_by: tuple[Link, ...] = ()
    referred_by: tuple[Link, ...] = ()
    indexes: Mapping[str, Indexed] = dataclass_field(default_factory=dict[str, Indexed])
    fulltexts: Mapping[str, Fulltext] = dataclass_field(default_factory=dict[str, "Fulltext"])
    follows: Follows | None = None
    delegates: Mapping[str, str] = dataclass_field(default_factory=dict[str, str])

    def shown_by(self, link: str) -> Mapping[str, str]:
        """Give the fields that show, and write, one of the parent record at ``link``, with its name there."""
        through = (field for field in self.fields.values() if field.related[:-1] == (link,) and field.writes_through)
        return {field.name: field.related[-1] for field in through}

    @property
    def table(self) -> str:
        """The table: the model's name with underscores."""
        return self.cls._table

    @property
    def transient(self) -> bool:
        """Whether its records are there for a moment: seen by their maker alone, swept, and in no audit."""
        return self.cls._transient

    @property
    def description(self) -> Words:
        """What the model is, for people: the first words of its docstring, up to a colon or full stop."""
        return Words(self.cls._description or self.name, context=self.name)

    @property
    def order(self) -> str:
        """The order of records unless somebody asks for another."""
        return self.cls._order

    @property
    def rec_name(self) -> str:
        """The field that names a record."""
        return self.cls._rec_name

    @property
    def parent_name(self) -> str:
        """The link to the record above, of a hierarchy; '' when the model is none."""
        return self.cls._parent_name

    @property
    def searched_by(self) -> tuple[str, ...]:
        """The fields by which ``name_search`` finds records, the name first."""
        return tuple(dict.fromkeys((self.rec_name, *self.cls._rec_names_search)))

    def field(self, name: str) -> AnyField:
        """Give a field, or say which there are."""
        found = self.fields.get(name)
        if found is None:
            raise DomainError(f"{self.description} has no field {name[:60]!r}.")
        return found

    @cached_property
    def columns(self) -> Mapping[str, AnyField]:
        """The fields that are columns, ``id`` excepted, in the order of their declaration."""
        return {name: field for name, field in self.fields.items() if field.stored and name != "id"}

    def column(self, name: str) -> ColumnType:
        """Give the type of a column."""
        kind = self.fields[name].storage
        if kind is None:
            raise DomainError(f"{self.name}.{name} is no column.")
        return kind

    @cached_property
    def translated(self) -> frozenset[str]:
        """The names of the columns that have a text for each language."""
        return frozenset(name for name, field in self.columns.items() if field.translate)

    @cached_property
    def amounts(self) -> tuple[AnyField, ...]:
        """The amounts of money that are columns."""
        return tuple(field for field in self.columns.values() if currency_path(field))


@dataclass(frozen=True, eq=False)
class Registry:
    """Models by name, for one set of apps in the order of their dependencies. Immutable.

    ``under`` is the registry that an overlay is laid over; ``kept`` are models of the overlay that nobody sees any
    more, and whose rows are kept until somebody deletes them.
    """

    apps: tuple[App, ...]
    models: Mapping[str, ModelInfo]
    dependencies: Dependencies
    kept: tuple[ModelInfo, ...] = ()
    under: Registry | None = None

    def __getitem__(self, name: str) -> ModelInfo:
        """Give a model; raises ``DomainError`` for unknown ones."""
        found = self.models.get(name) if isinstance(name, str) else None
        if found is None:
            raise DomainError(f"There is no model {str(name)[:60]!r}.")
        return found

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that people can choose: the source language, and those that an app brings words in."""
        return languages_of(app.package for app in self.apps)

    def terms(self, lang: str) -> Terms:
        """What a language says for the words of the apps; read once."""
        found = self._terms.get(lang)
        if found is None:
            known = lang if lang in self.languages else SOURCE
            found = self._terms.put(lang, words_of([app.package for app in self.apps], known))
        return found

    @cached_property
    def _terms(self) -> Memo[Terms]:
        return Memo(100)

    @cached_property
    def company_links(self) -> tuple[CheckedLink, ...]:
        """The links that must stay within a company."""
        return checked_links(self.models)

    @property
    def plain(self) -> Registry:
        """What the apps have, without what was added to one database."""
        return self.under or self

    @property
    def versions(self) -> dict[str, str]:
        """The version of each app."""
        return {app.name: app.version for app in self.apps}

    @cached_property
    def groups(self) -> Mapping[str, Group]:
        """The groups of all apps, by key; an app that names another's group again adds to what it implies."""
        found: dict[str, Group] = {}
        for app in self.apps:
            for group in app.groups:
                first = found.get(group.key, group)
                implied = tuple(dict.fromkeys((*first.implied, *group.implied)))
                found[group.key] = Group(group.key, first.name, implied)
        return found

    def implied(self, key: str) -> frozenset[str]:
        """Give a group with all it implies."""
        found = {key}
        for implied in self.groups[key].implied if key in self.groups else ():
            found |= self.implied(implied)
        return frozenset(found)

    @cached_property
    def declarations(self) -> Declarations:
        """What PostgreSQL is to enforce for these apps."""
        from growsoft.orm.declare import declare

        return declare(self)

    def rights(self, profile: str, roles: Iterable[str]) -> Rights:
        """Give what the groups of a profile may do with each table; worked out once per profile."""
        found = self._rights.get(profile)
        if found is None:
            from growsoft.orm.rights import rights

            found = self._rights[profile] = rights(self, roles)
        return found

    def served(self, transaction: Transaction) -> Registry:
        """Give the registry of the database of a transaction: this one, with what was added there."""
        if not transaction.overlay:
            return self
        found = self._overlaid.get(transaction.overlay)
        if found is None:
            from growsoft.orm.overlaying import laid_over

            rows = read_rows(transaction.execute(sql("SELECT gs.overlay_definitions()")).scalar(str))
            found = self._overlaid.put(transaction.overlay, laid_over(self, rows)[1])
        return found

    @cached_property
    def _overlaid(self) -> Memo[Registry]:
        return Memo(500)

    @cached_property
    def currency_links(self) -> Mapping[Link, tuple[tuple[str, AnyField, str], ...]]:
        """The links by which amounts come to their currency, with these amounts."""
        return currency_links(self.models)

    @cached_property
    def always_asked(self) -> frozenset[str]:
        """The names of fields that a query may look at though nobody names them: in rules, in orders and in names."""
        found = {info.rec_name for info in self.models.values()}
        for info in self.models.values():
            found |= set(ordered_by(info))
            for rule in info.rules.values():
                found |= set(names_in(rule.condition))
        return frozenset(found)

    @cached_property
    def followers(self) -> tuple[ModelInfo, ...]:
        """The models whose rows have the rights of the record they name, and go with it."""
        return tuple(info for info in self.models.values() if info.follows is not None)

    @cached_property
    def plans(self) -> Memo[Plan]:
        """How rows are read, by model, fields and profile."""
        return Memo()

    @cached_property
    def forms(self) -> Memo[Form]:
        """Statements of conditions that differ in their values only."""
        return Memo()

    @cached_property
    def selects(self) -> Memo[Sql]:
        """Statements that fetch columns, by model and names."""
        return Memo()

    @cached_property
    def groupings(self) -> Memo[GroupPlan]:
        """How records are grouped, by model, keys, order, profile, time zone and language."""
        return Memo()

    @cached_property
    def orders(self) -> Memo[Order]:
        """Compiled orders, by model and text."""
        return Memo()

    @cached_property
    def _rights(self) -> dict[str, Rights]:
        return {}


def ordered_by(info: ModelInfo) -> Iterator[str]:
    """Give the names of the fields by which records are sorted."""
    return (part.split()[0].partition(".")[0] for part in info.order.split(",") if part.strip())


_lock = threading.Lock()
_registries: dict[tuple[tuple[str, str], ...], Registry] = {}


def installed_apps() -> Mapping[str, App]:
    """Find the apps of all installed distributions, by entry points; nothing else can bring one in (claim SW-11)."""
    return {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINT)}


def load(names: Iterable[str] | None = None, *, available: Mapping[str, App] | None = None) -> Registry:
    """Give the registry of some apps with all they depend on (of all apps when no names are given)."""
    from growsoft.orm.building import build

    apps = installed_apps() if available is None else available
    ordered = _in_order(names if names is not None else apps, apps)
    key = tuple((app.name, app.version) for app in ordered)
    with _lock:
        if available is not None:
            return build(ordered)
        if key not in _registries:
            _registries[key] = build(ordered)
        return _registries[key]


def _in_order(names: Iterable[str], apps: Mapping[str, App]) -> list[App]:
    ordered: dict[str, App] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ConfigError(f"The apps {' -> '.join((*path, name))} depend on each other in a circle.")
        if name not in apps:
            raise ConfigError(f"There is no app {name!r}; installed are: {', '.join(sorted(apps))}.")
        for needed in apps[name].depends:
            add(needed, (*path, name))
        ordered.setdefault(name, apps[name])

    for name in sorted(names):
        add(name, ())
    return list(ordered.values())
