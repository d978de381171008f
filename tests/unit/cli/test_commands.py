"""Commands: a list of them costs no imports, and each says for itself what the list says of it."""

import resource
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner

from growsoft.cli.commands import BUILT_IN, GROUP, Place, growsoft

# What takes time to import, and no list of commands or version needs.
HEAVY = ("psycopg", "cryptography", "growsoft.orm", "growsoft.postgres")


def _commands(of: click.Command, name: str) -> list[tuple[str, click.Command]]:
    found = [(name, of)]
    if isinstance(of, click.Group):
        context = click.Context(of)
        for inner in of.list_commands(context):
            command = of.get_command(context, inner)
            assert command is not None
            found += _commands(command, f"{name} {inner}")
    return found


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_list_says_of_a_command_what_it_says_itself(name: str) -> None:
    command = growsoft.get_command(click.Context(growsoft), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200).rstrip(".") == BUILT_IN[name].help.rstrip(".")


def test_what_other_distributions_bring_says_of_itself_what_the_list_says() -> None:
    brought = list(entry_points(group=GROUP))
    assert {"backup", "cloud"} <= {entry.name for entry in brought}
    for entry in brought:
        place = entry.load()
        assert isinstance(place, Place), f"{entry.value} would be imported for one sentence"
        command = growsoft.get_command(click.Context(growsoft), entry.name)
        assert command is not None
        assert command.name == entry.name
        assert command.get_short_help_str(200).rstrip(".") == place.help.rstrip(".")


def test_every_command_and_every_option_explains_itself() -> None:
    silent: list[str] = []
    for name, command in _commands(growsoft, "growsoft"):
        options = [option for option in command.params if isinstance(option, click.Option)]
        silent += [f"{name} {option.opts[0]}" for option in options if not (option.help or option.is_eager)]
        silent += [] if command.help else [name]
    assert silent == []


def test_every_command_that_tells_something_can_tell_it_as_json() -> None:
    leaves = [(name, command) for name, command in _commands(growsoft, "growsoft") if type(command) is click.Command]
    mute = {name for name, command in leaves if not any("--json" in option.opts for option in command.params)}
    assert mute == {"growsoft shell"}  # its output is that of the operator's own code


def test_a_command_that_is_not_there_is_a_usage_error() -> None:
    done = CliRunner().invoke(growsoft, ["nonsense"])
    assert done.exit_code == 2
    assert "No such command" in done.output
    assert "growsoft --help" in done.output


def test_the_version_takes_less_than_a_tenth_of_a_second_of_a_processor() -> None:
    took: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "growsoft.cli.main", "--version"], capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stdout.startswith("growsoft, version ")
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.1


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["version"]])
def test_a_list_imports_no_more_than_it_shows(arguments: list[str]) -> None:
    source = f"""
import sys
from growsoft.cli.main import main
try:
    main({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
assert not [name for name in {HEAVY!r} if name in sys.modules], sorted(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
