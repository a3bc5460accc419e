"""Events to the clients that are subscribed.

A channel's messages are numbered without gaps: `me` by the engine, for each player; the others here. A message is
encoded once for each codec and goes out as the same bytes to all who are at the same number. Nothing here waits for a
client: frames are handed to its outlet, and all outlets are flushed with one write each when a batch is done.

For a reader that is slow (see websocket.py) the messages of market channels are held back, the latest of each
channel only, and sent as `"kind": "conflated"` when it has caught up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from engine.batch.machine import Applied
from engine.model.commands import Batch
from engine.model.events import EventKind
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.channels.message import Message
from gateway.channels.recent import Missed, Recent
from gateway.presenters.events import (
    Candle,
    Event,
    Progressed,
    Quoted,
    Switched,
    Trade,
    event_at,
    places_in,
    trades_in,
)
from gateway.presenters.instruments import Instruments
from gateway.presenters.market import candle_event
from gateway.presenters.messages import PRIVATE, notification_of, private_event
from gateway.presenters.names import SCOPES, SWITCHES
from gateway.protocol.careers import SeasonEvent
from gateway.protocol.codecs import Codec
from gateway.protocol.envelopes import Push
from gateway.protocol.market import InstrumentEvent, Quote, SwitchEvent, Ticker

_UNPUBLISHED: Final = np.isin(np.arange(max(EventKind) + 1), (EventKind.EQUITY_SAMPLED, EventKind.TRANSFERRED))
"""By kind of event: whether no channel carries it, while there may be as many as a match has seats."""

_SWITCHED: Final = EventKind.SWITCH_CHANGED.value

INTERVALS: Final = {"1s": 1, "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
INTERVAL_NAMES: Final = {seconds: name for name, seconds in INTERVALS.items()}


class Outlet(Protocol):
    """What a client's connection is to the rest: somewhere to put frames."""

    slow: bool
    seen_ns: int
    """When anything last came from the client."""

    def send(self, frame: bytes) -> None:
        """Queue a frame; it is written at the next flush. Never waits."""

    def hold(self, channel: Channel, subscriber: Subscriber, message: Message) -> None:
        """Keep the channel's latest message for a reader that is slow."""

    def let_go(self, channel: Channel) -> None:
        """Keep nothing of the channel any more."""

    def close(self, code: int, reason: str) -> None:
        """Send what is queued and a close frame, and end the connection."""


class Subscriber(Protocol):
    """A client as channels see it."""

    codec: Codec
    outlet: Outlet

    @property
    def player(self) -> int: ...

    def unsubscribed(self, channel: str) -> None:
        """The arena has ended its subscription."""


def applied(state: State) -> tuple[int, int]:
    """Sequence of the last command applied, and its stamp in ms: what a message made from the state is as of."""
    world = state.book.world[0]
    return int(world["sequence"]), int(world["now_ns"]) // NS_PER_MS


class Channel:
    """A public channel. `n` is its last message's number."""

    __slots__ = ("behind", "conflates", "n", "name")

    def __init__(self, name: str, conflates: bool, n: int = 0) -> None:
        self.name = name
        self.n = n
        self.conflates = conflates
        self.behind: dict[Subscriber, int] = {}
        """Its subscribers; how many messages fewer each was sent, because some were conflated."""

    def resume(self, subscriber: Subscriber, missed: list[tuple[int, Message]]) -> int:
        """Subscribe; what was missed comes first, each message with its number. Returns its bytes."""
        self.behind[subscriber] = 0
        sent = 0
        for n, (seq, at, type, data, place) in missed:
            frame = subscriber.codec.frame(Push(self.name, n, seq, at, type, data, "", place))
            subscriber.outlet.send(frame)
            sent += len(frame)
        return sent

    def subscribe(self, subscriber: Subscriber, message: Message) -> None:
        """Subscribe; the first message is a snapshot with the number that the channel is at."""
        self.behind[subscriber] = 0
        subscriber.outlet.let_go(self)  # of an earlier subscription: older than the snapshot
        seq, at, type, data, _ = message
        subscriber.outlet.send(subscriber.codec.frame(Push(self.name, self.n, seq, at, type, data, "snapshot")))

    def send(self, message: Message) -> None:
        """The next message, to all."""
        self.n += 1
        encoded: dict[tuple[Codec, int], bytes] = {}
        seq, at, type, data, place = message
        for subscriber, behind in self.behind.items():
            outlet = subscriber.outlet
            if outlet.slow and self.conflates:
                self.behind[subscriber] = behind + 1
                outlet.hold(self, subscriber, message)
                continue
            shape = (subscriber.codec, behind)
            frame = encoded.get(shape)
            if frame is None:
                push = Push(self.name, self.n - behind, seq, at, type, data, "", place)
                frame = encoded[shape] = subscriber.codec.frame(push)
            outlet.send(frame)

    def end(self, subscriber: Subscriber, message: Message) -> None:
        """Unsubscribe; the last message is of the kind "ended"."""
        behind = self.behind.pop(subscriber)
        seq, at, type, data, place = message
        push = Push(self.name, self.n - behind, seq, at, type, data, "ended", place)
        subscriber.outlet.send(subscriber.codec.frame(push))
        subscriber.unsubscribed(self.name)

    def send_held(self, subscriber: Subscriber, message: Message) -> None:
        """The latest message that was held back, to a reader that has caught up."""
        behind = self.behind.get(subscriber)
        if behind is None:
            return
        self.behind[subscriber] = behind - 1
        seq, at, type, data, place = message
        push = Push(self.name, self.n - behind + 1, seq, at, type, data, "conflated", place)
        subscriber.outlet.send(subscriber.codec.frame(push))


class Fanout:
    """All channels. `publish` is a consumer of the sequencer; `flush` writes every socket that has something."""

    def __init__(
        self,
        instruments: Instruments,
        last_price: Callable[[str], str | None],
        instrument_changed: Callable[[int], None],
        recent: Recent,
    ) -> None:
        self.recent = recent
        self.sys = Channel("sys", conflates=False)
        self.ticks: dict[int, Channel] = {}
        self.candles: dict[tuple[int, int], Channel] = {}
        self.tickers: dict[int, Channel] = {}
        self.last_tickers: dict[int, Ticker[str]] = {}
        """By instrument, what was last sent or is new: what a subscription begins with."""
        self.boards: dict[int, Channel] = {}
        self.rooms: dict[int, Channel] = {}
        self.private: dict[int, list[Subscriber]] = {}
        self.changed: set[int] = set()
        """Instruments that were quoted since unfinished candles were last sent."""
        self.messages = 0
        self._instruments = instruments
        self._last_price = last_price
        self._instrument_changed = instrument_changed
        self._handlers: dict[int, Callable[[bytes, int, int], None]] = {
            EventKind.QUOTE_CHANGED.value: self._send_tick,
            EventKind.CANDLE_CLOSED.value: self._send_closed_candle,
            EventKind.INSTRUMENT_CHANGED.value: self._send_instrument,
            EventKind.SWITCH_CHANGED.value: self._send_switch,
            EventKind.SEASON_STARTED.value: self._send_season,
        }

    # Events

    def publish(self, batch: Batch, applied: Applied) -> None:
        """Send the events of a batch to the channels that carry them."""
        events = applied.events
        unpublished = _UNPUBLISHED[events["kind"]]
        if unpublished.all():
            return
        places = places_in(events)
        if unpublished.any():
            published = np.flatnonzero(~unpublished)
            events, places = events.take(published), places.take(published)
        self.recent.keep_private(events, places)
        raw = events.tobytes()
        private, handlers = self.private, self._handlers
        for index, (trade, place) in enumerate(zip(trades_in(raw), places.tolist(), strict=True)):
            kind, player = trade[0], trade[2]
            if kind in handlers:
                handlers[kind](raw, index, place)
            elif player in private and kind in PRIVATE:
                self._send_private(trade, raw, index, place, private[player])

    def _send_private(self, trade: Trade, raw: bytes, index: int, place: int, subscribers: list[Subscriber]) -> None:
        for push in self._private_pushes(trade, raw, index, place):
            self._push(push, subscribers)

    def _private_pushes(self, trade: Trade, raw: bytes, index: int, place: int) -> list[Push]:
        """The message of an event, and the notification that comes with it."""
        kind, _, _, sequence, at_ns, message, _, instrument = trade[:8]
        if kind == _SWITCHED:
            switched = self._switch_event(event_at(Switched, raw, index))
            return [Push("me", message, sequence, at_ns // NS_PER_MS, "switch.changed", switched, "", place)]
        event = private_event(trade, raw, index)
        type, _, make_data = PRIVATE[kind]
        data, at_ms = make_data(event, self._instruments.by_id.get(instrument)), at_ns // NS_PER_MS
        pushes = [Push("me", message, sequence, at_ms, type, data, "", place)]
        notification = notification_of(trade, event, data)
        if notification is not None:
            pushes.append(Push("me", message, sequence, at_ms, "notification", notification, "", place))
        return pushes

    def _push(self, push: Push, subscribers: list[Subscriber]) -> None:
        self.messages += len(subscribers)
        if len(subscribers) == 1:
            subscribers[0].outlet.send(subscribers[0].codec.frame(push))
            return
        encoded: dict[Codec, bytes] = {}
        for subscriber in subscribers:
            frame = encoded.get(subscriber.codec)
            if frame is None:
                frame = encoded[subscriber.codec] = subscriber.codec.frame(push)
            subscriber.outlet.send(frame)

    def _send_tick(self, raw: bytes, index: int, place: int) -> None:
        quoted = event_at(Quoted, raw, index)
        self.changed.add(quoted.instrument)
        channel = self.ticks.get(quoted.instrument)
        if channel is None:
            return
        instrument = self._instruments.by_id[quoted.instrument]
        at_ms = quoted.at_ns // NS_PER_MS
        data = Quote(
            instrument.symbol,
            instrument.price_text(quoted.bid),
            instrument.price_text(quoted.ask),
            self._last_price(instrument.symbol),
            at_ms,
        )
        self.messages += len(channel.behind)
        channel.send(Message(quoted.sequence, at_ms, "tick", data, place))

    def _send_closed_candle(self, raw: bytes, index: int, place: int) -> None:
        candle = event_at(Candle, raw, index)
        channel = self.candles.get((candle.instrument, candle.interval_s))
        if channel is None:
            return
        instrument = self._instruments.by_id[candle.instrument]
        data = candle_event(instrument, INTERVAL_NAMES[candle.interval_s], candle, closed=True)
        channel.send(Message(candle.sequence, candle.at_ns // NS_PER_MS, "candle", data, place))

    def _send_instrument(self, raw: bytes, index: int, place: int) -> None:
        event = event_at(Event, raw, index)
        self._instrument_changed(event.instrument)
        data = InstrumentEvent(self._instruments.by_id[event.instrument].symbol)
        self.sys.send(Message(event.sequence, event.at_ns // NS_PER_MS, "instrument.changed", data, place))

    def _send_switch(self, raw: bytes, index: int, place: int) -> None:
        """On `sys`; that of a player on the player's `me` only."""
        event = event_at(Switched, raw, index)
        if event.instrument:
            self._instrument_changed(event.instrument)
        data, at_ms = self._switch_event(event), event.at_ns // NS_PER_MS
        if not event.player:
            self.sys.send(Message(event.sequence, at_ms, "switch.changed", data, place))
        elif event.player in self.private:
            push = Push("me", event.message, event.sequence, at_ms, "switch.changed", data, "", place)
            self._push(push, self.private[event.player])

    def _switch_event(self, event: Switched) -> SwitchEvent:
        symbol = self._instruments.by_id[event.instrument].symbol if event.instrument else None
        scope, switch = SCOPES[event.scope], SWITCHES[event.switch]
        return SwitchEvent(scope, switch, bool(event.on), symbol, event.match or None, event.player or None)

    def _send_season(self, raw: bytes, index: int, place: int) -> None:
        event = event_at(Progressed, raw, index)
        data = SeasonEvent(event.season)
        self.sys.send(Message(event.sequence, event.at_ns // NS_PER_MS, "season.started", data, place))

    # Subscriptions

    def join_private(self, subscriber: Subscriber, player: int) -> None:
        """From now on the player's messages go to this subscriber too."""
        self.private.setdefault(player, []).append(subscriber)

    def resume_private(self, subscriber: Subscriber, player: int, last: Missed, missed: Missed) -> int:
        """`join_private`; what was missed comes first. So does the notification of the `last` message that came: it is
        not counted, so nobody can say whether it came too. Returns the bytes."""
        pushes = [push for pushes in self._pushes_of(last) for push in pushes[1:]]
        pushes += [push for pushes in self._pushes_of(missed) for push in pushes]
        sent = 0
        for push in pushes:
            frame = subscriber.codec.frame(push)
            subscriber.outlet.send(frame)
            sent += len(frame)
        self.join_private(subscriber, player)
        return sent

    def _pushes_of(self, missed: Missed) -> list[list[Push]]:
        """Of each event, what is told of it."""
        return [
            self._private_pushes(trade, missed.raw, index, place)
            for index, (trade, place) in enumerate(zip(trades_in(missed.raw), missed.places, strict=True))
        ]

    def leave_private(self, subscriber: Subscriber, player: int) -> None:
        subscribers = self.private.get(player)
        if subscribers is not None and subscriber in subscribers:
            subscribers.remove(subscriber)
            if not subscribers:
                del self.private[player]

    def tick_channel(self, instrument: int, symbol: str) -> Channel:
        return self.ticks.setdefault(instrument, Channel(f"tick.{symbol}", conflates=True))

    def candle_channel(self, instrument: int, symbol: str, interval_s: int) -> Channel:
        name = f"candle.{symbol}.{INTERVAL_NAMES[interval_s]}"
        return self.candles.setdefault((instrument, interval_s), Channel(name, conflates=True))

    def ticker_channel(self, instrument: int, symbol: str) -> Channel:
        return self.tickers.setdefault(instrument, Channel(f"ticker.{symbol}", conflates=True))

    def board_channel(self, match: int) -> Channel:
        return self.boards.setdefault(match, Channel(f"board.{match}", conflates=True))

    def room_channel(self, match: int, n: int) -> Channel:
        """`n` is the number of the match's last message, as the state has it."""
        return self.rooms.setdefault(match, Channel(f"match.{match}", conflates=False, n=n))

    def leave(self, subscriber: Subscriber, channel: Channel) -> None:
        """Unsubscribe from a public channel. A channel without subscribers keeps its number and costs a look-up."""
        channel.behind.pop(subscriber, None)
