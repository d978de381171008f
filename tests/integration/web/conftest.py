"""Fixtures: the showcase behind the application, and people who visit it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.security.passwords import Hasher
from tests.support.served import Browser, Showcase, keeper_over, served


@pytest.fixture(scope="session")
def keeper(server: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Keeper:
    return keeper_over(server, tmp_path_factory.mktemp("keeper") / "keeper.log")


@pytest.fixture(scope="session")
def authenticator() -> Iterator[PasswordAuthenticator]:
    with Hasher(2) as hasher:
        yield PasswordAuthenticator(hasher)


@pytest.fixture
def showcase(
    keeper: Keeper, server: Endpoint, pools: Pools, authenticator: PasswordAuthenticator, tmp_path: Path
) -> Showcase:
    """A database of its own for one test."""
    return served(keeper, server, pools, authenticator, tmp_path / "files")


@pytest.fixture(scope="module")
def shared(keeper: Keeper, server: Endpoint, authenticator: PasswordAuthenticator) -> Iterator[Showcase]:
    """A database that the tests of one file share."""
    pools = Pools(20)
    yield served(keeper, server, pools, authenticator)
    pools.close()


@pytest.fixture(scope="module")
def people(shared: Showcase) -> Callable[[str], Browser]:
    """Somebody by his login, signed in once to the shared database."""
    application = shared.application()

    @cache
    def signed_in(login: str) -> Browser:
        return Browser(application).sign_in(shared, login)

    return signed_in


@pytest.fixture
def visitor(showcase: Showcase) -> Browser:
    """Somebody who is not signed in."""
    return Browser(showcase.application())


@pytest.fixture
def signed_in(showcase: Showcase) -> Callable[[str], Browser]:
    """Sign somebody in by his login."""
    return lambda login: Browser(showcase.application()).sign_in(showcase, login)


@pytest.fixture
def ben(signed_in: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase."""
    return signed_in("ben")
