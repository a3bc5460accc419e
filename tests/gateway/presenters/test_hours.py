"""Trading hours as text."""

from __future__ import annotations

import pytest

from gateway.presenters.hours import hours_texts, parse_hours

DAY = 24 * 60


@pytest.mark.parametrize(
    ("texts", "windows", "shown"),
    [
        ([], (), []),
        (["mon 00:00 - fri 22:00"], ((0, 4 * DAY + 22 * 60),), None),
        (["mon 00:00 - sun 24:00"], ((0, 7 * DAY),), None),
        (["tue 14:30 - tue 21:00", "mon 14:30 - mon 21:00"], ((870, 1_260), (DAY + 870, DAY + 1_260)),
         ["mon 14:30 - mon 21:00", "tue 14:30 - tue 21:00"]),
        (["mon 22:00 - tue 00:00"], ((22 * 60, DAY),), ["mon 22:00 - mon 24:00"]),
        (["mon 24:00 - tue 00:01"], ((DAY, DAY + 1),), ["tue 00:00 - tue 00:01"]),
        (["sun 24:00 - mon 12:00"], ((0, 720),), ["mon 00:00 - mon 12:00"]),
        (["mon 00:00 - mon 12:00", "mon 12:00 - mon 13:00"], ((0, 720), (720, 780)), None),
        (["sun 22:00 - fri 22:00"], ((0, 4 * DAY + 22 * 60), (6 * DAY + 22 * 60, 7 * DAY)),
         ["mon 00:00 - fri 22:00", "sun 22:00 - sun 24:00"]),
        (["sun 22:00 - mon 00:00"], ((6 * DAY + 22 * 60, 7 * DAY),), ["sun 22:00 - sun 24:00"]),
        (["fri 09:00 - fri 08:59"], ((0, 4 * DAY + 539), (4 * DAY + 540, 7 * DAY)),
         ["mon 00:00 - fri 08:59", "fri 09:00 - sun 24:00"]),
    ],
)  # fmt: skip
def test_hours_are_read_and_shown(
    texts: list[str], windows: tuple[tuple[int, int], ...], shown: list[str] | None
) -> None:
    assert parse_hours(texts) == windows
    assert hours_texts(windows) == (texts if shown is None else shown)
    assert parse_hours(hours_texts(windows)) == windows


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["always"], 'not written like "mon 00:00 - fri 22:00"'),
        (["mon 00:00-fri 22:00"], "not written like"),
        (["Mon 00:00 - fri 22:00"], "not written like"),
        (["mon 0:00 - fri 22:00"], "not written like"),
        (["mon 00:00 - fri 24:01"], "not written like"),
        (["mon 00:00 - fri 25:00"], "not written like"),
        (["mon 00:60 - fri 22:00"], "not written like"),
        (["mon 00:00 - fri 22:00 - sat 22:00"], "not written like"),
        (["mon 00:00 - mon 00:00"], "is empty"),
        (["mon 24:00 - tue 00:00"], "is empty"),
        (["mon 00:00 - tue 12:00", "tue 11:00 - wed 00:00"], "overlap"),
        (["sun 22:00 - mon 12:00", "mon 11:00 - mon 13:00"], "overlap"),
        ([f"{day} {hour:02}:00 - {day} {hour:02}:30" for day in ("mon", "tue", "wed") for hour in range(5)], "at most"),
    ],
)
def test_what_is_no_window_is_named(texts: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_hours(texts)
