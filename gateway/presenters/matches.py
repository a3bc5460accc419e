"""Matches, their money and rules, and queues, as clients see them."""

from __future__ import annotations

from typing import Final

from engine import views
from engine.model.commands import Asset, CreateGame
from engine.model.events import Rule
from engine.model.scale import NS_PER_MS, NS_PER_S
from engine.model.state import Cold, State
from engine.views import MatchView
from gateway.core.zones import UTC_NAME
from gateway.presenters.decimals import asset_text, money_text, percent_text
from gateway.presenters.events import Event, Queued, Ranked, Timed
from gateway.presenters.hours import time_text
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import (
    ANCHORS,
    DIRECTION_LIMITS,
    MATCH_STATUSES,
    REASONS,
    TOTAL_DRAWDOWNS,
    disqualified_by,
)
from gateway.protocol.matches import (
    CanceledEvent,
    FinishedEvent,
    Match,
    MatchMoney,
    MatchRef,
    QueueEvent,
    QueuePlace,
    ResumedEvent,
    Rules,
)
from gateway.protocol.seats import Seat

STATUS_NUMBERS: Final = {name: status for status, name in MATCH_STATUSES.items()}


def match_answer(cold: Cold, match: MatchView, seat: Seat[str] | None = None) -> Match[str]:
    game = cold.games[match.game].version(match.game_version)
    return Match(
        match.match,
        match.game,
        game.title,
        game.description,
        MATCH_STATUSES[match.status],
        match.practice,
        match.fees,
        "next" if match.next_quote else "last",
        match.speed_bump_ns // NS_PER_MS,
        money_text(match.starting_balance),
        match.max_positions,
        match.max_leverage,
        match.seats,
        rules_answer(cold, match.rules),
        match.game_version,
        match.min_players or None,
        match.max_players or None,
        bool(cold.matches[match.match].code),
        match.starts_at_ns // NS_PER_MS or None,
        match.ends_at_ns // NS_PER_MS or None,
        money_answer(game),
        seat,
        match.outage_ns // NS_PER_S or None,
        ("extend" if match.outage_extends else "void") if match.outage_ns else None,
        match.paused,
        game.cover or None,
        game.cup,
        game.win_exp,
        game.lose_exp,
    )


def money_answer(game: CreateGame) -> MatchMoney[str] | None:
    """None when there is nothing to pay and nothing to win."""
    if not game.entry_fee and not game.reward_price and not game.item_rewards:
        return None
    asset = Asset[game.currency].value if game.currency else 0
    return MatchMoney(
        game.currency or None,
        asset_text(game.entry_fee, asset) if game.entry_fee else None,
        percent_text(game.house_fee_ppm) if game.house_fee_ppm else None,
        list(game.prize_split) or None,
        asset_text(game.reward_price, asset) if game.reward_price else None,
        dict(game.item_rewards),
    )


def rules_answer(cold: Cold, rules: views.Rules) -> Rules[str]:
    def percent(ppm: int) -> str | None:
        return percent_text(ppm) if ppm else None

    return Rules(
        [cold.instruments[id].symbol for id in rules.allowed] or None,
        DIRECTION_LIMITS[rules.allowed_side] if rules.allowed_side else None,
        rules.trades_per_minute or None,
        rules.min_trades or None,
        rules.min_hold_ns // NS_PER_S or None,
        percent(rules.daily_drawdown_ppm),
        ANCHORS[rules.daily_anchor] if rules.daily_drawdown_ppm else None,
        percent(rules.total_drawdown_ppm),
        TOTAL_DRAWDOWNS[rules.total_mode] if rules.total_drawdown_ppm else None,
        percent(rules.loss_per_trade_ppm),
        ("disqualify" if rules.loss_disqualifies else "close") if rules.loss_per_trade_ppm else None,
        percent(rules.profit_target_ppm),
        ("ends" if rules.target_ends else "locks") if rules.profit_target_ppm else None,
        rules.hedging,
        "net_equity" if rules.profit_target_ppm else None,
        _zone_text(cold, rules.day_zone) if rules.daily_drawdown_ppm else None,
        time_text(rules.day_start_s // 60) if rules.daily_drawdown_ppm else None,
    )


def _zone_text(cold: Cold, row: int) -> str:
    return cold.zones[row].name if row else UTC_NAME


def queue_answers(state: State, player: int) -> list[QueuePlace]:
    """Those in which the player waits."""
    return [
        QueuePlace(queue.game, queue.place, queue.until_ns // NS_PER_MS or None)
        for queue in views.queues_of(state, player)
    ]


# Events


def match_ref(event: Event, instrument: Instrument | None) -> MatchRef:
    return MatchRef(event.match)


def canceled_event(event: Event, instrument: Instrument | None) -> CanceledEvent:
    return CanceledEvent(event.match, REASONS[event.reason])


def resumed_event(event: Timed, instrument: Instrument | None) -> ResumedEvent:
    return ResumedEvent(event.match, event.ends_at_ns // NS_PER_MS)


def finished_event(event: Ranked, instrument: Instrument | None) -> FinishedEvent[str]:
    return FinishedEvent(
        event.match,
        event.rank,
        event.seats,
        money_text(event.balance),
        asset_text(event.prize, event.asset),
        money_text(event.starting_balance),
        money_text(event.profit),
        money_text(event.fees),
        money_text(event.profit - event.fees),
        money_text(event.max_drawdown),
        event.trades,
        event.wins,
        disqualified_by(event.rule),
        event.rule == Rule.PROFIT_TARGET,
    )


def queue_event(event: Queued, instrument: Instrument | None) -> QueueEvent:
    reason = REASONS[event.reason] if event.reason else None
    return QueueEvent(event.game, event.until_ns // NS_PER_MS or None, reason)
