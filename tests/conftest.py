"""Fixtures that all tests share."""

from __future__ import annotations

import pytest
from arena import Arena


@pytest.fixture
def arena() -> Arena:
    """A fresh arena with BTCUSDT and ETHUSDT, no players and no quotes."""
    return Arena()
