"""Games: templates that change while matches go on by the version that they were made with."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine import views
from engine.competition.games import rules_of_match
from engine.model.commands import (
    Account,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    DeleteGame,
    EndMatch,
    FundRewards,
    JoinMatch,
    SetGameActive,
    UpdateGame,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import encode_cold_state, sections, state_from
from engine.model.tables import MATCH_OPEN
from tests.engine.competition.test_paid_matches import USDT, balance, cash, escrow, fees, game, joins, rewards, rich
from tests.harness.arena import LONG, Arena, Player, money

COINS, BOXES = Asset.GOLD_COIN, Asset.TREASURE_BOX
ITEMS: dict[str, Any] = {"item_rewards": (("GOLD_COIN", 3), ("TREASURE_BOX", 1))}


def items(arena: Arena, player: Player) -> tuple[int, int]:
    coins, boxes = (balance(arena, player.id, Account.PLAYER_ITEMS, asset) for asset in (COINS, BOXES))
    return coins, boxes


def stock(arena: Arena) -> tuple[int, int]:
    """What the house has left for rewards."""
    coins, boxes = (balance(arena, 0, Account.HOUSE_REWARDS, asset) for asset in (COINS, BOXES))
    return coins, boxes


def stocked(arena: Arena, coins: int = 10, boxes: int = 5) -> None:
    arena.command(FundRewards("GOLD_COIN", coins))
    arena.command(FundRewards("TREASURE_BOX", boxes))


def test_a_match_goes_on_by_the_rules_it_was_made_with(arena: Arena) -> None:
    """Fee, split, duration and ranking change under a match that waits; it takes, pays and ends as it was made."""
    first = game(min_players=2, max_players=2)
    number = arena.command(first).id
    match = arena.command(CreateMatch(number, practice=False)).id
    ann = joins(arena, match)
    changed = replace(first, title="Other", entry_fee=99 * USDT, prize_split=(100,), house_fee_ppm=0, duration_s=5,
                      starting_balance=money(7), min_players=0, max_players=0)  # fmt: skip
    assert arena.command(UpdateGame(number, changed)).id == number
    bob = joins(arena, match)
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, match)) == (90 * USDT, 90 * USDT, 20 * USDT)
    arena.passes(59)
    assert arena.machine.state.book.matches[match]["status"] == MATCH_OPEN
    arena.passes(1)
    assert (cash(arena, ann), cash(arena, bob), fees(arena)) == (102_600_000, 95_400_000, 2 * USDT)
    assert escrow(arena, match) == 0

    later = arena.command(CreateMatch(number, practice=False)).id
    shown = [arena.shown(id) for id in (match, later)]
    assert [view.game_version for view in shown] == [1, 2]
    assert [view.starting_balance for view in shown] == [money(10_000), money(7)]
    assert rules_of_match(arena.machine.state, match) == first
    assert rules_of_match(arena.machine.state, later) == changed


def test_each_update_is_a_version_and_none_is_forgotten(arena: Arena) -> None:
    number = arena.command(game()).id
    versions = [game(cover=f"cup-{n}.png", max_players=n) for n in range(2, 6)]
    for rules in versions:
        arena.command(UpdateGame(number, rules))
        match = arena.command(CreateMatch(number, practice=False)).id
        assert rules_of_match(arena.machine.state, match) == rules
    kept = arena.machine.state.cold.games[number]
    assert kept.versions == [game(), *versions]
    again = state_from(sections(arena.machine.state), encode_cold_state(arena.machine.state.cold))
    assert again.cold.games[number] == kept


def test_a_game_that_is_put_by_makes_no_matches_until_it_is_back(arena: Arena) -> None:
    number = arena.command(game(currency="")).id
    match = arena.command(CreateMatch(number, practice=False)).id
    for _ in range(2):
        arena.command(SetGameActive(number, False))
    with arena.refuses(Reason.GAME_NOT_ACTIVE):
        arena.command(CreateMatch(number, practice=False))
    joins(arena, match)
    arena.command(UpdateGame(number, game(currency="", cup=3)))
    with arena.refuses(Reason.GAME_NOT_ACTIVE):
        arena.command(CreateMatch(number, practice=True))
    arena.command(SetGameActive(number, True))
    arena.command(CreateMatch(number, practice=False))


def test_a_game_that_is_deleted_is_gone_and_its_matches_are_not(arena: Arena) -> None:
    number = arena.command(game(min_players=2)).id
    match = arena.command(CreateMatch(number, practice=False)).id
    ann = joins(arena, match)
    arena.command(DeleteGame(number))
    bob = joins(arena, match)
    arena.passes(60)
    assert cash(arena, ann) + cash(arena, bob) == 198 * USDT
    for refused in (DeleteGame(number), CreateMatch(number, practice=False), UpdateGame(number, game())):
        with arena.refuses(Reason.GAME_NOT_FOUND):
            arena.command(refused)
    assert arena.command(game()).id == number + 1


def test_the_winner_gets_the_items(arena: Arena) -> None:
    stocked(arena)
    match = arena.contest(60, **ITEMS)
    assert stock(arena) == (7, 4)
    ann, bob = arena.contestant(match), arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    bob.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    arena.quote("BTCUSDT", 60_100)
    arena.passes(60)
    assert (items(arena, ann), items(arena, bob), stock(arena)) == ((0, 0), (3, 1), (7, 4))
    told = [(event["asset"], event["change"]) for event in arena.events
            if event["kind"] == EventKind.WALLET_CHANGED and event["player"] == bob.id]  # fmt: skip
    assert told == [(COINS, 3), (BOXES, 1)]


def test_items_come_beside_a_prize_of_money(arena: Arena) -> None:
    stocked(arena)
    arena.command(FundRewards("USDT", 15 * USDT))
    number = arena.command(game(prize_split=(), reward_price=25 * USDT, house_fee_ppm=0, **ITEMS)).id
    match = arena.command(CreateMatch(number, practice=False)).id
    ann = joins(arena, match)
    arena.command(EndMatch(match, "done"))
    assert (cash(arena, ann), items(arena, ann)) == (115 * USDT, (3, 1))
    assert (rewards(arena), stock(arena), escrow(arena, match)) == (0, (7, 4), 0)


@pytest.mark.parametrize("paid", [{}, {"currency": "USDT", "keeps_fees": True}, {"currency": "USDT"}], ids=str)
def test_items_that_nobody_wins_come_back(arena: Arena, paid: dict[str, Any]) -> None:
    stocked(arena, coins=3, boxes=1)
    match = arena.contest(60, min_trades=1, **ITEMS, **paid)
    ann = arena.contestant(match)
    arena.passes(60)
    assert (items(arena, ann), stock(arena)) == ((0, 0), (3, 1))
    match = arena.contest(60, **ITEMS, **paid)
    arena.passes(60)
    assert stock(arena) == (3, 1)
    match = arena.contest(60, min_players=2, **ITEMS, **paid)
    arena.command(CancelMatch(match, "rain"))
    assert stock(arena) == (3, 1)


def test_no_items_no_match(arena: Arena) -> None:
    stocked(arena, coins=5)
    arena.contest(60, **ITEMS)
    number = arena.command(CreateGame("Coins", "", 1, 1, 1, duration_s=60, **ITEMS)).id
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(CreateMatch(number, practice=False))
    arena.command(CreateMatch(number, practice=True))  # which has no prize


def test_practice_of_a_paid_game_costs_and_pays_nothing(arena: Arena) -> None:
    ann = rich(arena)
    stocked(arena)
    number = arena.command(game(**ITEMS)).id
    match = arena.command(CreateMatch(number, practice=True)).id
    arena.command(EndMatch(match, "enough"))
    assert (cash(arena, ann), stock(arena)) == (100 * USDT, (10, 5))
    seat = views.seat(arena.machine.state.book, ann, match)
    assert seat is not None
    assert (seat.rank, seat.prize) == (1, 0)


def test_who_can_pay_what_the_match_was_made_with_joins(arena: Arena) -> None:
    number = arena.command(game()).id
    match = arena.command(CreateMatch(number, practice=False)).id
    arena.command(UpdateGame(number, game(entry_fee=1_000 * USDT)))
    dear = arena.command(CreateMatch(number, practice=False)).id
    ann = rich(arena, 10 * USDT)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(JoinMatch(dear, ann))
    arena.command(JoinMatch(match, ann))
