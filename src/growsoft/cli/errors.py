"""How a command ends: the exit code of each kind of error, and the sentence with what to do next."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from growsoft.cli.terminal import printable
from growsoft.config import load
from growsoft.errors import AccessError, ConfigError, GrowsoftError, MissingError, UserError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
DENIED: Final = 4
NEEDS_CONFIRMATION: Final = 5
# What a shell says of a process that SIGINT ended.
INTERRUPTED: Final = 130

LOG: Final = "commands.log"


class NotFound(UserError):
    """There is nothing of this name."""


class NeedsConfirmation(UserError):
    """This cannot be undone; confirm it with --confirm and the name."""


class UsageError(UserError):
    """The command was not understood; see its --help."""


class NotRunning(GrowsoftError):
    """Growsoft does not run in this home; start it with `growsoft up --detach`."""


class NotYours(AccessError):
    """This instance belongs to somebody else; act as its user, or as root."""


def ended(command: Callable[[], object]) -> int:
    """Run a command to its end, say its error on standard error, and give its exit code."""
    try:
        code = command()
    except click.Abort:
        click.echo("Stopped.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return FAILED
    except GrowsoftError as error:
        click.echo(printable(f"Error: {error.message}", kept="\n"), err=True)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - the last place where an error can be said in a sentence
        click.echo(printable(f"Error: {defect(error)}", kept="\n"), err=True)
        return FAILED
    return code if isinstance(code, int) else OK


def exit_code(error: GrowsoftError) -> int:
    """Give the exit code for an error: 1 failed, 2 usage, 3 not found, 4 denied, 5 needs confirmation."""
    match error:
        case NotFound() | MissingError():
            return NOT_FOUND
        case NeedsConfirmation():
            return NEEDS_CONFIRMATION
        case AccessError():
            return DENIED
        case UsageError() | ConfigError():
            return USAGE
        case _:
            # Errors of other floors say by their name that something was not there.
            return NOT_FOUND if type(error).__name__.endswith(("NotFound", "Missing")) else FAILED


def defect(error: Exception) -> str:
    """Say an error that nobody foresaw in a sentence, and keep its traceback where the operator finds it."""
    short = f"{type(error).__name__}: {error}".partition("\n")[0]
    whole = "".join(traceback.format_exception(error))
    path = _kept(whole)
    where = f"Its traceback is in {path}." if path else f"Its traceback:\n{whole}"
    return f"This is a defect of Growsoft, please report it ({short}). See also `growsoft doctor`. {where}"


def _kept(text: str) -> Path | None:
    """Append to a log of the keeper's user, as this user: in his folder root would follow wherever he leads."""
    from growsoft.cli.owner import become_owner, started_state

    try:
        folder = started_state(load(os.environ)).keeper
        become_owner(folder)
        descriptor = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, GrowsoftError):
        return None
    return folder / LOG
