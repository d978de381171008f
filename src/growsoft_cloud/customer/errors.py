"""Refusals that people read who asked for something about their backups."""

from __future__ import annotations

from growsoft.errors import UserError


class NoSuchBackup(UserError):
    """There is no backup of this id here; choose one of the list."""


class NoSuchDatabase(UserError):
    """There is no restored database of this name here; choose one of the list."""


class TooManyBeside(UserError):
    """Two restored databases stand beside this one already; discard one of them first."""


class NotConfirmed(UserError):
    """The name that was typed is not the one that is asked for, so nothing was done; type it once more."""


class StandsBeside(UserError):
    """This database was restored beside the one in use; ask for it there, where who may do so is known today."""


class Interrupted(UserError):
    """It was interrupted; ask for it once more."""


class CameTooLate(UserError):
    """Nobody came to do this in time; ask for it once more."""


class AskedTooOften(UserError):
    """This database has had too many requests within an hour; try again later."""


class NoStorage(UserError):
    """This database has no storage for files; ask the hosting for your download."""
