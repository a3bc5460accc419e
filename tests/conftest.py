"""Fixtures that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.harness.arena import Arena

settings.register_profile("arena", deadline=None, print_blob=True)
settings.load_profile("arena")


@pytest.fixture
def arena() -> Arena:
    """A fresh arena with BTCUSDT and ETHUSDT, no players and no quotes."""
    return Arena()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile the engine, if it is not in the cache, before the clock of the first test runs."""
    if any("arena" in getattr(item, "fixturenames", ()) for item in session.items):
        Arena()
