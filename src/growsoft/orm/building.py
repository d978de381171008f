"""Building a registry: the classes of apps become models, and what does not fit is refused with its name."""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from growsoft.errors import ConfigError
from growsoft.orm.checking import check_hierarchy, check_kind, check_names
from growsoft.orm.companies import with_company_checks
from growsoft.orm.domain import DomainError
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many, Reference, Relation
from growsoft.orm.fulltext import check_fulltext
from growsoft.orm.graph import build_dependencies
from growsoft.orm.inheritance import Part, assembled
from growsoft.orm.model import Model
from growsoft.orm.money import currency_path
from growsoft.orm.orders import compiled_order
from growsoft.orm.referring import referring
from growsoft.orm.registry import App, Link, ModelInfo, Registry, ordered_by

Models = Mapping[str, ModelInfo]


def build(apps: Sequence[App]) -> Registry:
    """Resolve the classes of apps into models. Raises ``ConfigError`` naming what does not fit."""
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for app in apps:
        for cls in classes_of(app):
            parts[cls._name].append(Part(app.name, cls))
    alone = assembled(parts)
    for info in alone.values():
        _check_links(info, alone)
    models = with_company_checks({name: linked(info, alone) for name, info in alone.items()})
    registry = Registry(tuple(apps), models, build_dependencies(models))
    _check_tables(models)
    for info in models.values():
        _check_model(registry, info)
    return registry


def check_added(registry: Registry, names: Iterable[str]) -> None:
    """Check models that were added to, or changed in, a registry that was checked before."""
    _check_tables(registry.models)
    for name in names:
        _check_links(registry.models[name], registry.models)
        _check_model(registry, registry.models[name])


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
        last = module.name.rpartition(".")[2]
        if last in ("models", "jobs") or last.startswith("models_"):
            found.append(module.name)
            if module.ispkg:
                inner = importlib.import_module(module.name)
                found.extend(m.name for m in pkgutil.iter_modules(inner.__path__, f"{module.name}."))
    return found


def linked(info: ModelInfo, models: Models) -> ModelInfo:
    """Add what other models say about this one."""
    lists = [(other.name, field) for other in models.values() for field in other.fields.values() if _lists(field, info)]
    listed_by: defaultdict[str, list[Link]] = defaultdict(list)
    for owner, field in lists:
        for name in ordered_by(info):
            listed_by[name].append((owner, field.name))
        if isinstance(field, One2many):
            listed_by[field.inverse].append((owner, field.name))
    return replace(
        info,
        inverses=tuple(dict.fromkeys(field.inverse for _owner, field in lists if isinstance(field, One2many))),
        listed_by={name: tuple(dict.fromkeys(found)) for name, found in listed_by.items()},
        linked_by=tuple((owner, field.name) for owner, field in lists if isinstance(field, Many2many)),
        cascades=tuple(_cascades(info, models)),
        referred_by=tuple(referring(info, models)),
    )


def _lists(field: AnyField, info: ModelInfo) -> bool:
    return isinstance(field, One2many | Many2many) and field.comodel == info.name


def _cascades(info: ModelInfo, models: Models) -> Iterator[Link]:
    for other in models.values():
        for name, field in other.fields.items():
            if isinstance(field, Many2one) and field.comodel == info.name and field.ondelete == "cascade":
                yield other.name, name


# -- what does not fit -------------------------------------------------------------------------------------------------


def _check_links(info: ModelInfo, models: Models) -> None:
    for name, link in info.fields.items():
        if isinstance(link, Reference):
            for model in set(link.comodels) - set(models):
                raise ConfigError(f"{info.name}.{name} may lead to {model}, which these apps do not have.")
        if not isinstance(link, Relation):
            continue
        if link.comodel not in models:
            raise ConfigError(f"{info.name}.{name} links to {link.comodel}, which these apps do not have.")
        if isinstance(link, One2many):
            inverse = models[link.comodel].fields.get(link.inverse)
            if not isinstance(inverse, Many2one) or inverse.comodel != info.name or not _is_plain(inverse):
                raise ConfigError(
                    f"{info.name}.{name}: {link.comodel}.{link.inverse} is no link back to {info.name}. Where it comes"
                    f" from a model that {info.name} is built upon: those lines are that one's; set {name} = None."
                )
        if isinstance(link, Many2one) and models[link.comodel].transient:
            _check_transient(info, link)


def _check_transient(info: ModelInfo, link: Many2one[Any]) -> None:
    """Nothing may hold a row that is to be swept: a foreign key would keep it for ever."""
    if not info.transient:
        raise ConfigError(
            f"{info.name}.{link.name} links to {link.comodel}, which is transient: its records are swept."
        )
    if link.ondelete != "cascade":
        raise ConfigError(f"{info.name}.{link.name} links to a record that is swept; say ondelete='cascade'.")


def _is_plain(link: AnyField) -> bool:
    return not (link.company_dependent or link.worked_out)


def _check_tables(models: Models) -> None:
    tables = [info.table for info in models.values()]
    for info in models.values():
        tables.extend(f.relation(info.table) for f in info.fields.values() if isinstance(f, Many2many))
    twice = sorted(table for table, times in Counter(tables).items() if times > 1)
    if twice:
        raise ConfigError(f"Two models, or lists of links, would share the table {twice[0]}; rename one of them.")


def _check_model(registry: Registry, info: ModelInfo) -> None:
    check_names(info)
    check_hierarchy(info)
    check_fulltext(info)
    try:
        compiled_order(registry, info, info.order)
    except DomainError as error:
        raise ConfigError(f"{info.name}: {error}") from None
    for method, watched in info.constraints:
        for name in watched - set(info.fields):
            raise ConfigError(f"{info.name}.{method} watches {name}, which is no field of {info.name}.")
    for field in info.fields.values():
        check_kind(registry, info, field)
    for name in {name for index in info.indexes.values() for name in index.names} - {"id", *info.columns}:
        raise ConfigError(f"{info.name}: {name} of an index is no stored field of it.")
    for field in info.columns.values():
        if callable(field.default) and (field.readonly or field.groups):
            raise ConfigError(
                f"{info.name}.{field.name}: who makes a record may not be allowed to give it this value, so the default"
                " must be a constant, which PostgreSQL fills in."
            )
    for amount in info.amounts:
        _check_amount(registry, info, amount)


def _check_amount(registry: Registry, info: ModelInfo, amount: AnyField) -> None:
    here = info
    for name in currency_path(amount):
        link = here.fields.get(name)
        if not isinstance(link, Many2one):
            raise ConfigError(f"{info.name}.{amount.name}: {name} of its way to the currency is no link to one record.")
        here = registry.models[link.comodel]
    if "decimal_places" not in here.fields:
        raise ConfigError(f"{info.name}.{amount.name}: {here.name} is no currency, it has no decimal_places.")
