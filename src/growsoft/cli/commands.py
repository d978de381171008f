"""The commands: every noun by its name, imported only when it is used."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Final, NamedTuple

import click

from growsoft.cli.output import print_json

# By this group other distributions bring commands of their own: a ``Place`` in a module that imports nothing else, or
# the command itself, which then is imported whenever commands are listed.
GROUP: Final = "growsoft.commands"


class Place(NamedTuple):
    """Where a command is, and its first sentence: a list of commands imports none of them."""

    module: str
    attribute: str
    help: str


BUILT_IN: Final = {
    "audit": Place("growsoft.cli.audit", "audit", "Verify and show the history of a database."),
    "access": Place("growsoft.cli.access", "access", "Explain who may do what, and why."),
    "up": Place("growsoft.cli.up", "up", "Start everything and print the addresses."),
    "down": Place("growsoft.cli.up", "down", "Stop everything that `growsoft up` started in this home."),
    "doctor": Place("growsoft.cli.doctor", "doctor", "Check this machine and this instance."),
    "api": Place("growsoft.cli.api", "api", "Describe the API for software."),
    "app": Place("growsoft.cli.app", "app", "Install, upgrade and uninstall the apps of a database."),
    "db": Place("growsoft.cli.db", "db", "Create, list, copy, upgrade and drop customers' databases."),
    "user": Place("growsoft.cli.user", "user", "Add and list the users of a database, and make sign-in links."),
    "shell": Place("growsoft.cli.shell", "shell", "Run Python with an elevated `env` of one database."),
    "export": Place("growsoft.cli.export", "export", "Export records of a model into a CSV or XLSX file."),
    "import": Place("growsoft.cli.import_", "import_", "Import a CSV or XLSX file into a model of a database."),
    "jobs": Place("growsoft.cli.jobs", "jobs", "List, run, retry and cancel the jobs of a database."),
    "trust": Place("growsoft.cli.trust", "trust", "Check what the security policy promises."),
    "config": Place("growsoft.cli.config", "config", "Show the settings."),
    "version": Place("growsoft.cli.commands", "version_", "Print the version."),
}


class Nouns(click.Group):
    """A group that imports a command when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all names."""
        del ctx
        return sorted({*BUILT_IN, *(entry.name for entry in _brought())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name in BUILT_IN:
            return _checked(BUILT_IN[cmd_name])
        found = [entry for entry in _brought() if entry.name == cmd_name]
        return _checked(found[0].load()) if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first sentence of each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._sentence(name)) for name in self.list_commands(ctx)])

    def _sentence(self, name: str) -> str:
        if name in BUILT_IN:
            return BUILT_IN[name].help
        found = next(entry for entry in _brought() if entry.name == name).load()
        return found.help if isinstance(found, Place) else _checked(found).get_short_help_str(80)


@click.command(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("growsoft"), prog_name="growsoft")
def growsoft() -> None:
    """Growsoft: business applications in databases that defend themselves."""


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print the version as JSON.")
def version_(*, as_json: bool) -> None:
    """Print the version."""
    number = version("growsoft")
    if as_json:
        print_json({"version": number})
    else:
        click.echo(number)


def _brought() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _checked(found: object) -> click.Command:
    if isinstance(found, Place):
        found = getattr(import_module(found.module), found.attribute)
    if not isinstance(found, click.Command):
        raise TypeError(f"{found!r} is no command")
    return found
