"""Instruments, as operators define them and clients see them; quotes, candles and kill switches."""

from __future__ import annotations

import re
from typing import Annotated, Final, Generic, Literal

from msgspec import Meta, Struct, field

from engine.model.bounds import HIGHEST_PAYOUT_PERCENT
from engine.model.scale import PPM
from gateway.protocol.scalars import Amount, Arguments, D, Id, Interval, Milliseconds, Symbol, Why

SYMBOL_RULE: Final = "1 to 32 capital letters, digits, - or _, such as BTCUSDT"
_SYMBOL: Final = re.compile(r"[A-Z0-9_-]{1,32}")
"""No dots: they part the names of channels."""


def is_symbol(text: str) -> bool:
    """Can an instrument be called so?"""
    return _SYMBOL.fullmatch(text) is not None


Ppm = Annotated[int, Meta(ge=0, le=PPM)]
Count = Annotated[int, Meta(ge=1)]


class QuoteOf(Arguments, frozen=True):
    symbol: Symbol


class QuotesOf(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET quotes: one symbol, or all."""

    symbol: Symbol | None = None


class CandlesOf(Arguments, frozen=True):
    """The latest that opened before `until`, or before `to`, which is the same; with `from`, the first that opened then
    or later."""

    symbol: Symbol
    interval: Interval
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    until: Milliseconds | None = None
    from_: Milliseconds | None = field(default=None, name="from")
    to: Milliseconds | None = None


class TickersOf(Arguments, frozen=True):
    """Of one symbol, or of all."""

    symbol: Symbol | None = None


class BracketSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a margin table. The last one has no cap. The cumulative amounts follow from the steps."""

    maintenance_ppm: Ppm
    max_leverage: Count
    notional_cap: str = ""


class InstrumentSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument as operators define it, in [[instruments]] of config.toml and in admin.define_instrument. Prices,
    quantities and money are decimal strings."""

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
    hours: tuple[str, ...] = ()  # weekly, such as "mon 00:00 - fri 22:00"; none: always open
    fixed_payout_percent: Annotated[int, Meta(ge=0, le=HIGHEST_PAYOUT_PERCENT)] = 80
    fixed_min_stake: str = "1"
    fixed_max_stake: str = "1000"
    fixed_min_s: Count = 5
    fixed_max_s: Count = 86_400
    fixed_exposure_cap: str = "1000000"
    fixed_wallets: tuple[Literal["DEMO", "USDT", "USDC"], ...] = ("DEMO",)
    zone: str = "UTC"  # of the hours, such as "America/New_York"


class Bracket(Struct, Generic[D], frozen=True, omit_defaults=True):
    """One step of an instrument's margin table; the last one has no cap."""

    maintenance_rate: D
    max_leverage: int
    maintenance_amount: D
    notional_cap: D | None = None


class FixedTerms(Struct, Generic[D], frozen=True):
    """On what terms fixed-time trades are offered; the payout in percent of the stake, durations in seconds. From
    `wallets` they may be staked as well, in all of them on these terms."""

    payout: int
    min_stake: D
    max_stake: D
    min_duration: int
    max_duration: int
    wallets: list[str]
    exposure_cap: D | None = None  # most open stakes of a direction and expiry minute, over all players


class Instrument(Struct, Generic[D], frozen=True):
    """Fees are fractions of the notional."""

    symbol: str
    name: str
    type: str
    base: str
    quote: str
    tick_size: D
    lot_size: D
    min_quantity: D
    max_quantity: D
    min_notional: D
    max_leverage: int
    taker_fee: D
    maker_fee: D
    markup: D
    enabled: bool
    locked: bool
    halted: bool
    close_only: bool
    brackets: list[Bracket[D]]
    hours: list[str]  # such as "mon 00:00 - fri 22:00"; none: always open
    zone: str  # of the hours
    highest_price: D
    max_spread: D  # as a fraction of the bid; a quote with a wider one is none
    quote_lifetime_ms: int
    fixed: FixedTerms[D] | None = None


class Quote(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """Prices are None before the first one; `stale` says whether it is too old to open on. `last` is the last trade."""

    symbol: str
    bid: D | None
    ask: D | None
    last: D | None
    at: int  # ms
    stale: bool | None = None


class Candle(Struct, Generic[D], frozen=True, gc=False, array_like=True):
    """Of the bid. `ticks` is how many quotes are in it."""

    open_at: int  # ms
    open: D
    high: D
    low: D
    close: D
    ticks: int


class Ticker(Struct, Generic[D], frozen=True, gc=False):
    """The bid over the last 24 hours, to the quarter of an hour, from `since` on: `change` is from the first to the
    last price, `change_rate` as a fraction of the first. Prices are None when there was no quote."""

    symbol: str
    since: int  # ms
    open: D | None
    high: D | None
    low: D | None
    last: D | None
    change: D | None
    change_rate: D | None
    ticks: int  # how many quotes


class CandleEvent(Struct, Generic[D], frozen=True, gc=False):
    symbol: str
    interval: str
    candle: Candle[D]
    closed: bool


class InstrumentEvent(Struct, frozen=True):
    """An instrument was defined, or defined anew."""

    symbol: str


class Defined(Struct, frozen=True, omit_defaults=True):
    """The id of an instrument. `no_prices` says why no prices of it will come, and is left out if they will."""

    id: int
    no_prices: str | None = None


class SetSwitch(Arguments, frozen=True):
    """Of the instrument, match or player that is named; of the whole arena when none is."""

    switch: Literal["locked", "halted", "close_only"]
    on: bool
    reason: Why
    symbol: Symbol | None = None
    match: Id | None = None
    player: Id | None = None


class SettleInstrument(Arguments, frozen=True):
    """Close all positions of a halted instrument at this price, and cancel its orders."""

    symbol: Symbol
    price: Amount
    reason: Why


class StaleEvent(Struct, frozen=True):
    """An instrument's last quote has become too old to open on, or (not stale) there is a fresh one again."""

    symbol: str
    stale: bool


class SwitchEvent(Struct, frozen=True, omit_defaults=True):
    """A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only."""

    scope: str
    switch: str
    on: bool
    symbol: str | None = None
    match: int | None = None
    player: int | None = None
