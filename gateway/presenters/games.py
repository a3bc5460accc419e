"""Games as clients see them."""

from __future__ import annotations

from engine.model.commands import Asset, CreateGame
from engine.model.state import Game
from gateway.core.zones import UTC_NAME
from gateway.presenters.decimals import asset_text, money_text, percent_text
from gateway.presenters.hours import time_text
from gateway.presenters.names import ANCHORS, DIRECTION_LIMITS, TOTAL_DRAWDOWNS
from gateway.protocol import games as protocol


def game_answer(id: int, game: Game) -> protocol.Game[str]:
    """What create_game_of would make the same rules of."""
    rules = game.rules
    return protocol.Game(
        game=id,
        version=len(game.versions),
        active=game.active,
        title=rules.title,
        description=rules.description,
        starting_balance=money_text(rules.starting_balance),
        max_positions=rules.max_positions,
        max_leverage=rules.max_leverage,
        fees=rules.fees,
        execution=rules.execution.value,
        speed_bump_ms=rules.speed_bump_ms,
        allowed_symbols=rules.allowed_symbols,
        allowed_directions=DIRECTION_LIMITS[rules.directions],
        max_trades_per_minute=rules.max_trades_per_minute,
        min_trades=rules.min_trades,
        min_hold_s=rules.min_hold_s,
        max_daily_drawdown_pct=percent_text(rules.max_daily_drawdown_ppm),
        daily_anchor=ANCHORS[rules.daily_anchor],
        max_total_drawdown_pct=percent_text(rules.max_total_drawdown_ppm),
        total_drawdown=TOTAL_DRAWDOWNS[rules.total_drawdown],
        max_loss_per_trade_pct=percent_text(rules.max_loss_per_trade_ppm),
        loss_per_trade="disqualify" if rules.loss_disqualifies else "close",
        profit_target_pct=percent_text(rules.profit_target_ppm),
        profit_target="ends" if rules.target_ends else "locks",
        min_players=rules.min_players,
        max_players=rules.max_players,
        countdown_s=rules.countdown_s,
        duration_s=rules.duration_s,
        currency=rules.currency,  # type: ignore[arg-type]
        entry_fee=_native_text(rules, rules.entry_fee),
        reward_price=_native_text(rules, rules.reward_price),
        house_fee_pct=percent_text(rules.house_fee_ppm),
        prize_split=rules.prize_split,
        nobody_wins="keep" if rules.keeps_fees else "refund",
        ranks_by_trades=rules.ranks_by_trades,
        queue_timeout_s=rules.queue_timeout_s,
        outage_s=rules.outage_s,
        outage="extend" if rules.outage_extends else "void",
        cover=rules.cover,
        cup=rules.cup,
        win_exp=rules.win_exp,
        lose_exp=rules.lose_exp,
        item_rewards=dict(rules.item_rewards),
        allow_hedging=rules.allow_hedging,
        day_zone=rules.day_zone or UTC_NAME,
        day_start=time_text(rules.day_start_min),
    )


def _native_text(rules: CreateGame, units: int) -> str:
    if not units:
        return "0"
    return asset_text(units, Asset[rules.currency] if rules.currency else 0)
