"""Matches: creation, start, cancellation, end and archiving."""

from __future__ import annotations

import numpy as np

from engine.competition.careers import update_careers
from engine.competition.games import check_game_active, rules_of_match
from engine.competition.joining import MAX_ID, open_seats
from engine.competition.match_kernels import emit_to_players, finish_seats
from engine.competition.outage_kernels import start_outage_timer
from engine.competition.prizes import (
    check_prize_funds,
    prize_amounts,
    refund_entry_fees,
    release_reserve,
    reserve_prize,
    settle_escrow,
)
from engine.competition.ranking import players_of_seats, rank_seats, seats_in_join_order
from engine.competition.referrals import pay_match_bonuses
from engine.competition.settlement import start_sampling
from engine.jit.plain import for_kernels
from engine.model.arithmetic import ppm_ceil
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
from engine.model.tables import MATCH_ARCHIVED, MATCH_CANCELED, MATCH_CLOSED, MATCH_OPEN, MATCH_WAITING
from engine.storage.capacity import ensure_capacity_for_match, ensure_capacity_for_seats
from engine.storage.emit import Emit, call_until_done
from engine.storage.hash_index import allowed_key, find, insert
from engine.storage.zones import zone_named
from engine.trading.challenge_rules import schedule_match, schedule_match_now, set_day_timer

EQUITY_SAMPLES = 100
"""Samples of each seat's equity over a match, the last one at its end. They are at least a second apart, so a match
shorter than this many seconds has fewer."""


def create_match(state: State, command: CreateMatch, emit: Emit) -> tuple[Reason, int]:
    """Create a match with the current version of the game; returns its id. It waits for players if the game has a
    minimum. A practice match opens at once, with a seat for every player."""
    reason = check_game_active(state, command.game)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    versions = state.cold.games[command.game].versions
    game = versions[-1]
    if not command.practice and game.duration_s == 0:
        return Reason.MATCH_ENDLESS, 0
    if not command.practice:
        reason = check_prize_funds(state, game)
        if reason is not Reason.ACCEPTED:
            return reason, 0

    players = int(state.book.world[0]["players"])
    ensure_capacity_for_match(state, len(game.allowed_symbols))
    ensure_capacity_for_seats(state, players + 1 if command.practice else 0)
    book = state.book
    book.world[0]["matches"] += 1
    match_id = int(book.world[0]["matches"])
    assert match_id <= MAX_ID
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
        reserve_prize(state, match_id, game, emit)
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
    _copy_challenge_rules(state, match_id, game)
    emit(EventKind.MATCH_CREATED, match=match_id)
    match["status"] = MATCH_WAITING
    if not match["min_players"]:
        _open_match(state, match_id)
    if command.practice:
        open_seats(state, range(1, players + 1), match_id, emit)
    return Reason.ACCEPTED, match_id


def _copy_challenge_rules(state: State, match_id: int, game: CreateGame) -> None:
    """Copy the game's challenge rules to the match, ppm as money, rounded up (so that floors round down)."""
    book = state.book
    match = book.matches[match_id]
    for symbol in game.allowed_symbols:
        instrument = next(id for id, data in state.cold.instruments.items() if data.symbol == symbol)
        key = allowed_key(match_id, instrument)
        if not find(book.allowed_index, key):
            insert(book.allowed_index, key, 1)
    match["restricted"] = bool(game.allowed_symbols)
    match["allowed_side"] = game.directions
    match["no_hedging"] = not _allows_hedging(game, bool(match["practice"]))
    match["trades_per_minute"] = game.max_trades_per_minute
    match["min_trades"] = game.min_trades
    match["min_hold_ns"] = game.min_hold_s * NS_PER_S
    match["daily_drawdown"] = ppm_ceil(game.starting_balance, game.max_daily_drawdown_ppm)
    match["daily_anchor"] = game.daily_anchor
    match["day_zone"] = zone_named(state, game.day_zone)
    match["day_start_s"] = 60 * game.day_start_min
    match["total_drawdown"] = ppm_ceil(game.starting_balance, game.max_total_drawdown_ppm)
    match["total_mode"] = game.total_drawdown if game.max_total_drawdown_ppm else TotalDrawdown.STATIC
    match["loss_per_trade"] = ppm_ceil(game.starting_balance, game.max_loss_per_trade_ppm)
    match["loss_disqualifies"] = game.loss_disqualifies
    if game.profit_target_ppm:
        match["profit_target"] = game.starting_balance + ppm_ceil(game.starting_balance, game.profit_target_ppm)
    match["target_ends"] = game.target_ends
    rules = ("daily_drawdown", "total_drawdown", "loss_per_trade", "profit_target")
    match["watched"] = any(match[rule] for rule in rules)


def _allows_hedging(game: CreateGame, practice: bool) -> bool:
    """By default a match that costs nothing does: who straddles a known gap there takes it from nobody."""
    if game.allow_hedging is None:
        return practice or game.entry_fee == 0
    return game.allow_hedging


def _open_match(state: State, match_id: int) -> None:
    """Open the match for trading: start its end timer, equity samples, trading day and outage timer."""
    book = state.book
    match = book.matches[match_id]
    now_ns = int(book.world[0]["now_ns"])
    schedule_match(book, match_id, 0)
    match["status"] = MATCH_OPEN
    match["starts_at_ns"] = now_ns
    if not match["practice"]:
        duration_s = rules_of_match(state, match_id).duration_s
        schedule_match(book, match_id, now_ns + duration_s * NS_PER_S)
        match["sample_ns"] = max(NS_PER_S, duration_s * NS_PER_S // EQUITY_SAMPLES)
        start_sampling(book, match_id)
    if match["daily_drawdown"] or match["total_drawdown"]:
        set_day_timer(book, match_id)
    if match["outage_ns"]:
        start_outage_timer(book, match_id, now_ns)


def start_match(state: State, command: StartMatch, emit: Emit) -> tuple[Reason, int]:
    """Start a match that waits, right after this command; returns its id."""
    reason = _check_waiting(state, command.match)
    if reason is Reason.ACCEPTED and not state.book.matches[command.match]["seats"]:
        reason = Reason.MATCH_EMPTY
    if reason is not Reason.ACCEPTED:
        return reason, 0
    ensure_capacity_for_match(state, 0)
    schedule_match_now(state.book, command.match)
    return Reason.ACCEPTED, command.match


def cancel_match(state: State, command: CancelMatch, emit: Emit) -> tuple[Reason, int]:
    """Cancel a match that waits; returns its id."""
    reason = _check_waiting(state, command.match)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    schedule_match(state.book, command.match, 0)
    _cancel_and_refund(state, command.match, Reason.CALLED_OFF, emit)
    return Reason.ACCEPTED, command.match


def _cancel_and_refund(state: State, match_id: int, reason: Reason, emit: Emit) -> None:
    """Cancel the match: refund all entry fees, release the reserve, notify players; there is no ranking."""
    state.book.matches[match_id]["status"] = MATCH_CANCELED
    release_reserve(state, match_id, emit)
    refund_entry_fees(state, match_id, players_of_seats(state, seats_in_join_order(state, match_id)), emit)
    emit_to_all(state, match_id, EventKind.MATCH_CANCELED, emit, reason=reason)


def archive_match(state: State, command: ArchiveMatch, emit: Emit) -> tuple[Reason, int]:
    """Archive a match that is over; returns its id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if book.matches[command.match]["status"] not in (MATCH_CLOSED, MATCH_CANCELED):
        return Reason.MATCH_NOT_OVER, 0
    book.matches[command.match]["status"] = MATCH_ARCHIVED
    emit(EventKind.MATCH_ARCHIVED, match=command.match)
    return Reason.ACCEPTED, command.match


def _check_waiting(state: State, match_id: int) -> Reason:
    if not 1 <= match_id <= int(state.book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND
    if state.book.matches[match_id]["status"] != MATCH_WAITING:
        return Reason.MATCH_NOT_WAITING
    return Reason.ACCEPTED


def emit_to_all(
    state: State, match_id: int, kind: EventKind, emit: Emit, reason: Reason = Reason.ACCEPTED, ends_at_ns: int = 0
) -> None:
    """Emit to each of its players in join order, and then publicly."""
    recipients = for_kernels(np.append(players_of_seats(state, seats_in_join_order(state, match_id)), 0))
    call_until_done(
        state, emit, emit_to_players, len(recipients), recipients, match_id, kind.value, reason.value, ends_at_ns
    )


def end_match(state: State, command: EndMatch, emit: Emit) -> tuple[Reason, int]:
    """End an open match early, or void it; it is settled right after this command. Returns its id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if book.matches[command.match]["status"] != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN, 0

    ensure_capacity_for_match(state, 0)
    state.book.matches[command.match]["ended_early"] = 1
    if command.void:
        state.book.matches[command.match]["void"] = Reason.CALLED_OFF
    schedule_match_now(state.book, command.match)
    return Reason.ACCEPTED, command.match


def advance_match(state: State, match_id: int, emit: Emit) -> None:
    """Serve the match's timer: start it when it waits, else (it is settled) rank or cancel it."""
    match = state.book.matches[match_id]
    if match["status"] == MATCH_WAITING:
        ensure_capacity_for_match(state, 0)
        _open_match(state, match_id)
        emit_to_all(state, match_id, EventKind.MATCH_STARTED, emit)
    elif match["void"]:
        _cancel_and_refund(state, match_id, Reason(int(match["void"])), emit)
    else:
        _finish(state, match_id, emit)


def _finish(state: State, match_id: int, emit: Emit) -> None:
    """Rank the seats, pay prizes and bonuses, update careers."""
    book = state.book
    game = rules_of_match(state, match_id)
    rows, eligible = rank_seats(state, match_id, game.ranks_by_trades)
    amounts = [] if book.matches[match_id]["practice"] else prize_amounts(game, len(rows), eligible)
    call_until_done(state, emit, finish_seats, len(rows), rows, match_id, for_kernels(np.array(amounts, np.int64)))
    emit(EventKind.MATCH_FINISHED, match=match_id)
    players = players_of_seats(state, rows)
    settle_escrow(state, match_id, players, eligible, emit)
    pay_match_bonuses(state, match_id, rows, eligible, emit)
    update_careers(state, match_id, players, eligible, emit)
