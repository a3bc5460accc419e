"""Real money: from entry fees to prizes, by the ledger. Amounts are native units of USDT, a millionth of one each."""

from __future__ import annotations

from typing import Any

import pytest

from engine.ledger.accounts import find_account
from engine.ledger.balances import available
from engine.ledger.funding import MAX_FUNDED
from engine.model.commands import (
    Account,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundRewards,
    JoinMatch,
    LeaveMatch,
    RegisterPlayer,
    StartMatch,
    TopUp,
    Transferring,
)
from engine.model.reasons import Reason
from tests.harness.arena import LONG, Arena, Player
from tests.harness.records import Transfer

USDT = 1_000_000


def balance(arena: Arena, owner: int, code: Account, asset: Asset = Asset.USDT) -> int:
    book = arena.machine.state.book
    row = int(find_account(book, owner, code, asset))
    return int(available(book, row)) if row else 0


def cash(arena: Arena, player: Player | int) -> int:
    return balance(arena, player.id if isinstance(player, Player) else player, Account.PLAYER_CASH)


def escrow(arena: Arena, match: int) -> int:
    return balance(arena, match, Account.MATCH_ESCROW)


def fees(arena: Arena) -> int:
    return balance(arena, 0, Account.HOUSE_FEES)


def rewards(arena: Arena) -> int:
    return balance(arena, 0, Account.HOUSE_REWARDS)


def game(**rules: Any) -> CreateGame:
    paid: dict[str, Any] = {
        "currency": "USDT",
        "entry_fee": 10 * USDT,
        "house_fee_ppm": 100_000,
        "prize_split": (60, 30, 10),
    }
    return CreateGame("Cup", "", 10_000 * 10**8, 10, 100, fees=False, **{"duration_s": 60} | paid | rules)


def match_of(arena: Arena, **rules: Any) -> int:
    return arena.command(CreateMatch(arena.command(game(**rules)).id, practice=False)).id


def rich(arena: Arena, amount: int = 100 * USDT) -> int:
    player = arena.command(RegisterPlayer("rich")).id
    arena.command(TopUp(player, "USDT", amount))
    return player


def joins(arena: Arena, match: int, amount: int = 100 * USDT) -> Player:
    player = rich(arena, amount)
    arena.command(JoinMatch(match, player))
    return Player(arena, player, match)


def test_a_pool_is_split_to_the_unit_and_the_escrow_ends_empty(arena: Arena) -> None:
    """Three fees of 10.000001 are 30.000003; a tenth of that, rounded up, is the house's; the rest does not divide."""
    match = match_of(arena, entry_fee=10 * USDT + 1)
    players = [joins(arena, match) for _ in range(3)]
    assert (escrow(arena, match), cash(arena, players[0])) == (30 * USDT + 3, 90 * USDT - 1)
    arena.quote("BTCUSDT", 60_000)
    players[2].opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    arena.quote("BTCUSDT", 60_100)
    arena.passes(60)
    pool = (30 * USDT + 3) * 9 // 10
    second, third = pool * 30 // 100, pool * 10 // 100
    paid = [cash(arena, player) - (90 * USDT - 1) for player in players]
    assert sorted(paid) == sorted([pool - second - third, second, third])
    assert paid[2] == max(paid)
    assert (escrow(arena, match), fees(arena)) == (0, 30 * USDT + 3 - pool)


def test_who_cannot_pay_does_not_join_and_nothing_moves(arena: Arena) -> None:
    match = match_of(arena)
    poor = rich(arena, 10 * USDT - 1)
    broke = arena.command(RegisterPlayer("broke")).id
    for player in (poor, broke):
        with arena.refuses(Reason.INSUFFICIENT_FUNDS):
            arena.command(JoinMatch(match, player))
    assert (cash(arena, poor), escrow(arena, match)) == (10 * USDT - 1, 0)


def test_leaving_and_calling_off_give_back_the_very_amount(arena: Arena) -> None:
    match = match_of(arena, min_players=3)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.command(LeaveMatch(match, ann.id))
    assert (cash(arena, ann), escrow(arena, match)) == (100 * USDT, 10 * USDT)
    with arena.refuses(Reason.NOT_JOINED):
        arena.command(LeaveMatch(match, ann.id))
    arena.command(CancelMatch(match, "rain"))
    assert (cash(arena, bob), escrow(arena, match)) == (100 * USDT, 0)
    with arena.refuses(Reason.MATCH_NOT_WAITING):
        arena.command(CancelMatch(match, "rain"))
    with arena.refuses(Reason.MATCH_NOT_WAITING):
        arena.command(LeaveMatch(match, bob.id))
    assert (cash(arena, bob), escrow(arena, match)) == (100 * USDT, 0)


@pytest.mark.parametrize("keeps", [False, True])
def test_when_nobody_is_fit_to_win_fees_come_back_or_stay(arena: Arena, keeps: bool) -> None:
    match = match_of(arena, min_trades=1, keeps_fees=keeps)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.passes(60)
    left = 90 * USDT if keeps else 100 * USDT
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, match)) == (left, left, 0)
    assert fees(arena) == (20 * USDT if keeps else 0)


FIXED = {"prize_split": (), "reward_price": 25 * USDT, "house_fee_ppm": 0}


@pytest.mark.parametrize("players", [1, 2, 3, 4])
def test_a_fixed_prize_takes_from_the_house_what_the_fees_do_not_cover(arena: Arena, players: int) -> None:
    arena.command(FundRewards("USDT", 40 * USDT))
    match = match_of(arena, **FIXED)
    assert rewards(arena) == 25 * USDT  # all but what the first player's fee covers is set aside
    seats = [joins(arena, match) for _ in range(players)]
    arena.command(EndMatch(match, "done"))
    assert cash(arena, seats[0]) == 90 * USDT + 25 * USDT
    assert rewards(arena) == 40 * USDT - max(0, 25 - 10 * players) * USDT
    assert (escrow(arena, match), fees(arena)) == (0, max(0, 10 * players - 25) * USDT)


def test_no_funds_no_match(arena: Arena) -> None:
    number = arena.command(game(**FIXED)).id
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(CreateMatch(number, practice=False))
    arena.command(FundRewards("USDT", 15 * USDT))
    arena.command(CreateMatch(number, practice=False))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(CreateMatch(number, practice=False))


def test_what_was_set_aside_comes_back_when_nobody_wins(arena: Arena) -> None:
    arena.command(FundRewards("USDT", 15 * USDT))
    match = match_of(arena, **FIXED, min_players=2)
    arena.command(CancelMatch(match, "rain"))
    assert rewards(arena) == 15 * USDT
    match = match_of(arena, **FIXED, min_trades=1)
    ann = joins(arena, match)
    arena.passes(60)
    assert (rewards(arena), cash(arena, ann), escrow(arena, match)) == (15 * USDT, 100 * USDT, 0)
    match = match_of(arena, **FIXED)
    arena.passes(60)
    assert rewards(arena) == 15 * USDT


def test_a_match_that_is_started_with_fewer_players_still_pays(arena: Arena) -> None:
    arena.command(FundRewards("USDT", 15 * USDT))
    match = match_of(arena, **FIXED, min_players=3)
    ann = joins(arena, match)
    arena.command(StartMatch(match))
    arena.passes(60)
    assert (cash(arena, ann), rewards(arena), escrow(arena, match)) == (115 * USDT, 0, 0)


def test_a_match_without_money_moves_none(arena: Arena) -> None:
    match = match_of(arena, currency="")
    broke = arena.command(RegisterPlayer("broke")).id
    arena.command(JoinMatch(match, broke))
    arena.passes(60)
    assert find_account(arena.machine.state.book, match, Account.MATCH_ESCROW, Asset.USDT) == 0


def test_a_practice_match_of_a_paid_game_costs_and_pays_nothing(arena: Arena) -> None:
    practice = arena.command(CreateMatch(arena.command(game()).id, practice=True)).id
    ann = rich(arena)
    arena.command(EndMatch(practice, "over"))
    assert (cash(arena, ann), fees(arena)) == (100 * USDT, 0)


@pytest.mark.parametrize("amount", [0, -1, (1 << 62) + 1])
def test_a_top_up_that_cannot_be_is_refused(arena: Arena, amount: int) -> None:
    player = arena.command(RegisterPlayer("ann")).id
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(TopUp(player, "USDT", amount))
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(FundRewards("USDT", amount))
    with arena.refuses(Reason.ASSET_UNKNOWN):
        arena.command(TopUp(player, "DOGE", 1))
    with arena.refuses(Reason.ASSET_UNKNOWN):
        arena.command(FundRewards("", 1))
    with arena.refuses(Reason.PLAYER_NOT_FOUND):
        arena.command(TopUp(99, "USDT", 1))


def test_a_player_is_topped_up_to_the_limit_and_not_a_unit_more(arena: Arena) -> None:
    """However the account came to what it has got; who gives it away has got it all the same."""
    ann = arena.command(RegisterPlayer("ann")).id
    arena.command(TopUp(ann, "USDT", 60, most=100))
    arena.command(Transfer(1, arena.account(ann, Account.PLAYER_CASH), arena.account(0, Account.HOUSE_FEES), 60))
    with arena.refuses(Reason.TOP_UP_LIMIT):
        arena.command(TopUp(ann, "USDT", 41, most=100))
    arena.command(TopUp(ann, "USDT", 40, most=100))
    with arena.refuses(Reason.TOP_UP_LIMIT):
        arena.command(TopUp(ann, "USDT", 1, most=100))
    arena.command(TopUp(ann, "DEMO", 100, most=100))
    arena.command(TopUp(ann, "USDT", 1_000))


def test_all_the_money_that_can_be_counted_enters_and_not_a_unit_more(arena: Arena) -> None:
    player = arena.command(RegisterPlayer("ann")).id
    arena.command(TopUp(player, "USDT", MAX_FUNDED - 1))
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(FundRewards("USDT", 2))
    arena.command(TopUp(player, "DEMO", MAX_FUNDED))


def test_what_the_world_holds_for_somebody_has_entered_too(arena: Arena) -> None:
    ann = arena.command(RegisterPlayer("ann")).id
    purse, world = arena.account(ann, Account.PLAYER_CASH), arena.account(0, Account.WORLD)
    arena.command(Transfer(1, world, purse, MAX_FUNDED - 5, flags=Transferring.PENDING))
    arena.command(TopUp(ann, "USDT", 5))
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(TopUp(ann, "USDT", 1))


def test_whoever_joined_can_be_paid_however_much_he_has_had(arena: Arena) -> None:
    """What goes in and out of an account adds up on both of its sides: it must not come to more than can be counted
    while a match owes something. Who has taken in half of that joins no more."""
    match = match_of(arena, min_players=2)
    ann = joins(arena, match, MAX_FUNDED)
    arena.command(LeaveMatch(match, ann.id))
    assert cash(arena, ann) == MAX_FUNDED
    with arena.refuses(Reason.AMOUNT_INVALID):
        arena.command(JoinMatch(match, ann.id))


@pytest.mark.parametrize("prize", [{}, {"prize_split": (), "reward_price": 5}, {"min_trades": 1}], ids=str)
def test_practice_moves_no_money_whatever_its_game_says(arena: Arena, prize: dict[str, Any]) -> None:
    """Its end once wanted to pay, out of an escrow that there is not, and a log that cannot be replayed is the end."""
    ann = rich(arena)
    practice = arena.command(CreateMatch(arena.command(game(**prize)).id, practice=True)).id
    arena.command(EndMatch(practice, "enough"))
    (told,) = (event for event in arena.events if event["player"] == ann)
    assert (told["rank"], told["prize"], told["asset"]) == (1, 0, 0)
    assert (cash(arena, ann), escrow(arena, practice), fees(arena)) == (100 * USDT, 0, 0)
