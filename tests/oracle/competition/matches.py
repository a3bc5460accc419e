"""A match is made, joined, begun, and ended with a ranking."""

from __future__ import annotations

from engine.model.commands import (
    ArchiveMatch,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    EndMatch,
    JoinMatch,
    LeaveMatch,
    StartMatch,
)
from engine.model.events import Cause, EventKind, Rule
from engine.model.reasons import Reason
from tests.oracle.competition.careers import progress
from tests.oracle.competition.games import existing_game
from tests.oracle.events import tell_all, tell_equity, tell_time
from tests.oracle.ledger.money import pool
from tests.oracle.state import BILLION, Match, Oracle, Outcome, Seat, refuse_if
from tests.oracle.trading.seats import flatten, sit


def create_match(oracle: Oracle, command: CreateMatch) -> Outcome:
    refuse_if(not existing_game(oracle, command.game).active, Reason.GAME_NOT_ACTIVE)
    game = existing_game(oracle, command.game).rules
    refuse_if(not command.practice and not game.duration_s, Reason.MATCH_ENDLESS)
    id = len(oracle.matches) + 1
    match = Match(game, practice=command.practice, code=command.code)
    refuse_if(match.paid and not oracle.money.may_make(game), Reason.INSUFFICIENT_FUNDS)
    oracle.matches[id] = oracle.running[id] = match
    if match.paid:
        oracle.money.make(id, game)
    oracle.emit(EventKind.MATCH_CREATED, match=id)
    if game.min_players and not command.practice:
        match.waiting, match.open = True, False
    else:
        open_match(oracle, match)
    for player in range(1, len(oracle.players) + 1) if command.practice else ():
        sit(oracle, player, id)
    return {"id": id}


def join_match(oracle: Oracle, command: JoinMatch) -> Outcome:
    match = check_join(oracle, command)
    if match.paid:
        oracle.money.take_fee(command.match, match.game, command.player)
    sit(oracle, command.player, command.match)
    see_who_is_there(oracle, command.match)
    return {"id": command.match}


def check_join(oracle: Oracle, command: JoinMatch) -> Match:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
    match = oracle.matches[command.match]
    waited = match.game.min_players and not match.practice
    refuse_if(bool(match.open and waited), Reason.MATCH_NOT_WAITING)
    refuse_if(not match.open and not match.waiting, Reason.MATCH_NOT_OPEN)
    refuse_if(command.code != match.code, Reason.CODE_WRONG)
    refuse_if((command.player, command.match) in oracle.seats, Reason.ALREADY_JOINED)
    refuse_if(not match.practice and 0 < match.game.max_players <= len(match.seats), Reason.MATCH_FULL)
    if match.paid:
        can_count = oracle.money.can_count(command.match, match.game, command.player)
        refuse_if(not can_count, Reason.AMOUNT_INVALID)
        refuse_if(not oracle.money.can_pay(match.game, command.player), Reason.INSUFFICIENT_FUNDS)
    return match


def leave_match(oracle: Oracle, command: LeaveMatch) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    match = oracle.matches[command.match]
    refuse_if((command.player, command.match) not in oracle.seats, Reason.NOT_JOINED)
    refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
    match.seats.remove(oracle.seats.pop((command.player, command.match)))
    match.granted -= match.game.starting_balance
    if match.paid:
        oracle.money.refund(command.match, match.game, command.player)
    oracle.emit(EventKind.SEAT_CLOSED, command.player, command.match)
    see_who_is_there(oracle, command.match)
    return {"id": command.match}


def see_who_is_there(oracle: Oracle, id: int) -> None:
    """Enough players start the countdown, the last one starts the match, and too few stop it all."""
    match = oracle.matches[id]
    if not match.waiting:
        return
    if len(match.seats) < match.game.min_players:
        if match.starts_at_ns:
            match.starts_at_ns = 0
            tell_time(oracle, id, match)
    elif len(match.seats) == match.game.max_players or not match.game.countdown_s:
        match.starts_at_ns, oracle.ending = oracle.now_ns, True
    elif not match.starts_at_ns:
        match.starts_at_ns = oracle.now_ns + match.game.countdown_s * BILLION
        tell_time(oracle, id, match)


def start_match(oracle: Oracle, command: StartMatch) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    match = oracle.matches[command.match]
    refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
    refuse_if(not match.seats, Reason.MATCH_EMPTY)
    match.starts_at_ns, oracle.ending = oracle.now_ns, True
    return {"id": command.match}


def begin(oracle: Oracle, id: int, match: Match) -> None:
    match.waiting = False
    open_match(oracle, match)
    tell_all(oracle, id, EventKind.MATCH_STARTED)


def open_match(oracle: Oracle, match: Match) -> None:
    """Its duration and its days begin."""
    match.open, match.opened_at_ns, match.starts_at_ns = True, oracle.now_ns, oracle.now_ns
    if not match.practice:
        match.ends_at_ns = oracle.now_ns + match.game.duration_s * BILLION
        match.next_sample_ns = oracle.now_ns + match.sample_ns
    if match.game.max_daily_drawdown_ppm or match.game.max_total_drawdown_ppm:
        match.next_day_ns = oracle.next_day_ns(match.game)


def cancel_match(oracle: Oracle, command: CancelMatch) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    match = oracle.matches[command.match]
    refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
    match.waiting = False
    del oracle.running[command.match]
    if match.paid:
        oracle.money.call_off(command.match, match.game, [seat.player for seat in match.seats])
    tell_all(oracle, command.match, EventKind.MATCH_CANCELED, reason=Reason.CALLED_OFF)
    return {"id": command.match}


def archive_match(oracle: Oracle, command: ArchiveMatch) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    refuse_if(command.match in oracle.running or oracle.matches[command.match].archived, Reason.MATCH_NOT_OVER)
    oracle.matches[command.match].archived = True
    oracle.emit(EventKind.MATCH_ARCHIVED, match=command.match)
    return {"id": command.match}


def end_match(oracle: Oracle, command: EndMatch) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    refuse_if(not oracle.matches[command.match].open, Reason.MATCH_NOT_OPEN)
    if command.void:
        oracle.matches[command.match].void = Reason.CALLED_OFF
    end_now(oracle, command.match)
    return {"id": command.match}


def end_now(oracle: Oracle, id: int) -> None:
    """The match ends with what is happening, before its time."""
    match = oracle.matches[id]
    match.ends_at_ns = oracle.now_ns
    if match.paused_since_ns:
        match.paused_since_ns, match.opened_at_ns = 0, oracle.now_ns  # and no silence counts that was before
        if match.next_day_ns <= oracle.now_ns:
            match.next_day_ns = 0  # the day would have begun when the match went on, which it does not
    oracle.ending = True


def finish(oracle: Oracle, id: int, match: Match) -> None:
    """Everybody's orders are cancelled and positions closed at the last quotes; then all are ranked."""
    match.open = False
    del oracle.running[id]
    seats = match.seats
    for seat in reversed(seats):
        flatten(oracle, seat, Cause.MATCH_END)
        if match.next_sample_ns:
            tell_equity(oracle, seat)
    if match.void:
        if match.paid:
            oracle.money.call_off(id, match.game, [seat.player for seat in seats])
        tell_all(oracle, id, EventKind.MATCH_CANCELED, reason=match.void)
        return
    game, ranking = match.game, ranked(match)
    fit = [seat for seat in ranking if is_fit(seat, game)]
    won = prizes(match, len(fit))
    asset = Asset[game.currency] if match.paid else 0
    for rank, seat in enumerate(ranking, 1):
        seat.rank, seat.prize = rank, won[rank - 1] if rank <= len(won) else 0
        oracle.emit(
            EventKind.MATCH_FINISHED, seat.player, id, rank=rank, seats=len(seats), balance=seat.cash,
            prize=seat.prize, asset=int(asset), trades=seat.trades, wins=seat.wins, profit=seat.profit,
            fees=seat.fees, max_drawdown=seat.max_drawdown, rule=int(seat.out),
            starting_balance=game.starting_balance,
        )  # fmt: skip
    blank = dict.fromkeys((
        "rank", "seats", "balance", "prize", "asset", "trades", "wins", "max_drawdown", "profit", "fees",
        "starting_balance", "rule",
    ), 0)  # fmt: skip
    oracle.emit(EventKind.MATCH_FINISHED, match=id, **blank)
    if match.paid:
        oracle.money.finish(id, game, [seat.player for seat in ranking], won)
    for rank, seat in enumerate(ranking if fit and not match.practice else (), 1):
        progress(oracle, seat, *((game.cup, game.win_exp) if rank == 1 else (-game.cup, game.lose_exp)))


def is_fit(seat: Seat, game: CreateGame) -> bool:
    """To win a prize."""
    return seat.out in (Rule.NONE, Rule.PROFIT_TARGET) and seat.held_trades >= game.min_trades


def ranked(match: Match) -> list[Seat]:
    """The best first; of equal ones, who joined first."""
    game = match.game
    return sorted(match.seats, key=lambda seat: (
        seat.out not in (Rule.NONE, Rule.PROFIT_TARGET),
        seat.held_trades < game.min_trades,
        -seat.cash,
        -seat.trades if game.ranks_by_trades else 0,
        seat.max_drawdown,
        seat.balance_at_ns,
    ))  # fmt: skip


def prizes(match: Match, fit: int) -> list[int]:
    """Of so many who are fit to win, by rank; units that do not divide go to the first."""
    game = match.game
    if match.practice or not fit:
        return []
    if not game.prize_split:
        return [game.reward_price]
    split = pool(game, len(match.seats))
    others = [split * percent // 100 for percent in game.prize_split[1:fit]]
    return [split - sum(others), *others]


def sample(oracle: Oracle, match: Match) -> None:
    match.next_sample_ns = oracle.now_ns + match.sample_ns
    for seat in reversed(match.seats):
        tell_equity(oracle, seat)
