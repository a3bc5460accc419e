"""Matches and their seats: who plays what."""

from __future__ import annotations

import numpy as np

from engine.competition.careers import progress
from engine.competition.games import may_be_made, rules_of
from engine.competition.joining import MOST_IDS, seat_all
from engine.competition.match_seats import rank_seats, tell_players
from engine.competition.outage_watch import watch_feed
from engine.competition.prizes import (
    give_back_fees,
    may_set_aside,
    pay_out,
    release_reward,
    set_aside,
)
from engine.competition.ranking import joined, players_in, prizes, ranked
from engine.competition.referrals import reward_players
from engine.competition.settlement import start_sampling
from engine.jit.plain import readable
from engine.model.arithmetic import next_midnight, ppm_ceil
from engine.model.commands import (
    ArchiveMatch,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    EndMatch,
    Execution,
    StartMatch,
    TotalDrawdown,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS, NS_PER_S
from engine.model.state import State
from engine.model.tables import MATCH_ARCHIVED, MATCH_CANCELED, MATCH_CLOSED, MATCH_OPEN, MATCH_WAITING, TIMER_DAY
from engine.storage.capacity import make_room_for_match, make_room_for_seats
from engine.storage.emit import Emit, go_through
from engine.storage.hash_index import allowed_key, find, insert
from engine.storage.timers import set_timer
from engine.trading.challenge_rules import time_match, time_match_now

SAMPLES = 100
"""Of a seat's equity while its match lasts, the last one at its end; fewer of a match that is over in less than as many
seconds."""


def create_match(state: State, command: CreateMatch, emit: Emit) -> tuple[Reason, int]:
    """A match with the game's rules as they are now; its id. It waits for players, if the game says so; a practice
    match never does, and seats every player there is."""
    reason = may_be_made(state, command.game)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    versions = state.cold.games[command.game].versions
    game = versions[-1]
    if not command.practice and game.duration_s == 0:
        return Reason.MATCH_ENDLESS, 0
    if not command.practice:
        reason = may_set_aside(state, game)
        if reason is not Reason.ACCEPTED:
            return reason, 0

    players = int(state.book.world[0]["players"])
    make_room_for_match(state, len(game.allowed_symbols))
    make_room_for_seats(state, players + 1 if command.practice else 0)
    book = state.book
    book.world[0]["matches"] += 1
    match_id = int(book.world[0]["matches"])
    assert match_id <= MOST_IDS
    state.cold.matches[match_id] = command
    match = book.matches[match_id]
    match["game"] = command.game
    match["game_version"] = len(versions)
    match["practice"] = command.practice
    if not command.practice:
        match["min_players"] = game.min_players
        match["max_players"] = game.max_players
        match["countdown_ns"] = game.countdown_s * NS_PER_S
        match["asset"] = Asset[game.currency] if game.currency else 0
        set_aside(state, match_id, game, emit)
        book = state.book
        match = book.matches[match_id]
        if game.currency and (game.entry_fee or game.reward_price):
            match["outage_ns"] = game.outage_s * NS_PER_S
            match["outage_extends"] = game.outage_extends
    match["fees"] = game.fees
    if game.execution is Execution.NEXT:
        match["next_quote"] = 1
        match["speed_bump_ns"] = game.speed_bump_ms * NS_PER_MS
    for field in ("starting_balance", "max_positions", "max_leverage"):
        match[field] = getattr(game, field)
    _pin_challenge(state, match_id, game)
    emit(EventKind.MATCH_CREATED, match=match_id)
    match["status"] = MATCH_WAITING
    if not match["min_players"]:
        _open(state, match_id)
    if command.practice:
        seat_all(state, range(1, players + 1), match_id, emit)
    return Reason.ACCEPTED, match_id


def _pin_challenge(state: State, match_id: int, game: CreateGame) -> None:
    """Give the match the game's challenge rules, its percents as money. They round up: floors round down."""
    book = state.book
    match = book.matches[match_id]
    for symbol in game.allowed_symbols:
        instrument = next(id for id, data in state.cold.instruments.items() if data.symbol == symbol)
        key = allowed_key(match_id, instrument)
        if not find(book.allowed_index, key):
            insert(book.allowed_index, key, 1)
    match["restricted"] = bool(game.allowed_symbols)
    match["allowed_side"] = game.directions
    match["trades_per_minute"] = game.max_trades_per_minute
    match["min_trades"] = game.min_trades
    match["min_hold_ns"] = game.min_hold_s * NS_PER_S
    match["daily_drawdown"] = ppm_ceil(game.starting_balance, game.max_daily_drawdown_ppm)
    match["daily_anchor"] = game.daily_anchor
    match["total_drawdown"] = ppm_ceil(game.starting_balance, game.max_total_drawdown_ppm)
    match["total_mode"] = game.total_drawdown if game.max_total_drawdown_ppm else TotalDrawdown.STATIC
    match["loss_per_trade"] = ppm_ceil(game.starting_balance, game.max_loss_per_trade_ppm)
    match["loss_disqualifies"] = game.loss_disqualifies
    if game.profit_target_ppm:
        match["profit_target"] = game.starting_balance + ppm_ceil(game.starting_balance, game.profit_target_ppm)
    match["target_ends"] = game.target_ends
    rules = ("daily_drawdown", "total_drawdown", "loss_per_trade", "profit_target")
    match["watched"] = any(match[rule] for rule in rules)


def _open(state: State, match_id: int) -> None:
    """From now on seats may trade; its days and its duration begin."""
    book = state.book
    match = book.matches[match_id]
    now_ns = int(book.world[0]["now_ns"])
    time_match(book, match_id, 0)
    match["status"] = MATCH_OPEN
    if not match["practice"]:
        duration_s = rules_of(state, match_id).duration_s
        time_match(book, match_id, now_ns + duration_s * NS_PER_S)
        match["sample_ns"] = max(NS_PER_S, duration_s * NS_PER_S // SAMPLES)
        start_sampling(book, match_id)
    if match["daily_drawdown"] or match["total_drawdown"]:
        match["day_timer"] = set_timer(book, next_midnight(now_ns), TIMER_DAY, match_id, match_id)
    if match["outage_ns"]:
        watch_feed(book, match_id, now_ns)


def start_match(state: State, command: StartMatch, emit: Emit) -> tuple[Reason, int]:
    """Let the match begin when this command is done; its id."""
    reason = _waits(state, command.match)
    if reason is Reason.ACCEPTED and not state.book.matches[command.match]["seats"]:
        reason = Reason.MATCH_EMPTY
    if reason is not Reason.ACCEPTED:
        return reason, 0
    make_room_for_match(state, 0)
    time_match_now(state.book, command.match)
    return Reason.ACCEPTED, command.match


def cancel_match(state: State, command: CancelMatch, emit: Emit) -> tuple[Reason, int]:
    """Call the match off and tell its players; its id."""
    reason = _waits(state, command.match)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    time_match(state.book, command.match, 0)
    _call_off(state, command.match, Reason.CALLED_OFF, emit)
    return Reason.ACCEPTED, command.match


def _call_off(state: State, match_id: int, reason: Reason, emit: Emit) -> None:
    """Whoever has paid gets all of it back; nobody is ranked."""
    state.book.matches[match_id]["status"] = MATCH_CANCELED
    release_reward(state, match_id, emit)
    give_back_fees(state, match_id, players_in(state, joined(state, match_id)), emit)
    tell_all(state, match_id, EventKind.MATCH_CANCELED, emit, reason=reason)


def archive_match(state: State, command: ArchiveMatch, emit: Emit) -> tuple[Reason, int]:
    """Out of the lists; the match's id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if book.matches[command.match]["status"] not in (MATCH_CLOSED, MATCH_CANCELED):
        return Reason.MATCH_NOT_OVER, 0
    book.matches[command.match]["status"] = MATCH_ARCHIVED
    emit(EventKind.MATCH_ARCHIVED, match=command.match)
    return Reason.ACCEPTED, command.match


def _waits(state: State, match_id: int) -> Reason:
    if not 1 <= match_id <= int(state.book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND
    if state.book.matches[match_id]["status"] != MATCH_WAITING:
        return Reason.MATCH_NOT_WAITING
    return Reason.ACCEPTED


def tell_all(
    state: State, match_id: int, kind: EventKind, emit: Emit, reason: Reason = Reason.ACCEPTED, ends_at_ns: int = 0
) -> None:
    """Each of its players, who joined first first, and then everybody."""
    told = readable(np.append(players_in(state, joined(state, match_id)), 0))
    go_through(state, emit, tell_players, len(told), told, match_id, kind.value, reason.value, ends_at_ns)


def end_match(state: State, command: EndMatch, emit: Emit) -> tuple[Reason, int]:
    """End the match, as if its time had come, or call it off: it is settled when this command is done. Its id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if book.matches[command.match]["status"] != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN, 0

    make_room_for_match(state, 0)
    if command.void:
        state.book.matches[command.match]["void"] = Reason.CALLED_OFF
    time_match_now(state.book, command.match)
    return Reason.ACCEPTED, command.match


def turn_match(state: State, match_id: int, emit: Emit) -> None:
    """The match's time has come: one that waited begins, one that is settled is ranked, or called off."""
    match = state.book.matches[match_id]
    if match["status"] == MATCH_WAITING:
        make_room_for_match(state, 0)
        _open(state, match_id)
        tell_all(state, match_id, EventKind.MATCH_STARTED, emit)
    elif match["void"]:
        _call_off(state, match_id, Reason(int(match["void"])), emit)
    else:
        _finish(state, match_id, emit)


def _finish(state: State, match_id: int, emit: Emit) -> None:
    """Rank the seats, and tell each player how it went."""
    book = state.book
    game = rules_of(state, match_id)
    rows, fit = ranked(state, match_id, game.ranks_by_trades)
    won = [] if book.matches[match_id]["practice"] else prizes(game, len(rows), fit)
    go_through(state, emit, rank_seats, len(rows), rows, match_id, readable(np.array(won, np.int64)))
    emit(EventKind.MATCH_FINISHED, match=match_id)
    players = players_in(state, rows)
    pay_out(state, match_id, players, fit, emit)
    reward_players(state, match_id, players, fit, emit)
    progress(state, match_id, players, fit, emit)
