"""What clients see of the events of matches, seats and queues."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from engine.model.events import Rule
from engine.model.scale import NS_PER_MS
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.events import TRADE_FIELDS, Event, Judged, Progressed, Queued, Ranked, Timed, Trade
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import REASONS, RULES


class SeatData(Struct, frozen=True, gc=False):
    match: int
    cash: str


class JudgedData(Struct, frozen=True, omit_defaults=True):
    """What a challenge rule found, and at which quote; without one, the start of a day found it, or it is a warning.

    A drawdown holds the seat's `equity` against a `floor`, the profit target against a `target`; the loss per trade
    holds a trade's `result` against a `limit`. `percent` is how much of the way to the floor a warning goes out at.
    """

    match: int
    rule: str
    equity: str | None = None
    floor: str | None = None
    target: str | None = None
    result: str | None = None
    limit: str | None = None
    percent: int | None = None
    symbol: str | None = None
    bid: str | None = None
    ask: str | None = None
    quote_seq: int | None = None  # of the log, as the next
    seq: int | None = None  # of what broke the rule; of an event, its own


class MatchData(Struct, frozen=True, gc=False):
    match: int


class CanceledData(Struct, frozen=True, gc=False):
    """A match was called off, for the `reason`; every entry fee came back."""

    match: int
    reason: str


class ResumedData(Struct, frozen=True, gc=False):
    """The prices are back: the match goes on, and ends so much later."""

    match: int
    ends_at: int


class RankedData(Struct, frozen=True, gc=False, omit_defaults=True):
    """How a match ended for the player: `rank` of so many `players`, by the final `balance`. `out` is the rule that put
    the seat out of the game."""

    match: int
    rank: int
    players: int
    balance: str
    prize: str
    starting_balance: str
    profit: str
    fees: str
    max_drawdown: str
    trades: int
    wins: int
    out: str | None = None


class ProgressData(Struct, frozen=True, gc=False):
    """What the match has made of the player: cups, by `change`, and experience, by `gained`, with its level."""

    match: int
    cups: int
    change: int
    season: int
    season_cups: int
    experience: int
    gained: int
    level: int
    level_before: int


class SeasonData(Struct, frozen=True):
    """A season has begun."""

    season: int


class QueueData(Struct, frozen=True, gc=False, omit_defaults=True):
    """The player has come to the queue of a game, and waits `until` then at most; or has left it without a seat, for
    the `reason` if it was not his wish."""

    game: int
    until: int | None = None
    reason: str | None = None


def seat_data(trade: Trade, instrument: Instrument | None) -> SeatData:
    fields = dict(zip(TRADE_FIELDS, trade, strict=True))
    return SeatData(fields["match"], money_text(fields["cash"]))


_HELD: Final = {
    Rule.DAILY_DRAWDOWN.value: ("equity", "floor"),
    Rule.TOTAL_DRAWDOWN.value: ("equity", "floor"),
    Rule.LOSS_PER_TRADE.value: ("result", "limit"),
    Rule.PROFIT_TARGET.value: ("equity", "target"),
}
"""What each rule holds against what, as JudgedData names them."""


def judged_data(event: Judged, instrument: Instrument | None) -> JudgedData:
    quoted: dict[str, Any] = {"quote_seq": event.quote_sequence} if event.quote_sequence else {}
    return judgement(
        event.match, event.rule, event.equity, event.level, instrument, event.bid, event.ask,
        percent=event.percent or None, **quoted,
    )  # fmt: skip


def judgement(
    match: int, rule: int, equity: int, level: int, instrument: Instrument | None, bid: int, ask: int, **more: Any
) -> JudgedData:
    held, against = _HELD[rule]
    more |= {held: money_text(equity), against: money_text(level)}
    if instrument is not None:
        price = instrument.price_or_none
        more |= {"symbol": instrument.symbol, "bid": price(bid), "ask": price(ask)}
    return JudgedData(match, RULES[rule], **more)


def of_match(event: Event, instrument: Instrument | None) -> MatchData:
    return MatchData(event.match)


def canceled_data(event: Event, instrument: Instrument | None) -> CanceledData:
    return CanceledData(event.match, REASONS[event.reason])


def resumed_data(event: Timed, instrument: Instrument | None) -> ResumedData:
    return ResumedData(event.match, event.ends_at_ns // NS_PER_MS)


def ranked_data(event: Ranked, instrument: Instrument | None) -> RankedData:
    return RankedData(
        event.match,
        event.rank,
        event.seats,
        money_text(event.balance),
        asset_text(event.prize, event.asset),
        money_text(event.starting_balance),
        money_text(event.profit),
        money_text(event.fees),
        money_text(event.max_drawdown),
        event.trades,
        event.wins,
        RULES[event.rule] if event.rule else None,
    )


def progress_data(event: Progressed, instrument: Instrument | None) -> ProgressData:
    return ProgressData(
        event.match,
        event.cups,
        event.change,
        event.season,
        event.season_cups,
        event.experience,
        event.gained,
        event.level,
        event.level_before,
    )


def queue_data(event: Queued, instrument: Instrument | None) -> QueueData:
    reason = REASONS[event.reason] if event.reason else None
    return QueueData(event.game, event.until_ns // NS_PER_MS or None, reason)
