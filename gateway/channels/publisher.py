"""What goes out by the clock and not by an event: unfinished candles and leaderboards, to those who want them."""

from __future__ import annotations

import asyncio

from engine import views
from gateway.channels.fanout import INTERVAL_NAMES, Message
from gateway.ops.arena import Arena
from gateway.ops.matches import board_of
from gateway.presenters.market_messages import candle_data


async def publish_candles(arena: Arena) -> None:
    """Send the unfinished candles of what was quoted, a few times a second, until cancelled."""
    while True:
        await asyncio.sleep(arena.config.limits.candle_every_ms / 1000)
        send_candles(arena)


def send_candles(arena: Arena) -> None:
    seq, at_ms = arena.applied
    changed = arena.fanout.changed
    for (instrument_id, interval_s), channel in arena.fanout.candles.items():
        if not channel.behind or instrument_id not in changed:
            continue
        candle = views.candle(arena.state.book, instrument_id, interval_s)
        if candle is not None:
            instrument = arena.instruments.by_id[instrument_id]
            data = candle_data(instrument, INTERVAL_NAMES[interval_s], candle, closed=False)
            channel.send(Message(seq, at_ms, "candle", data))
    changed.clear()


async def publish_boards(arena: Arena) -> None:
    """Send the leaderboards that somebody watches, at most once a second, until cancelled."""
    while True:
        await asyncio.sleep(arena.config.limits.board_every_ms / 1000)
        send_boards(arena)


def send_boards(arena: Arena) -> None:
    seq, at_ms = arena.applied
    for match, channel in arena.fanout.boards.items():
        if channel.behind:
            channel.send(Message(seq, at_ms, "board", board_of(arena, match)))
