"""The table of private messages: what is sent to a player of each kind of event.

Fields that say nothing (no stop loss, no reason) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from engine.model.events import EventKind
from gateway.presenters.careers import progress_event
from gateway.presenters.events import Event, Fixed, Judged, Progressed, Queued, Ranked, Timed, Wallet
from gateway.presenters.fixed_trades import fixed_event
from gateway.presenters.instruments import Instrument
from gateway.presenters.matches import canceled_event, finished_event, match_ref, queue_event, resumed_event
from gateway.presenters.orders import order_event
from gateway.presenters.positions import position_event
from gateway.presenters.seats import judgement_event, seat_event
from gateway.presenters.wallets import wallet_event
from gateway.protocol.scalars import Empty


def empty(event: Event, instrument: Instrument | None) -> Empty:
    return Empty()


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
}
"""The messages of the private channel, by the kind of their events."""
