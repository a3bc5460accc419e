"""The engine benchmark: opens, closes and ticks on a full book, on one core, without disk and network.

Fees, margin brackets, exposure and position limits, candles, and a stop loss and a target on every position are always
on; a second round also has all challenge rules on every seat. Commands go through `Machine.apply` in batches; nothing
is measured inside it. Commands are built before the clock starts.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from engine.batch.machine import Machine
from engine.invariants.rows import live_rows
from engine.model.commands import (
    BUY_FIXED,
    CLOSE_POSITION,
    COMMAND,
    PLACE_ORDER,
    QUOTE,
    Asset,
    Batch,
    ColdCommand,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    FundRewards,
    Kind,
    MarginBracket,
    OrderType,
    RegisterPlayer,
    TimeInForce,
    TopUp,
    TotalDrawdown,
    encode_cold,
)
from engine.model.events import FIXED, EventKind, FixedResult
from engine.model.scale import MONEY, NS_PER_MS, NS_PER_S
from engine.model.tables import POSITIONS

BATCH = 1_000
INSTRUMENTS = 100
PLAYERS = 10_000
INSTRUMENTS_PER_PLAYER = 5
"""Number of instruments in which a player trades."""

PRICE = 6_000_000
"""Initial bid of every instrument, in ticks (60,000.00); the ask is one tick above."""

CRASH_BID = 1_000
"""A bid, in ticks, at which every long is liquidated and every short has reached its target."""

CHALLENGE: dict[str, Any] = {
    "max_daily_drawdown_ppm": 500_000,
    "max_total_drawdown_ppm": 500_000,
    "total_drawdown": TotalDrawdown.TRAILING,
    "max_loss_per_trade_ppm": 50_000,
    "profit_target_ppm": 10_000_000,
    "min_trades": 10,
    "min_hold_s": 1,
}
"""Rules that watch every seat's equity, too wide to take one out. A new seat is at its peak."""

Progress = Callable[[str, int, int], None]
Results = dict[str, Any]
Column = NDArray[np.int64]


@numba.njit()
def _revalue(price: int, lots: Column, cost: Column, value: int, profit: Column) -> None:
    """profit = (price x lots - cost) x value, where lots and cost have the sign of the side."""
    for row in range(len(lots)):
        profit[row] = (price * lots[row] - cost[row]) * value


class EngineBench:
    """An arena of `instruments` instruments and `players` players with one practice match of a game with `rules`."""

    def __init__(self, instruments: int, players: int, seed: int = 1, **rules: Any) -> None:
        self.machine = Machine()
        self.instruments = instruments
        self.players = players
        self.random = np.random.default_rng(seed)
        self.now_ns = 1_700_000_000_000_000_000
        self.source_sequence = 0
        self.open: NDArray[np.int64] = np.empty(0, np.int64)
        self.owners: NDArray[np.int64] = np.empty(0, np.int64)
        self.apply_cold(
            *(_instrument(number) for number in range(instruments)),
            CreateGame("Bench", "", 1 << 46, 100_000, 125, **rules),
            CreateMatch(1, True),
        )
        for first in range(0, players, BATCH):
            self.apply_cold(*(RegisterPlayer("") for _ in range(min(BATCH, players - first))))
        self.refresh()

    def apply_cold(self, *commands: ColdCommand) -> None:
        blobs = [encode_cold(command) for command in commands]
        records = np.zeros(len(commands), COMMAND)
        records["kind"] = Kind.COLD
        records["blob_length"] = [len(blob) for blob in blobs]
        records["blob_offset"] = np.cumsum([0, *map(len, blobs)])[:-1]
        applied = self.apply(records, b"".join(blobs))
        assert not applied.outcomes["reason"].any(), "setup was refused"

    def apply(self, records: NDArray[np.void], blobs: bytes = b"") -> Any:
        sequence = int(self.machine.state.book.world[0]["sequence"])
        return self.machine.apply(Batch(sequence + 1, self.now_ns, records.view(COMMAND), blobs))

    def quotes(self, numbers: NDArray[np.int64], bids: NDArray[np.int64]) -> NDArray[np.void]:
        records = np.zeros(len(numbers), QUOTE)
        records["kind"] = Kind.QUOTE
        records["instrument"] = numbers
        records["bid"] = bids
        records["ask"] = bids + 1
        records["source_sequence"] = self.source_sequence + 1 + np.arange(len(numbers))
        self.source_sequence += len(numbers)
        return records

    def refresh(self) -> None:
        """Quote every instrument at the initial price, so that none is stale."""
        numbers = np.arange(1, self.instruments + 1)
        applied = self.apply(self.quotes(numbers, np.full(len(numbers), PRICE)))
        assert not applied.outcomes["reason"].any()

    def opens(self, count: int, instruments: int) -> NDArray[np.void]:
        """Market orders of random players, sides, sizes and leverages, stops and targets 1 to 20 % away."""
        draw = self.random.integers
        records = np.zeros(count, PLACE_ORDER)
        records["kind"] = Kind.PLACE_ORDER
        records["match"] = 1
        records["player"] = draw(1, self.players + 1, count)
        # Each player trades a few instruments, which differ between players.
        records["instrument"] = (records["player"] * 7 + draw(0, INSTRUMENTS_PER_PLAYER, count) * 13) % instruments + 1
        records["side"] = draw(0, 2, count) * 2 - 1
        records["order_type"] = OrderType.MARKET
        records["time_in_force"] = TimeInForce.GTC
        records["leverage"] = draw(1, 51, count)
        records["margin"] = draw(10, 1000, count) * MONEY
        distance = draw(PRICE // 100, PRICE // 5, (2, count))
        records["stop_loss"] = PRICE - records["side"] * distance[0]
        records["take_profit"] = PRICE + records["side"] * distance[1]
        return records

    def closes(self, positions: NDArray[np.int64], owners: NDArray[np.int64]) -> NDArray[np.void]:
        records = np.zeros(len(positions), CLOSE_POSITION)
        records["kind"] = Kind.CLOSE_POSITION
        records["player"] = owners
        records["position"] = positions
        records["percent"] = 100
        return records

    def fill(self, positions: int, instruments: int, progress: Progress) -> None:
        """Open positions in batches until there are `positions`."""
        while len(self.open) < positions:
            chunk = min(100 * BATCH, positions - len(self.open))
            self.timed_opens(chunk, instruments)
            progress("filling the book", len(self.open), positions)

    def timed_opens(self, count: int, instruments: int) -> float:
        """Open `count` positions in batches of BATCH; returns seconds spent in the machine."""
        spent = 0.0
        opened, owners = [self.open], [self.owners]
        for records in [self.opens(min(BATCH, count - first), instruments) for first in range(0, count, BATCH)]:
            started = time.perf_counter()
            applied = self.apply(records)
            spent += time.perf_counter() - started
            assert not applied.outcomes["reason"].any(), np.unique(applied.outcomes["reason"])
            opened.append(applied.outcomes["id"].copy())
            owners.append(records["player"].copy())
        self.open, self.owners = np.concatenate(opened), np.concatenate(owners)
        return spent

    def timed_closes(self, count: int) -> float:
        """Close `count` random open positions in batches of BATCH; returns seconds spent in the machine."""
        chosen = self.random.permutation(len(self.open))[:count]
        spent = 0.0
        parts = [chosen[first : first + BATCH] for first in range(0, count, BATCH)]
        for records in [self.closes(self.open[part], self.owners[part]) for part in parts]:
            started = time.perf_counter()
            applied = self.apply(records)
            spent += time.perf_counter() - started
            assert not applied.outcomes["reason"].any()
        keep = np.ones(len(self.open), bool)
        keep[chosen] = False
        self.open, self.owners = self.open[keep], self.owners[keep]
        return spent

    def tick_ns(self, instruments: int, count: int) -> float:
        """Median cost of a quote that moves the price by a tick and fires nothing, in batches of BATCH, over
        `instruments`."""
        numbers = np.arange(count) % instruments + 1
        bids = PRICE + (np.arange(count) // instruments) % 2
        samples = []
        for first in range(0, count, BATCH):
            part = slice(first, first + BATCH)
            records = self.quotes(numbers[part], bids[part])
            started = time.perf_counter_ns()
            applied = self.apply(records)
            samples.append((time.perf_counter_ns() - started) / len(records))
            assert not (applied.events["kind"] == EventKind.POSITION_CLOSED).any(), "a tick fired"
        return statistics.median(samples)

    def rising_tick(self, count: int, step: int) -> dict[str, float]:
        """Mean cost of quotes of one instrument that each rise by `step` ticks; how many seats reached new peaks."""
        before = np.array(self.machine.state.book.seats["high_water"])
        numbers, bids = np.ones(count, np.int64), PRICE + step * np.arange(1, count + 1)
        spent, closed = 0, 0
        for first in range(0, count, BATCH):
            records = self.quotes(numbers[first : first + BATCH], bids[first : first + BATCH])
            started = time.perf_counter_ns()
            applied = self.apply(records)
            spent += time.perf_counter_ns() - started
            closed += int((applied.events["kind"] == EventKind.POSITION_CLOSED).sum())
        risen = int((self.machine.state.book.seats["high_water"] != before).sum())
        return {"ticks": count, "step": step, "ns_per_tick": round(spent / count), "seats_at_new_peaks": risen,
                "closed": closed}  # fmt: skip

    def revaluation_ns(self, instrument: int, rounds: int = 21) -> float:
        """Median cost of marking every position of the instrument to market, over contiguous columns: what an engine
        without price triggers does at each tick, at its best."""
        book = self.machine.state.book
        quote, value = book.quotes[instrument], int(book.instruments[instrument]["value"])
        held = np.asarray(book.positions)[live_rows(book, POSITIONS)]
        held = held[held["instrument"] == instrument]
        sides = [
            (int(price), held["lots"][chosen] * side, held["cost"][chosen] * side, np.zeros(chosen.sum(), np.int64))
            for side, price in ((1, quote["bid"]), (-1, quote["ask"]))
            for chosen in [held["side"] == side]
        ]
        samples = []
        for _ in range(rounds):
            started = time.perf_counter_ns()
            for price, lots, cost, profit in sides:
                _revalue(price, lots, cost, value, profit)
            samples.append(time.perf_counter_ns() - started)
        return statistics.median(samples)

    def fill_wallets(self) -> None:
        """Demo money for the house and for all players, as much as they may stake."""
        self.apply_cold(FundRewards("DEMO", 10**9 * MONEY))
        for first in range(1, self.players + 1, BATCH):
            last = min(first + BATCH - 1, self.players)
            self.apply_cold(*(TopUp(player, "DEMO", 10**6 * MONEY) for player in range(first, last + 1)))

    def buy_fixed(self, count: int, asset: int = 0) -> int:
        """Buy fixed-time trades of random players and instruments over a minute, from seats (asset 0) or wallets, which
        all expire within one second; returns the end of that second in ns."""
        draw = self.random.integers
        moments = 240  # four stamps a second, so that trades do not expire in the order of purchase
        for moment, trades in enumerate(np.array_split(np.arange(count), moments)):
            self.now_ns += NS_PER_S // 4
            self.refresh()
            records = np.zeros(len(trades), BUY_FIXED)
            records["kind"] = Kind.BUY_FIXED
            records["match"] = asset == 0
            records["asset"] = asset
            records["player"] = draw(1, self.players + 1, len(trades))
            records["instrument"] = draw(1, self.instruments + 1, len(trades))
            records["stake"] = draw(10, 100, len(trades)) * MONEY
            records["direction"] = draw(0, 2, len(trades)) * 2 - 1
            records["duration_s"] = 120 - moment // 4
            applied = self.apply(records)
            assert not applied.outcomes["reason"].any()
        return self.now_ns + 61 * NS_PER_S

    def settle_ms(self, count: int, asset: int = 0) -> float:
        """Milliseconds to settle `count` fixed-time trades that expire within one second, in one batch."""
        end_ns = self.buy_fixed(count, asset)
        while self.now_ns < end_ns - NS_PER_S:
            self.now_ns += NS_PER_S // 2
            self.refresh()
        numbers = np.arange(1, self.instruments + 1)
        self.apply(self.quotes(numbers, PRICE + numbers % 3 - 1))
        self.now_ns = end_ns
        records = np.zeros(1, COMMAND)
        records["kind"] = Kind.PULSE
        started = time.perf_counter_ns()
        applied = self.apply(records)
        spent = time.perf_counter_ns() - started
        settled = applied.events[applied.events["kind"] == EventKind.FIXED_SETTLED].view(FIXED)
        assert len(np.unique(settled["id"])) == len(settled) == count, "each is settled once"
        assert not (settled["result"] == FixedResult.REFUNDED).any()
        return spent / 1e6

    def fire(self, count: int, instrument: int) -> dict[str, int]:
        """Cost of one quote that falls far enough to close about `count` positions of the instrument."""
        book = self.machine.state.book
        open_here = (book.positions["id"] != 0) & (book.positions["instrument"] == instrument)
        lows = book.triggers["low"][book.positions["trigger"][open_here]]
        reached = lows - (book.positions["side"][open_here] < 0)  # a short is valued at the ask, a tick above
        bid = int(np.partition(reached, -count)[-count]) if count < len(reached) else CRASH_BID
        records = self.quotes(np.array([instrument]), np.array([bid]))
        started = time.perf_counter_ns()
        applied = self.apply(records)
        spent = time.perf_counter_ns() - started
        fired = int((applied.events["kind"] == EventKind.POSITION_CLOSED).sum())
        return {"fired": fired, "ns": spent, "ns_per_position": round(spent / max(fired, 1))}


def run(
    positions: int = 1_000_000,
    spread_positions: int = 10_000_000,
    progress: Progress = lambda *_: None,
    fixed_trades: int = 100_000,
) -> Results:
    """Run all measurements. At full size it takes about two minutes and 8 GB."""
    gc.collect()
    gc.disable()
    results: Results = {
        "batch": BATCH,
        "instruments": INSTRUMENTS,
        "players": PLAYERS,
        "rules": "fees, margin brackets, limits of exposure, leverage and positions; stop and target on all",
    }
    _opens_and_closes(results, positions, progress)
    _tick_one_instrument(results, positions, progress)
    results["with_challenge_rules"] = challenged = {"rules": ", ".join(CHALLENGE)}
    _opens_and_closes(challenged, positions, progress, **CHALLENGE)
    for key in ("opens_per_s", "closes_per_s"):
        challenged[f"{key}_ratio"] = round(challenged[key] / results[key], 2)
    _challenged_tick(challenged, positions, progress)
    _tick_spread(results, spread_positions, progress)
    _fixed_trades(results, fixed_trades, progress)
    gc.enable()
    return results


def _opens_and_closes(results: Results, positions: int, progress: Progress, **rules: Any) -> None:
    bench = EngineBench(INSTRUMENTS, PLAYERS, **rules)
    bench.fill(positions, INSTRUMENTS, progress)
    rounds, count = 10, min(100_000, positions)
    opens, closes = [], []
    for number in range(rounds + 1):
        opens.append(count / bench.timed_opens(count, INSTRUMENTS))
        closes.append(count / bench.timed_closes(count))
        progress("opens and closes", number, rounds)
    # The first round grows the tables.
    results["book"] = {"positions": positions, "ticks_that_fire": 0, "closes": "of random positions"}
    results["opens_per_s"] = round(statistics.median(opens[1:]))
    results["closes_per_s"] = round(statistics.median(closes[1:]))
    results["opens_per_s_best"] = round(max(opens))
    results["closes_per_s_best"] = round(max(closes))


def _tick_one_instrument(results: Results, positions: int, progress: Progress) -> None:
    bench = EngineBench(1, PLAYERS)
    bench.fill(positions, 1, progress)
    trigger_ns = bench.tick_ns(1, 20_000)
    revaluation_ns = bench.revaluation_ns(1)
    results["tick_one_instrument"] = {
        "positions": positions,
        "trigger_ns": round(trigger_ns),
        "revaluation_ns": round(revaluation_ns),
        "revaluation_over_trigger": round(revaluation_ns / trigger_ns, 1),
        "firing": [bench.fire(count, 1) for count in (1, 1_000, positions)],
    }


def _challenged_tick(results: Results, positions: int, progress: Progress) -> None:
    bench = EngineBench(1, PLAYERS, **CHALLENGE)
    bench.fill(positions, 1, progress)
    trigger_ns = bench.tick_ns(1, 20_000)
    revaluation_ns = bench.revaluation_ns(1)
    results["tick_one_instrument"] = {
        "positions": positions,
        "trigger_ns": round(trigger_ns),
        "revaluation_ns": round(revaluation_ns),
        "revaluation_over_trigger": round(revaluation_ns / trigger_ns, 1),
        "rising_from_the_peak": bench.rising_tick(2_000, 20),
    }


def _tick_spread(results: Results, positions: int, progress: Progress) -> None:
    bench = EngineBench(INSTRUMENTS, PLAYERS)
    bench.fill(positions, INSTRUMENTS, progress)
    results["tick_spread"] = {
        "positions": positions,
        "instruments": INSTRUMENTS,
        "trigger_ns": round(bench.tick_ns(INSTRUMENTS, 200_000)),
    }


def _fixed_trades(results: Results, trades: int, progress: Progress) -> None:
    bench = EngineBench(INSTRUMENTS, PLAYERS)
    bench.fill_wallets()
    rounds = 5
    seats, wallets = [], []
    for number in range(rounds + 1):
        seats.append(bench.settle_ms(trades))
        wallets.append(bench.settle_ms(trades, Asset.DEMO))
        progress("fixed-time trades", number, rounds)
    # The first round grows the tables.
    results["fixed_trades"] = {
        "trades": trades,
        "settle_ms": round(statistics.median(seats[1:]), 1),
        "settle_ms_best": round(min(seats), 1),
        "from_wallets_ms": round(statistics.median(wallets[1:]), 1),
        "from_wallets_ms_best": round(min(wallets), 1),
    }


def _instrument(number: int) -> DefineInstrument:
    """An instrument like BTCUSDT, with its whole margin table."""
    caps = (50_000, 600_000, 3_000_000, 12_000_000, 70_000_000, 100_000_000, 230_000_000, 0)
    rates = (4_000, 5_000, 6_500, 10_000, 20_000, 25_000, 50_000, 100_000)
    leverages = (125, 100, 75, 50, 25, 20, 10, 5)
    cums = (0, 50, 950, 11_450, 131_450, 481_450, 2_981_450, 14_481_450)
    brackets = tuple(
        MarginBracket(cap * MONEY, rate, leverage, cum * MONEY)
        for cap, rate, leverage, cum in zip(caps, rates, leverages, cums, strict=True)
    )
    return DefineInstrument(
        symbol=f"COIN{number}USDT", name=f"Coin {number}", base=f"COIN{number}", quote="USDT",
        tick_units=1_000_000, lot_units=1_000, min_lots=1, max_lots=100_000_000, min_notional=5 * MONEY,
        highest_price=100_000_000, max_leverage=125, taker_fee_ppm=500, maker_fee_ppm=200, max_spread_ppm=10_000,
        markup_ticks=0, quote_lifetime_ns=2_000 * NS_PER_MS, brackets=brackets, fixed_payout_percent=80,
        fixed_min_stake=MONEY, fixed_max_stake=1_000 * MONEY, fixed_wallets=("DEMO",),
    )  # fmt: skip
