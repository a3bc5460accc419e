"""Fixed-time trades: what decides them, what they pay, and that each is settled once. More in tests/scenarios/."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine import views
from engine.model.commands import CreateGame, CreateMatch, EndMatch, Execution, JoinMatch
from engine.model.events import EventKind, FixedResult
from engine.model.reasons import Reason
from engine.model.scale import MONEY, NS_PER_S
from tests.harness.arena import LONG, SHORT, Arena, Player, money
from tests.harness.records import BuyFixed, Pulse, Quote


@pytest.fixture
def ann(arena: Arena) -> Player:
    """Ann has 10,000, and bitcoin is quoted 59,999.99 / 60,000."""
    player = arena.player()
    arena.quote("BTCUSDT", 60_000)
    return player


def expires(arena: Arena, seconds: int, price: int) -> None:
    """The time of what was bought for so many seconds is up, the last quote of `price` a second old."""
    arena.passes(seconds - 1)
    arena.quote("BTCUSDT", price)
    arena.passes(1)


def results(player: Player) -> list[FixedResult]:
    return [settled.result for settled in player.arena.happened(EventKind.FIXED_SETTLED, player.id)]


@pytest.mark.parametrize(("direction", "price", "result", "cash"), [
    (LONG, 60_001, FixedResult.WON, 10_080),
    (LONG, 59_999, FixedResult.LOST, 9_900),
    (LONG, 60_000, FixedResult.DRAW, 10_000),
    (SHORT, 60_001, FixedResult.LOST, 9_900),
    (SHORT, 59_999, FixedResult.WON, 10_080),
    (SHORT, 60_000, FixedResult.DRAW, 10_000),
])  # fmt: skip
def test_the_price_when_the_time_is_up_decides(
    arena: Arena, ann: Player, direction: int, price: int, result: FixedResult, cash: int
) -> None:
    ann.buys("BTCUSDT", direction, 100, 30)
    assert (ann.cash, ann.stakes, ann.equity) == (9_900, 100, 10_000)
    arena.quote("BTCUSDT", 60_000)
    expires(arena, 30, price)
    assert results(ann) == [result]
    assert (ann.cash, ann.stakes, ann.equity) == (cash, 0, cash)
    assert ann.profit == cash - 10_000


def test_the_quote_that_could_be_seen_is_never_the_entry(arena: Arena, ann: Player) -> None:
    arena.quote("BTCUSDT", 59_000)
    ann.buys("BTCUSDT", SHORT, 100, 30)
    arena.quote("BTCUSDT", 60_000)
    entered = ann.last(EventKind.FIXED_ENTERED)
    assert (entered.entry, entered.entry_sequence) == (Decimal("59999.995"), entered.sequence)
    arena.quote("BTCUSDT", 61_000)
    expires(arena, 30, 59_500)
    assert results(ann) == [FixedResult.WON], "held against the first quote after it, not the first of all"


def test_both_quotes_are_shown_by_their_sequence(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    sequences = []
    for price in (60_000, 60_500, 61_000):
        arena.quote("BTCUSDT", price)
        sequences.append(arena.outcome.sequence if arena.outcome else 0)
    arena.passes(29)
    arena.quote("ETHUSDT", 3_000)
    arena.quote("BTCUSDT", 62_000)
    exit_sequence = arena.outcome.sequence if arena.outcome else 0
    arena.passes(1)
    settled = ann.last(EventKind.FIXED_SETTLED)
    assert (settled.entry_sequence, settled.exit_sequence) == (sequences[0], exit_sequence)


def test_a_quote_stamped_at_the_expiry_is_too_late(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    arena.quote("BTCUSDT", 60_001)
    arena.now_ns += NS_PER_S
    arena.quote("BTCUSDT", 50_000)
    assert results(ann) == [FixedResult.WON]
    kinds = [event["kind"] for event in arena.events]
    assert kinds.index(EventKind.FIXED_SETTLED) < kinds.index(EventKind.QUOTE_CHANGED)


def test_how_fresh_the_exit_was_is_told_at_the_expiry_and_not_when_the_batch_comes(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(28)
    arena.quote("BTCUSDT", 60_001)
    arena.now_ns += 3_600 * NS_PER_S
    arena.quote("BTCUSDT", 50_000)
    assert results(ann) == [FixedResult.WON], "two seconds old at the expiry, an hour old now"


def test_quotes_that_are_not_usable_neither_enter_nor_settle(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.quote("BTCUSDT", 60_000, 59_000)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.quote("BTCUSDT", 60_000, 59_000)
    arena.passes(1)
    assert ann.last(EventKind.FIXED_SETTLED).reason is Reason.QUOTES_TOO_FEW
    assert ann.cash == 10_000


def test_a_trade_enters_only_when_the_halt_is_over(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    arena.change("BTCUSDT", halted=True)
    with arena.refuses(Reason.INSTRUMENT_HALTED):
        arena.quote("BTCUSDT", 50_000)
    assert not arena.happened(EventKind.FIXED_ENTERED)
    arena.change("BTCUSDT", halted=False)
    arena.quote("BTCUSDT", 60_000)
    assert ann.last(EventKind.FIXED_ENTERED).entry == Decimal("59999.995")


def test_what_a_trade_wins_the_market_of_the_match_pays_and_what_it_loses_the_market_gets(
    arena: Arena, ann: Player
) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    ann.buys("BTCUSDT", SHORT, 30, 30)
    arena.quote("BTCUSDT", 60_000)
    expires(arena, 30, 61_000)
    market = int(arena.machine.state.book.matches["house_profit"][ann.match])
    assert market == money(30) - money(80)
    assert ann.profit == 50


def test_stakes_count_on_the_board(arena: Arena, ann: Player) -> None:
    bob = arena.player()
    bob.buys("BTCUSDT", LONG, 1_000, 30)
    board = views.board(arena.machine.state.book, ann.match, 2)
    assert [(seat.player, seat.equity) for seat in board.top] == [(ann.id, money(10_000)), (bob.id, money(10_000))]


def test_a_trade_is_no_position_and_takes_none_of_their_room(arena: Arena) -> None:
    cat = arena.player(max_positions=1)
    arena.quote("BTCUSDT", 60_000)
    cat.opens("BTCUSDT", LONG, margin=100)
    for _ in range(3):
        trade = cat.buys("BTCUSDT", LONG, 100, 30)
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        cat.closes(trade)
    assert len(cat.fixed_trades) == 3
    assert (cat.positions, cat.seat.trades) == ([1], 0)


def test_the_same_request_again_stakes_once(arena: Arena, ann: Player) -> None:
    trade = ann.buys("BTCUSDT", LONG, 100, 30, key="once")
    first = arena.outcome
    arena.passes(1)
    assert ann.buys("BTCUSDT", LONG, 100, 30, key="once") == trade
    assert arena.outcome == first._replace(replayed=True) if first else False
    assert (ann.stakes, ann.fixed_trades) == (100, [trade])


def test_the_longest_trade_lives_a_day(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", SHORT, 1_000, 24 * 3600)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(24 * 3600 - 1)
    assert ann.stakes == 1_000
    arena.quote("BTCUSDT", 59_999)
    arena.passes(1)
    assert ann.cash == 10_800


def test_trades_are_settled_by_expiry_and_then_in_the_order_in_which_they_were_bought(
    arena: Arena, ann: Player
) -> None:
    bought = [ann.buys("BTCUSDT", LONG, 1, seconds) for seconds in (9, 7, 8, 7, 9)]
    arena.quote("BTCUSDT", 60_000)
    arena.passes(60)
    settled = [settled.id for settled in arena.happened(EventKind.FIXED_SETTLED)]
    assert settled == [bought[number] for number in (1, 3, 2, 0, 4)]


def test_trades_are_settled_before_orders_that_expire_at_the_same_time(arena: Arena, ann: Player) -> None:
    order = ann.limit("BTCUSDT", LONG, 50_000, margin=100, expires_in=30)
    trade = ann.buys("BTCUSDT", LONG, 1, 30)
    arena.passes(30)
    assert arena.order_of_events() == [(EventKind.FIXED_SETTLED, trade), (EventKind.ORDER_EXPIRED, order)]


@pytest.mark.parametrize("events", [11, 12, 40])
def test_each_is_settled_once_however_small_the_buffer_of_events_is(arena: Arena, events: int) -> None:
    players = [arena.player() for _ in range(10)]
    arena.quote("BTCUSDT", 60_000)
    arena.apply([BuyFixed(player.id, player.match, 1, LONG, money(1 + n), 30) for n in range(12) for player in players])
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    arena.quote("BTCUSDT", 60_001)
    arena.has_room_for_events(events)
    arena.now_ns += NS_PER_S
    arena.apply([Pulse(), Quote(1, 100, 101, 10**6)])
    settled = arena.happened(EventKind.FIXED_SETTLED)
    assert [one.id for one in settled] == list(range(1, 121))
    assert {player.cash for player in players} == {10_000 + Decimal("0.8") * sum(range(1, 13))}
    assert all(player.fixed_trades == [] for player in players)


def test_a_seat_with_a_running_trade_is_not_flat(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    with arena.refuses(Reason.SEAT_NOT_FLAT):
        ann.resets()
    arena.passes(30)
    ann.resets()
    assert ann.cash == 10_000


def test_the_cap_is_on_all_seats_together_in_each_minute_and_direction(arena: Arena) -> None:
    arena.change("BTCUSDT", fixed_exposure_cap=money(100))
    ann, bob = arena.player(), arena.player(cash=5_000, execution=Execution.NEXT)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    to_the_minute = 60 - arena.now_ns // NS_PER_S % 60
    ann.buys("BTCUSDT", LONG, 60, to_the_minute - 1)
    with arena.refuses(Reason.EXPOSURE_CAP_REACHED):
        bob.buys("BTCUSDT", LONG, "40.00000001", to_the_minute - 1)
    bob.buys("BTCUSDT", LONG, 40, to_the_minute - 1)
    bob.buys("BTCUSDT", LONG, 100, to_the_minute)
    bob.buys("BTCUSDT", SHORT, 100, to_the_minute - 1)
    bob.buys("ETHUSDT", LONG, 100, to_the_minute - 1)


@pytest.fixture
def contest(arena: Arena, ann: Player) -> Player:
    """Ann again, in a match that ends in a minute."""
    game = arena.command(CreateGame("Minute", "", 1_000 * MONEY, 1, 1, duration_s=60)).id
    match = arena.command(CreateMatch(game, practice=False)).id
    arena.command(JoinMatch(match, ann.id))
    return Player(arena, ann.id, match)


def final_balance(arena: Arena) -> int:
    """With which the only player of the match was ranked."""
    balance: int = next(of["balance"] for of in arena.history if of["kind"] == EventKind.MATCH_FINISHED)
    return balance


def test_a_trade_that_expires_with_its_match_is_settled_first_and_none_may_expire_later(
    arena: Arena, contest: Player
) -> None:
    with arena.refuses(Reason.DURATION_INVALID):
        contest.buys("BTCUSDT", LONG, 100, 61)
    contest.buys("BTCUSDT", LONG, 100, 60)
    arena.quote("BTCUSDT", 60_000)
    expires(arena, 60, 61_000)
    assert results(contest) == [FixedResult.WON]
    assert final_balance(arena) == 1_080 * MONEY  # as it was ranked
    assert contest.cash == 1_080


def test_a_match_that_ends_early_gives_the_stakes_back(arena: Arena, contest: Player) -> None:
    first, second = (contest.buys("BTCUSDT", LONG, stake, 60) for stake in (100, 50))
    arena.quote("BTCUSDT", 60_000)
    arena.command(EndMatch(contest.match, "enough"))
    settled = arena.happened(EventKind.FIXED_SETTLED, contest.id)
    assert [(one.id, one.result, one.reason) for one in settled] == [
        (id, FixedResult.REFUNDED, Reason.MATCH_NOT_OPEN) for id in (second, first)
    ]
    assert final_balance(arena) == 1_000 * MONEY
    assert (contest.cash, contest.stakes, contest.fixed_trades) == (1_000, 0, [])
    arena.passes(60)
    assert len(results(contest)) == 2


def test_what_a_trade_wins_or_loses_changes_the_balance_and_its_stake_does_not(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    ann.buys("BTCUSDT", SHORT, 50, 31)
    ann.buys("BTCUSDT", LONG, 10, 32)
    assert ann.seat.max_drawdown == 0
    arena.quote("BTCUSDT", 60_000)
    expires(arena, 30, 59_000)
    at_ns = arena.now_ns
    assert (ann.seat.max_drawdown, ann.seat.balance_at_ns) == (money(100), at_ns)
    arena.passes(1)
    assert (ann.seat.max_drawdown, ann.seat.balance_at_ns) == (money(100), at_ns + NS_PER_S)
    arena.passes(1)
    assert ann.seat.max_drawdown == money(100)


def test_trading_hours_that_end_leave_an_open_trade_to_its_quotes(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    arena.quote("BTCUSDT", 61_000)
    arena.change("BTCUSDT", hours=((0, 60),))
    arena.passes(1)
    assert results(ann) == [FixedResult.WON]
