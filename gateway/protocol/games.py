"""Games: the templates of matches, as operators define them and players see them."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal

from msgspec import Meta, Struct

from engine.model.bounds import (
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
from gateway.protocol.scalars import (
    AnchorName,
    Arguments,
    D,
    DirectionsName,
    ExecutionName,
    Id,
    LossPerTrade,
    OutageName,
    ProfitTarget,
    TotalDrawdownName,
)

Count = Annotated[int, Meta(ge=1)]
Cups = Annotated[int, Meta(ge=0, le=MOST_CUPS)]
Items = Annotated[dict[str, Annotated[int, Meta(ge=1, le=MOST_OF_AN_ITEM)]], Meta(max_length=MOST_ITEM_REWARDS)]
"""How many of which, by the name of the asset."""


class OfGame(Arguments, frozen=True):
    game: Id


class ActivateGame(Arguments, frozen=True):
    """Whether new matches of it may be made, and players see it."""

    game: Id
    active: bool


TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]

_BALANCE: Any = "10000"
_NONE: Any = "0"


class GameFields(Struct, Generic[D], frozen=True):
    """What a game is. Percents are of the starting balance (of the entry fees: the house's); "0", 0 or nothing is no
    such rule. `allow_hedging`, left out, is true where there is no entry fee, and in practice. A day of the daily
    drawdown begins at `day_start` by the clock of `day_zone`."""

    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    description: Annotated[str, Meta(max_length=LONGEST_DESCRIPTION)] = ""
    starting_balance: D = _BALANCE
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
    max_daily_drawdown_pct: D = _NONE
    daily_anchor: AnchorName = "balance"
    max_total_drawdown_pct: D = _NONE
    total_drawdown: TotalDrawdownName = "static"
    max_loss_per_trade_pct: D = _NONE
    loss_per_trade: LossPerTrade = "close"
    profit_target_pct: D = _NONE
    profit_target: ProfitTarget = "locks"
    min_players: Annotated[int, Meta(ge=0, le=MOST_PLAYERS)] = 0
    max_players: Annotated[int, Meta(ge=0, le=MOST_PLAYERS)] = 0
    countdown_s: Annotated[int, Meta(ge=0, le=LONGEST_COUNTDOWN_S)] = 0
    duration_s: Annotated[int, Meta(ge=0, le=LONGEST_MATCH_S)] = 0
    currency: Literal["", "USDT", "USDC", "SOL", "BT", "DEMO"] = ""
    entry_fee: D = _NONE
    reward_price: D = _NONE
    house_fee_pct: D = _NONE
    prize_split: Annotated[tuple[Annotated[int, Meta(ge=1, le=100)], ...], Meta(max_length=100)] = ()
    nobody_wins: Literal["refund", "keep"] = "refund"
    ranks_by_trades: bool = True
    queue_timeout_s: Annotated[int, Meta(ge=0, le=LONGEST_QUEUE_S)] = 300
    outage_s: Annotated[int, Meta(ge=0, le=LONGEST_OUTAGE_S)] = 60
    outage: OutageName = "void"
    cover: Annotated[str, Meta(max_length=LONGEST_COVER)] = ""
    cup: Cups = 0
    win_exp: Cups = 0
    lose_exp: Cups = 0
    item_rewards: Items = {}
    allow_hedging: bool | None = None
    day_zone: str = "UTC"
    day_start: TimeOfDay = "00:00"


class GameSpec(GameFields[str], frozen=True, forbid_unknown_fields=True):
    """A game as operators define it: [[games]] in config.toml, and arguments of admin.create_game."""


class GameUpdate(GameSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a game anew: what is left out is as in a new one."""

    game: Id


class Game(GameFields[D], Generic[D], frozen=True, kw_only=True):
    """A game as its latest version says, in the very fields that admin.update_game takes."""

    game: int
    version: int  # counts its updates, from 1
    active: bool  # new matches of it may be made, and players see it
