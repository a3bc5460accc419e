"""Challenge rules as people read them: percents as decimal text, names for modes.

The same names stand in config.toml and in the answers about a match.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine.model.commands import Anchor, Directions, TotalDrawdown
from engine.model.scale import NS_PER_S
from engine.model.state import Cold
from engine.views import Rules
from gateway.presenters.decimals import percent_text

DIRECTIONS: Final = {each.value: each.name.lower() for each in Directions}
ANCHORS: Final = {each.value: each.name.lower() for each in Anchor}
TOTAL_DRAWDOWNS: Final = {each.value: each.name.lower() for each in TotalDrawdown}


class RulesAnswer(Struct, frozen=True, omit_defaults=True):
    """The challenge rules that a match has; what is left out is no rule. Percents are of the starting balance."""

    allowed_symbols: list[str] | None = None
    allowed_directions: str | None = None
    max_trades_per_minute: int | None = None
    min_trades: int | None = None  # closed, and held for min_hold_s, to be ranked for a prize
    min_hold_s: int | None = None
    max_daily_drawdown_pct: str | None = None
    daily_anchor: str | None = None
    max_total_drawdown_pct: str | None = None
    total_drawdown: str | None = None
    max_loss_per_trade_pct: str | None = None
    loss_per_trade: str | None = None
    profit_target_pct: str | None = None
    profit_target: str | None = None


def rules_answer(cold: Cold, rules: Rules) -> RulesAnswer:
    def percent(ppm: int) -> str | None:
        return percent_text(ppm) if ppm else None

    return RulesAnswer(
        [cold.instruments[id].symbol for id in rules.allowed] or None,
        DIRECTIONS[rules.allowed_side] if rules.allowed_side else None,
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
    )
