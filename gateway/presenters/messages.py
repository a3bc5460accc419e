"""The messages of the channels, and what clients see of an event on the private one: its type, and its data with names
and decimal strings.

Fields that say nothing (no stop loss, no reason) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import Struct

from engine.model.events import EventKind
from gateway.presenters.decimals import asset_text
from gateway.presenters.events import Event, Fixed, Judged, Progressed, Queued, Ranked, Timed, Wallet
from gateway.presenters.instruments import Instrument
from gateway.presenters.match_messages import (
    canceled_data,
    judged_data,
    of_match,
    progress_data,
    queue_data,
    ranked_data,
    resumed_data,
    seat_data,
)
from gateway.presenters.names import ASSETS, TRANSFER_CODES
from gateway.presenters.trade_messages import fixed_data, order_data, position_data


class Push(Struct, frozen=True, gc=False, omit_defaults=True):
    """A message of a channel."""

    channel: str
    n: int
    seq: int
    at: int
    type: str
    data: Any
    kind: str = ""


class WalletData(Struct, frozen=True, gc=False, omit_defaults=True):
    """An account of the player's has changed: by `change`, for the `reason`, to `balance`, of which `held` is held."""

    asset: str
    reason: str
    change: str
    balance: str
    held: str
    version: int
    match: int | None = None


def wallet_data(event: Wallet, instrument: Instrument | None) -> WalletData:
    return WalletData(
        ASSETS[event.asset],
        TRANSFER_CODES[event.code],
        asset_text(event.change, event.asset),
        asset_text(event.balance, event.asset),
        asset_text(event.held, event.asset),
        event.version,
        event.match or None,
    )


def no_data(event: Event, instrument: Instrument | None) -> dict[str, Any]:
    return {}


class Private(NamedTuple):
    """The private message of a kind of event."""

    name: str  # the type of its message
    layout: type[Event] | None  # None: a Trade
    data: Callable[[Any, Instrument | None], Any]


PRIVATE: Final[dict[int, Private]] = {
    EventKind.ORDER_ACCEPTED: Private("order.accepted", None, order_data),
    EventKind.ORDER_FILLED: Private("order.filled", None, order_data),
    EventKind.ORDER_CANCELED: Private("order.canceled", None, order_data),
    EventKind.ORDER_EXPIRED: Private("order.expired", None, order_data),
    EventKind.ORDER_REFUSED: Private("order.refused", None, order_data),
    EventKind.ORDER_CHANGED: Private("order.changed", None, order_data),
    EventKind.POSITION_OPENED: Private("position.opened", None, position_data),
    EventKind.POSITION_CHANGED: Private("position.changed", None, position_data),
    EventKind.POSITION_CLOSED: Private("position.closed", None, position_data),
    EventKind.SEAT_OPENED: Private("match.joined", None, seat_data),
    EventKind.SEAT_RESET: Private("seat.changed", None, seat_data),
    EventKind.SEAT_WARNED: Private("seat.warned", Judged, judged_data),
    EventKind.SEAT_DISQUALIFIED: Private("seat.disqualified", Judged, judged_data),
    EventKind.SEAT_LOCKED: Private("seat.locked", Judged, judged_data),
    EventKind.SEAT_CLOSED: Private("match.left", Event, of_match),
    EventKind.QUEUE_JOINED: Private("queue.joined", Queued, queue_data),
    EventKind.QUEUE_LEFT: Private("queue.left", Queued, queue_data),
    EventKind.MATCH_CREATED: Private("match.created", Event, of_match),
    EventKind.MATCH_STARTED: Private("match.started", Event, of_match),
    EventKind.MATCH_PAUSED: Private("match.paused", Event, of_match),
    EventKind.MATCH_RESUMED: Private("match.resumed", Timed, resumed_data),
    EventKind.MATCH_CANCELED: Private("match.canceled", Event, canceled_data),
    EventKind.MATCH_FINISHED: Private("match.finished", Ranked, ranked_data),
    EventKind.PLAYER_REGISTERED: Private("player.registered", Event, no_data),
    EventKind.WALLET_CHANGED: Private("wallet.changed", Wallet, wallet_data),
    EventKind.PLAYER_PROGRESSED: Private("player.progressed", Progressed, progress_data),
    EventKind.FIXED_OPENED: Private("fixed.opened", Fixed, fixed_data),
    EventKind.FIXED_ENTERED: Private("fixed.entered", Fixed, fixed_data),
    EventKind.FIXED_SETTLED: Private("fixed.settled", Fixed, fixed_data),
}
"""The messages of the private channel, by the kind of their events."""
