"""`growsoft shell`: Python with an elevated environment of one database."""

from __future__ import annotations

import code
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import click

from growsoft.cli.errors import FAILED, NotFound, UsageError
from growsoft.cli.instance import open_instance
from growsoft.orm import Env
from growsoft.postgres.querylog import log_queries

SHELL: Final = "<shell>"


class _Failed(Exception):
    """The operator's code raised; its traceback was printed."""


@click.command()
@click.argument("db")
@click.option("-c", "source", help="Run this and commit when it ends without an error.")
@click.option("-f", "--file", "path", type=click.Path(path_type=Path), help="Run a file, in the same way.")
@click.option("--log-queries", "logged", is_flag=True, help="Show each statement with its line and time.")
def shell(db: str, source: str | None, path: Path | None, *, logged: bool) -> None:
    """Run Python with an elevated `env` of one database.

    Every row is visible and every change is yours. An error undoes everything and ends with 1.
    """
    text, name = _source(source, path)
    click.echo(f"Elevated: no rule protects {db} from what you type here; this is audited.", err=True)
    try:
        with (
            open_instance() as instance,
            instance.env(instance.find(db), "an administrator works in the shell") as env,
            _logged() if logged else nullcontext(),
        ):
            names: dict[str, object] = {"__name__": "__main__", "__builtins__": __builtins__, "env": env}
            if text is None:
                _interact(env, names)
            else:
                _run(text, name, names)
    except _Failed:
        click.echo("Nothing was changed.", err=True)
        sys.exit(FAILED)


@contextmanager
def _logged() -> Generator[None]:
    """Show the statements on standard error, without their values, and at the end those that ran again and again."""
    with log_queries(out=sys.stderr) as log:
        try:
            yield
        finally:
            click.echo(f"{log.count} statements, {log.seconds * 1000:.1f} ms.", err=True)
            for often, text, place in log.repeated():
                click.echo(f"{often} times from {place}: {' '.join(text.split())}", err=True)


def _source(source: str | None, path: Path | None) -> tuple[str | None, str]:
    """Return what to run and its name. Read before the command becomes another user, who may not read the file."""
    if path is None:
        return source, SHELL
    if source is not None:
        raise UsageError("Give -c or --file, not both.")
    try:
        return path.read_text("utf-8"), str(path)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _run(source: str, name: str, names: dict[str, object]) -> None:
    try:
        # The operator's own words, typed on the operator's own machine: that is what a shell is.
        program = compile(source, name, "exec")  # nosemgrep: growsoft-data-becomes-code - a shell runs what is typed
        exec(program, names)  # noqa: S102  # nosec B102 - a shell runs what is typed  # nosemgrep: growsoft-data-becomes-code - a shell runs what is typed
    except Exception as error:
        _print_traceback(error)
        raise _Failed from error
    sys.stdout.flush()


def _print_traceback(error: Exception) -> None:
    """Print the operator's part of a traceback: he did not write this file."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = own.tb_next
    traceback.print_exception(type(error), error, own)


def _interact(env: Env, names: dict[str, object]) -> None:
    names["commit"] = lambda: click.echo("Leave with Ctrl-D: everything is committed then, or nothing after an error.")
    code.interact(
        "env is ready. Ctrl-D ends and commits; raise SystemExit(1) to leave without.", local=names, exitmsg=""
    )
    env.flush()
