"""Where candles of each interval begin and end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.model.scale import NS_PER_S
from gateway.core.intervals import INTERVALS


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("name", "opens", "ends"),
    [
        ("1s", "2024-02-29T13:47:05", "2024-02-29T13:47:06"), ("3m", "2024-02-29T13:45:00", "2024-02-29T13:48:00"),
        ("30m", "2024-02-29T13:30:00", "2024-02-29T14:00:00"), ("2h", "2024-02-29T12:00:00", "2024-02-29T14:00:00"),
        ("6h", "2024-02-29T12:00:00", "2024-02-29T18:00:00"), ("8h", "2024-02-29T08:00:00", "2024-02-29T16:00:00"),
        ("12h", "2024-02-29T12:00:00", "2024-03-01T00:00:00"), ("3d", "2024-02-29T00:00:00", "2024-03-03T00:00:00"),
        ("1w", "2024-02-26T00:00:00", "2024-03-04T00:00:00"), ("1M", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
    ],
)  # fmt: skip
def test_a_candle_begins_and_ends_as_the_calendar_says(name: str, opens: str, ends: str) -> None:
    interval = INTERVALS[name]
    open_ns = interval.open_ns(ns("2024-02-29T13:47:05") + 7)
    assert (open_ns, interval.end_ns(open_ns)) == (ns(opens), ns(ends))
    assert interval.open_ns(ns(ends)) == ns(ends)
    assert interval.open_ns(ns(ends) - 1) == ns(opens)


def test_all_months_follow_each_other() -> None:
    interval, at_ns = INTERVALS["1M"], ns("2023-12-01T00:00:00")
    seen = []
    for _ in range(15):
        seen.append(datetime.fromtimestamp(at_ns // NS_PER_S, UTC).strftime("%y-%m-%d"))
        at_ns = interval.end_ns(at_ns)
    assert seen[:4] == ["23-12-01", "24-01-01", "24-02-01", "24-03-01"]
    assert seen[-1] == "25-02-01"


@pytest.mark.parametrize("name", INTERVALS)
def test_candles_are_made_of_whole_ones(name: str) -> None:
    interval = INTERVALS[name]
    assert interval.length_s % interval.kept_s == 0
    assert interval.first_s % interval.kept_s == 0
