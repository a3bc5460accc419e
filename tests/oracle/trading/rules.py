"""Challenge rules: every seat is valued after everything that happens."""

from __future__ import annotations

from engine.model.commands import Anchor, TotalDrawdown
from engine.model.events import Cause, EventKind, Rule
from tests.oracle.competition.matches import end_now
from tests.oracle.events import tell_judged
from tests.oracle.state import Match, Oracle, Seat
from tests.oracle.trading.positions import close_at_touch
from tests.oracle.trading.seats import flatten
from tests.oracle.trading.worth import equity_of, net_equity_of, result_of


def start_day(oracle: Oracle, id: int, match: Match) -> None:
    match.next_day_ns = oracle.next_day_ns(match.game)
    for seat in match.seats:
        if not seat.out:
            anchor = {
                Anchor.BALANCE: seat.balance,
                Anchor.EQUITY: equity_of(oracle, seat),
                Anchor.HIGHER: max(seat.balance, equity_of(oracle, seat)),
            }[match.game.daily_anchor]
            seat.daily_floor = anchor - match.daily_drawdown
            seat.warned = set()


def judge_all(oracle: Oracle, instrument: int) -> None:
    """Every seat after everything that happens: the engine must find the same with a look at hardly any."""
    judged = [seat for match in oracle.running.values() if match.is_judged for seat in match.seats]
    for seat in sorted(judged, key=lambda seat: (seat.player, seat.match)):
        if not seat.out:
            judge(oracle, seat, instrument)


def judge(oracle: Oracle, seat: Seat, instrument: int) -> None:
    match = oracle.matches[seat.match]
    game, start = match.game, match.game.starting_balance
    daily, total, most = match.daily_drawdown, match.total_drawdown, match.loss_per_trade
    while True:
        equity = equity_of(oracle, seat)
        if daily and equity < seat.daily_floor:
            put_out(oracle, seat, Rule.DAILY_DRAWDOWN, equity, seat.daily_floor, instrument)
            return
        if total and equity < seat.total_floor:
            put_out(oracle, seat, Rule.TOTAL_DRAWDOWN, equity, seat.total_floor, instrument)
            return
        lost = [position for position in seat.positions if most and result_of(oracle, position) < -most]
        if not lost:
            break
        position = lost[-1]  # the latest opened
        if game.loss_disqualifies:
            put_out(oracle, seat, Rule.LOSS_PER_TRADE, result_of(oracle, position), -most, instrument)
            return
        close_at_touch(oracle, position, position.lots, Cause.RULE)
    reached = match.target and equity >= match.target  # net equity is no more than that
    if reached and (net := net_equity_of(oracle, seat)) >= match.target:
        put_out(oracle, seat, Rule.PROFIT_TARGET, net, match.target, instrument)
        return

    locked = game.total_drawdown is TotalDrawdown.TRAILING_LOCK and seat.total_floor >= start
    if total and game.total_drawdown is not TotalDrawdown.STATIC and not locked:
        step = max(1, start // 1000)
        while equity >= seat.high_water + step:
            seat.high_water += step
        seat.total_floor = seat.high_water - total
        if game.total_drawdown is TotalDrawdown.TRAILING_LOCK:
            seat.total_floor = min(seat.total_floor, start)
    for rule, amount, floor in (
        (Rule.DAILY_DRAWDOWN, daily, seat.daily_floor), (Rule.TOTAL_DRAWDOWN, total, seat.total_floor),
    ):  # fmt: skip
        for percent in (80, 90, 95) if amount else ():
            reached = equity <= floor + amount * (100 - percent) // 100
            if reached and (rule, percent) not in seat.warned:
                seat.warned.add((rule, percent))
                tell_judged(oracle, EventKind.SEAT_WARNED, seat, rule, percent, equity, floor, 0)


def put_out(oracle: Oracle, seat: Seat, rule: Rule, equity: int, level: int, instrument: int) -> None:
    seat.out = rule
    kind = EventKind.SEAT_LOCKED if rule is Rule.PROFIT_TARGET else EventKind.SEAT_DISQUALIFIED
    tell_judged(oracle, kind, seat, rule, 0, equity, level, instrument)
    if rule is Rule.PROFIT_TARGET and oracle.matches[seat.match].game.target_ends:
        end_now(oracle, seat.match)
    flatten(oracle, seat, Cause.RULE)
