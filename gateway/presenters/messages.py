"""The tables of private messages: what is sent to a player of each kind of event, and of which he is notified in words.

Fields that say nothing (no stop loss, no reason) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import Any, Final, NamedTuple

from msgspec import structs

from engine.model.events import EventKind
from engine.model.reasons import MESSAGES, Reason
from engine.model.scale import NS_PER_MS
from gateway.presenters.careers import progress_event
from gateway.presenters.events import (
    TRADE_FIELDS,
    Event,
    Fixed,
    Judged,
    Progressed,
    Queued,
    Ranked,
    Read,
    Timed,
    Trade,
    Wallet,
    event_at,
    trades_in,
)
from gateway.presenters.fixed_trades import fixed_event
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.matches import canceled_event, finished_event, match_ref, queue_event, resumed_event
from gateway.presenters.orders import order_event
from gateway.presenters.positions import position_event
from gateway.presenters.seats import judgement_event, seat_event
from gateway.presenters.wallets import wallet_event
from gateway.protocol.history import Notification, ReadEvent
from gateway.protocol.scalars import Empty
from persistence import rows
from persistence.event_rows import NOTIFIED

_FORMATTER: Final = Formatter()


def empty(event: Event, instrument: Instrument | None) -> Empty:
    return Empty()


def read_event(event: Read, instrument: Instrument | None) -> ReadEvent:
    return ReadEvent(event.first, event.last)


class Private(NamedTuple):
    """The private message of a kind of event."""

    name: str  # the type of its message
    layout: type[Event] | None  # None: a Trade
    data: Callable[[Any, Instrument | None], Any]


PRIVATE: Final[dict[int, Private]] = {
    EventKind.ORDER_ACCEPTED: Private("order.accepted", None, order_event),
    EventKind.ORDER_FILLED: Private("order.filled", None, order_event),
    EventKind.ORDER_CANCELED: Private("order.canceled", None, order_event),
    EventKind.ORDER_EXPIRED: Private("order.expired", None, order_event),
    EventKind.ORDER_REFUSED: Private("order.refused", None, order_event),
    EventKind.ORDER_CHANGED: Private("order.changed", None, order_event),
    EventKind.POSITION_OPENED: Private("position.opened", None, position_event),
    EventKind.POSITION_CHANGED: Private("position.changed", None, position_event),
    EventKind.POSITION_CLOSED: Private("position.closed", None, position_event),
    EventKind.POSITION_REDUCED: Private("position.reduced", None, position_event),
    EventKind.POSITION_MARGIN_CHANGED: Private("position.margin_changed", None, position_event),
    EventKind.SEAT_OPENED: Private("match.joined", None, seat_event),
    EventKind.SEAT_RESET: Private("seat.changed", None, seat_event),
    EventKind.SEAT_WARNED: Private("seat.warned", Judged, judgement_event),
    EventKind.SEAT_DISQUALIFIED: Private("seat.disqualified", Judged, judgement_event),
    EventKind.SEAT_LOCKED: Private("seat.locked", Judged, judgement_event),
    EventKind.SEAT_CLOSED: Private("match.left", Event, match_ref),
    EventKind.QUEUE_JOINED: Private("queue.joined", Queued, queue_event),
    EventKind.QUEUE_LEFT: Private("queue.left", Queued, queue_event),
    EventKind.MATCH_CREATED: Private("match.created", Event, match_ref),
    EventKind.MATCH_STARTED: Private("match.started", Event, match_ref),
    EventKind.MATCH_PAUSED: Private("match.paused", Event, match_ref),
    EventKind.MATCH_RESUMED: Private("match.resumed", Timed, resumed_event),
    EventKind.MATCH_CANCELED: Private("match.canceled", Event, canceled_event),
    EventKind.MATCH_FINISHED: Private("match.finished", Ranked, finished_event),
    EventKind.PLAYER_REGISTERED: Private("player.registered", Event, empty),
    EventKind.WALLET_CHANGED: Private("wallet.changed", Wallet, wallet_event),
    EventKind.PLAYER_PROGRESSED: Private("player.progressed", Progressed, progress_event),
    EventKind.FIXED_OPENED: Private("fixed.opened", Fixed, fixed_event),
    EventKind.FIXED_ENTERED: Private("fixed.entered", Fixed, fixed_event),
    EventKind.FIXED_SETTLED: Private("fixed.settled", Fixed, fixed_event),
    EventKind.NOTIFICATIONS_READ: Private("notification.read", Read, read_event),
}
"""The messages of the private channel, by the kind of their events."""


class Template(NamedTuple):
    """The words of a notification. Names in braces are fields of the message that it is about; `why` says its reason in
    words."""

    title: str
    text: str


VARIANTS: Final = {EventKind.POSITION_CLOSED.value: "cause", EventKind.FIXED_SETTLED.value: "result"}
"""By kind, the field of its message that says which template it has."""

NOTIFICATIONS: Final[dict[tuple[int, str], Template]] = {
    (EventKind.ORDER_FILLED, ""): Template(
        "Order filled", "Your {type} order, {side} {quantity} {symbol}, has filled."
    ),
    (EventKind.ORDER_CANCELED, ""): Template(
        "Order cancelled", "Your {type} order, {side} {quantity} {symbol}, was cancelled: {why}."
    ),
    (EventKind.ORDER_EXPIRED, ""): Template(
        "Order expired", "Your {type} order, {side} {quantity} {symbol}, has expired."
    ),
    (EventKind.ORDER_REFUSED, ""): Template(
        "Order refused", "Your {type} order, {side} {quantity} {symbol}, was refused when it was to fill: {why}."
    ),
    (EventKind.POSITION_CLOSED, "stop_loss"): Template(
        "Stop loss", "Your stop loss closed {side} {quantity} {symbol} at {price}: profit {profit}."
    ),
    (EventKind.POSITION_CLOSED, "trailing_stop"): Template(
        "Trailing stop", "Your trailing stop closed {side} {quantity} {symbol} at {price}: profit {profit}."
    ),
    (EventKind.POSITION_CLOSED, "take_profit"): Template(
        "Take profit", "Your target closed {side} {quantity} {symbol} at {price}: profit {profit}."
    ),
    (EventKind.POSITION_CLOSED, "liquidation"): Template(
        "Liquidation", "Your position, {side} {quantity} {symbol}, was liquidated at {price}: profit {profit}."
    ),
    (EventKind.POSITION_CLOSED, "rule"): Template(
        "Closed by a rule", "A rule of the match closed {side} {quantity} {symbol} at {price}: profit {profit}."
    ),
    (EventKind.POSITION_CLOSED, "settlement"): Template(
        "Settled", "{symbol} was settled: {side} {quantity} closed at {price}: profit {profit}."
    ),
    (EventKind.SEAT_WARNED, ""): Template(
        "Near the limit", "In match {match} you are {percent} % of the way to the limit of {rule}."
    ),
    (EventKind.SEAT_DISQUALIFIED, ""): Template("Disqualified", "In match {match} you are out, by the rule {rule}."),
    (EventKind.SEAT_LOCKED, ""): Template("Target reached", "In match {match} you have reached the profit target."),
    (EventKind.QUEUE_LEFT, ""): Template("No match found", "You wait no more for a match of game {game}: {why}."),
    (EventKind.MATCH_STARTED, ""): Template("Match started", "Match {match} has begun."),
    (EventKind.MATCH_PAUSED, ""): Template("Match paused", "Match {match} is paused: there are no prices."),
    (EventKind.MATCH_RESUMED, ""): Template("Match resumed", "Match {match} goes on."),
    (EventKind.MATCH_CANCELED, ""): Template("Match called off", "Match {match} was called off: {why}."),
    (EventKind.MATCH_FINISHED, ""): Template(
        "Match finished", "Match {match} is over: you are number {rank} of {players}. Prize {prize}."
    ),
    (EventKind.FIXED_SETTLED, "won"): Template("Trade won", "{direction} {symbol}: you won {profit}."),
    (EventKind.FIXED_SETTLED, "lost"): Template("Trade lost", "{direction} {symbol}: you lost your stake of {stake}."),
    (EventKind.FIXED_SETTLED, "draw"): Template("Trade drawn", "{direction} {symbol}: your stake of {stake} is back."),
    (EventKind.FIXED_SETTLED, "refunded"): Template(
        "Trade refunded", "{direction} {symbol}: your stake of {stake} is back: {why}."
    ),
    (EventKind.WALLET_CHANGED, ""): Template("Wallet", "{change} {asset}: your balance is {balance}."),
}
"""By kind, and by variant where it has some: what players are notified of, which is what persistence keeps of it."""


def private_event(trade: Trade, raw: bytes, index: int) -> Trade | Event:
    """Event number `index` of a batch whose bytes are `raw`, and which is that trade, if read as one: as its message is
    made from it."""
    layout = PRIVATE[trade[0]].layout
    return trade if layout is None else event_at(layout, raw, index)


def notification_of(trade: Trade, event: Trade | Event, data: Any, read: bool = False) -> Notification | None:
    """The notification that comes with an event and the data of its message; None: the player is not notified of it."""
    kind, reason, _, _, at_ns, message = trade[:6]
    if kind not in NOTIFIED:
        return None
    condition = NOTIFIED[kind]
    if condition is not None:
        field, allowed = condition
        value = event[TRADE_FIELDS.index(field)] if isinstance(event, tuple) else getattr(event, field)
        if value not in allowed:
            return None
    fields = {name: str(value) for name, value in structs.asdict(data).items() if value is not None}
    variant = VARIANTS.get(kind)
    template = NOTIFICATIONS[kind, fields[variant] if variant is not None else ""]
    words = fields | {"why": MESSAGES[Reason(reason)]}
    values = {name: fields[name] for _, name, _, _ in _FORMATTER.parse(template.text) if name in fields}
    text = template.text.format_map(words)
    return Notification(message, at_ns // NS_PER_MS, PRIVATE[kind].name, template.title, text, values, read)


def notification_answer(instruments: Instruments, row: rows.Notification) -> Notification:
    """One that was kept."""
    (trade,) = trades_in(row.event)
    event = private_event(trade, row.event, 0)
    data = PRIVATE[trade[0]].data(event, instruments.by_id.get(trade[7]))
    notification = notification_of(trade, event, data, row.read_at_ns != 0)
    assert notification is not None, "what is kept has a template"
    return notification
