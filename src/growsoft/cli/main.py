"""The command line: nouns are imported only when they are used, errors end with what to do next."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points, version
from typing import Final

import click

# name -> module:attribute. Those of other distributions are found by the entry points of COMMANDS.
_BUILT_IN: Final = {
    "up": "growsoft.cli.up:up",
    "down": "growsoft.cli.up:down",
    "doctor": "growsoft.cli.doctor:doctor",
    "db": "growsoft.cli.db:db",
    "user": "growsoft.cli.user:user",
    "shell": "growsoft.cli.shell:shell",
    "import": "growsoft.cli.import_:import_",
    "trust": "growsoft.cli.trust:trust",
    "config": "growsoft.cli.config:config",
}
COMMANDS: Final = "growsoft.commands"


class Nouns(click.Group):
    """A group that imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all names."""
        del ctx
        return sorted({*_BUILT_IN, *(entry.name for entry in entry_points(group=COMMANDS))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name in _BUILT_IN:
            module, _, attribute = _BUILT_IN[cmd_name].partition(":")
            return _command(getattr(import_module(module), attribute))
        found = [entry for entry in entry_points(group=COMMANDS) if entry.name == cmd_name]
        return _command(found[0].load()) if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first sentence of each."""
        rows = [(name, command.get_short_help_str(80)) for name in self.list_commands(ctx)
                if (command := self.get_command(ctx, name)) is not None]  # fmt: skip
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("growsoft"), prog_name="growsoft")
def growsoft() -> None:
    """Growsoft: business applications in databases that defend themselves."""


def main(argv: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    try:
        growsoft.main(argv, standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  the last place where an error can be said in a sentence
        sys.exit(_said(error))


def _said(error: Exception) -> int:
    from growsoft.cli.errors import exit_code
    from growsoft.errors import GrowsoftError

    if not isinstance(error, GrowsoftError):
        raise error
    click.echo(f"Error: {error.message}", err=True)
    return exit_code(error)


def _command(found: object) -> click.Command:
    if not isinstance(found, click.Command):
        raise TypeError(f"{found!r} is no command")
    return found


if __name__ == "__main__":
    main()
