"""A match of more players than the event buffer holds: what happens to all at once happens as in a small one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.competition import joining
from engine.digest import state_hash
from engine.ledger.accounts import find_account
from engine.ledger.balances import available
from engine.model.commands import (
    Account,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundReferrals,
    JoinMatch,
    OrderType,
    RegisterPlayer,
    SetReferrals,
    StartMatch,
    TopUp,
    TransferCode,
)
from engine.model.events import EventKind
from engine.model.scale import MONEY
from engine.model.tables import OPENED_AT_ONCE, ORDERS, PAGES, POSITIONS
from tests.harness.arena import LONG, Arena, Player
from tests.harness.records import Quote

MANY = 40
FEE, BONUS, REFERRER_BONUS = 10, 3, 2
PAID_FOR = OPENED_AT_ONCE + 2
"""Referrals for which the house has bonuses: more than there is room for accounts."""

GAME: dict[str, Any] = {
    "starting_balance": 10_000, "max_positions": 10, "max_leverage": 100, "min_players": 2, "duration_s": 60,
    "countdown_s": 60, "currency": "USDT", "entry_fee": FEE, "cup": 5, "prize_split": (60, 40),
}  # fmt: skip


def has(arena: Arena, player: int, asset: Asset = Asset.USDT) -> int:
    book = arena.machine.state.book
    return int(available(book, find_account(book, player, Account.PLAYER_CASH, asset)))


def everybody(arena: Arena, many: int = MANY) -> range:
    """Players who were brought by the first of them, and have money for one match."""
    for number in range(many):
        player = arena.command(RegisterPlayer("Player", referrer=min(number, 1))).id
        arena.command(TopUp(player, "USDT", FEE))
    return range(1, many + 1)


def room(arena: Arena, **rules: Any) -> int:
    """A match that everybody has joined."""
    game = arena.command(CreateGame("Cup", "", **GAME | rules)).id
    match = arena.command(CreateMatch(game, practice=False)).id
    for player in range(1, int(arena.machine.state.book.world[0]["players"]) + 1):
        arena.command(JoinMatch(match, player))
    return match


def told(arena: Arena, kind: EventKind) -> list[dict[str, Any]]:
    return [event for event in arena.events if event["kind"] == kind]


def players_told(arena: Arena, kind: EventKind) -> list[int]:
    return [event["player"] for event in told(arena, kind)]


def test_each_gets_the_fee_back_and_is_told_in_the_order_of_joining(arena: Arena) -> None:
    players = everybody(arena)
    arena.has_room_for_events(16)
    for end in (CancelMatch, EndMatch):
        match = room(arena)
        if end is EndMatch:
            arena.command(StartMatch(match))
            assert players_told(arena, EventKind.MATCH_STARTED) == [*players, 0]
            arena.command(EndMatch(match, "rain", void=True))
        else:
            arena.command(CancelMatch(match, "rain"))
        moves = (EventKind.TRANSFERRED, EventKind.WALLET_CHANGED)
        kinds = [event["kind"] for event in arena.events if event["kind"] in (*moves, EventKind.MATCH_CANCELED)]
        assert kinds == [*moves * MANY, *[EventKind.MATCH_CANCELED] * (MANY + 1)]
        assert players_told(arena, EventKind.WALLET_CHANGED) == [*players]
        assert {(event["change"], event["code"]) for event in told(arena, EventKind.WALLET_CHANGED)} == {
            (FEE, TransferCode.REFUND)
        }
        assert players_told(arena, EventKind.MATCH_CANCELED) == [*players, 0]
        assert [has(arena, player) for player in players] == [FEE] * MANY


@pytest.mark.compiled
def test_the_bonuses_of_a_first_paid_match_are_paid_as_far_as_the_house_has_them(arena: Arena) -> None:
    many = PAID_FOR + 10
    players = everybody(arena, many)
    stranger = arena.command(RegisterPlayer("Stranger")).id
    arena.command(TopUp(stranger, "USDT", FEE))
    arena.command(SetReferrals("BT", REFERRER_BONUS, BONUS, most_per_day=0))
    arena.command(FundReferrals("BT", PAID_FOR * (BONUS + REFERRER_BONUS) + BONUS))
    match = room(arena, starting_balance=100 * MONEY, house_fee_ppm=100_000)
    arena.command(StartMatch(match))
    arena.quote("BTCUSDT", 60_000)
    for player in (*players, stranger):
        seat = Player(arena, player, match)
        seat.closes(seat.opens("BTCUSDT", LONG, margin=10, leverage=10))
    arena.has_room_for_events(16)
    accounts = len(arena.machine.state.book.accounts)
    while 2 * (int(arena.machine.state.book.world[0]["accounts"]) + OPENED_AT_ONCE) < accounts:
        strangers = many + 1 + int(arena.machine.state.book.world[0]["accounts"])
        arena.account(strangers, Account.PLAYER_CASH)
    arena.passes(60)
    assert len(arena.machine.state.book.accounts) > accounts
    assert [has(arena, player, Asset.BT) for player in players] == [
        PAID_FOR * REFERRER_BONUS, *[BONUS] * PAID_FOR, *[0] * (many - 1 - PAID_FOR)
    ]  # fmt: skip
    assert list(arena.machine.state.cold.bonuses) == [*players[1 : 1 + PAID_FOR]]


def test_who_has_signed_up_sits_in_a_practice_match_of_many(arena: Arena) -> None:
    players = everybody(arena)
    arena.has_room_for_events(16)
    arena.match()
    assert players_told(arena, EventKind.SEAT_OPENED) == [*players]


def test_as_many_sit_in_it_as_what_they_are_granted_can_be_counted(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = everybody(arena)
    monkeypatch.setattr(joining, "MAX_INITIAL_FUNDING", 7 * 50 * MONEY + 1)
    arena.match(cash=50)
    assert players_told(arena, EventKind.SEAT_OPENED) == [*players[:7]]
    arena.command(RegisterPlayer("late"))
    assert players_told(arena, EventKind.SEAT_OPENED) == []


@pytest.mark.parametrize("buffered", [11, 16, 37])
@pytest.mark.compiled
def test_the_room_for_events_changes_nothing(buffered: int) -> None:
    """Not even where a loop over players goes on."""
    arenas = Arena(), Arena()
    arenas[1].has_room_for_events(buffered)
    for arena in arenas:
        everybody(arena)
        arena.command(SetReferrals("BT", REFERRER_BONUS, BONUS))
        arena.command(FundReferrals("BT", 10_000))
        arena.command(CancelMatch(room(arena), "rain"))
        arena.match()
        finished = room(arena)
        arena.command(StartMatch(finished))
        arena.command(EndMatch(finished, "over"))
        for player in range(1, MANY + 1):
            arena.command(TopUp(player, "USDT", FEE))
        unwon = room(arena, min_trades=1)
        arena.command(StartMatch(unwon))
        arena.command(EndMatch(unwon, "over"))
    assert arenas[0].history == arenas[1].history
    assert state_hash(arenas[0].machine.state) == state_hash(arenas[1].machine.state)


@pytest.mark.compiled
def test_orders_that_rest_and_fill_in_one_batch_have_room_for_their_triggers(arena: Arena) -> None:
    """For each its order, then its position and the band of its seat's equity; a page of triggers that has lost most of
    its orders is not free for others while one of them rests."""
    arena.quote("BTCUSDT", 60_000)
    match = arena.contest(3_600, max_total_drawdown_ppm=100_000)
    outcomes = arena.apply([RegisterPlayer("Player")] * 3_000).outcomes
    players = [Player(arena, id, match) for id in outcomes["id"].tolist()]
    arena.apply([JoinMatch(match, player.id) for player in players])
    orders = [
        player._order("BTCUSDT", 1, OrderType.LIMIT, margin=100, price=59_000 if number % 10 else 40_000)
        for number, player in enumerate(players)
    ]
    instrument = arena.instruments["BTCUSDT"][0]
    bid, ask = (arena.ticks("BTCUSDT", price) for price in (58_990, 58_991))
    arena.apply([*orders, Quote(instrument, bid, ask, arena.source_sequence + 1)])
    heads = arena.machine.state.book.heads
    assert (int(heads[ORDERS]["live"]), int(heads[POSITIONS]["live"])) == (300, 2_700)
    assert heads[PAGES]["used"] <= len(arena.machine.state.book.pages)
