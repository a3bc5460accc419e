"""Ops of subscriptions: what a session listens to. A subscription begins with a snapshot, after the reply."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from engine import views
from engine.batch.machine import RULES_VERSION
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.channels.fanout import INTERVALS, Channel
from gateway.channels.message import Message
from gateway.channels.recent import NOTHING_MISSED, Missed
from gateway.channels.rooms import room_of
from gateway.core.config import Limits
from gateway.core.versions import PROTOCOL_VERSION, package_version
from gateway.ops.market import quote_of
from gateway.ops.matches import may_watch
from gateway.ops.me import me_get
from gateway.presenters.market import candle_event
from gateway.protocol.envelopes import Push
from gateway.protocol.errors import Code, Refused
from gateway.protocol.market import SwitchEvent
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import (
    Hello,
    LimitsInForce,
    Resume,
    Resumed,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from gateway.sessions.arena import Arena
from gateway.sessions.scopes import scope_of_channel
from gateway.sessions.session import Session

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
"""Of a match: as its channel's own name has it, or a session would know the channel by another name than the arena."""

PATTERNS: Final = ("me", "sys", "tick.SYMBOL", "ticker.SYMBOL", "candle.SYMBOL.INTERVAL", "match.ID", "board.ID")
"""Names of channels."""

SNAPSHOT_COSTS: Final = {"me": 2, "board": 5}
"""In messages, what the first one of a channel costs, as the table of ops says of the op that answers the same."""


def subscribe(session: Session, wanted: Subscribe) -> Subscribed:
    """All of them or none. Each one's snapshot follows the reply."""
    found = _new_channels(session, wanted.channels)
    session.spend(sum(_snapshot_costs(name) for name, _ in found))
    for name, channel in found:
        session.channels[name] = channel
        session.after_reply(partial(_send_snapshot, session, name, channel))
    return Subscribed(list(session.channels))


def resume(session: Session, wanted: Resume) -> Resumed:
    """All of them or none. What was missed of each, or its snapshot, follows the reply.

    Only `me` and matches are counted by the engine; what other channels missed is nothing that anybody needs. Numbers
    of another session may be another player's, so they count for nothing.
    """
    assert session.identity is not None
    found = _new_channels(session, wanted.last)
    is_same = wanted.session == session.identity.session
    left = session.arena.config.limits.resume_messages
    follow_ups: list[tuple[str, Channel | None, Callable[[], None] | None]] = []
    for name, channel in found:
        replay = None
        if is_same:
            replay, count = _replay(session, name, channel, wanted.last[name], left)
            left -= count
        follow_ups.append((name, channel, replay))
    session.spend(sum(_snapshot_costs(name) for name, _, replay in follow_ups if replay is None))
    for name, channel, replay in follow_ups:
        session.channels[name] = channel
        session.after_reply(replay or partial(_send_snapshot, session, name, channel))
    return Resumed({name: "reset" if replay is None else "replayed" for name, _, replay in follow_ups})


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


def _new_channels(session: Session, names: Iterable[str]) -> list[tuple[str, Channel | None]]:
    """Those that the session does not listen to yet. Raises Refused for the first that cannot be: its details have the
    `channel` and its place (`index`) among the names.

    All or none, and not a result for each: a program that goes on without a channel that it asked for is wrong about
    the world without knowing it, and one that wants to can leave out the one that is named and ask again.
    """
    found: list[tuple[str, Channel | None]] = []
    for index, name in enumerate(names):
        if name in session.channels or name in (known for known, _ in found):
            continue
        try:
            found.append((name, _channel(session, name)))
            session.check_key(scope_of_channel(name))
            if len(session.channels) + len(found) > session.arena.config.limits.channels_per_connection:
                raise Refused(Code.TOO_MANY_CHANNELS)
        except Refused as refused:
            details = (refused.error.details or {}) | {"channel": name, "index": index}
            refused.error = msgspec.structs.replace(refused.error, details=details)
            raise
    return found


def _snapshot_costs(name: str) -> int:
    return SNAPSHOT_COSTS.get(name.partition(".")[0], 0)


def _replay(
    session: Session, name: str, channel: Channel | None, n: int, most: int
) -> tuple[Callable[[], None] | None, int]:
    """What sends the messages after number `n`, and how many they are; None when there is no telling."""
    arena, book = session.arena, session.arena.state.book
    type, _, rest = name.partition(".")
    if channel is None:
        last = views.last_message(book, session.player)
        recent = arena.fanout.recent
        private = recent.private_after(session.player, n, last, most)
        if private is None:
            return None, 0
        came = (recent.private_after(session.player, n - 1, n, 1) if n else None) or NOTHING_MISSED
        return partial(_replay_private, session, came, private), last - n
    if type == "match":
        last = views.last_match_message(book, int(rest))
        missed = arena.fanout.recent.of_match_after(int(rest), n, last, most)
        return (partial(_replay_match, session, channel, missed), last - n) if missed is not None else (None, 0)
    return None, 0


def _replay_private(session: Session, came: Missed, missed: Missed) -> None:
    session.pay_for(session.arena.fanout.resume_private(session, session.player, came, missed))


def _replay_match(session: Session, channel: Channel, missed: list[tuple[int, Message]]) -> None:
    session.pay_for(channel.resume(session, missed))


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
        case ["ticker", symbol]:
            return fanout.ticker_channel(session.arena.instruments.named(symbol).id, symbol)
        case ["candle", symbol, interval] if interval in INTERVALS:
            instrument = session.arena.instruments.named(symbol)
            return fanout.candle_channel(instrument.id, symbol, INTERVALS[interval])
        case ["board" | "match" as type, number] if _NUMBER.fullmatch(number):
            match_id = int(number)
            if views.match(session.arena.state, match_id) is not None:
                if not may_watch(session, match_id):
                    raise Refused(Reason.NOT_JOINED)
                return (
                    fanout.board_channel(match_id)
                    if type == "board"
                    else fanout.room_channel(match_id, views.last_match_message(session.arena.state.book, match_id))
                )
    raise Refused(Code.CHANNEL_UNKNOWN, allowed=list(PATTERNS))


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
    if type == "ticker":
        return arena.fanout.last_tickers.get(arena.instruments.named(rest).id) or Empty()
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
        server=package_version(),
        rules=RULES_VERSION,
        protocol=PROTOCOL_VERSION,
        intervals=list(INTERVALS),
        limits=_limits(arena.config.limits),
    )


def _limits(limits: Limits) -> LimitsInForce:
    return LimitsInForce(
        frame_bytes=limits.frame_bytes,
        messages_per_s=limits.messages_per_s,
        messages_burst=limits.messages_burst,
        player_messages_per_s=limits.player_messages_per_s,
        player_messages_burst=limits.player_messages_burst,
        connections_per_player=limits.connections_per_player,
        channels_per_connection=limits.channels_per_connection,
        resume_messages=limits.resume_messages,
        ping_every_ms=round(limits.ping_every_s * 1_000),
        silence_ms=round(limits.silence_s * 1_000),
    )
