"""`growsoft shell`: Python with an elevated environment of one database."""

from __future__ import annotations

import code
import sys
from pathlib import Path

import click

from growsoft.cli.instance import open_instance
from growsoft.orm import Env


@click.command()
@click.argument("db")
@click.option("-c", "source", help="Run this and commit when it ends without an error.")
@click.option("-f", "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run a file.")
def shell(db: str, source: str | None, path: Path | None) -> None:
    """Open a Python shell with `env` ready. It is elevated: every row is visible, every change is yours."""
    click.echo(f"Elevated: no rule protects {db} from what you type here; this is audited.", err=True)
    with (
        open_instance() as instance,
        instance.env(instance.find(db), "an administrator works in the shell") as env,
    ):
        names: dict[str, object] = {"__name__": "__main__", "__builtins__": __builtins__, "env": env}
        if source is not None or path is not None:
            _run(source if source is not None else (path or Path()).read_text("utf-8"), str(path or "<shell>"), names)
        else:
            _interact(env, names)


def _run(source: str, name: str, names: dict[str, object]) -> None:
    # The operator's own words, typed on the operator's own machine: that is what a shell is.
    exec(compile(source, name, "exec"), names)  # noqa: S102  # nosec B102 - an operator's shell runs what he types  # nosemgrep: growsoft-eval - an operator's shell runs what he types
    sys.stdout.flush()


def _interact(env: Env, names: dict[str, object]) -> None:
    names["commit"] = lambda: click.echo("Leave with Ctrl-D: everything is committed then, or nothing after an error.")
    code.interact(
        "env is ready. Ctrl-D ends and commits; raise SystemExit(1) to leave without.", local=names, exitmsg=""
    )
    env.work.flush()
