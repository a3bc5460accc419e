"""Weekly trading hours as people write them: "mon 00:00 - fri 22:00"; and times of the day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from engine.model.bounds import HOURS_PER_INSTRUMENT
from engine.model.scale import MINUTES_PER_WEEK

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY: Final = MINUTES_PER_WEEK // len(DAYS)

Windows = tuple[tuple[int, int], ...]
"""Half-open windows [start, end) in minutes of the week from Monday 00:00."""

_MOMENT: Final = re.compile(r"(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


def parse_hours(texts: Iterable[str]) -> Windows:
    """The windows that the texts say, in order; one that runs over the end of the week becomes two.

    Raises ValueError for what is no window, for windows that overlap, and for too many of them.
    """
    windows: list[tuple[int, int]] = []
    for text in texts:
        start, end = _bounds(text)
        if start < end:
            windows.append((start, end))
        else:
            windows.append((start, MINUTES_PER_WEEK))
            if end:
                windows.append((0, end))
    windows.sort()
    if len(windows) > HOURS_PER_INSTRUMENT:
        raise ValueError(f"there are {len(windows)} windows, of at most {HOURS_PER_INSTRUMENT}")
    for before, after in pairwise(windows):
        if after[0] < before[1]:
            raise ValueError(f'"{_text(*before)}" and "{_text(*after)}" overlap')
    return tuple(windows)


def hours_texts(windows: Windows) -> list[str]:
    """The windows as text."""
    return [_text(start, end) for start, end in windows]


def parse_time(text: str) -> int:
    """The minute of the day that is written like "17:00"."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def time_text(minute: int) -> str:
    """The minute of the day as text."""
    hour, rest = divmod(minute, 60)
    return f"{hour:02}:{rest:02}"


def _bounds(text: str) -> tuple[int, int]:
    """Where it opens and where it closes, which may be earlier in the week."""
    moments = [_minute(moment) for moment in text.split(" - ")]
    if len(moments) != 2 or None in moments:
        raise ValueError(f'"{text}" is not written like "mon 00:00 - fri 22:00"')
    start, end = (moment for moment in moments if moment is not None)
    if start == end:
        raise ValueError(f'"{text}" is empty')
    return start % MINUTES_PER_WEEK, end


def _minute(moment: str) -> int | None:
    """Minute of the week; None when it is not written like "fri 22:00". The end of a day is 24:00."""
    found = _MOMENT.fullmatch(moment)
    if found is None:
        return None
    day, hour, minute = DAYS.index(found[1]), int(found[2]), int(found[3])
    if hour * 60 + minute > MINUTES_PER_DAY:
        return None
    return day * MINUTES_PER_DAY + hour * 60 + minute


def _text(start: int, end: int) -> str:
    last_day = (end - 1) // MINUTES_PER_DAY
    return f"{_moment(start, start // MINUTES_PER_DAY)} - {_moment(end, last_day)}"


def _moment(minute: int, day: int) -> str:
    """The minute as of that day: midnight is 00:00 of one day and 24:00 of the other."""
    hour, rest = divmod(minute - day * MINUTES_PER_DAY, 60)
    return f"{DAYS[day]} {hour:02}:{rest:02}"
