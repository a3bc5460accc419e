"""What clients see of an event: its type, and its data with names and decimal strings.

Fields that say nothing (no stop loss, no reason) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from engine.commands import Asset, OrderType, Scope, Side, Switch, TransferCode
from engine.events import Cause, EventKind, FixedResult, OrderStatus, Rule
from engine.reasons import Reason
from engine.scale import NS_PER_MS
from gateway.instruments import Instrument, asset_text, money_text
from gateway.records import (
    TRADE_FIELDS,
    Candle,
    Fixed,
    Trade,
    judged_of,
    progressed_of,
    queued_of,
    ranked_of,
    timed_of,
    wallet_of,
)

SIDES: Final = {side.value: side.name.lower() for side in Side}
DIRECTIONS: Final = {Side.LONG.value: "up", Side.SHORT.value: "down"}
ORDER_TYPES: Final = {kind.value: kind.name.lower() for kind in OrderType}
TRANSFER_CODES: Final = {code.value: code.name.lower() for code in TransferCode}
_MATCH_FIELD: Final = TRADE_FIELDS.index("match")
_REASON_FIELD: Final = TRADE_FIELDS.index("reason")
FILLED: Final = OrderStatus.FILLED.value
STATUSES: Final = {status.value: status.name.lower() for status in OrderStatus}
CAUSES: Final = {cause.value: cause.name.lower() for cause in Cause}
SCOPES: Final = {scope.value: scope.name.lower() for scope in Scope}
SWITCHES: Final = {switch.value: switch.name.lower() for switch in Switch}
RULES: Final = {rule.value: rule.name.lower() for rule in Rule}
RESULTS: Final = {result.value: result.name.lower() for result in FixedResult}
REASONS: Final = {reason.value: reason.name for reason in Reason}

TYPES: Final = {
    EventKind.ORDER_ACCEPTED.value: "order.accepted",
    EventKind.ORDER_FILLED.value: "order.filled",
    EventKind.ORDER_CANCELED.value: "order.canceled",
    EventKind.ORDER_EXPIRED.value: "order.expired",
    EventKind.ORDER_REFUSED.value: "order.refused",
    EventKind.ORDER_CHANGED.value: "order.changed",
    EventKind.POSITION_OPENED.value: "position.opened",
    EventKind.POSITION_CHANGED.value: "position.changed",
    EventKind.POSITION_CLOSED.value: "position.closed",
    EventKind.SEAT_OPENED.value: "match.joined",
    EventKind.SEAT_RESET.value: "seat.changed",
    EventKind.SEAT_WARNED.value: "seat.warned",
    EventKind.SEAT_DISQUALIFIED.value: "seat.disqualified",
    EventKind.SEAT_LOCKED.value: "seat.locked",
    EventKind.SEAT_CLOSED.value: "match.left",
    EventKind.QUEUE_JOINED.value: "queue.joined",
    EventKind.QUEUE_LEFT.value: "queue.left",
    EventKind.MATCH_CREATED.value: "match.created",
    EventKind.MATCH_STARTED.value: "match.started",
    EventKind.MATCH_PAUSED.value: "match.paused",
    EventKind.MATCH_RESUMED.value: "match.resumed",
    EventKind.MATCH_CANCELED.value: "match.canceled",
    EventKind.MATCH_FINISHED.value: "match.finished",
    EventKind.PLAYER_REGISTERED.value: "player.registered",
    EventKind.WALLET_CHANGED.value: "wallet.changed",
    EventKind.PLAYER_PROGRESSED.value: "player.progressed",
    EventKind.FIXED_OPENED.value: "fixed.opened",
    EventKind.FIXED_ENTERED.value: "fixed.entered",
    EventKind.FIXED_SETTLED.value: "fixed.settled",
}
"""Types of the messages on the private channel."""


class Push(Struct, frozen=True, gc=False, omit_defaults=True):
    """A message of a channel."""

    channel: str
    n: int
    seq: int
    at: int
    type: str
    data: Any
    kind: str = ""


class OrderData(Struct, frozen=True, gc=False, omit_defaults=True):
    order: int
    match: int
    symbol: str
    side: str
    type: str
    leverage: int
    quantity: str
    price: str
    margin: str
    fee: str
    cash: str
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    client_order_id: str | None = None
    reason: str | None = None
    trailing_stop: int | None = None  # ppm of the price at the fill


class PositionData(Struct, frozen=True, gc=False, omit_defaults=True):
    """`quantity`, `margin`, `fee` and `profit` are of what opened or closed just now; `left` is what stays open.

    `type` and `client_order_id` are of the order that opened it, told when it opens. A `stop_loss` with a
    `trailing_distance` follows the price, which is that far from it at best.
    """

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    cash: str
    left: str
    margin: str
    quantity: str | None = None
    price: str | None = None
    fee: str | None = None
    profit: str | None = None
    cause: str | None = None
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    type: str | None = None
    client_order_id: str | None = None
    trailing_distance: str | None = None


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


class FixedData(Struct, frozen=True, gc=False, omit_defaults=True):
    """`payout` is what a win brings, in percent of the stake. Prices are the middle of the quotes that the sequences
    name; from `result` on, of what is settled: `paid_back` is what came back to the cash, `reason` why it was refunded.
    It is staked from the seat in a `match` or from a `wallet`, whose cash is what is not held.
    """

    trade: int
    symbol: str
    direction: str
    stake: str
    payout: int
    expires_at: int
    cash: str
    entry_price: str | None = None
    entry_sequence: int | None = None
    result: str | None = None
    exit_price: str | None = None
    exit_sequence: int | None = None
    profit: str | None = None
    paid_back: str | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


class WalletData(Struct, frozen=True, gc=False, omit_defaults=True):
    """An account of the player's has changed: by `change`, for the `reason`, to `balance`, of which `held` is held."""

    asset: str
    reason: str
    change: str
    balance: str
    held: str
    version: int
    match: int | None = None


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


class QueueData(Struct, frozen=True, gc=False, omit_defaults=True):
    """The player has come to the queue of a game, and waits `until` then at most; or has left it without a seat, for
    the `reason` if it was not his wish."""

    game: int
    until: int | None = None
    reason: str | None = None


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


class QuoteData(Struct, frozen=True, gc=False, omit_defaults=True):
    symbol: str
    bid: str | None
    ask: str | None
    last: str | None
    at: int
    stale: bool | None = None


class CandleData(Struct, frozen=True, gc=False):
    symbol: str
    interval: str
    candle: tuple[int, str, str, str, str, int]  # open_at in ms, open, high, low, close, ticks
    closed: bool


class SwitchData(Struct, frozen=True, omit_defaults=True):
    """A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only."""

    scope: str
    switch: str
    on: bool
    symbol: str | None = None
    match: int | None = None
    player: int | None = None


def order_data(trade: Trade, instrument: Instrument | None) -> OrderData:
    assert instrument is not None
    (
        _, reason, _, _, _, _, match, _, id, side, order_type, _, leverage, price, lots, _, margin, fee, _, cash,
        _, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return OrderData(
        id,
        match,
        instrument.symbol,
        SIDES[side],
        ORDER_TYPES[order_type],
        leverage,
        instrument.quantity_text(lots),
        price_text(price),
        money_text(margin),
        money_text(fee),
        money_text(cash),
        price_text(liquidation) if liquidation else None,
        price_text(stop_loss) if stop_loss else None,
        price_text(take_profit) if take_profit else None,
        client_order_id_text(client_order_id),
        REASONS[reason] if reason else None,
        trailing or None,
    )


def position_data(trade: Trade, instrument: Instrument | None) -> PositionData:
    assert instrument is not None
    (
        _, _, _, _, _, _, match, _, id, side, order_type, cause, leverage, price, lots, _, margin, fee, profit, cash,
        left, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return PositionData(
        id,
        match,
        instrument.symbol,
        SIDES[side],
        leverage,
        money_text(cash),
        instrument.quantity_text(left),
        money_text(margin),
        instrument.quantity_text(lots) if lots else None,
        price_text(price) if price else None,
        money_text(fee) if price else None,
        money_text(profit) if cause else None,
        CAUSES[cause] if cause else None,
        price_text(liquidation) if liquidation else None,
        price_text(stop_loss) if stop_loss else None,
        price_text(take_profit) if take_profit else None,
        ORDER_TYPES[order_type] if order_type else None,
        client_order_id_text(client_order_id),
        price_text(trailing) if trailing else None,
    )


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


def judged_data(trade: Trade, instrument: Instrument | None) -> JudgedData:
    event = judged_of(trade)
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


def fixed_data(fixed: Fixed, instrument: Instrument | None) -> FixedData:
    assert instrument is not None
    settled = fixed.result != 0
    return FixedData(
        fixed.id,
        instrument.symbol,
        DIRECTIONS[fixed.direction],
        asset_text(fixed.stake, fixed.asset),
        fixed.payout_percent,
        fixed.expires_at_ns // NS_PER_MS,
        asset_text(fixed.cash, fixed.asset),
        instrument.middle_text(fixed.entry) if fixed.entry else None,
        fixed.entry_sequence or None,
        RESULTS[fixed.result] if settled else None,
        instrument.middle_text(fixed.exit) if settled else None,
        fixed.exit_sequence if settled else None,
        asset_text(fixed.profit, fixed.asset) if settled else None,
        asset_text(fixed.stake + fixed.profit, fixed.asset) if settled else None,
        REASONS[fixed.reason] if fixed.reason else None,
        fixed.match or None,
        wallet_name(fixed.asset),
    )


def wallet_name(asset: int) -> str | None:
    """The wallet of an asset, as clients call it; None: it is a seat's money."""
    return Asset(asset).name.lower() if asset else None


def ranked_data(trade: Trade, instrument: Instrument | None) -> RankedData:
    event = ranked_of(trade)
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


def wallet_data(trade: Trade, instrument: Instrument | None) -> WalletData:
    event = wallet_of(trade)
    return WalletData(
        Asset(event.asset).name,
        TRANSFER_CODES[event.code],
        asset_text(event.change, event.asset),
        asset_text(event.balance, event.asset),
        asset_text(event.held, event.asset),
        event.version,
        event.match or None,
    )


def progress_data(trade: Trade, instrument: Instrument | None) -> ProgressData:
    event = progressed_of(trade)
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


def of_match(trade: Trade, instrument: Instrument | None) -> MatchData:
    return MatchData(trade[_MATCH_FIELD])


def canceled_data(trade: Trade, instrument: Instrument | None) -> CanceledData:
    return CanceledData(trade[_MATCH_FIELD], REASONS[trade[_REASON_FIELD]])


def resumed_data(trade: Trade, instrument: Instrument | None) -> ResumedData:
    event = timed_of(trade)
    return ResumedData(event.match, event.ends_at_ns // NS_PER_MS)


def queue_data(trade: Trade, instrument: Instrument | None) -> QueueData:
    event = queued_of(trade)
    reason = REASONS[event.reason] if event.reason else None
    return QueueData(event.game, event.until_ns // NS_PER_MS or None, reason)


def no_data(trade: Trade, instrument: Instrument | None) -> dict[str, Any]:
    return {}


PRIVATE_DATA: Final[dict[int, Callable[[Any, Instrument | None], Any]]] = {
    EventKind.ORDER_ACCEPTED: order_data,
    EventKind.ORDER_FILLED: order_data,
    EventKind.ORDER_CANCELED: order_data,
    EventKind.ORDER_EXPIRED: order_data,
    EventKind.ORDER_REFUSED: order_data,
    EventKind.ORDER_CHANGED: order_data,
    EventKind.POSITION_OPENED: position_data,
    EventKind.POSITION_CHANGED: position_data,
    EventKind.POSITION_CLOSED: position_data,
    EventKind.SEAT_OPENED: seat_data,
    EventKind.SEAT_RESET: seat_data,
    EventKind.SEAT_WARNED: judged_data,
    EventKind.SEAT_DISQUALIFIED: judged_data,
    EventKind.SEAT_LOCKED: judged_data,
    EventKind.SEAT_CLOSED: of_match,
    EventKind.QUEUE_JOINED: queue_data,
    EventKind.QUEUE_LEFT: queue_data,
    EventKind.MATCH_CREATED: of_match,
    EventKind.MATCH_STARTED: of_match,
    EventKind.MATCH_PAUSED: of_match,
    EventKind.MATCH_RESUMED: resumed_data,
    EventKind.MATCH_CANCELED: canceled_data,
    EventKind.MATCH_FINISHED: ranked_data,
    EventKind.PLAYER_REGISTERED: no_data,
    EventKind.WALLET_CHANGED: wallet_data,
    EventKind.PLAYER_PROGRESSED: progress_data,
    EventKind.FIXED_OPENED: fixed_data,
    EventKind.FIXED_ENTERED: fixed_data,
    EventKind.FIXED_SETTLED: fixed_data,
}
"""What makes the data of a private message from its event."""

assert PRIVATE_DATA.keys() == TYPES.keys()

FIXED_KINDS: Final = frozenset(kind for kind, data in PRIVATE_DATA.items() if data is fixed_data)
"""Events whose data are made from a Fixed instead of a Trade."""


def candle_data(instrument: Instrument, interval: str, candle: Candle | Any, closed: bool) -> CandleData:
    """Of a closed candle's event, or of a view of one that is not finished: both name their figures alike."""
    return CandleData(instrument.symbol, interval, candle_row(instrument, candle), closed)


def candle_row(instrument: Instrument, candle: Candle | Any) -> tuple[int, str, str, str, str, int]:
    price = instrument.price_text
    return (
        candle.open_at_ns // NS_PER_MS,
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        candle.ticks,
    )


_NO_CLIENT_ORDER_ID: Final = bytes(40)


def client_order_id_text(raw: bytes) -> str | None:
    """The text that the engine carried; None when there was none."""
    return None if raw == _NO_CLIENT_ORDER_ID else raw.rstrip(b"\0").decode("ascii")
