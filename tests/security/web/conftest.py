"""Fixtures: the showcase and its people are those of the tests of the web."""

from tests.integration.web.conftest import authenticator, ben, keeper, showcase, signed_in, visitor

__all__ = ["authenticator", "ben", "keeper", "showcase", "signed_in", "visitor"]
