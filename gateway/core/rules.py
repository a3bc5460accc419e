"""Challenge rules as people write and read them: percents as decimal text, names for modes.

The same names stand in config.toml and in the answers about a match.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from engine.model.commands import Anchor, Directions, TotalDrawdown
from engine.model.scale import NS_PER_S, PPM, format_decimal, parse_decimal
from engine.model.state import Cold
from engine.views import Rules

DirectionsName = Literal["both", "long_only", "short_only"]
AnchorName = Literal["balance", "equity", "higher"]
TotalDrawdownName = Literal["static", "trailing", "trailing_lock"]
LossPerTrade = Literal["close", "disqualify"]
ProfitTarget = Literal["locks", "ends"]

DIRECTIONS: Final = {each.value: each.name.lower() for each in Directions}
ANCHORS: Final = {each.value: each.name.lower() for each in Anchor}
TOTAL_DRAWDOWNS: Final = {each.value: each.name.lower() for each in TotalDrawdown}

_PERCENT_DECIMALS: Final = 4
assert 100 * 10**_PERCENT_DECIMALS == PPM


def parse_percent(text: str) -> int:
    """The ppm that a percent as decimal text is: "2.5" is 25,000. Raises ValueError."""
    return parse_decimal(text, _PERCENT_DECIMALS)


def percent_text(ppm: int) -> str:
    """The percent as decimal text, as short as it can be: 50,000 ppm is "5"."""
    return format_decimal(ppm, _PERCENT_DECIMALS).rstrip("0").rstrip(".")


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
