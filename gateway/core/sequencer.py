"""The one door to the engine: what waits is gathered, stamped, logged, applied and answered, one batch at a time.

    seq = Sequencer(machine, log.append_async, clock, limits, {"fan-out": fanout.publish, ...})
    task = asyncio.create_task(seq.run())
    seq.submit(record, answer, Urgency.OPENS)      # answer(outcome, at_ns) is called when durable and applied
    outcome, at_ns = await seq.call(record, Urgency.OTHER, blob)

Group commit without a timer: while one batch is being synced, the next one gathers. A batch of nothing but quotes may
gather a little; a client's command ends the wait. When nothing arrives and a timer is due, a PULSE is logged. All
answers of a batch go out before its events, and both before the consumers are done with it: the last consumer
flushes the sockets.

What is in the inbox is never dropped: admission refuses before (see `_admit`). If the log fails, nothing of that
batch is acknowledged and `run` raises what `append` did: the process must end, for nobody knows what the disk holds.
It must end as well if the engine fails in the middle of a batch. An answer or a consumer that fails is a fault of ours,
but no reason to stop: what it was to say is logged and applied. It is counted, and `on_failure` is told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from engine.batch.machine import Applied, Machine
from engine.model.commands import Batch
from engine.model.scale import NS_PER_MS, NS_PER_S
from engine.views import next_due_ns
from gateway.core.clock import Clock
from gateway.core.config import Limits
from gateway.core.histograms import Histogram
from gateway.core.records import Outcome, outcomes_of, pulse_record, records_of, with_blob
from gateway.protocol.errors import Code, Refused

Answer = Callable[[Outcome, int], None]
Append = Callable[[Batch], Awaitable[Any]]
Consumer = Callable[[Batch, Applied], None]


class Urgency(IntEnum):
    """What a command does to risk, which says how long it is still let in."""

    OPENS = 0
    """Takes on risk, or adds players: the first to be refused."""
    OTHER = 1
    RELEASES = 2
    """Closes and cancels: refused only when there is no room at all."""
    OPERATOR = 3
    """The operator's own commands: never refused."""


# Looking up an enum's member costs a tenth of a microsecond, and every command does it.
_OTHER: Final = Urgency.OTHER
_RELEASES: Final = Urgency.RELEASES
_OPERATOR: Final = Urgency.OPERATOR

LONGEST_SLEEP_S: Final = 1.0
"""Until a timer is looked at again: the clock may have stepped forward meanwhile."""

_Waiting = tuple[bytes, bytes, Answer | None, int]
"""What waits: record, blob, answer (None: a quote, a pulse), and when it arrived in monotonic ns."""


def _nobody(part: str, error: Exception) -> None:
    raise error


class Sequencer:
    """See the module. Counters are plain attributes, to be read at any time."""

    def __init__(
        self,
        machine: Machine,
        append: Append,
        clock: Clock,
        limits: Limits,
        consumers: Mapping[str, Consumer],
        on_failure: Callable[[str, Exception], None] = _nobody,
    ) -> None:
        self.machine = machine
        self.sequence = int(machine.state.book.world[0]["sequence"])
        self.batches = 0
        self.commands = 0
        self.refused = 0
        self.quotes_dropped = 0
        self.risk_refused = ""
        """Why opens are refused at the moment, such as a full disk or a projection that lags; empty: they are not."""
        self.sizes = Histogram()
        """Of batches, in commands."""
        self.waits, self.syncs, self.applies, self.fanouts = (Histogram() for _ in range(4))
        """In ns: a client's command until its batch; write and sync of a batch; engine; answers, events and flush."""
        self._append = append
        self._clock = clock
        self._limits = limits
        self._consumers = consumers
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[_Waiting] = deque()
        self._answers_due = 0
        self._appending_since_ns = 0
        self._sleeper: asyncio.Future[None] | None = None
        self._gathering = False
        self._stopping = False
        self._capacity = limits.inbox_commands
        self._capacity_for_most = limits.inbox_commands * 3 // 4
        self._opens_until_ns = limits.refuse_opens_after_ms * NS_PER_MS
        self._most_until_ns = limits.refuse_most_after_ms * NS_PER_MS

    # What comes in

    def submit(self, record: bytes, answer: Answer, urgency: Urgency, blob: bytes = b"") -> None:
        """Queue a command; `answer` is called with its outcome and stamp. Raises Refused: OVERLOADED, STOPPING."""
        now_ns = time.monotonic_ns()
        if urgency is not _OPERATOR:
            self._admit(urgency, now_ns)
        self._inbox.append((record, blob, answer, now_ns))
        self._answers_due += 1
        if self._sleeper is not None:
            self._wake()

    def submit_market(self, record: bytes) -> None:
        """Queue a quote. One for which there is no room at all is dropped and counted."""
        if len(self._inbox) >= self._capacity or self._stopping:
            self.quotes_dropped += 1
            return
        self._inbox.append((record, b"", None, time.monotonic_ns()))
        if self._sleeper is not None and not self._gathering:
            self._wake()

    async def call(self, record: bytes, urgency: Urgency, blob: bytes = b"") -> tuple[Outcome, int]:
        """Queue a command and wait for its outcome and stamp. Raises Refused as `submit` does."""
        done: asyncio.Future[tuple[Outcome, int]] = self._loop.create_future()

        def answer(outcome: Outcome, at_ns: int) -> None:
            if not done.done():
                done.set_result((outcome, at_ns))

        self.submit(record, answer, urgency, blob)
        return await done

    def waiting_s(self) -> float:
        """Age of the oldest waiting command, in seconds."""
        return (time.monotonic_ns() - self._inbox[0][3]) / NS_PER_S if self._inbox else 0.0

    def appending_s(self) -> float:
        """For how long the batch in flight has been on its way to the disk, in seconds; 0: none is."""
        return (time.monotonic_ns() - self._appending_since_ns) / NS_PER_S if self._appending_since_ns else 0.0

    def waiting(self) -> int:
        """How many records wait."""
        return len(self._inbox)

    def is_overloaded(self) -> bool:
        """Does so much wait that only closes and cancels are let in?"""
        return len(self._inbox) >= self._capacity_for_most

    def _admit(self, urgency: Urgency, now_ns: int) -> None:
        """Admission by the age of the oldest waiting command; a quarter of the inbox is kept for closes and cancels."""
        if self._stopping:
            raise Refused(Code.STOPPING)
        waiting = len(self._inbox)
        age_ns = now_ns - self._inbox[0][3] if waiting else 0
        if urgency is _RELEASES:
            admitted = waiting < self._capacity
        elif urgency is _OTHER:
            admitted = waiting < self._capacity_for_most and age_ns <= self._most_until_ns
        else:
            admitted = waiting < self._capacity_for_most and age_ns <= self._opens_until_ns and not self.risk_refused
        if not admitted:
            self.refused += 1
            details: dict[str, Any] = {"because": self.risk_refused} if self.risk_refused else {}
            raise Refused(Code.OVERLOADED, **details)

    # What goes on

    async def run(self) -> None:
        """Commit batch after batch until `stop`, and then until nothing waits. Raises what `append` raises."""
        while True:
            await self._gather()
            if not self._inbox:
                return
            await self._commit()
            # One turn of the loop: what the sockets hold by now joins the next batch.
            await asyncio.sleep(0)

    def stop(self) -> None:
        """Take no more commands; `run` returns when those that wait are done."""
        self._stopping = True
        self._wake()

    async def _gather(self) -> None:
        """Return when there is something to commit, or nothing ever will be."""
        while not self._inbox:
            if self._stopping:
                return
            due_ns = next_due_ns(self.machine.state.book)
            wait_s = None if due_ns is None else (due_ns - self._clock.stamp_ns()) / NS_PER_S
            if wait_s is not None and wait_s <= 0:
                self._inbox.append((pulse_record(), b"", None, time.monotonic_ns()))
                return
            await self._sleep(None if wait_s is None else min(wait_s, LONGEST_SLEEP_S))
        if not self._answers_due and not self._stopping and self._limits.quote_gather_ms:
            self._gathering = True
            await self._sleep(self._limits.quote_gather_ms / 1000)
            self._gathering = False

    async def _sleep(self, seconds: float | None) -> None:
        self._sleeper = self._loop.create_future()
        timer = None if seconds is None else self._loop.call_later(seconds, self._wake)
        try:
            await self._sleeper
        finally:
            self._sleeper = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def _commit(self) -> None:
        items = self._take()
        batch = self._batch_of(items)
        begun_ns = self._appending_since_ns = time.monotonic_ns()
        await self._append(batch)
        self._appending_since_ns = 0
        appended_ns = time.monotonic_ns()
        applied = self.machine.apply(batch)
        applied_ns = time.monotonic_ns()
        self.sequence += len(items)
        self.batches += 1
        self.commands += len(items)
        at_ns = batch.at_ns
        for (_, _, answer, arrived_ns), outcome in zip(items, outcomes_of(applied.outcomes), strict=True):
            if answer is not None:
                self.waits.observe(begun_ns - arrived_ns)
                try:
                    answer(outcome, at_ns)
                except Exception as error:
                    self._on_failure("an answer", error)
        for name, consumer in self._consumers.items():
            try:
                consumer(batch, applied)
            except Exception as error:
                self._on_failure(name, error)
        self.sizes.observe(len(items))
        self.syncs.observe(appended_ns - begun_ns)
        self.applies.observe(applied_ns - appended_ns)
        self.fanouts.observe(time.monotonic_ns() - applied_ns)

    def _take(self) -> list[_Waiting]:
        inbox = self._inbox
        if len(inbox) <= self._limits.batch_commands:
            items = list(inbox)
            inbox.clear()
            self._answers_due = 0
            return items
        items = [inbox.popleft() for _ in range(self._limits.batch_commands)]
        self._answers_due -= sum(answer is not None for _, _, answer, _ in items)
        return items

    def _batch_of(self, items: list[_Waiting]) -> Batch:
        """The batch, stamped now: its gathering is closed."""
        blobs: list[bytes] = []
        records: list[bytes] = []
        offset = 0
        for record, blob, _, _ in items:
            if blob:
                record = with_blob(record, len(blob), offset)
                blobs.append(blob)
                offset += len(blob)
            records.append(record)
        return Batch(self.sequence + 1, self._clock.stamp_ns(), records_of(b"".join(records)), b"".join(blobs))
