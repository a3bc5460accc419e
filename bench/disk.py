"""What an arena writes: bytes for each quote, each order and each idle day, without a disk to wait for.

The simulated market of the default configuration goes through the filter of the feed, in virtual time, and what passes
is gathered as the sequencer gathers quotes: a batch holds what comes within `quote_gather_ms` of its first one. Batches
are framed as in the log, and compressed as sealed segments are. Their events go into a projection of their own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import numpy as np

from engine.batch.machine import Machine
from engine.model.commands import Batch, OrderType, RegisterPlayer, Side, TimeInForce, encode_cold
from engine.model.scale import MONEY, MONEY_DECIMALS, NS_PER_MS, NS_PER_S, parse_decimal
from engine.model.state import sections
from gateway.core.config import Config
from gateway.core.records import (
    close_position_record,
    cold_record,
    outcomes_of,
    place_order_record,
    quote_record,
    records_of,
    with_blob,
)
from gateway.market.filter import QuoteFilter
from gateway.market.listings import LISTINGS
from gateway.market.simulated import START_NS, SimulatedMarket
from gateway.process.seed import seed_commands
from persistence import projection
from persistence.frames import encode_batch
from persistence.recovery import ProjectionFeed
from persistence.segments import compress

DAY_S: Final = 86_400
PLAYERS: Final = 200
BUSY_BATCH: Final = 100
"""Orders of a batch while many players trade."""

_LOG_ID: Final = b"bytes on disk..."
_Command = tuple[bytes, bytes]
"""Record and blob."""


class _BookTicker(msgspec.Struct):
    s: str
    u: int
    b: str
    B: str
    a: str
    A: str


class _Frame(msgspec.Struct):
    data: _BookTicker


class _Arena:
    """An engine, its log as bytes, and its projection."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine()
        self._sequence = self._batches = 0
        self._chain = _LOG_ID
        self._log = bytearray()
        self._path = folder / projection.FILE
        self._size = 0
        self._connection = projection.connect(self._path)
        self._feed = ProjectionFeed(self._connection)
        self._feed.begin(_LOG_ID)

    def batch(self, commands: Sequence[_Command], at_ns: int) -> list[Any]:
        """Log and apply a batch; its outcomes."""
        records, blobs = [], b""
        for record, blob in commands:
            records.append(with_blob(record, len(blob), len(blobs)) if blob else record)
            blobs += blob
        batch = Batch(self._sequence + 1, at_ns, records_of(b"".join(records)), blobs)
        self._batches += 1
        frame, self._chain = encode_batch(batch, _LOG_ID, self._batches, self._chain)
        self._log += frame
        applied = self.machine.apply(batch)
        self._feed.put(batch, applied.events)
        self._sequence += len(records)
        return list(outcomes_of(applied.outcomes))

    def written(self) -> dict[str, int]:
        """Bytes since the last time: of the log as written and compressed, and of the projection."""
        self._feed.flush()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log, self._log = np.frombuffer(self._log, np.uint8), bytearray()
        size = self._path.stat().st_size
        grown, self._size = size - self._size, size
        return {"log": len(log), "log_compressed": len(compress(log)), "history": grown}

    def close(self) -> None:
        self._connection.close()


def run(seconds: int) -> dict[str, Any]:
    """Bytes for each, from `seconds` of the simulated market."""
    config = Config()
    with tempfile.TemporaryDirectory() as folder:
        arena = _Arena(Path(folder))
        with closing(arena):
            seeds = [
                (cold_record(), encode_cold(command)) for command in seed_commands(config.instruments, config.games)
            ]
            arena.batch(seeds, START_NS)
            arena.written()

            quotes = batches = 0
            at_ns = START_NS
            for gathered in _gathered(_quotes(config, seconds), config.limits.quote_gather_ms * NS_PER_MS):
                at_ns = gathered[-1][0]
                arena.batch([(record, b"") for _, record in gathered], at_ns)
                quotes += len(gathered)
                batches += 1
            idle = arena.written()
            snapshot = sum(array.nbytes for array in sections(arena.machine.state).values())
            per_order = _orders(arena, at_ns)
    day = {name: size * DAY_S // seconds for name, size in idle.items()}
    return {
        "seconds_of_market": seconds,
        "batches_per_second": round(batches / seconds, 1),
        "quotes_per_second": round(quotes / seconds, 1),
        "bytes_per_quote": {name: round(size / quotes, 1) for name, size in idle.items()},
        **per_order,
        "megabytes_per_idle_day": {name: round(size / 1e6, 1) for name, size in day.items()},
        "megabytes_of_a_snapshot": round(snapshot / 1e6, 1),
    }


def _orders(arena: _Arena, at_ns: int) -> dict[str, Any]:
    """Market orders of many players, and their closes: each in a batch of its own, and in full batches."""
    arena.batch([(cold_record(), encode_cold(RegisterPlayer(f"player {n}"))) for n in range(PLAYERS)], at_ns)
    bid = int(arena.machine.state.book.quotes[1]["bid"])
    chance = Random(1)
    results: dict[str, Any] = {}
    for name, size in (("alone", 1), ("in_full_batches", BUSY_BATCH)):
        arena.batch([(quote_record(1, bid, bid + 1, 1 << 50, 0), b"")], at_ns)
        arena.written()
        opened: list[int] = []
        for first in range(0, PLAYERS, size):
            players = range(first + 1, first + size + 1)
            orders = [(_order(player, chance), b"") for player in players]
            opened += [outcome.id for outcome in arena.batch(orders, at_ns)]
        results[f"bytes_per_order_{name}"] = {key: round(n / PLAYERS, 1) for key, n in arena.written().items()}
        closes = [(close_position_record(player, id, 0, 100), b"") for player, id in enumerate(opened, 1)]
        for first in range(0, PLAYERS, size):
            arena.batch(closes[first : first + size], at_ns)
        results[f"bytes_per_close_{name}"] = {key: round(n / PLAYERS, 1) for key, n in arena.written().items()}
    return results


def _order(player: int, chance: Random) -> bytes:
    return place_order_record(
        player=player, match=1, instrument=1, side=chance.choice((Side.LONG, Side.SHORT)),
        order_type=OrderType.MARKET, time_in_force=TimeInForce.GTC, leverage=chance.randrange(1, 100),
        margin=chance.randrange(100, 10_000) * MONEY // 100, lots=0, price=0, stop_loss=0, take_profit=0,
        expires_at_ns=0, client_order_id=chance.randbytes(16).hex().encode(), max_slippage_ppm=0, trailing_ppm=0,
    )  # fmt: skip


def _quotes(config: Config, seconds: int) -> Iterator[tuple[int, bytes]]:
    """When each quote passes the filter, and its record."""
    passing = QuoteFilter(
        lambda instrument: False,
        min_top_notional=parse_decimal(config.market.min_top_notional, MONEY_DECIMALS),
        confirm_every_ns=config.market.confirm_every_ms * NS_PER_MS,
    )
    symbols = {spec.symbol: number for number, spec in enumerate(config.instruments, 1)}
    for spec in config.instruments:
        passing.watch(spec.symbol, symbols[spec.symbol], parse_decimal(spec.tick_size, MONEY_DECIMALS))
    listings = [LISTINGS[symbol] for symbol in config.market.symbols]
    for frame in SimulatedMarket(listings, start_ns=START_NS + NS_PER_S, duration_s=seconds):
        if frame.stream.endswith("@bookTicker"):
            said = msgspec.json.decode(frame.frame, type=_Frame).data
            for quote in passing.take(said.s, said.b, said.a, said.B, said.A, said.u, frame.time_ns):
                record = quote_record(quote.instrument, quote.bid, quote.ask, quote.source_sequence, quote.received_ns)
                yield frame.time_ns, record


def _gathered(quotes: Iterator[tuple[int, bytes]], within_ns: int) -> Iterator[list[tuple[int, bytes]]]:
    """The quotes of each batch."""
    gathered: list[tuple[int, bytes]] = []
    for quote in quotes:
        if gathered and quote[0] > gathered[0][0] + within_ns:
            yield gathered
            gathered = []
        gathered.append(quote)
    if gathered:
        yield gathered
