"""The reference of apps: their groups, models, fields, rights, rules and methods as Markdown."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence

from growsoft.orm.access import VERBS, Access, Rule
from growsoft.orm.building import classes_of
from growsoft.orm.fields import AnyField, Relation
from growsoft.orm.model import Model
from growsoft.orm.registry import App, ModelInfo, Registry
from growsoft.orm.wording import in_words

# Every model has them, so they are told once.
_STAMPS = ("id", "create_uid", "create_date", "write_uid", "write_date", "version")


def app_reference(registry: Registry, name: str) -> str:
    """Describe one app of a registry: what it declares itself, and what it adds to the models of others."""
    app = next(one for one in registry.apps if one.name == name)
    lines = [f"# {app.summary or app.name}", "", *_manifest(app), *_groups(app)]
    for info in registry.models.values():
        if info.app == name:
            lines += _model(registry, info)
    lines += _extensions(registry, app)
    return "\n".join(lines).rstrip() + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table; what would end a cell is escaped. Without rows there is none."""
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return []
    lines = [f"| {' | '.join(row)} |" for row in (list(heads), ["---"] * len(heads), *cells)]
    return [*lines, ""]


def _manifest(app: App) -> Iterator[str]:
    needed = ", ".join(app.depends) or "nothing"
    yield f"App `{app.name}`, version {app.version}. It depends on: {needed}."
    yield ""
    if app.description:
        yield from (app.description, "")
    yield f"Every record also has {', '.join(f'`{name}`' for name in _STAMPS)}."
    yield "What is in no table of rights is allowed to nobody."
    yield ""


def _groups(app: App) -> list[str]:
    rows = [(f"`{group.key}`", group.name, ", ".join(f"`{key}`" for key in group.implied)) for group in app.groups]
    found = table(("group", "name", "also in"), rows)
    return ["## Groups", "", *found] if found else []


def _model(registry: Registry, info: ModelInfo) -> Iterator[str]:
    kind = "an abstract model" if info.cls._abstract else f"table `{info.table}`"
    yield from (f"## {info.description}", "", f"`{info.name}`, {kind}, in the order `{info.order}`.", "")
    said = inspect.getdoc(info.cls) or ""
    if said:
        yield from (said, "")
    yield from _fields(field for field in info.fields.values() if field.name not in _STAMPS)
    yield from _rights(info.access)
    yield from _rules(registry, info)
    yield from _promises(info)
    yield from _methods(info)


def _fields(fields: Iterable[AnyField]) -> list[str]:
    rows = [(f"`{field.name}`", field.label, _kind(field), _notes(field)) for field in fields]
    return table(("field", "label", "type", "notes"), rows)


def _kind(field: AnyField) -> str:
    return f"{field.kind} of `{field.comodel}`" if isinstance(field, Relation) else field.kind


def _notes(field: AnyField) -> str:
    """Say what a field's declaration says beyond its type."""
    said = [
        "required" if field.required else "",
        "translated" if field.translate else "",
        "read-only" if field.readonly and not field.worked_out else "",
        "a value for each company" if field.company_dependent else "",
        f"unique within `{field.unique_per}`" if field.unique and field.unique_per else "",
        "unique" if field.unique and not field.unique_per else "",
        f"comes from {', '.join(f'`{path}`' for path in field.depends)}" if field.depends else "",
        "stored" if field.worked_out and field.stored else "",
        f"only for {', '.join(f'`{group}`' for group in field.groups)}" if field.groups else "",
    ]
    return ". ".join(part for part in ("; ".join(filter(None, said)), field.help.rstrip(".")) if part)


def _rights(access: Iterable[Access]) -> list[str]:
    rows = [(f"`{one.group}`", *("yes" if verb in one.verbs else "" for verb in VERBS)) for one in access]
    found = table(("group", *VERBS), rows)
    return ["### Rights", "", *found] if found else []


def _rules(registry: Registry, info: ModelInfo) -> list[str]:
    rows = [
        (f"`{name}`", _whom(rule), ", ".join(rule.verbs), in_words(registry, info, rule.condition))
        for name, rule in info.rules.items()
    ]
    found = table(("rule", "for", "verbs", "records of which"), rows)
    return ["### Rules", "", *found] if found else []


def _whom(rule: Rule) -> str:
    return f"opens to `{rule.group}`" if rule.group else "narrows for everybody"


def _promises(info: ModelInfo) -> list[str]:
    lines = [f"- {check.message}" for check in info.checks.values()]
    return ["### What always holds", "", *lines, ""] if lines else []


def _methods(info: ModelInfo) -> list[str]:
    rows = [
        (f"`{name}`", "reads only" if mode == "read" else "", (inspect.getdoc(getattr(info.cls, name)) or ""))
        for name, mode in sorted(info.public.items())
    ]
    found = table(("method", "", "what it does"), rows)
    return ["### Methods that the outside may call", "", *found] if found else []


def _extensions(registry: Registry, app: App) -> list[str]:
    lines: list[str] = []
    for cls in classes_of(app):
        info = registry.models.get(cls._name)
        if info is not None and info.app != app.name:
            lines += _extension(info, cls)
    return ["## What it adds to other apps", "", *lines] if lines else []


def _extension(info: ModelInfo, cls: type[Model]) -> list[str]:
    own = [info.fields[name] for name in vars(cls) if name in info.fields]
    return [f"### {info.description} (`{info.name}`)", "", inspect.getdoc(cls) or "", "", *_fields(own)]
