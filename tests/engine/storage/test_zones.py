"""Time zones: local time and the beginning of days, held against the calendar of Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from engine import views
from engine.model.commands import DefineZone
from engine.model.scale import NS_PER_S
from engine.storage.zones import next_day_ns
from engine.trading.instruments import is_market_open
from gateway.core.zones import moments_of
from tests.harness.arena import Arena

ZONES = ("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca")
"""Set forward by an hour, by half an hour, never, at midnight, and for a month of the moon."""

DAY = (9 * 60 + 30, 16 * 60)


def calendar(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file)


def hours() -> tuple[tuple[int, int], ...]:
    """Of every day, from half past nine to four."""
    return tuple((day * 1440 + DAY[0], day * 1440 + DAY[1]) for day in range(7))


@pytest.mark.parametrize("name", ZONES)
def test_hours_are_those_of_the_clock_there_all_year_round(arena: Arena, name: str) -> None:
    arena.command(DefineZone(name, moments_of(name)))
    arena.change("BTCUSDT", hours=hours(), zone=name)
    book, zone = arena.machine.state.book, calendar(name)
    for half_hours in range(0, 2 * 366 * 48, 7):
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * half_hours)
        there = moment.astimezone(zone)
        expected = DAY[0] <= there.hour * 60 + there.minute < DAY[1]
        assert bool(is_market_open(book, 1, int(moment.timestamp()) * NS_PER_S)) == expected, there


@pytest.mark.parametrize("name", ZONES)
def test_what_is_closed_says_when_it_opens_by_the_clock_there(arena: Arena, name: str) -> None:
    """Held against a look at each quarter of an hour, over weekends and changes of the clock."""
    arena.command(DefineZone(name, moments_of(name)))
    arena.change("BTCUSDT", hours=hours()[:5], zone=name)
    book = arena.machine.state.book
    for months in range(24):
        now_ns = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() + months * 2_670_000) * NS_PER_S
        opens_ns = now_ns
        while not is_market_open(book, 1, opens_ns):
            opens_ns += 900 * NS_PER_S - opens_ns % (900 * NS_PER_S)
        assert views.opens_at_ns(book, 1, now_ns) == opens_ns
    arena.change("BTCUSDT", hours=())
    assert views.opens_at_ns(book, 1, now_ns) is None


def first_moment(zone: ZoneInfo, day: date, start_min: int) -> int:
    """The first second of the day in which the clock shows that time or more: looked for by half hours."""
    shown = datetime.combine(day, time()) + timedelta(minutes=start_min)
    moment = datetime.combine(day, time(), UTC) - timedelta(hours=16)
    while moment.astimezone(zone).replace(tzinfo=None) < shown:
        moment += timedelta(minutes=30)
    return int(moment.timestamp())


@pytest.mark.parametrize("start_min", [0, 150, 17 * 60])
@pytest.mark.parametrize("name", ZONES)
def test_days_follow_each_other_by_the_clock_there(arena: Arena, name: str, start_min: int) -> None:
    """Also one whose beginning the clock is set over, and one whose beginning it shows twice."""
    row = arena.command(DefineZone(name, moments_of(name))).id
    zone, day = calendar(name), date(2024, 2, 1)
    at_s = first_moment(zone, day, start_min)
    for _ in range(300):
        day += timedelta(days=1)
        expected_s = first_moment(zone, day, start_min)
        for late_s in (0, 3_600, 7_000):
            at_ns = (at_s + late_s) * NS_PER_S
            found = int(next_day_ns(arena.machine.state.book, row, start_min * 60 * NS_PER_S, at_ns))
            if late_s == 0:
                assert found == expected_s * NS_PER_S, (day, datetime.fromtimestamp(found // NS_PER_S, zone))
            assert at_ns < found <= expected_s * NS_PER_S
        at_s = expected_s


def test_utc_is_as_it_was(arena: Arena) -> None:
    book, day_ns = arena.machine.state.book, 86_400 * NS_PER_S
    for at_ns in (0, 1, day_ns - 1, day_ns, day_ns + 1):
        assert next_day_ns(book, 0, 0, at_ns) == (at_ns // day_ns + 1) * day_ns
    assert next_day_ns(book, 0, 3_600 * NS_PER_S, day_ns) == day_ns + 3_600 * NS_PER_S


def test_before_its_first_moment_a_zone_is_as_from_then_on(arena: Arena) -> None:
    row = arena.command(DefineZone("Here", ((5_000_000_000, 3_600),))).id
    assert next_day_ns(arena.machine.state.book, row, 0, 10**18) % (86_400 * NS_PER_S) == 82_800 * NS_PER_S


def test_many_zones_keep_their_moments_while_the_tables_grow(arena: Arena) -> None:
    for number in range(1, 20):
        assert arena.command(DefineZone(f"Zone {number}", ((0, 60 * number), (10, -60 * number)))).id == number
    arena.command(DefineZone("Zone 7", ((0, 42),)))
    for number in range(1, 20):
        arena.change("BTCUSDT", hours=((0, 60),), zone=f"Zone {number}")
        book = arena.machine.state.book
        ahead_s = 42 if number == 7 else -60 * number
        monday_s = 1_704_067_200 - ahead_s
        assert is_market_open(book, 1, monday_s * NS_PER_S)
        assert not is_market_open(book, 1, monday_s * NS_PER_S - 1)
