"""What is sent on a timer and not by an event: unfinished candles, tickers and leaderboards, to those who are
subscribed, and which prices have become stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine import views
from engine.model.state import State
from gateway.channels.fanout import INTERVAL_NAMES, Fanout, applied
from gateway.channels.message import Message
from gateway.presenters.boards import Boards
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.market import candle_event
from gateway.protocol.market import StaleEvent, Ticker


class Publisher:
    """Sends what the state is now to the channels of candles, tickers and leaderboards."""

    def __init__(
        self, state: State, instruments: Instruments, boards: Boards, fanout: Fanout, stamp_ns: Callable[[], int]
    ) -> None:
        """`stamp_ns` says what time it is in the arena."""
        self._state = state
        self._instruments = instruments
        self._boards = boards
        self._fanout = fanout
        self._stamp_ns = stamp_ns
        self._stale: dict[int, bool] = {}
        """What was last told, or was so when it was first looked at."""

    async def publish_candles(self, every_ms: int) -> None:
        """Send the unfinished candles of what was quoted, and what has become stale or fresh, a few times a second,
        until cancelled."""
        while True:
            await asyncio.sleep(every_ms / 1000)
            self.send_candles()
            self.send_stale()

    def send_stale(self) -> None:
        """Tell on `sys` of each instrument whose last quote has become stale since the last call, or is fresh again."""
        now_ns = self._stamp_ns()
        seq, at_ms = applied(self._state)
        for id, instrument in self._instruments.by_id.items():
            stale = views.quote(self._state.book, id, now_ns).stale
            if self._stale.setdefault(id, stale) != stale:
                self._stale[id] = stale
                self._fanout.sys.send(Message(seq, at_ms, "instrument.stale", StaleEvent(instrument.symbol, stale)))

    def send_candles(self) -> None:
        seq, at_ms = applied(self._state)
        changed = self._fanout.changed
        for (instrument_id, interval_s), channel in self._fanout.candles.items():
            if not channel.behind or instrument_id not in changed:
                continue
            candle = views.candle(self._state.book, instrument_id, interval_s)
            if candle is not None:
                instrument = self._instruments.by_id[instrument_id]
                data = candle_event(instrument, INTERVAL_NAMES[interval_s], candle, closed=False)
                channel.send(Message(seq, at_ms, "candle", data))
        changed.clear()

    async def publish_tickers(self, every_ms: int, ticker_of: Callable[[Instrument], Awaitable[Ticker[str]]]) -> None:
        """Send the tickers that have subscribers and have changed, until cancelled. `ticker_of` looks into history."""
        while True:
            await self.send_tickers(ticker_of)
            await asyncio.sleep(every_ms / 1000)

    async def send_tickers(self, ticker_of: Callable[[Instrument], Awaitable[Ticker[str]]]) -> None:
        for id, channel in list(self._fanout.tickers.items()):
            if not channel.behind:
                self._fanout.last_tickers.pop(id, None)  # it would be old when somebody comes
                continue
            ticker = await ticker_of(self._instruments.by_id[id])
            if self._fanout.last_tickers.get(id) != ticker:
                self._fanout.last_tickers[id] = ticker
                channel.send(Message(*applied(self._state), "ticker", ticker))

    async def publish_boards(self, every_ms: int) -> None:
        """Send the leaderboards that have subscribers, at most once a second, until cancelled."""
        while True:
            await asyncio.sleep(every_ms / 1000)
            self.send_boards()

    def send_boards(self) -> None:
        seq, at_ms = applied(self._state)
        for match, channel in self._fanout.boards.items():
            if channel.behind:
                channel.send(Message(seq, at_ms, "board", self._boards.of(match)))
