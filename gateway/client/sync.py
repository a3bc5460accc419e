"""The client for programs without asyncio: every method of Client, and it waits.

    with SyncClient("http://127.0.0.1:8080") as arena:
        arena.guest("alice")
        arena.subscribe("me")
        placed = arena.place(symbol="BTCUSDT", side="long", margin="100", leverage=10)
        for event in arena.events(timeout_s=5):
            print(event.type)

The connection lives in a thread of its own, so it stays up whatever the program does meanwhile. Threads may share it.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from gateway.client.client import DEFAULT_URL, Client
from gateway.client.connection import Encoding
from gateway.client.states import Change
from gateway.protocol.envelopes import Push

T = TypeVar("T")


class SyncClient:
    """A Client behind a thread. Attributes and methods are those of Client; each method waits for its outcome."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        encoding: Encoding = "json",
        reconnect: bool = True,
        retry: bool = True,
        timeout_s: float = 10.0,
        on_state: Callable[[Change], None] | None = None,
    ) -> None:
        """`on_state` is called from the thread of the connection; it must not wait."""
        self._client = Client(
            url, encoding=encoding, reconnect=reconnect, retry=retry, timeout_s=timeout_s, on_state=on_state
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="arena client", daemon=True)

    def __enter__(self) -> Self:
        """Connect. Raises Unreachable."""
        self._thread.start()
        try:
            self._wait(self._client.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave. What still waits for a reply gets Disconnected."""
        if self._thread.is_alive():
            self._wait(self._client.close())
            self._stop()

    def events(self, timeout_s: float | None = None) -> Iterator[Push]:
        """The messages of the channels as they come. Ends when none has come for `timeout_s`, or after close(); raises
        the ArenaError that ended the connection otherwise."""
        while (event := self._wait(self._next(timeout_s))) is not None:
            yield event

    async def _next(self, timeout_s: float | None) -> Push | None:
        try:
            async with asyncio.timeout(timeout_s):
                async for event in self._client.events():
                    return event
        except TimeoutError:
            pass
        return None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not inspect.iscoroutinefunction(found):
            return found

        def waits(*arguments: Any, **named: Any) -> Any:
            return self._wait(found(*arguments, **named))

        waits.__doc__ = found.__doc__
        return waits

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            asked.close()
            raise RuntimeError("use `with`")
        waiting = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return waiting.result()
        except KeyboardInterrupt:
            waiting.cancel()
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
