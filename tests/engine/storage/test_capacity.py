"""Capacity: what the tables have room for is enough for whatever one command takes, and its check is as strict as that.

Each command, and what each kind of timer does, is applied to a state whose tables are exactly as long as is promised
for a batch of one command: no row is free, each page of triggers is full, and each list of their bounds is, too. The
kernels run as plain Python, which raises where a row is not there: the compiled ones would write behind the table. What
comes out must be what comes out with ample room.

Run as a script, in plain Python, it prints by case what went wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from msgspec.structs import replace

from engine.batch.machine import Machine
from engine.invariants.rows import accounts_of
from engine.jit import JIT_DISABLED
from engine.ledger.accounts import open_account
from engine.model import tables
from engine.model.commands import (
    Account,
    Amend,
    ArchiveMatch,
    Asset,
    BonusAt,
    CancelMatch,
    CancelOnDisconnect,
    ColdCommand,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    DeleteGame,
    EndMatch,
    Execution,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OpenFeed,
    OrderType,
    PurchaseItem,
    ReadNotifications,
    RegisterPlayer,
    ResetSeat,
    SetConnected,
    SetGameActive,
    SetKeyLimits,
    SetOffer,
    SetReferrals,
    SetSwitch,
    SettleInstrument,
    StartMatch,
    StartSeason,
    StockStore,
    TimeInForce,
    TopUp,
    Transferring,
    UpdateGame,
)
from engine.model.reasons import Reason
from engine.model.scale import NEVER_HIGH, NEVER_LOW, NS_PER_S
from engine.model.state import State, encode_cold_state, sections, state_from
from engine.model.tables import FORGOTTEN_AT_ONCE, PAGE_ROWS, PAGE_SHUT, Book
from engine.storage import capacity
from engine.storage.capacity import ROWS_BESIDE, SLOTS_PER_ENTRY, Lengths, needed_lengths
from tests.harness.arena import LONG, SHORT, Arena, Player, money
from tests.harness.kernels import for_python
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    Asked,
    BuyFixed,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
    Pulse,
    Quote,
    Transfer,
    Unknown,
    batch_of,
    content,
    events_of,
    outcomes_of,
)

has_capacity = for_python(capacity.has_capacity)

USDT = 1_000_000
WATCHED = {"max_total_drawdown_ppm": 100_000, "max_daily_drawdown_ppm": 100_000}
BY_ADDRESS = ("accounts", "transfers", *(name for name in Lengths._fields if name.endswith("_index")))
"""Tables whose lengths are powers of two, for the place of a row follows from the length."""


class Step(NamedTuple):
    """What is applied: a command, and the seconds that pass before it."""

    command: Command
    seconds: int = 0
    reason: Reason = Reason.ACCEPTED


Case = Callable[[Arena], Step]

# Hot commands


def quoted(arena: Arena, **rules: Any) -> tuple[Player, Player]:
    """Bitcoin stands at 60,000, and two players have a seat in a match with these rules."""
    arena.quote("BTCUSDT", 60_000)
    return arena.player(**rules), arena.player(**rules)


def quote_of(arena: Arena, price: int, symbol: str = "BTCUSDT") -> Quote:
    instrument, _ = arena.instruments[symbol]
    ticks = arena.ticks(symbol, price)
    return Quote(instrument, ticks - 1, ticks, arena.source_sequence + 1)


def order_of(player: Player, **fields: Any) -> PlaceOrder:
    of: dict[str, Any] = {"player": player.id, "match": player.match, "instrument": 1, "side": LONG, "leverage": 10,
                          "lots": 10_000, "key": "key"}  # fmt: skip
    return PlaceOrder(**(of | fields))


def resting(player: Player, **fields: Any) -> PlaceOrder:
    return order_of(player, **({"order_type": OrderType.LIMIT, "price": 5_900_000} | fields))


def a_quote_that_nothing_waits_for(arena: Arena) -> Step:
    quoted(arena)
    return Step(quote_of(arena, 60_001))


def a_quote_fills_orders_of_both_sides(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.limit("BTCUSDT", LONG, 59_500, quantity="0.01", leverage=10)
        player.stop("BTCUSDT", SHORT, 59_400, quantity="0.01", leverage=10)
    return Step(quote_of(arena, 59_000))


def a_quote_fills_orders_that_wait_for_it(arena: Arena) -> Step:
    for player in quoted(arena, execution=Execution.NEXT, speed_bump_ms=0, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
        player.opens("BTCUSDT", SHORT, quantity="0.01", leverage=10)
    return Step(quote_of(arena, 60_001))


def a_quote_lets_orders_rest_that_waited_for_it(arena: Arena) -> Step:
    for player in quoted(arena, execution=Execution.NEXT, speed_bump_ms=0):
        player.limit("BTCUSDT", LONG, 60_000, quantity="0.01", leverage=10, expires_in=60)
        player.limit("BTCUSDT", SHORT, 60_002, quantity="0.01", leverage=10)
    return Step(quote_of(arena, 60_001))


def a_quote_closes_positions(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=100, stop_loss=59_500)
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, trailing_stop=10_000)
    return Step(quote_of(arena, 59_000))


def a_quote_moves_trailing_stops(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, trailing_stop=10_000)
    return Step(quote_of(arena, 61_000))


def a_quote_disqualifies_seats(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity=1, leverage=100)
        player.limit("BTCUSDT", LONG, 50_000, quantity="0.01", leverage=10, expires_in=60)
        player.buys("BTCUSDT", LONG, 10, 60)
    return Step(quote_of(arena, 55_000))


def a_quote_ends_matches_whose_target_it_reaches(arena: Arena) -> Step:
    """Practice matches have no timer before they end."""
    arena.quote("BTCUSDT", 60_000)
    for target in (10_000, 20_000, 30_000, 40_000):
        player = arena.player(profit_target_ppm=target, target_ends=True)
        player.opens("BTCUSDT", LONG, quantity=1, leverage=100)
    return Step(quote_of(arena, 61_000))


def a_quote_lets_paused_matches_go_on(arena: Arena) -> Step:
    for _ in range(3):
        match = contest(arena, duration_s=600, outage_s=60, outage_extends=True)
        player = joins(arena, match)
        arena.quote("BTCUSDT", 60_000)
        player.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    arena.passes(61)
    return Step(quote_of(arena, 60_001))


def an_order_fills_at_once(arena: Arena) -> Step:
    player, _ = quoted(arena, **WATCHED, max_trades_per_minute=3)
    return Step(order_of(player, trailing_ppm=10_000))


def an_order_rests(arena: Arena) -> Step:
    player, _ = quoted(arena)
    return Step(resting(player, time_in_force=TimeInForce.GTD, expires_at_ns=arena.now_ns + NS_PER_S))


def an_order_waits_for_its_bump_and_expires(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT)
    expiry = {"time_in_force": TimeInForce.GTD, "expires_at_ns": arena.now_ns + NS_PER_S}
    return Step(resting(player, price=6_000_000, **expiry))


def an_order_waits_for_the_next_quote_and_expires(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT, speed_bump_ms=0)
    expiry = {"time_in_force": TimeInForce.GTD, "expires_at_ns": arena.now_ns + NS_PER_S}
    return Step(resting(player, price=6_000_000, **expiry))


def an_order_is_held_back_and_expires(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT)
    return Step(resting(player, time_in_force=TimeInForce.GTD, expires_at_ns=arena.now_ns + NS_PER_S))


def an_order_is_canceled_on_arrival(arena: Arena) -> Step:
    player, _ = quoted(arena)
    return Step(resting(player, time_in_force=TimeInForce.IOC))


def a_position_is_closed(arena: Arena) -> Step:
    player, _ = quoted(arena, **WATCHED)
    position = player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return Step(ClosePosition(player.id, position, percent=50, key="key"))


def a_close_waits_for_its_bump(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT)
    position = player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(1)
    arena.quote("BTCUSDT", 60_000)
    return Step(ClosePosition(player.id, position, percent=100, key="key"))


def a_position_is_amended(arena: Arena) -> Step:
    player, _ = quoted(arena, **WATCHED)
    position = player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    fields = Amend.TRAILING_STOP | Amend.MARGIN
    return Step(AmendPosition(player.id, position, fields, margin=money(10), trailing_ppm=10_000, key="key"))


def opened_under_next(arena: Arena) -> tuple[Player, int]:
    player, _ = quoted(arena, execution=Execution.NEXT, speed_bump_ms=1_000)
    position = player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(1)
    arena.quote("BTCUSDT", 60_000)
    return player, position


def a_position_is_amended_after_its_bump(arena: Arena) -> Step:
    player, position = opened_under_next(arena)
    fields = Amend.TRAILING_STOP | Amend.MARGIN
    return Step(AmendPosition(player.id, position, fields, margin=money(10), trailing_ppm=10_000, key="key"))


def an_order_is_amended_and_held_back(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT)
    order = player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    fields = Amend.PRICE | Amend.EXPIRY
    expires_at_ns = arena.now_ns + NS_PER_S
    return Step(AmendOrder(player.id, order, fields, price=5_800_000, expires_at_ns=expires_at_ns, key="key"))


def an_order_is_amended(arena: Arena) -> Step:
    player, _ = quoted(arena)
    order = player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    fields = Amend.PRICE | Amend.EXPIRY
    expires_at_ns = arena.now_ns + NS_PER_S
    return Step(AmendOrder(player.id, order, fields, price=5_800_000, expires_at_ns=expires_at_ns, key="key"))


def an_order_is_canceled(arena: Arena) -> Step:
    player, _ = quoted(arena)
    return Step(CancelOrder(player.id, player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10), "key"))


def all_orders_are_canceled(arena: Arena) -> Step:
    player, _ = quoted(arena)
    for _ in range(3):
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    return Step(CancelAll(player.id, player.match, "key"))


def a_stake_from_a_seat(arena: Arena) -> Step:
    player, _ = quoted(arena, execution=Execution.NEXT)
    return Step(BuyFixed(player.id, player.match, 1, LONG, money(10), 60, "key"))


def staker(arena: Arena) -> Player:
    """A player with 100 units of USDT, of which stakes are taken."""
    arena.change("BTCUSDT", fixed_wallets=("USDT",))
    player, _ = quoted(arena)
    arena.command(TopUp(player.id, "USDT", 100 * USDT))
    arena.command(FundRewards("USDT", 100 * USDT))
    return player


def a_stake_from_a_wallet(arena: Arena) -> Step:
    return Step(BuyFixed(staker(arena).id, 0, 1, LONG, 10 * USDT, 60, "key", Asset.USDT))


def accounts(arena: Arena) -> tuple[int, int]:
    owner, other = arena.player().id, arena.player().id
    return arena.account(owner, Account.PLAYER_CASH, balance=100), arena.account(other, Account.PLAYER_CASH)


def a_transfer(arena: Arena) -> Step:
    return Step(Transfer(1, *accounts(arena), 10))


def a_hold(arena: Arena) -> Step:
    expires_at_ns = arena.now_ns + NS_PER_S
    return Step(Transfer(1, *accounts(arena), 10, flags=Transferring.PENDING, expires_at_ns=expires_at_ns))


def holds(arena: Arena) -> None:
    between = accounts(arena)
    for id in (1, 2, 3):
        expires_at_ns = arena.now_ns + NS_PER_S
        arena.command(Transfer(id, *between, 10, flags=Transferring.PENDING, expires_at_ns=expires_at_ns))


def a_hold_is_posted(arena: Arena) -> Step:
    holds(arena)
    return Step(Transfer(4, amount=10, flags=Transferring.POST, hold=2))


def a_hold_is_voided(arena: Arena) -> Step:
    holds(arena)
    return Step(Transfer(4, flags=Transferring.VOID, hold=2))


def a_pulse(arena: Arena) -> Step:
    return Step(Pulse(), 1)


def a_command_that_nobody_knows(arena: Arena) -> Step:
    return Step(Unknown(), reason=Reason.COMMAND_UNKNOWN)


# Cold commands. Each has a key, so it is remembered


def asked(command: ColdCommand, seconds: int = 0) -> Step:
    return Step(Asked(command, 0, "key"), seconds)


def paid_game(**rules: Any) -> CreateGame:
    paid: dict[str, Any] = {"currency": "USDT", "entry_fee": 10, "house_fee_ppm": 100_000, "prize_split": (60, 30, 10)}
    return CreateGame("Cup", "", 10_000 * 10**8, 10, 100, fees=False, **{"duration_s": 600} | paid | rules)


def contest(arena: Arena, **rules: Any) -> int:
    """A match that costs 10 units."""
    return arena.command(CreateMatch(arena.command(paid_game(**rules)).id, practice=False)).id


def rich(arena: Arena) -> int:
    player = arena.command(RegisterPlayer("rich")).id
    arena.command(TopUp(player, "USDT", 100))
    return player


def joins(arena: Arena, match: int) -> Player:
    player = rich(arena)
    arena.command(JoinMatch(match, player))
    return Player(arena, player, match)


ITEMS = ("TREASURE_BOX", "GOLD_COIN")


def stocked(arena: Arena) -> None:
    """The house has prizes."""
    for item in ITEMS:
        arena.command(FundRewards(item, 10))
    arena.command(FundRewards("USDT", 1_000))


PRIZES = {"prize_split": (), "reward_price": 50, "item_rewards": tuple((item, 2) for item in ITEMS), **WATCHED}


def an_instrument_is_defined(arena: Arena) -> Step:
    _, btc = arena.instruments["BTCUSDT"]
    return asked(replace(btc, symbol="SOLUSDT", hours=((0, 5_000), (6_000, 10_000))))


def an_instrument_gets_other_data(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    _, btc = arena.instruments["BTCUSDT"]
    return asked(replace(btc, taker_fee_ppm=1_000))


def a_game_is_created(arena: Arena) -> Step:
    return asked(paid_game())


def a_game_is_updated_and_who_waits_for_it_drops_out(arena: Arena) -> Step:
    game = arena.command(paid_game(min_players=3)).id
    for _ in range(2):
        arena.command(JoinQueue(game, rich(arena)))
    return asked(UpdateGame(game, paid_game(min_players=4, entry_fee=11)))


def a_game_is_deleted_and_who_waits_for_it_drops_out(arena: Arena) -> Step:
    game = arena.command(paid_game(min_players=3)).id
    arena.command(JoinQueue(game, rich(arena)))
    return asked(DeleteGame(game))


def a_game_is_switched_off(arena: Arena) -> Step:
    return asked(SetGameActive(arena.command(paid_game()).id, False))


def a_practice_match_is_created(arena: Arena) -> Step:
    quoted(arena)
    rules = {"allowed_symbols": ("BTCUSDT", "ETHUSDT"), "max_trades_per_minute": 3, **WATCHED}
    game = arena.command(paid_game(**rules)).id
    return asked(CreateMatch(game, practice=True))


def a_match_with_prizes_is_created(arena: Arena) -> Step:
    stocked(arena)
    return asked(CreateMatch(arena.command(paid_game(**PRIZES)).id, practice=False))


def the_last_player_joins_and_the_match_begins(arena: Arena) -> Step:
    match = contest(arena, min_players=2, max_players=2, countdown_s=60, max_trades_per_minute=3, **WATCHED)
    joins(arena, match)
    return asked(JoinMatch(match, rich(arena)))


def a_player_joins_and_the_countdown_begins(arena: Arena) -> Step:
    match = contest(arena, min_players=1, countdown_s=60)
    return asked(JoinMatch(match, rich(arena)))


def a_match_with_prizes_is_ended(arena: Arena) -> Step:
    """With all that is open in it, and a bonus for each of those who have referred its players."""
    stocked(arena)
    arena.command(SetReferrals("BT", 20, 10, BonusAt.FIRST_PAID_MATCH))
    arena.command(FundReferrals("BT", 100_000))
    match = contest(arena, **PRIZES, cup=30, win_exp=10, lose_exp=5)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    for _ in range(3):
        referrer = arena.command(RegisterPlayer("brings")).id
        id = arena.command(RegisterPlayer("brought", referrer=referrer)).id
        arena.command(TopUp(id, "USDT", 100))
        arena.command(JoinMatch(match, id))
        player = Player(arena, id, match)
        player.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
        player.limit("ETHUSDT", LONG, 2_900, quantity="0.01", leverage=10, expires_in=60)
        player.buys("BTCUSDT", LONG, 10, 60)
    return asked(EndMatch(match, "over"))


def a_match_is_called_off(arena: Arena) -> Step:
    match = contest(arena, **WATCHED)
    joins(arena, match)
    return asked(EndMatch(match, "over", void=True))


def a_player_leaves_and_the_countdown_stops(arena: Arena) -> Step:
    match = contest(arena, min_players=1, countdown_s=60, max_trades_per_minute=3)
    return asked(LeaveMatch(match, joins(arena, match).id))


def a_match_is_started(arena: Arena) -> Step:
    match = contest(arena, min_players=2, **WATCHED)
    joins(arena, match)
    return asked(StartMatch(match))


def a_match_that_waits_is_canceled(arena: Arena) -> Step:
    match = contest(arena, min_players=1, countdown_s=60)
    joins(arena, match)
    return asked(CancelMatch(match, "nobody comes"))


def a_match_is_archived(arena: Arena) -> Step:
    match = contest(arena, min_players=1)
    arena.command(CancelMatch(match, "nobody comes"))
    return asked(ArchiveMatch(match))


def a_player_registers(arena: Arena) -> Step:
    """Who was referred, with a bonus for both, and a seat in each practice match."""
    arena.command(SetReferrals("BT", 20, 10, BonusAt.SIGN_UP))
    arena.command(FundReferrals("BT", 100))
    referrer = arena.player(max_trades_per_minute=3)
    arena.match(max_trades_per_minute=4, **WATCHED)
    return asked(RegisterPlayer("new", demo_grant=100, referrer=referrer.id))


def a_seat_is_reset(arena: Arena) -> Step:
    player, _ = quoted(arena, **WATCHED)
    return asked(ResetSeat(player.match, player.id))


def a_feed_opens(arena: Arena) -> Step:
    return asked(OpenFeed("test"))


def a_switch_is_set(arena: Arena) -> Step:
    return asked(SetSwitch("instrument", 1, "halted", True, "why"))


def an_instrument_is_settled(arena: Arena) -> Step:
    """It ends matches whose target that reaches, and they have no timer before."""
    arena.quote("BTCUSDT", 60_000)
    for target in (10_000, 20_000, 30_000, 40_000):
        player = arena.player(profit_target_ppm=target, target_ends=True)
        player.opens("BTCUSDT", LONG, quantity=1, leverage=100)
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=100)
    arena.switch("instrument", 1, "halted")
    return asked(SettleInstrument(1, 6_100_000, "why"))


def a_player_gets_money(arena: Arena) -> Step:
    return asked(TopUp(arena.player().id, "SOL", 100))


def rewards_are_funded(arena: Arena) -> Step:
    return asked(FundRewards("SOL", 100))


def referrals_are_funded(arena: Arena) -> Step:
    return asked(FundReferrals("SOL", 100))


def referrals_get_terms(arena: Arena) -> Step:
    return asked(SetReferrals("BT", 20, 10))


def an_item_is_offered(arena: Arena) -> Step:
    return asked(SetOffer("TREASURE_BOX", "USDT", 10))


def the_store_is_stocked(arena: Arena) -> Step:
    return asked(StockStore("TREASURE_BOX", 5))


def an_item_is_bought(arena: Arena) -> Step:
    arena.command(SetOffer("TREASURE_BOX", "USDT", 10))
    arena.command(StockStore("TREASURE_BOX", 5))
    return asked(PurchaseItem(rich(arena), "TREASURE_BOX", 2))


def a_season_starts(arena: Arena) -> Step:
    arena.player()
    return asked(StartSeason("Spring"))


def a_zone_is_defined(arena: Arena) -> Step:
    return asked(DefineZone("Here", ((0, 0), (1_000, 3_600))))


def keys_get_limits(arena: Arena) -> Step:
    return asked(SetKeyLimits(100, 1_000))


def a_player_waits_in_a_queue(arena: Arena) -> Step:
    return asked(JoinQueue(arena.command(paid_game(min_players=2)).id, rich(arena)))


def a_queue_makes_matches(arena: Arena) -> Step:
    """The house had no prize until now, so that many wait."""
    rules = PRIZES | {"min_players": 2, "max_players": 2, "reward_price": 100, "max_trades_per_minute": 3}
    game = arena.command(paid_game(**rules)).id
    for _ in range(5):
        arena.command(JoinQueue(game, rich(arena)))
    stocked(arena)
    return asked(JoinQueue(game, rich(arena)))


def a_player_leaves_a_queue(arena: Arena) -> Step:
    game, player = arena.command(paid_game(min_players=2)).id, rich(arena)
    arena.command(JoinQueue(game, player))
    return asked(LeaveQueue(game, player))


def orders_are_to_end_when_a_player_is_away(arena: Arena) -> Step:
    return asked(CancelOnDisconnect(quoted(arena)[0].id, 10_000))


def a_player_who_wants_that_leaves(arena: Arena) -> Step:
    player = quoted(arena)[0].id
    arena.command(CancelOnDisconnect(player, 10_000))
    return asked(SetConnected(player, connected=False))


def notifications_are_read(arena: Arena) -> Step:
    player, _ = quoted(arena)
    player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return asked(ReadNotifications(player.id, ((1, 1),)))


# Timers: what each of their kinds does


def fixed_trades_are_settled(arena: Arena) -> Step:
    arena.change("BTCUSDT", fixed_wallets=("USDT",))
    player = staker(arena)
    target = arena.player(profit_target_ppm=100, target_ends=True)
    for each, wallet in ((player, Asset.USDT), (player, None), (target, None)):
        each.buys("BTCUSDT", LONG, 10, 60, wallet=wallet)
    arena.passes(1)
    for price in (60_000, 60_100, 60_200):
        arena.quote("BTCUSDT", price)
    arena.passes(58)
    arena.quote("BTCUSDT", 60_300)
    return Step(Pulse(), 1)


def orders_expire(arena: Arena) -> Step:
    for player in quoted(arena):
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10, expires_in=60)
    return Step(Pulse(), 60)


def who_is_away_has_his_orders_cancelled(arena: Arena) -> Step:
    for player in quoted(arena):
        arena.command(CancelOnDisconnect(player.id, 1_000))
        for price in (59_000, 58_000):
            player.limit("BTCUSDT", LONG, price, quantity="0.1", leverage=10)
        arena.command(SetConnected(player.id, connected=False))
    return Step(Pulse(), 1)


def speed_bumps_are_over(arena: Arena) -> Step:
    player, other = quoted(arena, execution=Execution.NEXT, speed_bump_ms=1_000)
    position = player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(1)
    arena.quote("BTCUSDT", 60_000)
    player.closes(position)
    for each in (player, other):
        each.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
        each.limit("BTCUSDT", LONG, 60_000, quantity="0.1", leverage=10, expires_in=60)
        each.buys("BTCUSDT", LONG, 10, 60)
    return Step(Pulse(), 1)


def orders_are_held_back_no_longer(arena: Arena) -> Step:
    for player in quoted(arena, execution=Execution.NEXT, speed_bump_ms=1_000):
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    return Step(Pulse(), 1)


def amendments_count(arena: Arena) -> Step:
    player, position = opened_under_next(arena)
    for stop_loss in (59_000, 58_000):
        player.amends(position, stop_loss=stop_loss)
    return Step(Pulse(), 1)


def the_quote_that_orders_wait_for_does_not_come(arena: Arena) -> Step:
    for player in quoted(arena, execution=Execution.NEXT, speed_bump_ms=0):
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return Step(Pulse(), 3)


def holds_expire(arena: Arena) -> Step:
    holds(arena)
    return Step(Pulse(), 1)


def a_match_begins(arena: Arena) -> Step:
    match = contest(arena, min_players=1, countdown_s=60, **WATCHED)
    joins(arena, match)
    return Step(Pulse(), 60)


def matches_end(arena: Arena) -> Step:
    stocked(arena)
    for _ in range(2):
        match = contest(arena, outage_s=0, **PRIZES)
        player = joins(arena, match)
        arena.quote("BTCUSDT", 60_000)
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    arena.quote("BTCUSDT", 60_100)
    arena.passes(590)
    arena.quote("BTCUSDT", 60_100)
    return Step(Pulse(), 10)


def a_day_begins(arena: Arena) -> Step:
    for player in quoted(arena, **WATCHED):
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return Step(Pulse(), 86_400)


def a_match_is_paused(arena: Arena) -> Step:
    joins(arena, contest(arena, outage_s=60, outage_extends=True))
    arena.quote("BTCUSDT", 60_000)
    return Step(Pulse(), 61)


def an_outage_calls_a_match_off(arena: Arena) -> Step:
    player = joins(arena, contest(arena, outage_s=60))
    arena.quote("BTCUSDT", 60_000)
    player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return Step(Pulse(), 61)


def a_match_is_asked_again_whether_its_feed_is_out(arena: Arena) -> Step:
    joins(arena, contest(arena, outage_s=60))
    arena.passes(59)
    arena.quote("BTCUSDT", 60_000)
    return Step(Pulse(), 2)


def who_has_waited_long_leaves_the_queue(arena: Arena) -> Step:
    arena.command(JoinQueue(arena.command(paid_game(min_players=2, queue_timeout_s=5)).id, rich(arena)))
    return Step(Pulse(), 5)


def equity_is_sampled(arena: Arena) -> Step:
    match = contest(arena, duration_s=600)
    arena.quote("BTCUSDT", 60_000)
    joins(arena, match).opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    return Step(Pulse(), 6)


CASES: dict[str, tuple[Any, Case]] = {
    case.__name__: (of, case)
    for of, cases in {
        Quote: (
            a_quote_that_nothing_waits_for,
            a_quote_fills_orders_of_both_sides,
            a_quote_fills_orders_that_wait_for_it,
            a_quote_lets_orders_rest_that_waited_for_it,
            a_quote_closes_positions,
            a_quote_moves_trailing_stops,
            a_quote_disqualifies_seats,
            a_quote_ends_matches_whose_target_it_reaches,
            a_quote_lets_paused_matches_go_on,
        ),
        PlaceOrder: (
            an_order_fills_at_once,
            an_order_rests,
            an_order_waits_for_its_bump_and_expires,
            an_order_waits_for_the_next_quote_and_expires,
            an_order_is_held_back_and_expires,
            an_order_is_canceled_on_arrival,
        ),
        ClosePosition: (a_position_is_closed, a_close_waits_for_its_bump),
        AmendPosition: (a_position_is_amended, a_position_is_amended_after_its_bump),
        AmendOrder: (an_order_is_amended, an_order_is_amended_and_held_back),
        CancelOrder: (an_order_is_canceled,),
        CancelAll: (all_orders_are_canceled,),
        BuyFixed: (a_stake_from_a_seat, a_stake_from_a_wallet),
        Transfer: (a_transfer, a_hold, a_hold_is_posted, a_hold_is_voided),
        Pulse: (a_pulse,),
        Unknown: (a_command_that_nobody_knows,),
        DefineInstrument: (an_instrument_is_defined, an_instrument_gets_other_data),
        CreateGame: (a_game_is_created,),
        UpdateGame: (a_game_is_updated_and_who_waits_for_it_drops_out,),
        DeleteGame: (a_game_is_deleted_and_who_waits_for_it_drops_out,),
        SetGameActive: (a_game_is_switched_off,),
        CreateMatch: (a_practice_match_is_created, a_match_with_prizes_is_created),
        JoinMatch: (the_last_player_joins_and_the_match_begins, a_player_joins_and_the_countdown_begins),
        EndMatch: (a_match_with_prizes_is_ended, a_match_is_called_off),
        LeaveMatch: (a_player_leaves_and_the_countdown_stops,),
        StartMatch: (a_match_is_started,),
        CancelMatch: (a_match_that_waits_is_canceled,),
        ArchiveMatch: (a_match_is_archived,),
        RegisterPlayer: (a_player_registers,),
        ResetSeat: (a_seat_is_reset,),
        OpenFeed: (a_feed_opens,),
        SetSwitch: (a_switch_is_set,),
        SettleInstrument: (an_instrument_is_settled,),
        TopUp: (a_player_gets_money,),
        FundRewards: (rewards_are_funded,),
        FundReferrals: (referrals_are_funded,),
        SetReferrals: (referrals_get_terms,),
        SetOffer: (an_item_is_offered,),
        StockStore: (the_store_is_stocked,),
        PurchaseItem: (an_item_is_bought,),
        StartSeason: (a_season_starts,),
        SetKeyLimits: (keys_get_limits,),
        DefineZone: (a_zone_is_defined,),
        JoinQueue: (a_player_waits_in_a_queue, a_queue_makes_matches),
        LeaveQueue: (a_player_leaves_a_queue,),
        CancelOnDisconnect: (orders_are_to_end_when_a_player_is_away,),
        SetConnected: (a_player_who_wants_that_leaves,),
        ReadNotifications: (notifications_are_read,),
        "TIMER_DISCONNECT": (who_is_away_has_his_orders_cancelled,),
        "TIMER_FIXED": (fixed_trades_are_settled,),
        "TIMER_ORDER": (orders_expire,),
        "TIMER_WAIT": (speed_bumps_are_over, the_quote_that_orders_wait_for_does_not_come),
        "TIMER_REST": (orders_are_held_back_no_longer,),
        "TIMER_AMEND": (amendments_count,),
        "TIMER_HOLD": (holds_expire,),
        "TIMER_MATCH": (a_match_begins, matches_end),
        "TIMER_DAY": (a_day_begins,),
        "TIMER_OUTAGE": (
            a_match_is_paused,
            an_outage_calls_a_match_off,
            a_match_is_asked_again_whether_its_feed_is_out,
        ),
        "TIMER_QUEUE": (who_has_waited_long_leaves_the_queue,),
        "TIMER_SAMPLE": (equity_is_sampled,),
    }.items()
    for case in cases
}
"""What is walked, by what it is of: a command, or a kind of timer."""

# Tables that are exactly full


def copy_of(state: State) -> State:
    return state_from({name: np.asarray(table) for name, table in sections(state).items()},
                      encode_cold_state(state.cold))  # fmt: skip


def fill_up(state: State) -> None:
    """Let no row be free but those that were never taken, no page take another trigger and no list of pages another
    page; and let the accounts be so many that their table may be exactly as long as is promised."""
    book = state.book
    book.heads["free"] = 0
    for page_row in np.unique(np.asarray(book.bound_page)[np.asarray(book.bound_page) > 0]).tolist():
        page = book.pages[page_row]
        for number in range(PAGE_ROWS):
            if page["free"][number // tables.FREE_BITS] >> (number % tables.FREE_BITS) & 1:
                trigger = book.triggers[page_row * PAGE_ROWS + number]
                trigger["low"], trigger["high"] = NEVER_LOW, NEVER_HIGH
        page["live"], page["words"], page["next_open"], page["previous_open"] = PAGE_ROWS, 0, 0, PAGE_SHUT
        np.asarray(book.pages)["free"][page_row] = 0
    book.buckets["first_open"] = 0
    book.buckets["bounds_capacity"] = book.buckets["pages"]
    owner = 1_000_000
    while power_of_two(length := needed_lengths(state.book, 1).accounts) != length:
        capacity.ensure_capacity_for_accounts(state, 1)
        open_account(state.book, owner, Account.PLAYER_ITEMS.value, Asset.BT.value)
        owner += 1


def exactly_full(state: State) -> State:
    """The same state in tables that are no longer than they must be."""
    book = state.book
    world, heads = book.world[0], book.heads
    lengths = needed_lengths(book, 1)._asdict() | {
        "seats": int(heads[tables.SEATS]["used"]), "order_rates": int(heads[tables.ORDER_RATES]["used"]),
        "players": int(world["players"]) + 1, "matches": int(world["matches"]) + 1,
        "instruments": int(world["instruments"]) + 1,
        "seat_index": SLOTS_PER_ENTRY * int(heads[tables.SEATS]["live"]),
        "allowed_index": SLOTS_PER_ENTRY * int(np.count_nonzero(np.asarray(book.allowed_index)["row"])),
    }  # fmt: skip
    cut = {}
    for name, length in lengths.items():
        if name in BY_ADDRESS or name.endswith("_index"):
            cut[name] = capacity._lengthened(book, name, power_of_two(length))
        else:
            for each, rows in {name: 1, **ROWS_BESIDE.get(name, {})}.items():
                cut[each] = shortened(book, each, rows * length)
    return State(book.with_arrays(**cut), copy_of(state).cold)


def power_of_two(length: int) -> int:
    found = FORGOTTEN_AT_ONCE
    while found < length:
        found *= 2
    return found


def shortened(book: Book, name: str, length: int) -> Any:
    table = tables.make_array(name, length)
    table[:] = tables.grown(getattr(book, name), name, max(length, len(getattr(book, name))))[:length]
    return table


def ample(state: State) -> State:
    """The same state with room for a thousand commands, seats, accounts, and so on."""
    roomy = copy_of(state)
    capacity.ensure_capacity(roomy, 1_000)
    capacity.ensure_capacity_for_seats(roomy, 1_000)
    capacity.ensure_capacity_for_accounts(roomy, 1_000)
    capacity.ensure_capacity_for_timers(roomy, 2_000)
    capacity.ensure_capacity_for_match(roomy, 1_000)
    return roomy


def taken(state: State) -> dict[str, int]:
    """Of the tables that are longer than what is promised, how much of them is in use."""
    book = state.book
    known = int(book.world[0]["transfers_known"]) - int(book.world[0]["transfers_forgotten"])
    used = {"transfers": known, "transfer_index": tables.SLOTS_PER_TRANSFER * known}
    for name in ("id_index", "holding_index", "exposure_index", "request_index"):
        slots = np.asarray(getattr(book, name))
        used[name] = SLOTS_PER_ENTRY * int(np.count_nonzero(slots["row"] if slots.dtype.names else slots))
    return used


def walk(of: Any, case: Case) -> None:
    """Apply the case to tables that are exactly full, and to ample ones."""
    arena = Arena()
    step = case(arena)
    command = step.command.command if isinstance(step.command, Asked) else step.command
    assert isinstance(command, of if isinstance(of, type) else Pulse)
    state = arena.machine.state
    now_ns = arena.now_ns + step.seconds * NS_PER_S
    if isinstance(of, str):
        rows = np.asarray(state.book.timer_heap)["row"][: state.book.world[0]["timers"]]
        timers = np.asarray(state.book.timers)[rows]
        assert getattr(tables, of) in timers["kind"][timers["due_ns"] <= now_ns]
    fill_up(state)
    full, roomy = exactly_full(state), ample(state)
    needed = needed_lengths(full.book, 1)
    assert has_capacity(full.book, 1)
    for name, length in needed._asdict().items():
        assert not has_capacity(full.book.with_arrays(**{name: getattr(full.book, name)[: length - 1].copy()}), 1), name

    found = []
    for each in (full, roomy):
        sequence = int(each.book.world[0]["sequence"]) + 1
        applied = Machine(each).apply(batch_of([step.command], sequence, now_ns))
        outcomes = outcomes_of(applied.outcomes)
        assert Reason(outcomes[0]["reason"]) is step.reason
        table_by_table = content(each)
        table_by_table["accounts"] = sorted(accounts_of(each.book).tolist())
        table_by_table["quotes"] = np.asarray(each.book.quotes)[: each.book.world[0]["instruments"] + 1].tolist()
        found.append((outcomes, events_of(applied.events), table_by_table))
    assert found[0][:2] == found[1][:2]
    assert [name for name, table in found[0][2].items() if table != found[1][2][name]] == []
    for name, used in taken(full).items():
        assert used <= getattr(needed, name), name


def what_goes_wrong() -> dict[str, str]:
    """By case, how it fails."""
    found = {}
    for name, (of, case) in CASES.items():
        try:
            walk(of, case)
        except Exception:
            found[name] = traceback.format_exc()
    return found


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    if JIT_DISABLED:
        return what_goes_wrong()
    path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path}
    command = [sys.executable, "-m", "tests.engine.storage.test_capacity"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("case", CASES)
def test_tables_that_are_exactly_as_long_as_is_promised_are_long_enough(failures: dict[str, str], case: str) -> None:
    assert case not in failures, failures[case]


def test_one_quote_ends_more_matches_than_there_are_timers(arena: Arena) -> None:
    arena.quote("BTCUSDT", 60_000)
    first = len(arena.machine.state.book.timers)
    players = [arena.player(profit_target_ppm=10_000, target_ends=True, min_trades=number) for number in range(first)]
    for player in players:
        player.opens("BTCUSDT", LONG, quantity=1, leverage=100)
    arena.quote("BTCUSDT", 61_000)
    assert {player.seat.rank for player in players} == {1}
    assert len(arena.machine.state.book.timers) == 2 * first


def test_every_command_and_every_kind_of_timer_is_walked() -> None:
    timers = {name for name in vars(tables) if name.startswith("TIMER_")} - {"TIMER_KIND_SHIFT", "TIMER_CHILDREN"}
    hot = {Quote, PlaceOrder, CancelOrder, ClosePosition, AmendPosition, AmendOrder, CancelAll, BuyFixed, Transfer,
           Pulse, Unknown}  # fmt: skip
    assert {of for of, _ in CASES.values()} == hot | set(typing.get_args(ColdCommand)) | timers - {"TIMER_HEAPED"}


if __name__ == "__main__":
    print(json.dumps(what_goes_wrong()))
