"""Candles of intervals that are kept, and of those that are made of them; by limit, from and to."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.intervals import INTERVALS
from persistence.rows import Candle
from tests.gateway.ops.test_history import later
from tests.harness.gateway import Client, Gateway, open_gateway

DAY_MS = 86_400_000
FEBRUARY_MS = 1_706_745_600_000  # 2024-02-01, a Thursday
DAYS = 60


def kept(interval_s: int, count: int) -> list[Candle]:
    """From the first of February on; each a tick higher than the one before."""
    return [
        Candle(FEBRUARY_MS * 10**6 + n * interval_s * 10**9, 100 + n, 110 + n, 90 + n, 101 + n, 2) for n in range(count)
    ]


async def asks(client: Client, interval: str, **args: Any) -> list[list[Any]]:
    found: list[list[Any]] = await later(client, "candles", {"symbol": "BTCUSDT", "interval": interval} | args)
    return found


@pytest.fixture
async def gateway() -> Any:
    opened = await open_gateway()
    yield opened
    await opened.stops()


async def test_longer_candles_are_made_of_shorter_ones(gateway: Gateway) -> None:
    gateway.history.closed_candles = kept(86_400, DAYS)
    ann = await gateway.player()
    until = FEBRUARY_MS + DAYS * DAY_MS - 1
    february, march = await asks(ann, "1M", until=until)
    assert february == [FEBRUARY_MS, "1.00", "1.38", "0.90", "1.29", 58]
    assert march == [FEBRUARY_MS + 29 * DAY_MS, "1.29", "1.69", "1.19", "1.60", 62]
    weeks = await asks(ann, "1w", until=until)
    assert [week[0] for week in weeks[:3]] == [FEBRUARY_MS + days * DAY_MS for days in (-3, 4, 11)]
    assert [week[5] for week in weeks[:3]] == [8, 14, 14], "the first week has four of its days"
    for interval in ("3d", "1w"):
        rows = await asks(ann, interval, until=until)
        assert sum(row[5] for row in rows) == 2 * DAYS
        assert [row[0] for row in rows] == sorted({row[0] for row in rows})


@pytest.mark.parametrize("interval", [name for name, each in INTERVALS.items() if each.parts > 1])
async def test_a_page_has_only_whole_candles_and_the_pages_join(gateway: Gateway, interval: str) -> None:
    each = INTERVALS[interval]
    gateway.history.closed_candles = kept(each.kept_s, 8 * each.parts)
    ann = await gateway.player()
    until = FEBRUARY_MS + 8 * each.length_s * 1_000
    whole = await asks(ann, interval, until=until)
    assert len(whole) >= 8
    pages: list[list[Any]] = []
    while page := await asks(ann, interval, until=until, limit=3):
        pages, until = page + pages, page[0][0]
    assert pages == whole
    forth: list[list[Any]] = []
    start = whole[0][0]
    while page := await asks(
        ann, interval, **{"from": start, "to": FEBRUARY_MS + 8 * each.length_s * 1_000, "limit": 3}
    ):
        forth, start = forth + page, page[-1][0] + 1
    assert forth == whole


async def test_kept_candles_too_are_asked_for_from_and_to(gateway: Gateway) -> None:
    gateway.history.closed_candles = kept(60, 10)
    ann = await gateway.player()
    minutes = [FEBRUARY_MS + n * 60_000 for n in range(10)]
    found = await asks(ann, "1m", **{"from": minutes[3], "to": minutes[7]})
    assert [row[0] for row in found] == minutes[3:7]
    assert [row[0] for row in await asks(ann, "1m", **{"from": minutes[3] - 1, "limit": 2})] == minutes[3:5]
    assert [row[0] for row in await asks(ann, "1m", to=minutes[7], limit=2)] == minutes[5:7]
    assert await asks(ann, "1m", **{"from": minutes[3], "to": minutes[3]}) == []
    for wrong in ({"until": 1, "to": 1}, {"from_": 1}, {"to": -1}):
        assert await ann.error("candles", {"symbol": "BTCUSDT", "interval": "1m"} | wrong) == "BAD_ARGUMENTS"
    assert await ann.error("candles", {"symbol": "BTCUSDT", "interval": "2m"}) == "INTERVAL_UNKNOWN"


@pytest.mark.parametrize("interval", INTERVALS)
async def test_the_last_one_is_not_finished(gateway: Gateway, interval: str) -> None:
    ann = await gateway.player()
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    (candle,) = await asks(ann, interval)
    now_ns = gateway.arena.clock.stamp_ns()
    assert candle[0] == INTERVALS[interval].open_ns(now_ns) // 10**6
    assert candle[4] == "60000.00"


async def test_a_ticker_is_of_the_last_day(gateway: Gateway) -> None:
    """To the quarter of an hour; quotes that are not yet in a closed candle, which are two, count."""
    ann = await gateway.player()
    now_ns = gateway.arena.clock.stamp_ns()
    quarter_ns = 900 * 10**9
    latest = now_ns // quarter_ns * quarter_ns
    gateway.history.closed_candles = [
        Candle(latest - n * quarter_ns, 6_000_000 + n, 6_100_000 + n, 5_900_000 - n, 6_000_000, 3)
        for n in range(200, 0, -1)
    ]
    await gateway.quote("BTCUSDT", 5_880_095, 5_880_096)
    (found,) = await later(ann, "tickers", {"symbol": "BTCUSDT"})
    assert found["since"] == (latest - 95 * quarter_ns) // 10**6
    assert (found["open"], found["high"], found["low"], found["last"]) == (
        "60000.95", "61000.95", "58800.95", "58800.95",
    )  # fmt: skip
    assert (found["change"], found["change_rate"], found["ticks"]) == ("-1200.00", "-0.019999", 95 * 3 + 2)
    assert len(await later(ann, "tickers")) == len(gateway.instruments.by_id)
    assert await ann.error("tickers", {"symbol": "NOPE"}) == "SYMBOL_UNKNOWN"


async def test_a_ticker_without_quotes_has_no_prices(gateway: Gateway) -> None:
    ann = await gateway.player()
    (found,) = await later(ann, "tickers", {"symbol": "ETHUSDT"})
    assert (found["open"], found["last"], found["change_rate"], found["ticks"]) == (None, None, None, 0)
