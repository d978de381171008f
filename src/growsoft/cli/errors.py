"""How a command ends: the exit code of each kind of error, and the sentence with what to do next."""

from __future__ import annotations

from typing import Final

from growsoft.errors import AccessError, ConfigError, GrowsoftError, MissingError, UserError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
DENIED: Final = 4
NEEDS_CONFIRMATION: Final = 5


class NotFound(UserError):
    """There is nothing of this name."""


class NeedsConfirmation(UserError):
    """This cannot be undone; confirm it with --confirm and the name."""


class UsageError(UserError):
    """The command was not understood; see its --help."""


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
