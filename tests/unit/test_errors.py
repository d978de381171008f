"""Errors: what a person reads when something cannot be done."""

import inspect

import pytest

from growsoft import errors
from growsoft.errors import AccessError, ConfigError, GrowsoftError, MissingError, UserError, ValidationError


class LinkExpiredError(UserError):
    """This link has expired; ask for a new one."""


class UndocumentedError(UserError): ...  # noqa: D101 - that it has no docstring is the point


def _all() -> list[type[GrowsoftError]]:
    found = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, GrowsoftError)]
    assert len(found) == 6
    return found


@pytest.mark.parametrize("kind", _all())
def test_every_error_has_a_message_that_tells_its_reader_what_to_do(kind: type[GrowsoftError]) -> None:
    message = str(kind())
    assert message == kind().message == inspect.cleandoc(kind.__doc__ or "")
    assert message.endswith(".")
    assert ";" in message


def test_a_message_for_one_case_replaces_the_general_one() -> None:
    assert str(AccessError("Only salespeople confirm orders.")) == "Only salespeople confirm orders."


def test_an_application_names_its_own_errors_by_their_docstring() -> None:
    assert LinkExpiredError().message == "This link has expired; ask for a new one."


def test_an_error_without_a_docstring_says_what_its_parent_says() -> None:
    assert UndocumentedError().message == UserError().message


def test_only_user_errors_are_shown_to_people() -> None:
    assert all(issubclass(kind, UserError) for kind in (ValidationError, AccessError, MissingError))
    assert not issubclass(ConfigError, UserError)
