"""Letters that wait to be sent. Who puts one in never waits for a mail server, so no answer's time tells anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import structlog

from gateway.notify.letters import Letter
from gateway.notify.mail import Carrier, NotCarried

log = structlog.get_logger()

MOST_WAITING: Final = 1_000
ATTEMPTS: Final = 4
FIRST_WAIT_S: Final = 2.0
"""Before the second attempt; it doubles."""


class Outbox:
    """See the module. `outcomes` counts what became of letters: sent, dropped, failed."""

    def __init__(self, carrier: Carrier | None, first_wait_s: float = FIRST_WAIT_S) -> None:
        self.can_send = carrier is not None
        self.outcomes: Counter[str] = Counter()
        self._carrier = carrier
        self._first_wait_s = first_wait_s
        self._waiting: asyncio.Queue[tuple[Letter, int]] = asyncio.Queue(MOST_WAITING)

    def put(self, letter: Letter, failed: int = 0) -> None:
        """Send it some time; so many attempts have failed. When too many wait, it is dropped and counted."""
        try:
            self._waiting.put_nowait((letter, failed))
        except asyncio.QueueFull:
            self.outcomes["dropped"] += 1

    async def run(self) -> None:
        """Send, one after another, until cancelled."""
        while True:
            letter, failed = await self._waiting.get()
            await self._send(letter, failed)

    async def _send(self, letter: Letter, failed: int) -> None:
        """Tried again while the server says that it may help. Nothing of the letter is logged: it may have a code."""
        assert self._carrier is not None
        try:
            await self._carrier.carry(letter)
        except NotCarried as error:
            log.warning("a letter was not sent", because=str(error), attempt=failed + 1)
            if error.again and failed + 1 < ATTEMPTS:
                wait_s = self._first_wait_s * 2**failed
                asyncio.get_running_loop().call_later(wait_s, self.put, letter, failed + 1)
            else:
                self.outcomes["failed"] += 1
        else:
            self.outcomes["sent"] += 1
