"""Errors: one hierarchy; an error's docstring is its message for people."""

from __future__ import annotations

import inspect


class GrowsoftError(Exception):
    """Something went wrong inside Growsoft; the log of this moment says more."""

    def __init__(self, message: str = "") -> None:
        """Take a message for this case; without one the docstring of the class speaks."""
        super().__init__(message or self.default_message())

    @classmethod
    def default_message(cls) -> str:
        """Return what the class says when a case has nothing of its own to say."""
        return inspect.getdoc(cls) or cls.__name__

    @property
    def message(self) -> str:
        """The sentence for the reader of this error, in English."""
        return str(self)

    @property
    def words(self) -> str:
        """The same sentence with what it takes to say it in the reader's language (``growsoft.words``)."""
        said = self.args[0] if self.args else ""
        return said if isinstance(said, str) else str(self)


class ConfigError(GrowsoftError):
    """The configuration cannot be used; correct it and start again."""


class UserError(GrowsoftError):
    """This cannot be done; change your input and try again."""


class ValidationError(UserError):
    """A value is not allowed here; correct it and save again."""


class AccessError(UserError):
    """You may not do this; ask an administrator of your database for the right to."""


class MissingError(UserError):
    """This record does not exist any more, or you may not see it; reload the page."""
