"""`growsoft app docs`: the reference of installed apps, and of what they import, as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from growsoft import orm
from growsoft.cli.errors import NotFound
from growsoft.cli.output import print_json
from growsoft.errors import ValidationError
from growsoft.orm import load
from growsoft.orm.reference import app_reference
from growsoft.orm.registry import installed_apps

API: Final = "growsoft.orm"


@click.command("docs")
@click.argument("apps", nargs=-1, metavar="[APP]...")
@click.option("--api", is_flag=True, help="Describe what `growsoft.orm` offers to the code of apps, too.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="Write APP.md for each app into this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the pages as JSON, by name.")
def docs(apps: tuple[str, ...], into: Path | None, *, api: bool, as_json: bool) -> None:
    """Describe the models, fields, rights and rules of APPs, or of all that are installed here, as Markdown."""
    pages = _pages(apps, api=api)
    if into is not None:
        _write(pages, into)
        click.echo(f"{len(pages)} pages are in {into}.", err=True)
    elif as_json:
        print_json(pages)
    else:
        click.echo("\n".join(pages.values()), nl=False)


def api_reference() -> str:
    """Describe every public name of ``growsoft.orm`` with its signature, and the methods of its classes."""
    lines = [f"# {API}", "", inspect.getdoc(orm) or "", ""]
    for name in orm.__all__:
        found: object = getattr(orm, name)
        inside = list(found.__all__) if inspect.ismodule(found) else []
        lines += _entry(name, found)
        for inner in inside:
            lines += _entry(f"{name}.{inner}", getattr(found, inner), deeper=False)
    return "\n".join(lines).rstrip() + "\n"


def _pages(apps: tuple[str, ...], *, api: bool) -> dict[str, str]:
    there = installed_apps()
    unknown = sorted(set(apps) - set(there))
    if unknown:
        raise NotFound(f"There is no app {unknown[0][:60]!r}; there are: {', '.join(sorted(there))}.")
    chosen = apps or (() if api else tuple(sorted(there)))
    pages = {name: app_reference(load([name]), name) for name in chosen}
    return pages | ({API: api_reference()} if api else {})


def _write(pages: dict[str, str], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            (folder / f"{name}.md").write_text(page, encoding="utf-8")
    except OSError as error:
        raise ValidationError(f"{folder} cannot be written: {error.strerror}.") from error


def _entry(name: str, found: object, *, deeper: bool = True) -> Iterator[str]:
    yield from (f"## `{name}{_signature(found)}`", "")
    explained = inspect.isclass(found) or inspect.isroutine(found) or inspect.ismodule(found)
    told = inspect.getdoc(found) if explained else f"A value of `{type(found).__name__}`."
    if told:
        yield from (told, "")
    if deeper and inspect.isclass(found):
        ours = [cls for cls in found.__mro__ if cls.__module__.startswith("growsoft.")]
        methods: dict[str, object] = {}
        for cls in reversed(ours):
            methods |= vars(cls)
        for method, function in methods.items():
            yield from _method(method, function)


def _method(name: str, found: object) -> Iterator[str]:
    plain = found.fget if isinstance(found, property) else found
    if name.startswith("_") or not inspect.isfunction(plain) or not inspect.getdoc(plain):
        return
    signature = "" if isinstance(found, property) else _signature(plain)
    yield from (f"### `{name}{signature}`", "", inspect.getdoc(plain) or "", "")


def _signature(found: object) -> str:
    if not (inspect.isfunction(found) or inspect.isclass(found)):
        return ""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # enumerations and types of C say none
        return ""
    shown = [one.replace(annotation=_shown(one.annotation)) for one in signature.parameters.values()]
    returned = _shown(signature.return_annotation)
    return str(signature.replace(parameters=shown, return_annotation=returned))


class _Words(str):
    """An annotation as it stands in the source, without the quotes of a text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(annotation: object) -> object:
    return _Words(annotation) if isinstance(annotation, str) else annotation
