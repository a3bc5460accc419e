"""The one door: batches, order, admission, timers, and the log's failure."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from engine.model.commands import RegisterPlayer, encode_cold
from engine.model.scale import NS_PER_MS, NS_PER_S
from engine.views import next_due_ns
from gateway.core import sequencer as sequencer_module
from gateway.core.records import Outcome, cold_record, quote_record
from gateway.core.sequencer import Urgency
from gateway.protocol.errors import Refused
from tests.harness.gateway import ROOMY, Gateway, open_gateway


class Gate:
    """A log whose sync ends when the test says so."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.sizes: list[int] = []

    async def append(self, batch: Any) -> None:
        self.sizes.append(len(batch.records))
        await self.open.wait()
        if self.error is not None:
            raise self.error


async def gated(limits: Any = ROOMY) -> tuple[Gateway, Gate]:
    gateway = await open_gateway(limits)
    gate = Gate()
    gateway.arena.sequencer._append = gate.append
    return gateway, gate


def register(gateway: Gateway, answered: list[Outcome], urgency: Urgency = Urgency.OPENS) -> None:
    blob = encode_cold(RegisterPlayer("ann"))
    gateway.arena.sequencer.submit(cold_record(), lambda outcome, at_ns: answered.append(outcome), urgency, blob)


async def stop(gateway: Gateway, gate: Gate) -> None:
    gate.open.set()
    gateway.arena.sequencer.stop()
    await gateway.task


async def test_while_one_batch_syncs_the_next_gathers_and_nothing_leaves_before() -> None:
    gateway, gate = await gated()
    answered: list[Outcome] = []
    register(gateway, answered)
    await asyncio.sleep(0.01)
    for _ in range(10):
        register(gateway, answered)
    await asyncio.sleep(0.01)
    assert gate.sizes == [1]
    assert answered == []
    assert len(gateway.machine.state.cold.players) == 0

    gate.open.set()
    await gateway.settles()
    assert gate.sizes == [1, 10]
    assert [outcome.id for outcome in answered] == list(range(1, 12))
    await stop(gateway, gate)


async def test_only_quotes_gather_a_little_and_a_command_ends_that() -> None:
    limits = msgspec.structs.replace(ROOMY, quote_gather_ms=1_000, refuse_opens_after_ms=10_000)
    gateway, gate = await gated(limits)
    gate.open.set()
    sequencer = gateway.arena.sequencer
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    for number in range(10, 15):
        sequencer.submit_market(quote_record(1, 6_000_000, 6_000_001, number, 0))
        await asyncio.sleep(0.002)
    assert gate.sizes == []
    answered: list[Outcome] = []
    register(gateway, answered)
    await gateway.settles()
    assert loop.time() - begun_s < 0.9, "the command has not waited for the quotes' time to be over"
    assert gate.sizes == [6]
    sequencer.submit_market(quote_record(1, 6_000_000, 6_000_001, 20, 0))
    await asyncio.sleep(1.2)
    assert gate.sizes == [6, 1]
    await stop(gateway, gate)


async def test_a_failed_log_answers_nobody_and_ends_the_run() -> None:
    gateway, gate = await gated()
    answered: list[Outcome] = []
    register(gateway, answered)
    gate.error = OSError("no space")
    gate.open.set()
    with pytest.raises(OSError, match="no space"):
        await gateway.task
    assert answered == []
    assert gateway.machine.state.cold.players == {}


async def test_admission_by_the_age_of_the_oldest() -> None:
    gateway, gate = await gated()
    answered: list[Outcome] = []
    register(gateway, answered)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    register(gateway, answered)
    await asyncio.sleep(0.03)
    with pytest.raises(Refused, match="OVERLOADED"):
        register(gateway, answered, Urgency.OPENS)
    register(gateway, answered, Urgency.OTHER)
    await asyncio.sleep(0.1)
    with pytest.raises(Refused, match="OVERLOADED") as refused:
        register(gateway, answered, Urgency.OTHER)
    assert refused.value.error.retry == "after"
    assert refused.value.error.retry_after
    register(gateway, answered, Urgency.RELEASES)
    await stop(gateway, gate)
    assert len(answered) == 4
    assert gateway.arena.sequencer.refused == 2


async def test_a_quarter_of_the_inbox_is_kept_for_closes() -> None:
    gateway, gate = await gated(msgspec.structs.replace(ROOMY, inbox_commands=40, refuse_opens_after_ms=10_000))
    answered: list[Outcome] = []
    register(gateway, answered)
    await asyncio.sleep(0.01)
    for _ in range(30):
        register(gateway, answered)
    with pytest.raises(Refused, match="OVERLOADED"):
        register(gateway, answered)
    for _ in range(10):
        register(gateway, answered, Urgency.RELEASES)
    with pytest.raises(Refused, match="OVERLOADED"):
        register(gateway, answered, Urgency.RELEASES)
    gateway.arena.sequencer.submit_market(quote_record(1, 6_000_000, 6_000_001, 9, 0))
    assert gateway.arena.sequencer.quotes_dropped == 1
    await stop(gateway, gate)
    assert len(answered) == 41


async def test_opens_are_refused_while_the_disk_is_full() -> None:
    gateway, gate = await gated()
    gate.open.set()
    gateway.arena.sequencer.risk_refused = "the disk is nearly full"
    answered: list[Outcome] = []
    with pytest.raises(Refused) as refused:
        register(gateway, answered)
    assert refused.value.error.details == {"because": "the disk is nearly full"}
    register(gateway, answered, Urgency.OTHER)
    await stop(gateway, gate)
    assert len(answered) == 1


async def test_what_waits_is_done_before_the_end_and_nothing_comes_after() -> None:
    gateway, gate = await gated()
    answered: list[Outcome] = []
    for _ in range(5):
        register(gateway, answered)
    await stop(gateway, gate)
    assert len(answered) == 5
    with pytest.raises(Refused, match="STOPPING"):
        register(gateway, answered)


async def test_a_timer_is_served_when_nothing_else_comes() -> None:
    gateway, gate = await gated()
    gate.open.set()
    ann = await gateway.player()
    midnight_ns = next_due_ns(gateway.machine.state.book)  # of the match with challenge rules
    due_ms = gateway.arena.clock.stamp_ns() // NS_PER_MS + 60
    order = {"match": 1, "symbol": "BTCUSDT", "side": "long", "leverage": 10, "margin": "100", "type": "limit"}
    await ann.result("order.place", {**order, "price": "50000", "time_in_force": "gtd", "expires_at": due_ms})
    assert next_due_ns(gateway.machine.state.book) == due_ms * NS_PER_MS
    await asyncio.sleep(0.15)
    assert await ann.result("order.list", {"match": 1}) == []
    assert next_due_ns(gateway.machine.state.book) == midnight_ns
    await stop(gateway, gate)


async def test_an_answer_or_a_consumer_that_fails_is_told_and_the_rest_goes_on() -> None:
    gateway, gate = await gated()
    gate.open.set()
    sequencer = gateway.arena.sequencer
    told: list[tuple[str, str]] = []
    sequencer._on_failure = lambda part, error: told.append((part, str(error)))

    def fails(*arguments: Any) -> None:
        raise ValueError("broken for a test")

    seen: list[int] = []
    sequencer._consumers = {"fan-out": fails, "flush": lambda batch, applied: seen.append(batch.first_sequence)}
    answered: list[Outcome] = []
    sequence = sequencer.sequence
    register(gateway, answered)
    sequencer.submit(cold_record(), fails, Urgency.OPENS, encode_cold(RegisterPlayer("bob")))
    register(gateway, answered)
    await gateway.settles()
    assert told == [("an answer", "broken for a test"), ("fan-out", "broken for a test")]
    assert [outcome.id for outcome in answered] == [1, 3]
    assert seen == [sequence + 1]
    assert sequencer.sequence == sequence + 3
    await stop(gateway, gate)


async def test_a_timer_fires_soon_after_the_clock_has_stepped_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer_module, "LONGEST_SLEEP_S", 0.05)
    gateway, gate = await gated()
    gate.open.set()
    ann = await gateway.player()
    due_ms = gateway.arena.clock.stamp_ns() // NS_PER_MS + 3_600_000
    order = {"match": 1, "symbol": "BTCUSDT", "side": "long", "leverage": 10, "margin": "100", "type": "limit"}
    await ann.result("order.place", {**order, "price": "50000", "time_in_force": "gtd", "expires_at": due_ms})
    wall_ns = gateway.arena.clock._wall_ns
    gateway.arena.clock._wall_ns = lambda: wall_ns() + 7_200 * NS_PER_S
    async with asyncio.timeout(60):
        while gateway.machine.state.book.world[0]["now_ns"] < due_ms * NS_PER_MS:  # noqa: ASYNC110  # as in settles
            await asyncio.sleep(0.01)
    assert await ann.result("order.list", {"match": 1}) == []
    await stop(gateway, gate)
