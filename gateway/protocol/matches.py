"""Matches and the queues for them: what ops take, answers, events of the private channel and of rooms."""

from __future__ import annotations

from typing import Annotated, Generic, Literal

from msgspec import Meta, Struct

from gateway.protocol.scalars import (
    AnchorName,
    Arguments,
    D,
    DirectionsName,
    ExecutionName,
    Id,
    JoinCode,
    LossPerTrade,
    MatchStatus,
    OpenId,
    OutageName,
    ProfitTarget,
    TotalDrawdownName,
    Why,
)
from gateway.protocol.seats import Seat


class MatchList(Arguments, frozen=True):
    """Of one status, or all but the archived ones: the latest `limit`, or those before match `before`."""

    status: MatchStatus | None = None
    game: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53


class OfMatch(Arguments, frozen=True):
    match: Id


class JoinMatch(Arguments, frozen=True):
    match: Id
    code: JoinCode = ""


class CreateMatch(Arguments, frozen=True):
    """A practice match is open for all players and has no end; another one lasts as long as its game says."""

    game: Id
    practice: bool = False
    code: JoinCode = ""  # who joins must know it


class CancelMatch(Arguments, frozen=True):
    match: Id
    reason: Why


class EndMatch(Arguments, frozen=True):
    """As if its time had come; or (`void`) rank nobody, and give every fee back. `evidence` is the `seq` of what was
    wrong, such as a tick."""

    match: Id
    reason: Why
    void: bool = False
    evidence: OpenId | None = None


class Rules(Struct, Generic[D], frozen=True, omit_defaults=True):
    """The challenge rules that a match has; what is left out is no rule. Percents are of the starting balance."""

    allowed_symbols: list[str] | None = None
    allowed_directions: DirectionsName | None = None
    max_trades_per_minute: int | None = None
    min_trades: int | None = None  # closed, and held for min_hold_s, to be ranked for a prize
    min_hold_s: int | None = None
    max_daily_drawdown_pct: D | None = None
    daily_anchor: AnchorName | None = None
    max_total_drawdown_pct: D | None = None
    total_drawdown: TotalDrawdownName | None = None
    max_loss_per_trade_pct: D | None = None
    loss_per_trade: LossPerTrade | None = None
    profit_target_pct: D | None = None
    profit_target: ProfitTarget | None = None
    allow_hedging: bool = True  # a seat may be long and short in one instrument
    profit_target_measure: Literal["net_equity"] | None = None  # less stakes and closing fees
    day_zone: str | None = None  # by whose clock a day of the daily drawdown begins
    day_start: str | None = None  # such as "17:00"


class MatchMoney(Struct, Generic[D], frozen=True, omit_defaults=True):
    """What a match costs and pays, in `currency`; without one, prizes are only named. The house's fee is a percent of
    the entry fees; the rest is split among the first ranks by `prize_split`, or the first one wins the reward."""

    currency: str | None = None
    entry_fee: D | None = None
    house_fee_pct: D | None = None
    prize_split: list[int] | None = None
    reward_price: D | None = None
    item_rewards: dict[str, int] = {}  # that the winner gets, by asset


class Match(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A match as match.list shows it; with the seat of the player who asks for this one by its id."""

    match: int
    game: int
    title: str
    description: str
    status: MatchStatus
    practice: bool
    fees: bool
    execution: ExecutionName
    speed_bump_ms: int
    starting_balance: D
    max_positions: int
    max_leverage: int
    players: int
    rules: Rules[D]
    game_version: int
    min_players: int | None = None  # it waits for so many
    max_players: int | None = None
    private: bool = False  # it asks for a code
    starts_at: int | None = None  # ms; when enough have joined; of one that has begun, when it did
    ends_at: int | None = None  # ms; None: never
    money: MatchMoney[D] | None = None
    seat: Seat[D] | None = None
    outage_s: int | None = None  # for how long it goes on without prices
    outage: OutageName | None = None  # then: "void" calls it off, "extend" pauses it and moves its end
    paused: bool = False
    cover: str | None = None
    cup: int = 0  # cups that the winner gains, and the others lose
    win_exp: int = 0
    lose_exp: int = 0


class MatchRef(Struct, frozen=True, gc=False):
    """The match that the player has joined, left or begun anew; of an event, the match it is about."""

    match: int


class QueueRef(Struct, frozen=True):
    """The game whose queue the player has joined or left."""

    game: int


class QueuePlace(Struct, frozen=True, omit_defaults=True):
    """Where the player stands in the queue of a game, and until when (ms) at most; None: however long it takes."""

    game: int
    place: int
    until: int | None = None


# Events of the private channel


class CanceledEvent(Struct, frozen=True, gc=False):
    """A match was called off, for the `reason`: OUTAGE or CALLED_OFF. Every entry fee came back."""

    match: int
    reason: str


class ResumedEvent(Struct, frozen=True, gc=False):
    """The prices are back: the match goes on, and ends later."""

    match: int
    ends_at: int  # ms


class FinishedEvent(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """How a match ended for the player: `rank` of so many `players`, by the final `balance`. `out` is the rule that
    has disqualified the seat; `locked`: it has reached the profit target."""

    match: int
    rank: int
    players: int
    balance: D
    prize: D
    starting_balance: D
    profit: D
    fees: D
    net: D
    max_drawdown: D
    trades: int
    wins: int
    out: str | None = None
    locked: bool = False


class QueueEvent(Struct, frozen=True, gc=False, omit_defaults=True):
    """The player has come to the queue of a game, and waits `until` (ms) then at most; or has left it without a seat,
    for the `reason` if it was not asked for."""

    game: int
    until: int | None = None
    reason: str | None = None


# Events of rooms and of `sys`


class RoomEvent(Struct, frozen=True, omit_defaults=True):
    """A match that is watched, after the commands that were applied together with the one at `seq`; `player` came or
    went."""

    match: int
    status: MatchStatus
    players: int
    starts_at: int | None = None  # ms; or when it began; None: not known yet
    ends_at: int | None = None  # ms; None: never, or it has not begun
    player: int | None = None
    name: str | None = None


class MatchCreated(Struct, frozen=True):
    match: int
    game: int
