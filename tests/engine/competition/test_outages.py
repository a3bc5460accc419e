"""Outages during paid matches, and matches that an operator calls off: fees come back, or the end moves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.batch.machine import Machine
from engine.model.commands import CreateGame, CreateMatch, EndMatch, Execution, FundRewards, JoinMatch, OrderType
from engine.model.events import Cause, EventKind, FixedResult
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.model.state import encode_cold_state, sections, state_from
from engine.model.tables import MATCH_CANCELED, MATCH_CLOSED, MATCH_OPEN, MATCH_WAITING, TIMERS
from tests.engine.competition.test_paid_matches import FIXED, USDT, cash, escrow, fees, joins, match_of, rewards
from tests.harness.arena import LONG, START_NS, Arena, Number, Player, money
from tests.harness.records import Command, PlaceOrder, Pulse, Quote, batch_of, content

NS = "0.000000001"


def status(arena: Arena, match: int) -> int:
    return int(arena.machine.state.book.matches[match]["status"])


def ends_in(arena: Arena, match: int) -> Decimal:
    """Seconds from the first stamp of all to the end of the match."""
    return Decimal(int(arena.machine.state.book.matches[match]["ends_at_ns"]) - START_NS) / NS_PER_S


def told(arena: Arena) -> list[tuple[int, int, int]]:
    """(kind, player, reason) of the last events, but for those of the ledger and of curves."""
    money_moves = (EventKind.TRANSFERRED, EventKind.WALLET_CHANGED, EventKind.EQUITY_SAMPLED)
    return [(event["kind"], event["player"], event["reason"]) for event in arena.events
            if event["kind"] not in money_moves]  # fmt: skip


def quiet(arena: Arena, **rules: object) -> tuple[int, Player, Player]:
    """Ann and Bob play a paid match of ten minutes; the last quote comes ten seconds after its opening."""
    match = match_of(arena, duration_s=600, outage_s=60, **rules)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.passes(10)
    arena.quote("BTCUSDT", 60_000)
    return match, ann, bob


def goes_on(arena: Arena, seconds: Number) -> None:
    """Time goes by, with a quote every minute and at the end."""
    left = Decimal(seconds)
    while left:
        arena.passes(step := min(left, Decimal(60)))
        arena.quote("BTCUSDT", 60_000)
        left -= step


# Called off


def test_a_silence_of_exactly_what_is_allowed_is_no_outage(arena: Arena) -> None:
    match, _, _ = quiet(arena)
    arena.passes(60)
    assert (status(arena, match), escrow(arena, match)) == (MATCH_OPEN, 20 * USDT)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(60)
    assert status(arena, match) == MATCH_OPEN


def test_a_quote_a_nanosecond_later_gives_a_nanosecond_more(arena: Arena) -> None:
    match = match_of(arena, duration_s=600)
    joins(arena, match)
    arena.passes(NS)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(60)
    assert status(arena, match) == MATCH_OPEN
    arena.passes(NS)
    assert status(arena, match) == MATCH_CANCELED


def test_a_nanosecond_more_calls_the_match_off_and_every_fee_comes_back(arena: Arena) -> None:
    match, ann, bob = quiet(arena)
    arena.passes(60)
    arena.passes(NS)
    gone = EventKind.MATCH_CANCELED
    assert told(arena) == [(gone, player, Reason.OUTAGE) for player in (ann.id, bob.id, 0)]
    assert status(arena, match) == MATCH_CANCELED
    assert (cash(arena, ann), cash(arena, bob)) == (100 * USDT, 100 * USDT)
    assert (escrow(arena, match), fees(arena)) == (0, 0)


def test_all_that_is_open_is_settled_before_the_fees_come_back(arena: Arena) -> None:
    """As at the end of a match: stakes come back, orders are cancelled, positions close at their last quotes."""
    _, ann, bob = quiet(arena)
    position = ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    order = ann.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    trade = bob.buys("BTCUSDT", LONG, 10, 300)
    arena.passes(61)
    assert arena.order_of_events() == [
        (EventKind.FIXED_SETTLED, trade), (EventKind.ORDER_CANCELED, order), (EventKind.POSITION_CLOSED, position),
    ]  # fmt: skip
    assert ann.last(EventKind.POSITION_CLOSED).cause is Cause.MATCH_END
    refunded = bob.last(EventKind.FIXED_SETTLED)
    assert (refunded.result, refunded.reason) == (FixedResult.REFUNDED, Reason.MATCH_NOT_OPEN)
    assert (ann.seat.rank, ann.seat.prize, ann.positions, ann.orders) == (0, 0, [], [])
    assert cash(arena, ann) == 100 * USDT


def test_what_came_due_after_the_outage_had_begun_is_not_served_any_more(arena: Arena) -> None:
    """The server was down from the last quote on. The stake's time was up meanwhile: later than the outage began."""
    match, ann, _ = quiet(arena)
    ann.buys("BTCUSDT", LONG, 10, 61)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("BTCUSDT", 61_000)
    arena.passes(600)
    assert ann.last(EventKind.FIXED_SETTLED).reason is Reason.MATCH_NOT_OPEN
    assert status(arena, match) == MATCH_CANCELED


def test_the_house_gets_back_what_it_had_set_aside(arena: Arena) -> None:
    arena.command(FundRewards("USDT", 15 * USDT))
    match = match_of(arena, **FIXED, duration_s=600)
    ann = joins(arena, match)
    assert rewards(arena) == 0
    arena.passes(61)
    assert (status(arena, match), rewards(arena), cash(arena, ann)) == (MATCH_CANCELED, 15 * USDT, 100 * USDT)


def test_before_the_first_quote_the_silence_counts_from_the_opening(arena: Arena) -> None:
    arena.quote("BTCUSDT", 60_000)
    arena.passes(50)
    match = match_of(arena, duration_s=600)
    joins(arena, match)
    arena.passes(60)
    assert status(arena, match) == MATCH_OPEN
    arena.passes(NS)
    assert status(arena, match) == MATCH_CANCELED


@pytest.mark.parametrize(("last", "becomes"), [("539.999999998", MATCH_CANCELED), ("539.999999999", MATCH_CLOSED)])
def test_what_comes_first_counts_however_late_it_is_found(arena: Arena, last: str, becomes: int) -> None:
    """The server was down from the last quote on. At the end, in the nanosecond in which it would have been too long,
    the silence was not too long yet; a nanosecond earlier it was."""
    match = match_of(arena, duration_s=600)
    ann = joins(arena, match)
    goes_on(arena, last)
    arena.passes(86_400)
    assert (status(arena, match), ann.seat.rank) == (becomes, becomes == MATCH_CLOSED)
    assert cash(arena, ann) == (99 if becomes == MATCH_CLOSED else 100) * USDT
    assert escrow(arena, match) == 0


def test_a_server_that_was_down_over_outage_and_end_calls_the_match_off(arena: Arena) -> None:
    match, ann, _ = quiet(arena)
    arena.passes(86_400)
    assert (status(arena, match), cash(arena, ann)) == (MATCH_CANCELED, 100 * USDT)


def test_what_the_match_does_not_allow_is_no_price(arena: Arena) -> None:
    """Bitcoin stops and ether goes on: nobody is ranked at a price that old."""
    own, _, _ = quiet(arena, allowed_symbols=("BTCUSDT",))
    both, _, _ = quiet(arena, allowed_symbols=("BTCUSDT", "ETHUSDT"))
    for _ in range(6):
        arena.passes(10)
        arena.quote("ETHUSDT", 3_000)
    assert status(arena, own) == MATCH_OPEN
    arena.passes(NS)
    assert (status(arena, own), status(arena, both)) == (MATCH_CANCELED, MATCH_OPEN)
    arena.passes(60)
    assert status(arena, both) == MATCH_CANCELED


def test_any_instrument_shows_that_the_feed_is_there(arena: Arena) -> None:
    match, _, _ = quiet(arena)
    arena.passes(59)
    arena.quote("ETHUSDT", 3_000)
    arena.passes(59)
    assert status(arena, match) == MATCH_OPEN


def test_a_quote_that_cannot_be_used_is_none(arena: Arena) -> None:
    match, _, _ = quiet(arena)
    arena.passes(59)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.quote("BTCUSDT", 60_000, 59_000)
    arena.passes(2)
    assert status(arena, match) == MATCH_CANCELED


@pytest.mark.parametrize("rules", [
    {"outage_s": 0},
    {"currency": ""},  # no money moves
    {"entry_fee": 0, "prize_split": ()},  # nothing to pay, nothing to win
], ids=str)  # fmt: skip
def test_other_matches_go_on_without_prices(arena: Arena, rules: dict[str, object]) -> None:
    match = match_of(arena, **({"duration_s": 600} | rules))
    ann = joins(arena, match)
    arena.passes(599)
    assert status(arena, match) == MATCH_OPEN
    arena.passes(1)
    assert ann.seat.rank == 1


def test_a_match_that_waits_for_players_waits_on(arena: Arena) -> None:
    match = match_of(arena, min_players=2, duration_s=600)
    joins(arena, match)
    arena.passes(3_600)
    assert status(arena, match) == MATCH_WAITING
    joins(arena, match)
    arena.passes(60)
    assert status(arena, match) == MATCH_OPEN


# Extended


def test_the_end_moves_by_as_long_as_the_silence_lasted(arena: Arena) -> None:
    match, ann, bob = quiet(arena, outage_extends=True)
    arena.passes(100)
    assert told(arena) == [(EventKind.MATCH_PAUSED, player, 0) for player in (ann.id, bob.id, 0)]
    assert arena.shown(match).paused
    arena.passes("900.5")
    assert (status(arena, match), ends_in(arena, match)) == (MATCH_OPEN, 600)
    arena.quote("ETHUSDT", 3_000)
    resumed = [event for event in arena.events if event["kind"] == EventKind.MATCH_RESUMED]
    assert [event["player"] for event in resumed] == [ann.id, bob.id, 0]
    assert {event["ends_at_ns"] for event in resumed} == {START_NS + 1_600_500_000_000}
    assert not arena.shown(match).paused
    arena.passes(60)
    arena.quote("ETHUSDT", 3_000)
    arena.passes(529)
    arena.quote("ETHUSDT", 3_000)
    assert ends_in(arena, match) == Decimal("2129.5")


def test_it_goes_on_with_a_quote_of_what_it_allows_and_others_at_once(arena: Arena) -> None:
    matches = [quiet(arena, outage_extends=True, allowed_symbols=symbols)[0]
               for symbols in (("BTCUSDT",), ("BTCUSDT", "ETHUSDT"), ())]  # fmt: skip
    arena.passes(100)
    assert [arena.shown(match).paused for match in matches] == [True, True, True]
    arena.quote("ETHUSDT", 3_000)
    assert [arena.shown(match).paused for match in matches] == [True, False, False]
    arena.passes(10)
    arena.quote("ETHUSDT", 3_000)
    assert arena.shown(matches[0]).paused
    arena.quote("BTCUSDT", 60_000)
    assert not arena.shown(matches[0]).paused
    assert [ends_in(arena, match) for match in matches] == [600 + 110, 610 + 100, 620 + 100]


def test_one_that_is_paused_for_its_own_instrument_can_be_ended_by_hand(arena: Arena) -> None:
    match, _, _ = quiet(arena, outage_extends=True, allowed_symbols=("BTCUSDT",))
    arena.passes(100)
    arena.command(EndMatch(match, "enough"))
    assert status(arena, match) == MATCH_CLOSED
    arena.quote("BTCUSDT", 60_000)


def test_two_outages_move_it_twice(arena: Arena) -> None:
    match, ann, bob = quiet(arena, outage_extends=True)
    for _ in range(2):
        arena.passes(100)
        arena.quote("BTCUSDT", 60_000)
    assert ends_in(arena, match) == 800
    goes_on(arena, 540)
    arena.passes(50 - Decimal(NS))
    assert status(arena, match) == MATCH_OPEN
    arena.passes(NS)
    assert status(arena, match) == MATCH_CLOSED
    assert sorted([cash(arena, ann), cash(arena, bob)]) == [90 * USDT + 54 * USDT // 10, 90 * USDT + 126 * USDT // 10]


def test_an_outage_over_the_end_moves_it_too(arena: Arena) -> None:
    """Down 69 seconds before the end for a day: so many are left, and not a nanosecond more."""
    match = match_of(arena, duration_s=600, outage_extends=True)
    ann = joins(arena, match)
    goes_on(arena, 531)
    arena.passes(86_400)
    arena.quote("BTCUSDT", 60_000)
    assert ends_in(arena, match) == 600 + 86_400
    arena.passes(60)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(9 - Decimal(NS))
    assert status(arena, match) == MATCH_OPEN
    arena.passes(NS)
    assert (status(arena, match), ann.seat.rank) == (MATCH_CLOSED, 1)


def test_the_batch_that_ends_the_silence_pauses_and_resumes(arena: Arena) -> None:
    """The first batch after the server was down brings orders and then a quote: the orders find no fresh price."""
    match, ann, _ = quiet(arena, outage_extends=True)
    arena.now_ns += 700 * NS_PER_S
    arena.source_sequence += 1
    order = PlaceOrder(ann.id, match, 1, LONG, leverage=10, margin=money(100))
    applied = arena.apply([order, Quote(1, 6_000_000, 6_000_001, arena.source_sequence), order])
    assert applied.outcomes["reason"].tolist() == [Reason.FEED_STALE, 0, 0]
    kinds = [event["kind"] for event in arena.events]
    assert kinds.index(EventKind.MATCH_PAUSED) < kinds.index(EventKind.MATCH_RESUMED)
    assert ends_in(arena, match) == 600 + 700


def test_a_paused_match_can_be_ended_by_hand(arena: Arena) -> None:
    match, ann, _ = quiet(arena, outage_extends=True)
    arena.passes(100)
    arena.command(EndMatch(match, "enough"))
    assert (status(arena, match), ann.seat.rank) == (MATCH_CLOSED, 1)
    arena.quote("BTCUSDT", 60_000)
    assert status(arena, match) == MATCH_CLOSED


@pytest.mark.parametrize("extends", [False, True])
@pytest.mark.compiled
def test_many_matches_and_players_in_a_small_buffer(arena: Arena, extends: bool) -> None:
    """Everything stops and goes on where the buffer of events is full, and the tables of timers grow on the way."""
    arena.has_room_for_events(16)
    matches = [match_of(arena, duration_s=600, outage_extends=extends) for _ in range(40)]
    players = [joins(arena, matches[0], 1_000 * USDT) for _ in range(5)]
    for match in matches[1:]:
        for player in players:
            arena.command(JoinMatch(match, player.id))
    arena.quote("BTCUSDT", 60_000)
    for match in matches:
        for player in players:
            Player(arena, player.id, match).opens("BTCUSDT", LONG, margin=10, leverage=5)
    arena.now_ns += 100 * NS_PER_S
    arena.source_sequence += 1
    arena.apply([Pulse(), Quote(1, 6_000_000, 6_000_001, arena.source_sequence)])
    if extends:
        assert {ends_in(arena, match) for match in matches} == {700}
    else:
        assert {status(arena, match) for match in matches} == {MATCH_CANCELED}
        assert {cash(arena, player) for player in players} == {1_000 * USDT}


def dated_orders(trader: Player, count: int, price: Number = 50_000) -> list[Command]:
    """Orders that take a timer each for their dates, and one more if they have to wait for a quote."""
    return [trader._order("BTCUSDT", LONG, OrderType.LIMIT, price=price, quantity="0.001", expires_in=10**6)] * count


def fill_timers(arena: Arena, trader: Player, spare: int) -> None:
    """Let orders take timers until the table has only so many fresh rows left, and none on its free list."""
    heads, timers = arena.machine.state.book.heads, TIMERS
    while int(heads["used"][timers]) + spare != len(arena.machine.state.book.timers) or int(heads["free"][timers]):
        sequence = int(arena.machine.state.book.world["sequence"][0])
        arena.machine.apply(batch_of(dated_orders(trader, 1), sequence + 1, arena.now_ns))


def test_timers_that_others_have_taken_while_matches_were_paused_are_made_anew(arena: Arena) -> None:
    arena.change("BTCUSDT", quote_lifetime_ns=10**6 * NS_PER_S)
    trader = arena.player(max_positions=1_000)
    arena.quote("BTCUSDT", 60_000)
    matches = [match_of(arena, duration_s=600, outage_extends=True) for _ in range(20)]
    fill_timers(arena, trader, spare=2)
    arena.passes(100)
    fill_timers(arena, trader, spare=2)
    arena.quote("BTCUSDT", 60_000)
    assert {ends_in(arena, match) for match in matches} == {700}


def test_matches_that_begin_leave_the_batch_its_room(arena: Arena) -> None:
    """Nine of them, for each of which there is room, take most of the timers that the batch's ten commands need."""
    arena.change("BTCUSDT", quote_lifetime_ns=10**6 * NS_PER_S)
    trader = arena.player(max_positions=1_000)
    slow = arena.player(max_positions=1_000, execution=Execution.NEXT, speed_bump_ms=250)
    arena.quote("BTCUSDT", 60_000)
    for _ in range(9):
        joins(arena, match_of(arena, min_players=1, countdown_s=60, max_daily_drawdown_ppm=100_000))
    fill_timers(arena, trader, spare=2 * 10)
    arena.now_ns += 60 * NS_PER_S
    applied = arena.apply(dated_orders(slow, 10, price=61_000))
    assert not applied.outcomes["reason"].any()


@pytest.mark.parametrize("extends", [False, True])
@pytest.mark.parametrize("cut", range(4))
def test_a_snapshot_at_any_time_of_an_outage_goes_on_as_if_there_had_been_none(
    arena: Arena, extends: bool, cut: int
) -> None:
    _, ann, _ = quiet(arena, outage_extends=extends)
    ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    steps: list[tuple[int, Command]] = [
        (30, Pulse()),
        (31, Pulse()),
        (50, Quote(1, 6_000_000, 6_000_001, 99)),
        (1_000, Pulse()),
    ]
    machines: list[Machine] = [arena.machine]
    for number, (seconds, command) in enumerate(steps):
        if number == cut:
            saved = {name: array.copy() for name, array in sections(arena.machine.state).items()}
            machines.append(Machine(state_from(saved, encode_cold_state(arena.machine.state.cold))))
        arena.now_ns += seconds * NS_PER_S
        for machine in machines:
            sequence = int(machine.state.book.world["sequence"][0])
            machine.apply(batch_of([command], sequence + 1, arena.now_ns))
    first, second = machines
    assert content(first.state) == content(second.state)


# By an operator


def test_an_operator_calls_off_a_match_that_is_played(arena: Arena) -> None:
    match, ann, bob = quiet(arena)
    position = ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    arena.command(EndMatch(match, "a rule was wrong", void=True))
    closed = (EventKind.POSITION_CLOSED, ann.id, 0)
    gone = [(EventKind.MATCH_CANCELED, player, Reason.CALLED_OFF) for player in (ann.id, bob.id, 0)]
    assert told(arena) == [closed, *gone]
    assert (ann.positions, position > 0, ann.seat.rank) == ([], True, 0)
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, match)) == (100 * USDT, 100 * USDT, 0)
    assert status(arena, match) == MATCH_CANCELED
    with arena.refuses(Reason.MATCH_NOT_OPEN):
        arena.command(EndMatch(match, "again", void=True))
    with arena.refuses(Reason.MATCH_NOT_OPEN):
        ann.opens("BTCUSDT", LONG, margin=100, leverage=10)


def test_a_match_that_is_ended_by_hand_is_ranked_and_paid(arena: Arena) -> None:
    match, ann, _ = quiet(arena)
    arena.command(EndMatch(match, "enough"))
    assert (status(arena, match), cash(arena, ann)) == (MATCH_CLOSED, 90 * USDT + 126 * USDT // 10)


def test_a_game_whose_silence_is_out_of_bounds_is_refused(arena: Arena) -> None:
    for outage_s in (-1, 7 * 86_400 + 1):
        with arena.refuses(Reason.GAME_INVALID):
            arena.command(CreateGame("Game", "", 100, 1, 1, outage_s=outage_s))
    arena.command(CreateMatch(arena.command(CreateGame("Game", "", 100, 1, 1, outage_s=7 * 86_400)).id, practice=True))


# Nothing fills in a pause, however long quotes live


def lasting_quotes(arena: Arena, **rules: object) -> tuple[int, Player, Player]:
    """The same match, extended, and quotes that live for an hour."""
    arena.change("BTCUSDT", quote_lifetime_ns=3_600 * NS_PER_S)
    return quiet(arena, outage_extends=True, **rules)


@pytest.mark.parametrize("symbols", [(), ("BTCUSDT",)])
def test_in_a_pause_nothing_opens_and_closes_wait_until_the_match_goes_on(
    arena: Arena, symbols: tuple[str, ...]
) -> None:
    match, ann, bob = lasting_quotes(arena, allowed_symbols=symbols)
    position = ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    order = ann.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    arena.passes(61)
    assert arena.shown(match).paused
    for refused in (
        lambda: ann.opens("BTCUSDT", LONG, margin=100, leverage=10),
        lambda: ann.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10),
        lambda: ann.moves(order, price=58_000),
        lambda: ann.amends(position, trailing_stop=10_000),
        lambda: bob.buys("BTCUSDT", LONG, 10, 30),
    ):
        with arena.refuses(Reason.FEED_STALE):
            refused()
    ann.closes(position)
    assert ann.positions == [position]
    arena.quote("BTCUSDT", 61_000)
    assert not arena.shown(match).paused
    assert (ann.positions, ann.last(EventKind.POSITION_CLOSED).price) == ([], Decimal("60999.99"))
    ann.opens("BTCUSDT", LONG, margin=100, leverage=10)


def test_a_stake_whose_time_is_up_in_a_pause_comes_back(arena: Arena) -> None:
    _, ann, _ = lasting_quotes(arena)
    ann.buys("BTCUSDT", LONG, 10, 70)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("BTCUSDT", 61_000)
    arena.passes(70)
    settled = ann.last(EventKind.FIXED_SETTLED)
    assert (settled.result, settled.reason) == (FixedResult.REFUNDED, Reason.FEED_STALE)


def test_a_day_that_begins_in_a_pause_begins_when_the_match_goes_on(arena: Arena) -> None:
    """Its floor would have put her out, at prices from before the pause."""
    arena.passes(6_290)
    match, ann, _ = lasting_quotes(arena, max_daily_drawdown_ppm=50_000)
    position = ann.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    arena.quote("BTCUSDT", 61_000)
    ann.closes(position)
    ann.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    arena.quote("BTCUSDT", 60_200)
    arena.passes(61)
    arena.passes(60)  # beyond midnight
    assert arena.shown(match).paused
    assert (ann.seat.daily_floor, len(ann.positions)) == (money(9_500), 1)
    arena.quote("BTCUSDT", 61_000)
    assert (ann.seat.daily_floor, len(ann.positions)) == (money("10499.99"), 1)
    arena.passes(86_400 - 21)
    assert arena.shown(match).paused


def test_a_day_that_began_in_a_pause_does_not_begin_any_more_when_an_operator_ends_the_match(arena: Arena) -> None:
    arena.passes(6_290)
    match, ann, _ = lasting_quotes(arena, max_daily_drawdown_ppm=50_000)
    ann.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    arena.quote("BTCUSDT", 60_500)
    arena.passes(61)
    arena.passes(60)  # beyond midnight
    assert arena.shown(match).paused
    arena.command(EndMatch(match, "over"))
    assert (ann.seat.daily_floor, ann.seat.rank, ann.seat.out) == (money(9_500), 1, None)
