"""Ops of subscriptions: what a session listens to. A subscription begins with a snapshot, after the reply."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from engine import views
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.channels.fanout import INTERVALS, Channel, Message
from gateway.channels.rooms import room_of
from gateway.ops.market import quote_of
from gateway.ops.matches import may_watch
from gateway.ops.me import me_get
from gateway.presenters.market import candle_event
from gateway.protocol.envelopes import Push
from gateway.protocol.errors import Code, Refused
from gateway.protocol.market import Hello, SwitchEvent
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import Subscribe, Subscribed, Unsubscribe
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
"""Of a match: as its channel's own name has it, or a session would know the channel by another name than the arena."""

PATTERNS: Final = ("me", "sys", "tick.SYMBOL", "candle.SYMBOL.INTERVAL", "match.ID", "board.ID")
"""Names of channels."""

SNAPSHOT_COSTS: Final = {"me": 2, "board": 5}
"""In messages, what the first one of a channel costs, as the table of ops says of the op that answers the same."""


def subscribe(session: Session, wanted: Subscribe) -> Subscribed:
    """All of them or none. Each one's snapshot follows the reply."""
    names = [name for name in dict.fromkeys(wanted.channels) if name not in session.channels]
    if len(session.channels) + len(names) > session.arena.config.limits.channels_per_connection:
        raise Refused(Code.TOO_MANY_CHANNELS)
    found = [(name, _channel(session, name)) for name in names]
    session.spend(sum(SNAPSHOT_COSTS.get(name.partition(".")[0], 0) for name in names))
    for name, channel in found:
        session.channels[name] = channel
        session.after_reply(partial(_send_snapshot, session, name, channel))
    return Subscribed(list(session.channels))


def unsubscribe(session: Session, unwanted: Unsubscribe) -> Subscribed:
    for name in unwanted.channels:
        if name not in session.channels:
            continue
        channel = session.channels.pop(name)
        if channel is None:
            session.arena.fanout.leave_private(session, session.player)
        else:
            session.arena.fanout.leave(session, channel)
    return Subscribed(list(session.channels))


def _channel(session: Session, name: str) -> Channel | None:
    """The public channel of that name; None for the private one. Raises Refused."""
    fanout = session.arena.fanout
    match name.split("."):
        case ["me"]:
            if session.identity is None:
                raise Refused(Code.NOT_AUTHENTICATED)
            if session.is_operator:
                raise Refused(Code.PLAYERS_ONLY)
            return None
        case ["sys"]:
            return fanout.sys
        case ["tick", symbol]:
            return fanout.tick_channel(session.arena.instruments.named(symbol).id, symbol)
        case ["candle", symbol, interval] if interval in INTERVALS:
            instrument = session.arena.instruments.named(symbol)
            return fanout.candle_channel(instrument.id, symbol, INTERVALS[interval])
        case ["board" | "match" as type, number] if _NUMBER.fullmatch(number):
            match_id = int(number)
            if views.match(session.arena.state, match_id) is not None:
                if not may_watch(session, match_id):
                    raise Refused(Reason.NOT_JOINED)
                return fanout.board_channel(match_id) if type == "board" else fanout.room_channel(match_id)
    raise Refused(Code.CHANNEL_UNKNOWN, channel=name, allowed=list(PATTERNS))


def _send_snapshot(session: Session, name: str, channel: Channel | None) -> None:
    """Begin the subscription with a snapshot of the channel."""
    seq, at_ms = session.arena.applied
    if channel is None:
        n = views.last_message(session.arena.state.book, session.player)
        data = me_get(session, Nothing())
        frame = session.codec.frame(Push("me", n, seq, at_ms, "me", data, "snapshot"))
        session.pay_for(len(frame))
        session.outlet.send(frame)
        session.arena.fanout.join_private(session, session.player)
        return
    type, _, rest = name.partition(".")
    channel.subscribe(session, Message(seq, at_ms, type if rest else "hello", _snapshot(session, type, rest)))


def _snapshot(session: Session, type: str, rest: str) -> object:
    arena = session.arena
    if type == "tick":
        return quote_of(arena, rest)
    if type == "board":
        return arena.boards.of(int(rest))
    if type == "match":
        return room_of(arena.state, int(rest))
    if type == "candle":
        symbol, interval = rest.split(".")
        instrument = arena.instruments.named(symbol)
        candle = views.candle(arena.state.book, instrument.id, INTERVALS[interval])
        return candle_event(instrument, interval, candle, closed=False) if candle is not None else Empty()
    return _hello(arena)


def _hello(arena: Arena) -> Hello:
    now_ns, book = arena.clock.stamp_ns(), arena.state.book
    instruments = arena.instruments.by_id
    return Hello(
        now_ns // NS_PER_MS,
        [instrument.symbol for id, instrument in instruments.items() if views.quote(book, id, now_ns).stale],
        [
            SwitchEvent(
                scope,
                switch,
                True,
                instruments[id].symbol if scope == "instrument" else None,
                id if scope == "match" else None,
            )
            for scope, id, switch in views.switches(book)
        ],
    )
