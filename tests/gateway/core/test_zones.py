"""Time zones by name, as the engine is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.model.bounds import LONGEST_ZONE, MOMENTS_PER_ZONE
from gateway.core.zones import moments_of


def second(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def test_new_york_is_set_forward_in_march_and_back_in_november() -> None:
    moments = moments_of("America/New_York")
    assert moments[0] == (second(2020, 1, 1), -5 * 3_600)
    assert (second(2026, 3, 8, 7), -4 * 3_600) in moments
    assert (second(2026, 11, 1, 6), -5 * 3_600) in moments
    assert len(moments) == 1 + 2 * 50


def test_a_zone_that_is_never_set_has_one_moment() -> None:
    assert moments_of("Asia/Kolkata") == ((second(2020, 1, 1), 19_800),)


@pytest.mark.parametrize("name", ["Africa/Casablanca", "America/Argentina/ComodRivadavia", "Asia/Gaza", "Etc/GMT+12"])
def test_those_with_many_moments_or_a_long_name_are_within_bounds(name: str) -> None:
    assert 1 <= len(moments_of(name)) <= MOMENTS_PER_ZONE
    assert len(name) <= LONGEST_ZONE


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../zoneinfo/UTC", "America", "/etc/passwd", "America/New_York\n", "x" * 300]
)
def test_what_is_no_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        moments_of(name)
