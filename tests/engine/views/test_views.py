"""Read-only answers over a state that a real engine made."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from engine import views
from engine.model.scale import MONEY, NS_PER_S
from engine.model.tables import INTERVALS_S, MATCH_OPEN
from tests.harness.gateway import Client, Gateway, open_gateway

LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


@pytest_asyncio.fixture
async def ann(gateway: Gateway) -> Client:
    return await gateway.player()


async def test_a_quote_goes_stale_by_the_given_time(gateway: Gateway) -> None:
    book = gateway.machine.state.book
    now_ns = int(book.world[0]["now_ns"])
    fresh = views.quote(book, 1, now_ns + 2 * NS_PER_S)
    assert (fresh.bid, fresh.ask, fresh.stale) == (6_000_000, 6_000_001, False)
    assert views.quote(book, 1, now_ns + 2 * NS_PER_S + 1).stale
    never = views.quote(book, 2, now_ns)
    assert (never.bid, never.stale) == (0, True)


async def test_an_unfinished_candle_is_merged_from_the_shorter_ones(gateway: Gateway) -> None:
    for bid in (6_000_300, 5_999_000, 6_000_100):
        await gateway.quote("BTCUSDT", bid, bid + 1)
    book = gateway.machine.state.book
    for interval_s in INTERVALS_S:
        candle = views.candle(book, 1, interval_s)
        assert candle is not None
        assert candle.open_at_ns % (interval_s * NS_PER_S) == 0
        if interval_s == INTERVALS_S[-1]:
            assert candle[1:] == (6_000_000, 6_000_300, 5_999_000, 6_000_100, 4)
    assert views.candle(book, 2, 60) is None


async def test_a_seat_and_its_position(gateway: Gateway, ann: Client) -> None:
    player = ann.session.player
    placed = await ann.result("order.place", LONG)
    await gateway.quote("BTCUSDT", 6_060_000, 6_060_001)
    book = gateway.machine.state.book
    positions = views.positions(book, player, 1)
    assert positions is not None
    (position,) = positions
    assert position.position == placed["position"]
    assert position.profit == (6_060_000 * position.lots - position.cost) * 10
    seat = views.seat(book, player, 1)
    assert seat is not None
    assert seat.equity == seat.cash + seat.reserved + seat.margin + position.profit
    assert views.seats_of(gateway.machine.state, player) == [seat, views.seat(book, player, 2)]
    assert views.instrument_of_position(book, position.position) == 1
    assert views.instrument_of_position(book, 99) == 0
    assert views.instrument_of_order(book, position.position) == 0
    resting = await ann.result("order.place", LONG | {"type": "limit", "price": "50000"})
    owners = [views.owner_of_trade(book, id) for id in (position.position, resting["order"], 99, 0)]
    assert owners == [player, player, 0, 0]
    await ann.result("order.cancel", {"order": resting["order"]})

    await gateway.quote("BTCUSDT", 5_700_000, 5_700_001)
    (position,) = views.positions(book, player, 1) or []
    assert position.profit >= -position.margin


async def test_who_has_no_seat_has_nothing(gateway: Gateway) -> None:
    book = gateway.machine.state.book
    assert views.seat(book, 99, 1) is None
    assert views.orders(book, 99, 1) is None
    assert views.positions(book, 99, 1) is None
    assert views.match(gateway.machine.state, 3) is None
    found = views.matches(gateway.machine.state, 10, 10, (MATCH_OPEN,))
    assert [match.starting_balance for match in found] == [10_000 * MONEY] * 2


async def test_the_board_shows_the_best_and_ones_own_rank(gateway: Gateway, ann: Client) -> None:
    others = [await gateway.player() for _ in range(4)]
    await ann.result("order.place", LONG)
    board = views.board(gateway.machine.state.book, 1, 2, ann.session.player)
    assert [seat.player for seat in board.top] == [others[0].session.player, others[1].session.player]
    assert (board.seats, board.rank) == (5, 5)
    assert views.board(gateway.machine.state.book, 1, 2).rank == 0
