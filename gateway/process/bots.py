"""Players that are programs: they register as guests, listen, and trade at random, as people might.

Each request has a key and is repeated with it until its outcome is known, so bots play on through restarts of the
server. Replies and events are checked on the way: see bot.py. The journal holds what was acknowledged, one JSON line
each, for whoever wants to know whether the arena still knows it after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from gateway.client.client import ArenaError, Client, Disconnected, Refused, Unanswered, Unreachable
from gateway.client.connection import TURNED_AWAY, Encoding
from gateway.process.bot import EXPECTED, Bot, Journal, Tally
from gateway.protocol.market import Quote

PLAYERS_AT_ONCE: Final = 20
"""Registrations under way at a time."""

GRACE_S: Final = 15.0
"""How long bots may take to learn what became of their last requests."""


class Summary(msgspec.Struct, frozen=True):
    """What came of a run: so many players were asked for, and so many played. Latencies in ms, of requests that no
    restart interrupted."""

    asked: int
    played: int
    seconds: float
    requests: int
    accepted: int
    replayed: int
    refused: dict[str, int]
    events: int
    reconnects: int
    repeated: int
    errors: int
    error_examples: list[str]
    p50_ms: float
    p99_ms: float


class NoSeat(Exception):
    """Nobody can play there; the message says where they can."""


async def play(
    url: str,
    players: int,
    seconds: float,
    seed: int,
    *,
    actions_per_s: float = 2.0,
    encoding: Encoding = "json",
    match: int | None = None,
    journal: Path | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[Tally, float], None] = lambda tally, elapsed_s: None,
    listeners: int | None = None,
) -> Summary:
    """Let so many bots play for so long, or until `stop`, in that match or in their first one. All of them listen to
    prices, or so many, who tell the others.

    Raises Unreachable when there is no arena, NoSeat when new players have none in that match.
    """
    stop = stop or asyncio.Event()
    tally = Tally()
    written = Journal(journal)
    begun_s = time.perf_counter()
    async with Client(url) as arena:
        instruments = {instrument.symbol: instrument for instrument in await arena.instruments()}
    registering = asyncio.Semaphore(PLAYERS_AT_ONCE)
    clients: list[Client] = []
    quotes: dict[str, Quote[Decimal]] = {}

    async def one(number: int) -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with registering:
                arena = await _register(stack, url, encoding, f"bot-{number}", tally, stop)
            if arena is None:
                return
            if match is not None:
                if match not in arena.matches:
                    raise NoSeat(f"new players have no seat in match {match}, but in {_listed(arena.matches)}")
                arena.matches = [match]
            clients.append(arena)
            tally.players += 1
            listens = listeners is None or number <= listeners
            random = Random(f"{seed} {number}")
            bot = Bot(f"bot-{number}", arena, instruments, random, tally, written, quotes, listens)
            try:
                await bot.play(stop, actions_per_s)
            except ArenaError as error:
                tally.error(f"bot-{number} had to stop: {type(error).__name__}: {error}")

    tasks = [asyncio.create_task(one(number)) for number in range(1, players + 1)]
    try:
        while (elapsed_s := time.perf_counter() - begun_s) < seconds and not stop.is_set():
            on_progress(tally, elapsed_s)
            if failed := next((task for task in tasks if task.done() and task.exception() is not None), None):
                failed.result()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(0.25, seconds - elapsed_s))
        played_s = time.perf_counter() - begun_s
        stop.set()
        _, late = await asyncio.wait(tasks, timeout=GRACE_S)
        if late:
            tally.error(f"{len(late)} bots got no answer within {GRACE_S:.0f} s of the end")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        written.close()
    return Summary(
        asked=players,
        played=tally.players,
        seconds=round(played_s, 1),
        requests=tally.requests,
        accepted=tally.accepted,
        replayed=tally.replayed,
        refused=dict(sorted(tally.refused.items())),
        events=tally.events,
        reconnects=sum(client.reconnects for client in clients),
        repeated=tally.repeated,
        errors=tally.errors,
        error_examples=tally.error_examples,
        p50_ms=tally.latency_ms(50),
        p99_ms=tally.latency_ms(99),
    )


def _listed(matches: list[int]) -> str:
    return ", ".join(map(str, matches)) or "none"


async def _register(
    stack: contextlib.AsyncExitStack, url: str, encoding: Encoding, name: str, tally: Tally, stop: asyncio.Event
) -> Client | None:
    """A connected new player, however long that takes; None when `stop` came first."""
    while not stop.is_set():
        client = Client(url, encoding=encoding, retry=False)
        wait_s = 0.5
        try:
            await client.__aenter__()
            await client.guest(name)
        except Refused as refused:
            tally.refused[refused.code] += 1
            if refused.code not in EXPECTED | {"STOPPING"}:
                tally.error(f"{name} cannot register: {refused}")
                await client.close()
                return None
            wait_s = (refused.retry_after or 500) / 1000
        except Disconnected as gone:
            tally.refused["TOO_MANY_CONNECTIONS" if gone.code == TURNED_AWAY else "DISCONNECTED"] += 1
        except (Unreachable, Unanswered):
            tally.repeated += 1
        else:
            stack.push_async_callback(client.close)
            return client
        await client.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
    return None
