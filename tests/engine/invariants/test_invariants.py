"""The invariants can see: each is broken by hand, in a state that is sound otherwise, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from engine.invariants import INVARIANTS, InvariantBroken, check, problems
from engine.jit import JIT_DISABLED
from engine.model.bounds import HOURS_PER_INSTRUMENT, MOMENTS_PER_ZONE
from engine.model.commands import (
    Account,
    Asset,
    BonusAt,
    CreateGame,
    DefineZone,
    EndMatch,
    Execution,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    RegisterPlayer,
    SetOffer,
    SetReferrals,
    StockStore,
    TimeInForce,
    TopUp,
    TransferCode,
    Transferring,
)
from engine.model.state import Bonus, Cold, Queue, State, encode_cold_state, sections, state_from
from engine.model.tables import HOLDINGS, HOLDS, MATCH_CANCELED, ORDERS, POSITIONS, SEATS, TIMER_QUEUE, Book
from tests.harness.arena import ETH, LONG, SHORT, Arena, Player
from tests.harness.records import Transfer, batch_of


@pytest.fixture
def played(round_played: State) -> State:
    """A copy of it, to be broken."""
    return state_from(sections(round_played), encode_cold_state(round_played.cold))


@pytest.fixture(scope="module")
def round_played() -> State:
    """Two players with positions and orders on both sides, some closed, one closing, timers and request keys, and
    fixed-time trades, some entered, some not; a third in a match with challenge rules, one in a paid match, two in one
    from a queue, and one in another queue. One who was referred and paid for, one who was referred and not paid for,
    and a store. The third, who is away, has in another match an order and stops that do not count yet."""
    arena = Arena()
    alice, bob = arena.player(fees=True), arena.player(fees=True)
    arena.command(DefineZone("Here", ((0, 3_600), (1_000_000_000, 7_200))))
    arena.change("ETHUSDT", hours=((0, 10_080),), zone="Here")
    arena.quote("ETHUSDT", 3_000)
    arena.quote("BTCUSDT", 60_000)
    for player in (alice, bob):
        for side in (LONG, SHORT):
            player.opens("BTCUSDT", side, margin=100, leverage=10, stop_loss=60_000 - side * 500, key=f"key {side}")
            player.opens("ETHUSDT", side, margin=100, leverage=5)
            player.limit("BTCUSDT", side, 60_000 - side * 1_000, margin=100, leverage=10, expires_in=100 + side)
    carol = arena.player(max_total_drawdown_ppm=100_000, profit_target_ppm=100_000, day_zone="Here")
    for symbol, side in (("BTCUSDT", LONG), ("BTCUSDT", LONG), ("ETHUSDT", SHORT)):
        carol.opens(symbol, side, margin=100, leverage=10)
    alice.closes(alice.positions[1])
    for seconds in (60, 61, 120):
        bob.buys("ETHUSDT", SHORT, 10, seconds)
        alice.buys("BTCUSDT", LONG, 10, seconds)
    arena.quote("BTCUSDT", 60_000)
    cash, fees = arena.account(alice.id, Account.PLAYER_CASH, balance=100), arena.account(0, Account.HOUSE_FEES)
    arena.command(Transfer(1, cash, fees, 30))
    for id, expires_at_ns in ((2, arena.now_ns + 10**12), (3, 0), (4, 0)):
        arena.command(Transfer(id, cash, fees, 10, flags=Transferring.PENDING, expires_at_ns=expires_at_ns))
    arena.command(Transfer(5, hold=4, flags=Transferring.VOID))
    arena.change("BTCUSDT", fixed_wallets=("DEMO",))
    for command in (FundRewards("DEMO", 10**12), TopUp(alice.id, "DEMO", 10**12), TopUp(bob.id, "DEMO", 10**12)):
        arena.command(command)
    for player in (alice, bob, alice):
        player.buys("BTCUSDT", LONG, 10, 3_600, wallet=Asset.DEMO)
    cup = arena.contest(3_600, currency="USDT", entry_fee=10, prize_split=(100,))
    arena.command(TopUp(bob.id, "USDT", 10))
    arena.command(JoinMatch(cup, bob.id))
    arena.command(SetReferrals("BT", 20, 10, BonusAt.SIGN_UP))
    arena.command(FundReferrals("BT", 30))
    for _ in range(2):
        arena.command(RegisterPlayer("brought", referrer=alice.id))
    arena.command(SetOffer("TREASURE_BOX", "USDT", 10))
    arena.command(StockStore("TREASURE_BOX", 5))
    arena.command(FundRewards("GOLD_COIN", 2))
    arena.contest(3_600, item_rewards=(("GOLD_COIN", 2),))
    over = arena.contest(3_600, cup=30, win_exp=50, lose_exp=10)
    for player in (bob, carol):
        arena.command(JoinMatch(over, player.id))
    arena.command(EndMatch(over, "over"))
    quick = arena.command(CreateGame("Quick", "", 100, 1, 1, min_players=2, duration_s=60, countdown_s=3_600)).id
    for player in (alice, bob):
        arena.command(JoinQueue(quick, player.id))
    slow = arena.command(CreateGame("Slow", "", 100, 1, 1, min_players=2, duration_s=60, queue_timeout_s=3_600)).id
    arena.command(JoinQueue(slow, alice.id))
    arena.define(replace(ETH, symbol="SOLUSDT"))
    slowly = Player(arena, carol.id, arena.match(execution=Execution.NEXT, speed_bump_ms=5_000))
    arena.quote("SOLUSDT", 3_000)
    held = slowly.opens("SOLUSDT", LONG, margin=100, leverage=10)
    for _ in range(5):
        arena.passes(1)
        arena.quote("SOLUSDT", 3_000)
    for stop_loss in (2_900, 2_800):
        slowly.amends(held, stop_loss=stop_loss)
    slowly.limit("SOLUSDT", LONG, 2_900, margin=100, leverage=10)
    arena.passes(3)
    carol.may_be_away(60)
    carol.is_connected(False)
    alice.closes(alice.positions[0], key="close")
    alice.closes(alice.positions[1], key="close another")
    return arena.machine.state


def book_of(state: State) -> Book:
    return Book(**{name: np.asarray(array) for name, array in state.book.arrays.items()})


def live(table: Any) -> int:
    """A row with an id."""
    return int(np.flatnonzero(table["id"])[0])


def paid(table: Any) -> int:
    """The match that costs money."""
    return int(np.flatnonzero(table["asset"])[0])


def live_zone(table: Any) -> int:
    """The match whose days are not in UTC."""
    return int(np.flatnonzero(table["day_zone"])[0])


def items(table: Any) -> int:
    """The hold of items."""
    return int(np.flatnonzero(table["code"] == TransferCode.ITEM_REWARD)[-1])


def escrow_of_items(table: Any) -> int:
    """The account that they are held for."""
    return int(np.flatnonzero(table["id"] & 0xFFFF == Account.MATCH_ESCROW << 8 | Asset.GOLD_COIN)[0])


def of_kind(kind: int) -> Callable[[Any], int]:
    """The row of a timer of that kind."""
    return lambda table: int(np.flatnonzero((table["kind"] == kind) & (table["due_ns"] != 0))[0])


def held_back(table: Any) -> int:
    """An order within its speed bump."""
    return int(np.flatnonzero(table["bump_timer"])[0])


def staked(table: Any) -> int:
    """A fixed-time trade from a wallet."""
    return int(np.flatnonzero((table["id"] != 0) & (table["asset"] != 0))[0])


def add(table: str, field: str, amount: int, row: int | Callable[[Any], int]) -> Callable[[Book], None]:
    def breaks(book: Book) -> None:
        array = getattr(book, table)
        array[field][row(array) if callable(row) else row] += amount

    return breaks


def account(owner: int, of: Account) -> Callable[[Any], int]:
    """The row of the account in USDT."""
    return lambda table: int(np.flatnonzero(table["id"] == owner << 16 | of << 8 | Asset.USDT)[0])


ALICE, FEES, WORLD = account(1, Account.PLAYER_CASH), account(0, Account.HOUSE_FEES), account(0, Account.WORLD)


def house(of: Account) -> Callable[[Any], int]:
    """The row of the house's account."""
    return lambda table: int(np.flatnonzero(table["id"] >> 8 == of)[0])


def named(id: int) -> Callable[[Any], int]:
    """The row of the transfer with that id."""
    return lambda table: int(np.flatnonzero(table["id_low"] == id)[0])


def coded(code: int) -> Callable[[Any], int]:
    """The row of a hold that the engine has made for that reason."""
    return lambda table: int(np.flatnonzero((table["status"] == 2) & (table["code"] == code))[0])


def shift(*changes: tuple[str, str, int, int | Callable[[Any], int]]) -> Callable[[Book], object]:
    """Several changes at once, so that only one promise is broken."""
    return lambda book: [add(*change)(book) for change in changes]


BROKEN: list[tuple[str, Callable[[Book], object]]] = [
    ("match_money_is_conserved", add("seats", "cash", 1, 1)),
    ("match_money_is_conserved", add("matches", "fees_taken", -1, 1)),
    ("match_money_is_conserved", lambda book: (book.matches["insurance"].__setitem__(1, 5),
                                                          add("matches", "house_profit", -5, 1)(book))[0]),
    ("seat_amounts_are_not_negative", lambda book: [add("seats", field, amount, 1)(book)
                                        for field, amount in (("cash", -10**15), ("margin", 10**15))]),
    ("seat_totals_match_open_trades", add("seats", "margin", 1, 2)),
    ("seat_totals_match_open_trades", add("orders", "fee", 1, live)),
    ("seat_totals_match_open_trades", add("seats", "orders", -1, 2)),
    ("holding_totals_match_open_trades", add("holdings", "notional", 1, 1)),
    ("holding_totals_match_open_trades", add("holdings", "count", 1, 1)),
    ("holding_totals_match_open_trades", add("positions", "cost", 1, live)),
    ("seats_hold_one_side_where_hedging_is_not_allowed", lambda book: book.matches["no_hedging"].__setitem__(1, 1)),
    ("match_money_is_conserved", add("seats", "stakes", 1, 1)),
    ("seat_totals_match_open_trades", add("fixed_trades", "stake", 1, live)),
    ("exposures_match_stakes", add("exposures", "stakes", 1, 1)),
    ("exposures_match_stakes", add("exposures", "trades", 1, 1)),
    ("exposures_match_stakes", add("exposures", "minute", 1, 1)),
    ("exposures_match_stakes", add("fixed_trades", "expires_at_ns", 3_600 * 10**9, live)),
    ("trade_amounts_are_within_bounds", add("fixed_trades", "direction", 1, live)),
    ("trade_amounts_are_within_bounds", add("fixed_trades", "quotes_before", 9, live)),
    ("id_index_matches_rows", add("fixed_trades", "id", -1, live)),
    ("linked_lists_match_owners", lambda book: book.seats["first_fixed"].__setitem__(1, 0)),
    ("timers_match_their_owners", add("fixed_trades", "timer", 1, live)),
    ("timer_heap_is_ordered", add("timer_heap", "due_ns", -1, 0)),
    ("amendments_match_their_positions", add("amendments", "fields", 4, 1)),
    ("amendments_match_their_positions", add("amendments", "sequence", 9, 1)),
    ("amendments_match_their_positions", add("amendments", "position", 1, 2)),
    ("amendments_match_their_positions", add("amendments", "trailing", 1, 1)),
    ("timers_match_their_owners", add("amendments", "timer", 1, 1)),
    ("timers_match_their_owners", add("amendments", "sequence", -1, 1)),
    ("timers_match_their_owners", add("orders", "bump_timer", 1, held_back)),
    ("triggers_match_their_owners", lambda book: book.orders["bump_timer"].__setitem__(held_back(book.orders), 0)),
    ("waiting_queues_are_consistent", add("fixed_trades", "entry", 1, live)),
    ("waiting_queues_are_consistent", add("fixed_trades", "waiting", 1, live)),
    ("trade_amounts_are_within_bounds", lambda book: book.positions["lots"].__setitem__(live(book.positions), 0)),
    ("trade_amounts_are_within_bounds", lambda book: book.matches["status"].__setitem__(1, 3)),
    ("trailing_stops_are_valid", lambda book: [add("positions", "trailing", 60_000, live)(book),
                                               book.positions["stop_loss"].__setitem__(live(book.positions), 0)]),
    ("trailing_stops_are_valid", add("positions", "trailing", -1, live)),
    ("trailing_stops_are_valid", add("orders", "trailing_ppm", -1, live)),
    ("trailing_stops_are_valid", lambda book: [add("orders", "trailing_ppm", 10_000, live)(book),
                                               add("orders", "stop_loss", 5_800_000, live)(book)]),
    ("every_asset_sums_to_zero", add("accounts", "credits_posted", 1, ALICE)),
    ("every_asset_sums_to_zero", add("accounts", "debits_pending", 1, ALICE)),
    ("every_asset_sums_to_zero", shift(("accounts", "credits_posted", 1, ALICE),
                                       ("accounts", "credits_posted", -1, FEES), ("accounts", "id", 1, FEES))),
    ("account_sums_are_within_bounds", shift(("accounts", "debits_posted", 51, ALICE),
                                         ("accounts", "credits_posted", 51, FEES))),
    ("account_sums_are_within_bounds", add("accounts", "flags", 1, WORLD)),
    ("account_sums_are_within_bounds", add("accounts", "flags", -1, ALICE)),
    ("account_sums_are_within_bounds", add("accounts", "version", -99, ALICE)),
    ("account_sums_are_within_bounds", add("accounts", "debits_pending", -21, ALICE)),
    ("account_sums_are_within_bounds", add("accounts", "credits_posted", 1 << 62, FEES)),
    ("account_sums_are_within_bounds", add("accounts", "id", 99, ALICE)),
    ("pending_sums_match_holds", add("holds", "amount", 1, named(2))),
    ("pending_sums_match_holds", shift(("accounts", "debits_pending", 1, ALICE),
                                      ("accounts", "credits_pending", 1, FEES))),
    ("pending_sums_match_holds", add("holds", "status", 1, named(3))),
    ("pending_sums_match_holds", add("holds", "credit", 99, named(2))),
    ("pending_sums_match_holds", add("holds", "debit", 98, named(2))),
    ("pending_sums_match_holds", add("holds", "flags", -1, named(2))),
    ("transfer_index_matches_transfers", add("transfers", "credit", 99, named(1))),
    ("transfer_index_matches_transfers", add("transfers", "debit", 98, named(1))),
    ("pending_sums_match_holds", add("holds", "number", 1, named(2))),
    ("pending_sums_match_holds", add("world", "holds", -2, 0)),
    *(("wallet_trades_have_their_holds", breaks) for breaks in (
        add("fixed_trades", "stake", 1, staked),
        add("fixed_trades", "payout_percent", 1, staked),
        add("fixed_trades", "asset", 1, staked),
        add("fixed_trades", "player", 1, staked),
        add("fixed_trades", "stake_hold", 1, staked),
        add("fixed_trades", "payout_hold", -1, staked),
        add("fixed_trades", "id", 100, staked),
        add("holds", "code", 1, coded(TransferCode.STAKE)),
        add("holds", "amount", -1, coded(TransferCode.PAYOUT)),
        add("holds", "reference", 1, coded(TransferCode.PAYOUT)),
        add("holds", "status", 1, coded(TransferCode.PAYOUT)),
        add("holds", "expires_at_ns", 1, coded(TransferCode.STAKE)),
    )),
    ("exposures_match_stakes", add("fixed_trades", "asset", 1, staked)),
    ("linked_lists_match_owners", lambda book: book.players["first_fixed"].__setitem__(1, 0)),
    ("linked_lists_match_owners", add("fixed_trades", "seat", 1, staked)),
    ("linked_lists_match_owners", add("fixed_trades", "player", 1, live)),
    ("account_rows_are_reachable", add("accounts", "id", 1 << 16, ALICE)),
    ("account_rows_are_reachable", add("world", "accounts", 1, 0)),
    ("account_rows_are_reachable", add("accounts", "id", 1, 0)),
    ("account_rows_are_reachable",
     lambda book: book.accounts["id"].__setitem__(slice(None), np.roll(book.accounts["id"], 1))),
    ("transfer_index_matches_transfers", add("transfers", "id_low", 1, named(1))),
    ("transfer_index_matches_transfers", add("transfers", "id_high", 1 << 40, named(1))),
    ("transfer_index_matches_transfers", add("transfers", "since_ns", 10**12, named(1))),
    ("transfer_index_matches_transfers", add("transfers", "since_ns", -86_400 * 10**9, named(5))),
    ("transfer_index_matches_transfers", lambda book: book.world["transfers_forgotten"].__iadd__(1)),
    ("transfer_index_matches_transfers", lambda book: book.world["transfers_known"].__isub__(1)),
    ("transfer_index_matches_transfers",
     lambda book: book.transfer_index.__setitem__(np.flatnonzero(book.transfer_index)[0], 0)),
    ("transfer_index_matches_transfers", add("transfers", "status", -1, named(1))),
    ("timers_match_their_owners", add("holds", "timer", 1, named(2))),
    ("timers_match_their_owners", add("holds", "timer", 1, named(3))),
    ("timers_match_their_owners", add("holds", "expires_at_ns", 1, named(2))),
    ("timers_match_their_owners", add("holds", "expires_at_ns", 10**19 // 8, named(3))),
    ("free_lists_are_consistent", add("heads", "live", 1, HOLDS)),
    ("id_index_matches_rows", add("positions", "id", 1_000, live)),
    ("id_index_matches_rows",
     lambda book: book.id_index.__setitem__(np.flatnonzero(book.id_index)[0], 0)),
    ("id_index_matches_rows", lambda book: book.world["next_id"].__setitem__(0, 3)),
    ("seat_index_matches_seats", add("seats", "player", 1, 1)),
    ("holding_index_matches_holdings", add("holdings", "instrument", 1, 1)),
    ("linked_lists_match_owners", lambda book: book.seats["first_order"].__setitem__(1, 0)),
    ("linked_lists_match_owners", lambda book: book.orders["previous_in_seat"].__setitem__(live(book.orders), 9)),
    ("position_lists_match_positions", lambda book: book.seats["first_position_list"].__setitem__(1, 0)),
    ("position_lists_match_positions", add("position_lists", "live", 1, 1)),
    ("position_lists_match_positions", add("positions", "place", 1, live)),
    ("position_lists_match_positions", lambda book: book.position_lists["previous"].__setitem__(1, 1)),
    ("free_lists_are_consistent", add("heads", "live", 1, HOLDINGS)),
    ("free_lists_are_consistent", lambda book: book.heads["free"].__setitem__(POSITIONS, live(book.positions))),
    ("free_lists_are_consistent", add("heads", "used", 1, ORDERS)),
    ("cold_ids_match_counters", add("world", "players", 1, 0)),
    ("instruments_match_definitions", lambda book: book.instruments["halted"].__setitem__(1, 1)),
    ("instruments_match_definitions", lambda book: book.instruments["hours"].__setitem__(1, 1)),
    ("instruments_match_definitions", lambda book: book.hours["end"].__setitem__(2 * HOURS_PER_INSTRUMENT, 5)),
    ("instruments_match_definitions", add("world", "locked", 2, 0)),
    ("instruments_match_definitions", add("matches", "locked", -1, 1)),
    ("triggers_match_their_owners", add("positions", "stop_loss", 1, live)),
    ("triggers_match_their_owners", add("positions", "trailing", 60_000, live)),
    ("triggers_match_their_owners", add("orders", "price", 1, live)),
    ("triggers_match_their_owners",
     lambda book: book.triggers["owner"].__setitem__(int(book.positions["trigger"][live(book.positions)]), 0)),
    ("bands_match_positions", add("bands", "lots", 1, 1)),
    ("bands_match_positions", add("bands", "loss_share", -(10**11), 1)),
    ("bands_match_positions", lambda book: book.holdings["long_band"].__setitem__(slice(None), 0)),
    ("bands_match_positions", lambda book: book.seats["watched"].__setitem__(slice(None), 0)),
    ("band_shares_fit_headroom", lambda book: book.seats["loss_headroom"].__iadd__(10**12)),
    ("band_shares_fit_headroom", lambda book: book.seats["profit_headroom"].__iadd__(10**12)),
    ("band_shares_fit_headroom", lambda book: book.seats["evaluation_due"].__setitem__(5, 1)),
    ("page_bounds_enclose_their_rows", lambda book: book.bound_low.__setitem__(slice(None), 0)),
    ("page_bounds_enclose_their_rows", lambda book: book.bound_high.__setitem__(slice(None), 1 << 62)),
    ("page_counts_match_rows", add("pages", "live", 1, 1)),
    ("page_counts_match_rows", add("pages", "words", 1, 1)),
    ("page_counts_match_rows", lambda book: book.buckets["first_open"].__setitem__(2, 0)),
    ("page_counts_match_rows", lambda book: [book.buckets["first_open"].__setitem__(2, 0),
                                             book.pages["previous_open"].__setitem__(slice(None), -1)]),
    ("bucket_extents_match_pages", lambda book: book.bound_low.__setitem__(-1, 5)),
    ("bucket_extents_match_pages", add("pages", "bound", 1, 1)),
    ("timer_heap_is_ordered", add("timers", "due_ns", 10**12, lambda table: live(table))),
    ("timer_heap_is_ordered", add("world", "timers", -1, 0)),
    ("timers_match_their_owners", add("world", "timers", -1, 0)),
    ("timers_match_their_owners", add("matches", "sample_timer", 1, paid)),
    ("timers_match_their_owners", add("matches", "sample_timer", 1, 1)),
    ("timers_match_their_owners", add("matches", "sample_ns", -36 * 10**9, paid)),
    ("timers_match_their_owners", add("matches", "practice", 1, paid)),
    ("timers_match_their_owners", lambda book: book.orders["time_in_force"].__setitem__(
        live(book.orders), TimeInForce.GTC)),
    ("timer_heap_is_ordered", lambda book: book.world["now_ns"].__setitem__(0, 1 << 61)),
    ("waiting_queues_are_consistent", lambda book: book.quotes["waiting_first"].__setitem__(slice(None), 0)),
    ("waiting_queues_are_consistent", lambda book: book.positions["waiting"].__setitem__(slice(None), 0)),
    ("waiting_queues_are_consistent", add("quotes", "waiting", 1, 1)),
    ("waiting_queues_are_consistent", add("waiting", "timer", 1, 1)),
    ("waiting_queues_are_consistent", add("waiting", "instrument", 1, 1)),
    ("timers_match_their_owners", add("matches", "outage_timer", 1, paid)),
    ("timers_match_their_owners", add("matches", "outage_timer", 1, 1)),
    ("timers_match_their_owners", add("matches", "outage_ns", -(60 * 10**9), paid)),
    ("timers_match_their_owners", add("timers", "owner", 1, of_kind(TIMER_QUEUE))),
    ("timers_match_their_owners", add("timers", "kind", -1, of_kind(TIMER_QUEUE))),
    ("queues_are_valid", lambda book: book.world["players"].__setitem__(0, 0)),
    ("paused_matches_are_counted", add("world", "paused", 1, 0)),
    ("paused_matches_are_counted", add("quotes", "paused", 1, 1)),
    ("paused_matches_are_counted", shift(("world", "paused", 1, 0), ("matches", "paused_since_ns", 1, paid))),
    ("paused_matches_are_counted", add("matches", "void", 1, paid)),
    ("quotes_are_usable", add("world", "quoted_at_ns", 1, 0)),
    ("escrows_match_entry_fees", add("matches", "seats", 1, paid)),
    ("escrows_match_entry_fees", lambda book: book.matches["status"].__setitem__(
        np.flatnonzero(book.matches["asset"]), MATCH_CANCELED)),
    ("referral_bonuses_are_paid_once", add("accounts", "debits_posted", 1, house(Account.HOUSE_REFERRALS))),
    ("offers_are_valid",
     lambda book: book.accounts["id"].__setitem__(house(Account.HOUSE_STORE)(book.accounts),
                                                  Account.HOUSE_STORE << 8 | Asset.DEMO)),
    ("item_rewards_are_held", lambda book: book.matches["item_holds"].__setitem__(slice(None), 0)),
    ("item_rewards_are_held", add("holds", "amount", 1, items)),
    ("item_rewards_are_held", add("accounts", "credits_posted", 1, escrow_of_items)),
    ("game_versions_exist", add("matches", "game_version", 1, 1)),
    ("game_versions_exist", add("matches", "game_version", -1, 1)),
    ("cold_ids_match_counters", add("world", "seasons", 1, 0)),
    *(("careers_match_finished_matches", add("careers", column, amount, 2))
      for column, amount in (("matches", 1), ("wins", -1), ("experience", 1), ("cups", 1), ("cups", -31),
                             ("season_cups", -31), ("season_matches", 1))),
    ("careers_match_finished_matches", add("careers", "cups_at_ns", 1, 1)),
    ("careers_match_finished_matches", add("careers", "season_cups_at_ns", 1, 1)),
    ("careers_match_finished_matches", add("careers", "cups", -1, 2)),
    ("request_lists_are_ordered", add("requests", "key_low", 1, 1)),
    ("request_lists_are_ordered", add("players", "requests", 1, 1)),
    ("request_lists_are_ordered", add("players", "releases", 1, 1)),
    ("request_lists_are_ordered", add("requests", "kept_as", 3, 1)),
    ("request_lists_are_ordered", add("requests", "accepted_at_ns", 10**12, 1)),
    ("request_lists_are_ordered", lambda book: book.world["requests_newest"].__setitem__(0, 1)),
    ("instruments_match_definitions", add("instruments", "zone", -1, 2)),
    ("zones_match_definitions", add("zone_moments", "ahead_ns", 1, MOMENTS_PER_ZONE + 1)),
    ("zones_match_definitions", add("zones", "moments", -1, 1)),
    ("zones_match_definitions", add("zones", "moments", 1, 0)),
    ("zones_match_definitions", add("matches", "day_zone", 1, live_zone)),
    ("quotes_are_usable", add("quotes", "bid", 10, 1)),
    ("quotes_are_usable", add("quotes", "at_ns", 10**12, 1)),
    ("candles_are_valid", lambda book: book.candles["high"].__setitem__(7, 0)),
    ("candles_are_valid", lambda book: book.candles["open_at_ns"].__setitem__(7, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("invariant", "breaks"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_broken_state_is_seen(played: State, invariant: str, breaks: Callable[[Book], Any]) -> None:
    assert problems(played) == []
    breaks(book_of(played))
    assert any(problem.startswith(invariant) for problem in problems(played))
    with pytest.raises(InvariantBroken):
        check(played)


BROKEN_COLD: list[tuple[str, Callable[[Cold], Any]]] = [
    ("referral_bonuses_are_paid_once", lambda cold: cold.bonuses.clear()),
    ("referral_bonuses_are_paid_once", lambda cold: cold.bonuses.__setitem__(5, Bonus(Asset.BT, 20, 10))),
    ("referral_bonuses_are_paid_once", lambda cold: cold.bonuses.update({5: Bonus(Asset.BT, 1, -1)})),
    ("referral_bonuses_are_paid_once", lambda cold: cold.bonuses.update({1: cold.bonuses.pop(4)})),
    ("referral_bonuses_are_paid_once", lambda cold: cold.referred.clear()),
    ("referral_bonuses_are_paid_once", lambda cold: cold.bonuses_of_day.update({1: 2})),
    ("referral_bonuses_are_paid_once", lambda cold: [cold.players.update({1: RegisterPlayer("Alice", referrer=1)}),
                                              cold.referred.update({1: [1, *cold.referred[1]]})]),
    ("offers_are_valid", lambda cold: cold.offers.update(
        {Asset.TREASURE_BOX: SetOffer("TREASURE_BOX", "USDT", 0)})),
    ("offers_are_valid", lambda cold: cold.offers.update(
        {Asset.TREASURE_BOX: SetOffer("TREASURE_BOX", "DEMO", 1)})),
    ("offers_are_valid", lambda cold: cold.offers.update(
        {Asset.GOLD_COIN: SetOffer("TREASURE_BOX", "USDT", 1)})),
    ("timers_match_their_owners", lambda cold: cold.disconnects.update(
        {1: cold.disconnects.popitem()[1]})),
    ("timers_match_their_owners", lambda cold: cold.disconnects.clear()),
]  # fmt: skip


@pytest.mark.parametrize(("invariant", "breaks"), BROKEN_COLD, ids=[name for name, _ in BROKEN_COLD])
def test_a_broken_cold_thing_is_seen(played: State, invariant: str, breaks: Callable[[Cold], Any]) -> None:
    breaks(played.cold)
    assert {problem.partition(":")[0] for problem in problems(played)} == {invariant}


@pytest.mark.parametrize("breaks", [
    lambda queues: queues[min(queues)].waiting.setdefault(1, 0),  # sits in the match
    lambda queues: queues[max(queues)].waiting.setdefault(99, 0),
    lambda queues: setattr(queues[max(queues)], "match", 99),
    lambda queues: queues.setdefault(99, Queue()),
])  # fmt: skip
def test_a_broken_queue_is_seen(played: State, breaks: Callable[[dict[int, Queue]], Any]) -> None:
    breaks(played.cold.queues)
    assert any(problem.startswith("queues_are_valid") for problem in problems(played))


def test_nothing_is_wrong_before_the_first_entry() -> None:
    assert list(problems(State())) == []


def test_every_invariant_has_been_broken() -> None:
    assert {name for name, _ in BROKEN} == {invariant.__name__ for invariant in INVARIANTS}


def test_a_large_book_is_checked(arena: Arena) -> None:
    """50,000 positions of 50 players."""
    players: list[Player] = [arena.player(cash=10**6, max_positions=100_000) for _ in range(50)]
    arena.quote("BTCUSDT", 60_000)
    orders = [player._order("BTCUSDT", side, 1, margin=10, leverage=5) for player in players for side in (LONG, SHORT)]
    for _ in range(5 if JIT_DISABLED else 500):
        sequence = int(arena.machine.state.book.world["sequence"][0])
        arena.machine.apply(batch_of(list(orders), sequence + 1, arena.now_ns))
    check(arena.machine.state)
    assert arena.machine.state.book.heads["live"][SEATS] == 50
