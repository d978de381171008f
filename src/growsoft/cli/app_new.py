"""`growsoft app new`: an app of one's own, whose tests and types pass from the first moment."""

from __future__ import annotations

import keyword
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from growsoft.cli.errors import UsageError
from growsoft.cli.output import print_json
from growsoft.errors import ValidationError
from growsoft.orm.registry import APP_NAME

# Every file of the template ends with it, so that no tool takes a template for code.
_SUFFIX: Final = ".txt"
_TAKEN: Final = frozenset(("package", "src", "tests"))


@click.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="here",
    help="Make the folder NAME in this one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")  # fmt: skip
def new(name: str, into: Path, *, as_json: bool) -> None:
    """Write an app of your own into the folder NAME: models, rights, views, data, migrations, tests."""
    refuse_name(name)
    folder = into / name
    made = write_app(name, folder)
    if as_json:
        print_json({"name": name, "folder": str(folder.absolute()), "files": made})
        return
    click.echo(f"{folder} is an app with {len(made)} files. Next:")
    for line in (f"cd {folder}", "pip install -e .", "python -m pytest", f"growsoft app install DATABASE {name}"):
        click.echo(f"  {line}")


def refuse_name(name: str) -> None:
    """Refuse what is no name for an app, and what Python would find somewhere else. Raises ``UsageError``."""
    if not APP_NAME.match(name) or keyword.iskeyword(name):
        raise UsageError(f"{name[:60]!r} is no name for an app: use lower-case letters, digits and _ (40 at most).")
    if name in _TAKEN or find_spec(name) is not None:
        raise UsageError(f"Python has a module {name} already, so an app of this name could not be imported.")


def write_app(name: str, folder: Path) -> list[str]:
    """Write the files of a new app into a folder that is not there yet, all or none; give their names."""
    try:
        folder.mkdir()
    except FileExistsError:
        raise ValidationError(f"{folder} is there already; nothing was written.") from None
    except OSError as error:
        raise ValidationError(f"{folder} cannot be made: {error.strerror}.") from error
    try:
        return sorted(_copy(files("growsoft.cli") / "app_template", folder, folder, name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _copy(source: Traversable, into: Path, root: Path, name: str) -> list[str]:
    made: list[str] = []
    for one in source.iterdir():
        target = into / _target(one.name, name)
        if one.is_dir():
            target.mkdir()
            made += _copy(one, target, root, name)
        elif one.name.endswith(_SUFFIX):
            target.write_text(_filled(one.read_text(encoding="utf-8"), name), encoding="utf-8")
            made.append(str(target.relative_to(root)))
    return made


def _target(template: str, name: str) -> str:
    plain = template.removesuffix(_SUFFIX)
    return ".gitignore" if plain == "gitignore" else plain.replace("package", name)


def _filled(text: str, name: str) -> str:
    words = {
        "app": name,
        "dist": name.strip("_").replace("_", "-"),
        "title": name.replace("_", " ").strip().capitalize(),
    }
    for key, word in words.items():
        text = text.replace("{{" + key + "}}", word)
    return text
