"""One socket to a combined stream, through python-binance, kept open for ever.

python-binance connects. Its own read loop is not used, because it ends on the first malformed frame, on overflow of
its queue and after an outage of 20 s, never notices a server that says nothing, and takes up to 10 s to stop. The
loop here has no queue: it hands each frame on as it comes, and whatever happens to the connection, it opens another.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

log = structlog.get_logger()

LONGEST_DOUBLING: Final = 16
"""Failed attempts after which the wait is not doubled any more (it met its cap long before)."""


class Connection(ReconnectingWebsocket):  # type: ignore[misc]  # python-binance has no types
    """A combined stream that reconnects until it is closed.

    `on_open` is called at each new connection before its first frame, `on_frame` with every frame, both on the event
    loop. What they raise is a bug of ours: it ends the task that `start` returned.
    """

    _handle_read_loop: asyncio.Task[None] | None

    def __init__(
        self,
        stream_url: str,
        streams: Sequence[str],
        on_open: Callable[[], None],
        on_frame: Callable[[bytes], None],
        *,
        silence_s: float = 10.0,
        backoff_s: float = 0.25,
        backoff_cap_s: float = 5.0,
    ) -> None:
        if not stream_url.startswith(("ws://", "wss://")):
            raise ValueError(f"the stream URL must start with ws:// or wss://, not {stream_url!r}")
        super().__init__(
            url=stream_url.rstrip("/") + "/",
            path="/".join(streams),
            prefix="stream?streams=",
            open_timeout=silence_s,
            compression=None,
        )
        self._log = logging.getLogger(__name__)
        self._log.setLevel(logging.CRITICAL)  # python-binance logs each failed attempt, which `_lost` does as well
        self.connected = False
        self.connections = 0
        self.last_error = ""
        self._renewal = ""
        """Why this connection is to be replaced by another; empty: it is not."""
        self._reading: asyncio.Timeout | None = None
        self._on_open = on_open
        self._on_frame = on_frame
        self._silence_s = silence_s
        self._backoff_s = backoff_s
        self._backoff_cap_s = backoff_cap_s
        self._failures = 0

    def start(self) -> asyncio.Task[None]:
        """Connect and read in a task of its own, which lasts until `close`."""
        self._handle_read_loop = asyncio.create_task(self._read_loop(), name="market connection")
        return self._handle_read_loop

    def renew(self, reason: str, streams: Sequence[str] | None = None) -> None:
        """Give this connection up and open another at once, of other streams if they are given."""
        if streams is not None:
            self._path = "/".join(streams)
        self._renewal = reason
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0)

    async def close(self) -> None:
        """End the task and the connection. Raises what ended the task, if it was not this call."""
        task, self._handle_read_loop = self._handle_read_loop, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.connected = False
        await super().close()
        if task is not None and not task.cancelled():
            task.result()

    async def _read_loop(self) -> None:
        while True:
            if await self._connects():
                await self._read_until_lost()
            await asyncio.sleep(self._get_reconnect_wait(self._failures))
            self._failures += 1

    async def _connects(self) -> bool:
        self._renewal = ""
        try:
            await self.connect()
        except Exception as error:  # only library code runs in there, so whatever it is, it is the network's
            self._lost(_text(error))
            return False

        self.connected = True
        self.connections += 1
        log.info("market connection open", url=self._url)
        self._on_open()
        return True

    async def _read_until_lost(self) -> None:
        receive = self.ws.recv
        while not self._renewal:
            try:
                async with asyncio.timeout(self._silence_s) as self._reading:
                    frame = await receive(decode=False)
            except TimeoutError:
                self._renewal = self._renewal or f"no frame for {self._silence_s} s"
                break
            except Exception as error:  # as above: nothing of ours runs in there
                self._renewal = _text(error)
                break
            finally:
                self._reading = None
            self._failures = 0
            self._handle_message(frame)
        self._lost(self._renewal)
        await self.ws.close()

    def _handle_message(self, evt: bytes) -> None:
        self._on_frame(evt)

    def _lost(self, reason: str) -> None:
        self.connected = False
        self.last_error = reason
        log.warning("market connection lost", url=self._url, error=self.last_error)

    def _get_reconnect_wait(self, attempts: int) -> float:
        """Seconds before the next attempt: doubled with each failure in a row, capped, and spread by up to a half."""
        longest = min(self._backoff_cap_s, self._backoff_s * 2.0 ** min(attempts, LONGEST_DOUBLING))
        return longest * random.uniform(0.5, 1.0)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
