"""Time zones by name, as the engine is told of them: the moments at which their clocks are set forward or back.

They come from the package tzdata, which is pinned, and not from the machine: every arena of a version has the same.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

UTC_NAME: Final = "UTC"

FIRST_S: Final = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
LAST_S: Final = int(datetime(2070, 1, 1, tzinfo=UTC).timestamp())
"""Between which the moments are told. A zone whose rules change gets others when the arena starts with newer data."""

DAY_S: Final = 86_400

_NAME: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)

Moments = tuple[tuple[int, int], ...]
"""Seconds since the epoch, and how many seconds ahead of UTC from then on."""


@lru_cache
def moments_of(name: str) -> Moments:
    """The moments of the zone, the first one being that from which on they are told. Raises ValueError."""
    zone = _zone(name)
    moments = [(FIRST_S, _ahead_s(zone, FIRST_S))]
    for day_s in range(FIRST_S + DAY_S, LAST_S, DAY_S):
        if _ahead_s(zone, day_s) != moments[-1][1]:
            since_s = _first_after(zone, day_s - DAY_S, day_s)
            moments.append((since_s, _ahead_s(zone, since_s)))
    return tuple(moments)


def _zone(name: str) -> ZoneInfo:
    path = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not _NAME.fullmatch(name) or not path.is_file():
        raise ValueError(f'there is no time zone "{name}"; one is called like "America/New_York"')
    with path.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _ahead_s(zone: ZoneInfo, at_s: int) -> int:
    ahead = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())


def _first_after(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    """The second in which the offset of `before_s` has given way to that of `after_s`."""
    old = _ahead_s(zone, before_s)
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if _ahead_s(zone, middle_s) == old:
            before_s = middle_s
        else:
            after_s = middle_s
    return after_s
