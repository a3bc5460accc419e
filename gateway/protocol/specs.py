"""What operators define: instruments, games, offers and the terms of referrals.

The same data are sections of config.toml and arguments of admin ops. Prices, quantities and money are decimal strings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.model.bounds import (
    HIGHEST_PAYOUT_PERCENT,
    LONGEST_BUMP_MS,
    LONGEST_COUNTDOWN_S,
    LONGEST_COVER,
    LONGEST_DESCRIPTION,
    LONGEST_MATCH_S,
    LONGEST_OUTAGE_S,
    LONGEST_QUEUE_S,
    LONGEST_TITLE,
    MOST_CUPS,
    MOST_ITEM_REWARDS,
    MOST_OF_AN_ITEM,
    MOST_PLAYERS,
)
from engine.model.scale import PPM
from gateway.protocol.arguments import AssetName, ItemName

Ppm = Annotated[int, Meta(ge=0, le=PPM)]
Count = Annotated[int, Meta(ge=1)]
Cups = Annotated[int, Meta(ge=0, le=MOST_CUPS)]
Items = Annotated[dict[str, Annotated[int, Meta(ge=1, le=MOST_OF_AN_ITEM)]], Meta(max_length=MOST_ITEM_REWARDS)]
"""How many of which, by the name of the asset."""

ExecutionName = Literal["last", "next"]
DirectionsName = Literal["both", "long_only", "short_only"]
AnchorName = Literal["balance", "equity", "higher"]
TotalDrawdownName = Literal["static", "trailing", "trailing_lock"]
LossPerTrade = Literal["close", "disqualify"]
ProfitTarget = Literal["locks", "ends"]


class BracketSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a margin table. The last one has no cap. The cumulative amounts follow from the steps."""

    maintenance_ppm: Ppm
    max_leverage: Count
    notional_cap: str = ""


class InstrumentSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument."""

    symbol: str
    name: str
    base: str
    tick_size: str
    lot_size: str
    min_quantity: str
    max_quantity: str
    highest_price: str
    max_leverage: Count
    brackets: tuple[BracketSpec, ...]
    quote: str = "USDT"
    min_notional: str = "5"
    taker_fee_ppm: Ppm = 500
    maker_fee_ppm: Ppm = 200
    max_spread_ppm: Ppm = 10_000
    markup_ticks: Annotated[int, Meta(ge=0)] = 0
    quote_lifetime_ms: Count = 2_000
    hours: tuple[str, ...] = ()  # weekly, UTC, such as "mon 00:00 - fri 22:00"; none: always open
    fixed_payout_percent: Annotated[int, Meta(ge=0, le=HIGHEST_PAYOUT_PERCENT)] = 80
    fixed_min_stake: str = "1"
    fixed_max_stake: str = "1000"
    fixed_min_s: Count = 5
    fixed_max_s: Count = 86_400
    fixed_exposure_cap: str = "1000000"
    fixed_wallets: tuple[Literal["DEMO", "USDT", "USDC"], ...] = ("DEMO",)


class GameSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """A game.

    Percents are decimal strings, of the starting balance (of the entry fees: the house's); "0", 0 or nothing is no such
    rule.
    """

    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    description: Annotated[str, Meta(max_length=LONGEST_DESCRIPTION)] = ""
    starting_balance: str = "10000"
    max_positions: Count = 100
    max_leverage: Count = 125
    fees: bool = True
    execution: ExecutionName = "last"
    speed_bump_ms: Annotated[int, Meta(ge=0, le=LONGEST_BUMP_MS)] = 250
    allowed_symbols: tuple[str, ...] = ()
    allowed_directions: DirectionsName = "both"
    max_trades_per_minute: Annotated[int, Meta(ge=0, le=60)] = 0
    min_trades: Annotated[int, Meta(ge=0, le=100_000)] = 0
    min_hold_s: Annotated[int, Meta(ge=0, le=86_400)] = 0
    max_daily_drawdown_pct: str = "0"
    daily_anchor: AnchorName = "balance"
    max_total_drawdown_pct: str = "0"
    total_drawdown: TotalDrawdownName = "static"
    max_loss_per_trade_pct: str = "0"
    loss_per_trade: LossPerTrade = "close"
    profit_target_pct: str = "0"
    profit_target: ProfitTarget = "locks"
    min_players: Annotated[int, Meta(ge=0, le=MOST_PLAYERS)] = 0
    max_players: Annotated[int, Meta(ge=0, le=MOST_PLAYERS)] = 0
    countdown_s: Annotated[int, Meta(ge=0, le=LONGEST_COUNTDOWN_S)] = 0
    duration_s: Annotated[int, Meta(ge=0, le=LONGEST_MATCH_S)] = 0
    currency: Literal["", "USDT", "USDC", "SOL", "BT", "DEMO"] = ""
    entry_fee: str = "0"
    reward_price: str = "0"
    house_fee_pct: str = "0"
    prize_split: Annotated[tuple[Annotated[int, Meta(ge=1, le=100)], ...], Meta(max_length=100)] = ()
    nobody_wins: Literal["refund", "keep"] = "refund"
    ranks_by_trades: bool = True
    queue_timeout_s: Annotated[int, Meta(ge=0, le=LONGEST_QUEUE_S)] = 300
    outage_s: Annotated[int, Meta(ge=0, le=LONGEST_OUTAGE_S)] = 60
    outage: Literal["void", "extend"] = "void"
    cover: Annotated[str, Meta(max_length=LONGEST_COVER)] = ""
    cup: Cups = 0
    win_exp: Cups = 0
    lose_exp: Cups = 0
    item_rewards: Items = {}


class GameUpdate(GameSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a game anew: what is left out is as in a new one."""

    game: Annotated[int, Meta(ge=0, le=2**53)]


class ReferralTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of referrals; a bonus of "0" is none."""

    asset: AssetName = "BT"
    referrer_bonus: str = "10"
    referred_bonus: str = "10"
    at: Literal["sign_up", "first_paid_match"] = "first_paid_match"


class OfferSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An item, and what one costs."""

    item: ItemName
    price: str
    asset: AssetName = "BT"
    title: Annotated[str, Meta(max_length=100)] = ""
    active: bool = True
