"""The registry: what a set of apps declares, resolved once and shared by all databases that have these apps."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Final

from growsoft.errors import ConfigError
from growsoft.orm.access import Access, Check, Rule, checked_group
from growsoft.orm.api import CONSTRAINS, PUBLIC
from growsoft.orm.domain import DomainError
from growsoft.orm.fields import AnyField, Many2one, One2many, Relation
from growsoft.orm.fields.base import is_field
from growsoft.orm.graph import Trigger, build_triggers
from growsoft.orm.model import Model

if TYPE_CHECKING:
    from growsoft.orm.declare import Rights
    from growsoft.orm.env import Env
    from growsoft.postgres.accounts import Accounts
    from growsoft.postgres.policies import Declarations

ENTRY_POINT: Final = "growsoft.apps"


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
    """The manifest of an app. ``package`` holds its modules: models, and what else web and jobs look for.

    ``load`` fills a new database with the app's own records; ``accounts`` is given by the one app that has users.
    """

    name: str
    version: str
    package: str
    summary: str = ""
    depends: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    load: Callable[[Env], None] | None = None
    accounts: Accounts | None = None
    menu: bool = True


@dataclass(frozen=True)
class ModelInfo:
    """One model with everything the apps of a registry say about it."""

    name: str
    app: str
    cls: type[Model]
    fields: Mapping[str, AnyField]
    access: tuple[Access, ...]
    rules: Mapping[str, Rule]
    checks: Mapping[str, Check]
    constraints: tuple[tuple[str, frozenset[str]], ...]
    public: Mapping[str, str]

    @property
    def table(self) -> str:
        """The table: the model's name with underscores."""
        return self.cls._table

    @property
    def description(self) -> str:
        """What the model is, for people: the first words of its docstring, up to a colon or full stop."""
        return self.cls._description or self.name

    @property
    def order(self) -> str:
        """The order of records unless somebody asks for another."""
        return self.cls._order

    @property
    def rec_name(self) -> str:
        """The field that names a record."""
        return self.cls._rec_name

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


@dataclass(frozen=True)
class Registry:
    """Models by name, for one set of apps in the order of their dependencies. Immutable."""

    apps: tuple[App, ...]
    models: Mapping[str, ModelInfo]
    triggers: Mapping[tuple[str, str], tuple[Trigger, ...]]
    recompute_order: tuple[tuple[str, str], ...]
    inverses: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]

    def __getitem__(self, name: str) -> ModelInfo:
        """Give a model; raises ``DomainError`` for unknown ones."""
        found = self.models.get(name)
        if found is None:
            raise DomainError(f"There is no model {name[:60]!r}.")
        return found

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
            from growsoft.orm.declare import rights

            found = self._rights[profile] = rights(self, roles)
        return found

    @cached_property
    def _rights(self) -> dict[str, Rights]:
        return {}


_lock = threading.Lock()
_registries: dict[tuple[tuple[str, str], ...], Registry] = {}


def installed_apps() -> Mapping[str, App]:
    """Find the apps of all installed distributions, by entry points; nothing else can bring one in (claim SW-11)."""
    return {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINT)}


def load(names: Iterable[str] | None = None, *, available: Mapping[str, App] | None = None) -> Registry:
    """Give the registry of some apps with all they depend on (of all apps when no names are given)."""
    apps = installed_apps() if available is None else available
    ordered = _in_order(names if names is not None else apps, apps)
    key = tuple((app.name, app.version) for app in ordered)
    with _lock:
        if available is not None:
            return build(ordered)
        if key not in _registries:
            _registries[key] = build(ordered)
        return _registries[key]


def build(apps: Sequence[App]) -> Registry:
    """Resolve the classes of apps into models. Raises ``ConfigError`` naming what does not fit."""
    layers: defaultdict[str, list[tuple[str, type[Model]]]] = defaultdict(list)
    for app in apps:
        for cls in classes_of(app):
            layers[cls._name].append((app.name, cls))
    models = {name: _model(name, parts) for name, parts in layers.items()}
    for info in models.values():
        _check_links(info, models)
    triggers, order = build_triggers(models)
    return Registry(tuple(apps), models, triggers, order, _inverses(models))


def classes_of(app: App) -> list[type[Model]]:
    """Give the model classes that the modules of an app define, in the order of their definition."""
    package = importlib.import_module(app.package)
    modules = [importlib.import_module(name) for name in _model_modules(package)]
    names = {module.__name__ for module in (package, *modules)}
    return [cls for cls in Model.defined if cls.__module__ in names]


def _model_modules(package: ModuleType) -> list[str]:
    if not hasattr(package, "__path__"):
        return []
    found: list[str] = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name == f"{package.__name__}.models":
            found.append(module.name)
            if module.ispkg:
                inner = importlib.import_module(module.name)
                found.extend(m.name for m in pkgutil.iter_modules(inner.__path__, f"{module.name}."))
    return found


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


def _model(name: str, parts: list[tuple[str, type[Model]]]) -> ModelInfo:
    first_app, first = parts[0]
    if first._extends:
        raise ConfigError(f"{first.__qualname__} extends {name}, which none of the apps before it defines.")
    for _app, cls in parts[1:]:
        if not cls._extends:
            raise ConfigError(f"{cls.__qualname__} defines {name} once more; extend it with extend=True.")
    # The last extension comes first: super() leads through all of them down to the definition.
    bases = tuple(cls for _app, cls in reversed(parts[1:])) + ((first,) if len(parts) == 1 else ())
    cls = type(first.__name__, bases, {"__module__": first.__module__, "_made": True, "__slots__": ()})
    members = _members(cls)
    return ModelInfo(
        name=name,
        app=first_app,
        cls=cls,
        fields={n: m for n, m in members.items() if is_field(m)},
        access=tuple(m for m in members.values() if isinstance(m, Access)),
        rules={n: m for n, m in members.items() if isinstance(m, Rule)},
        checks={n: m for n, m in members.items() if isinstance(m, Check)},
        constraints=tuple((n, frozenset(getattr(m, CONSTRAINS))) for n, m in members.items() if hasattr(m, CONSTRAINS)),
        public={n: getattr(m, PUBLIC) for n, m in members.items() if hasattr(m, PUBLIC)},
    )


def _members(cls: type) -> dict[str, object]:
    """Give what a class and its bases define, the most special last word on each, in the order of the first word."""
    found: dict[str, object] = {}
    for klass in reversed(cls.__mro__):
        found.update(vars(klass))
    return found


def _check_links(info: ModelInfo, models: Mapping[str, ModelInfo]) -> None:
    for name, link in info.fields.items():
        if not isinstance(link, Relation):
            continue
        if link.comodel not in models:
            raise ConfigError(f"{info.name}.{name} links to {link.comodel}, which these apps do not have.")
        if isinstance(link, One2many):
            inverse = models[link.comodel].fields.get(link.inverse)
            if not isinstance(inverse, Many2one) or inverse.comodel != info.name:
                raise ConfigError(f"{info.name}.{name}: {link.comodel}.{link.inverse} is no link back to {info.name}.")
    for name in (info.rec_name,):
        if name not in info.fields:
            raise ConfigError(f"{info.name} is named by {name}, which is none of its fields; set _rec_name.")


def _inverses(models: Mapping[str, ModelInfo]) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    # (child model, its many2one) -> the one2many fields that list it: what to forget when the link changes.
    found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for info in models.values():
        for name, link in info.fields.items():
            if isinstance(link, One2many):
                found[link.comodel, link.inverse].append((info.name, name))
    return {key: tuple(value) for key, value in found.items()}
