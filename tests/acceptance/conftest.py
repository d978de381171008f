"""What acceptance tests share: one running instance, started as people start it."""

from collections.abc import Generator

import pytest

from tests.support.instance import Home, new_instance


@pytest.fixture(scope="session")
def running_instance() -> Generator[Home]:
    """An instance with the demo database. Whoever breaks something in it waits until it has mended itself."""
    with new_instance() as home:
        yield home
