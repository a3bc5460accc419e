"""Every message of every channel: its type, and what its data are.

A type of data that is generic has decimals in it: see scalars.py. Names of channels go on with what they are of:
tick.BTCUSDT, ticker.BTCUSDT, candle.BTCUSDT.1m, board.5, match.5; `me` and `sys` do not.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.protocol.careers import ProgressEvent, SeasonEvent
from gateway.protocol.fixed_trades import FixedEvent
from gateway.protocol.history import Notification, ReadEvent
from gateway.protocol.market import CandleEvent, InstrumentEvent, Quote, StaleEvent, SwitchEvent, Ticker
from gateway.protocol.matches import (
    CanceledEvent,
    FinishedEvent,
    Match,
    MatchCreated,
    MatchRef,
    QueueEvent,
    ResumedEvent,
    RoomEvent,
)
from gateway.protocol.orders import OrderEvent
from gateway.protocol.positions import PositionEvent
from gateway.protocol.scalars import Empty
from gateway.protocol.seats import Board, Judgement, SeatEvent
from gateway.protocol.session import Hello, Me
from gateway.protocol.wallets import WalletEvent

CHANNELS: Final[dict[str, dict[str, Any]]] = {
    "tick": {"tick": Quote},
    "ticker": {"ticker": Ticker},
    "candle": {"candle": CandleEvent},
    "board": {"board": Board},
    "match": {
        "match": Match,
        "room.joined": RoomEvent,
        "room.left": RoomEvent,
        "room.started": RoomEvent,
        "room.canceled": RoomEvent,
        "room.finished": RoomEvent,
        "room.archived": RoomEvent,
        "room.timed": RoomEvent,
        "room.paused": RoomEvent,
        "room.resumed": RoomEvent,
    },
    "me": {
        "me": Me,
        "order.accepted": OrderEvent,
        "order.filled": OrderEvent,
        "order.canceled": OrderEvent,
        "order.expired": OrderEvent,
        "order.refused": OrderEvent,
        "order.changed": OrderEvent,
        "position.opened": PositionEvent,
        "position.changed": PositionEvent,
        "position.closed": PositionEvent,
        "position.reduced": PositionEvent,
        "position.margin_changed": PositionEvent,
        "match.joined": SeatEvent,
        "seat.changed": SeatEvent,
        "seat.warned": Judgement,
        "seat.disqualified": Judgement,
        "seat.locked": Judgement,
        "match.left": MatchRef,
        "queue.joined": QueueEvent,
        "queue.left": QueueEvent,
        "match.created": MatchRef,
        "match.started": MatchRef,
        "match.paused": MatchRef,
        "match.resumed": ResumedEvent,
        "match.canceled": CanceledEvent,
        "match.finished": FinishedEvent,
        "player.registered": Empty,
        "wallet.changed": WalletEvent,
        "player.progressed": ProgressEvent,
        "fixed.opened": FixedEvent,
        "fixed.entered": FixedEvent,
        "fixed.settled": FixedEvent,
        "switch.changed": SwitchEvent,
        "notification": Notification,
        "notification.read": ReadEvent,
    },
    "sys": {
        "hello": Hello,
        "shutdown": Empty,
        "instrument.changed": InstrumentEvent,
        "instrument.stale": StaleEvent,
        "switch.changed": SwitchEvent,
        "season.started": SeasonEvent,
        "match.created": MatchCreated,
    },
}
"""By channel, as far as the first dot of its name, and by type. The last message of a subscription that ends, and the
first of a candle or a ticker that nothing is known of yet, have empty data."""


def data_type(channel: str, type: str, decimals: Any) -> Any:
    """What the data of a message decode to, with decimals of that type; a dict of a message that is not known here."""
    found = CHANNELS.get(channel.partition(".")[0], {}).get(type, dict)
    return found[decimals] if getattr(found, "__parameters__", ()) else found
