"""A market that never was: a random walk, the same one for the same seed, sent as Binance sends the real one.

Nine frames in ten change only a quantity. Prices move by a tick, or by up to 1/10,000 of themselves; now and then a
burst carries them one way, and rarely they jump. The spread is one tick, mostly. A price stays between a quarter and
four times of where it began. Every symbol walks on its own, so adding one does not change the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from engine.model.scale import MONEY, MONEY_DECIMALS, NS_PER_MS, NS_PER_S, format_decimal
from gateway.market import MarketFrame
from gateway.market.derived import derive
from gateway.market.listings import LISTINGS, Listing

START_NS: Final = 1_723_161_600 * NS_PER_S
"""Midnight of 2024-08-09, UTC: when a simulation takes place unless told otherwise."""

# Odds in frames: one in so many ...
BURST_ONE_IN: Final = 400
JUMP_ONE_IN: Final = 6_000
DUST_ONE_IN: Final = 2_000
MOVE_ONE_IN: Final = 10
TRADE_ONE_IN: Final = 4
WIDE_SPREAD_ONE_IN: Final = 15

CALM_GAP_NS: Final = 70 * NS_PER_MS
BURST_GAP_NS: Final = 3 * NS_PER_MS
LONGEST_BURST: Final = 150


class SimulatedMarket:
    """Frames of all the symbols, from `start_ns` on, for `duration_s` or without end."""

    def __init__(
        self,
        listings: Sequence[Listing] = tuple(LISTINGS.values()),
        *,
        seed: int = 1,
        start_ns: int = START_NS,
        duration_s: int | None = None,
    ) -> None:
        unpriced = [listing.symbol for listing in listings if listing.start_price < 4 * listing.tick_size]
        if unpriced:
            raise ValueError(f"no start price to simulate {', '.join(unpriced)} from")
        self.listings = tuple(listings)
        self.seed = seed
        self.start_ns = start_ns
        self.end_ns = None if duration_s is None else start_ns + duration_s * NS_PER_S

    def __iter__(self) -> Iterator[MarketFrame]:
        walks = (_Walk(listing, Random(f"{self.seed} {listing.symbol}"), self.start_ns) for listing in self.listings)
        return derive(heapq.merge(*(walk.frames(self.end_ns) for walk in walks), key=_time_of))


def _time_of(frame: MarketFrame) -> int:
    return frame.time_ns


class _Walk:
    """One symbol on its way. Prices in ticks, quantities in steps."""

    def __init__(self, listing: Listing, random: Random, start_ns: int) -> None:
        self._listing = listing
        self._random = random
        self._now_ns = start_ns
        self._start = self._bid = listing.start_price // listing.tick_size
        self._spread = 1
        self._bid_quantity = self._any_quantity()
        self._ask_quantity = self._any_quantity()
        self._burst_left = 0
        self._burst_side = 1
        self._source_sequence = 1_000_000_000
        self._trade_id = 1_000_000

    def frames(self, end_ns: int | None) -> Iterator[MarketFrame]:
        while True:
            self._pass_time()
            if end_ns is not None and self._now_ns >= end_ns:
                return
            if self._one_in(TRADE_ONE_IN):
                yield self._trade()
            if self._one_in(MOVE_ONE_IN):
                self._move()
            else:
                self._requote()
            yield self._book_ticker()

    def _pass_time(self) -> None:
        if self._burst_left > 0:
            self._burst_left -= 1
            self._now_ns += self._random.randrange(BURST_GAP_NS)
            return
        self._now_ns += self._random.randrange(CALM_GAP_NS)
        if self._one_in(BURST_ONE_IN):
            self._burst_left = self._random.randrange(LONGEST_BURST)
            self._burst_side = self._random.choice((-1, 1))

    def _move(self) -> None:
        side = self._burst_side if self._burst_left else self._random.choice((-1, 1))
        if self._one_in(JUMP_ONE_IN // MOVE_ONE_IN):
            step = self._bid // self._random.randrange(300, 2_000)
        elif self._random.randrange(5) < 3:
            step = 1
        else:
            step = self._random.randrange(1, self._bid // 10_000 + 2)
        self._bid = min(max(self._bid + side * step, self._start // 4), self._start * 4)
        self._spread = self._random.randrange(2, 6) if self._one_in(WIDE_SPREAD_ONE_IN) else 1
        self._bid_quantity = self._any_quantity()
        self._ask_quantity = self._any_quantity()

    def _requote(self) -> None:
        if self._random.randrange(2):
            self._bid_quantity = self._any_quantity()
        else:
            self._ask_quantity = self._any_quantity()

    def _any_quantity(self) -> int:
        """Steps worth 200 to 200,000 of the quote asset, small ones more often; once in a while next to nothing."""
        if self._one_in(DUST_ONE_IN):
            return 1
        worth = 200 * self._random.choice((1, 2, 5, 10, 20, 50, 100)) * self._random.randrange(1, 11)
        step_worth = self._bid * self._listing.tick_size * self._listing.step_size
        return worth * MONEY * MONEY // step_worth + 1

    def _book_ticker(self) -> MarketFrame:
        symbol = self._listing.symbol
        stream = f"{symbol.lower()}@bookTicker"
        self._source_sequence += self._random.randrange(1, 12)
        text = (
            f'{{"stream":"{stream}","data":{{"u":{self._source_sequence},"s":"{symbol}",'
            f'"b":"{self._price(self._bid)}","B":"{self._quantity(self._bid_quantity)}",'
            f'"a":"{self._price(self._bid + self._spread)}","A":"{self._quantity(self._ask_quantity)}"}}}}'
        )
        return MarketFrame(self._now_ns, stream, text.encode())

    def _trade(self) -> MarketFrame:
        symbol = self._listing.symbol
        stream = f"{symbol.lower()}@trade"
        self._trade_id += 1
        now_ms = self._now_ns // NS_PER_MS
        sold = self._random.randrange(2) == 1
        price = self._bid if sold else self._bid + self._spread
        quantity = self._random.randrange(1, (self._bid_quantity if sold else self._ask_quantity) + 1)
        text = (
            f'{{"stream":"{stream}","data":{{"e":"trade","E":{now_ms},"s":"{symbol}","t":{self._trade_id},'
            f'"p":"{self._price(price)}","q":"{self._quantity(quantity)}","T":{now_ms},'
            f'"m":{"true" if sold else "false"},"M":true}}}}'
        )
        return MarketFrame(self._now_ns, stream, text.encode())

    def _one_in(self, frames: int) -> bool:
        return self._random.randrange(frames) == 0

    def _price(self, ticks: int) -> str:
        return format_decimal(ticks * self._listing.tick_size, MONEY_DECIMALS)

    def _quantity(self, steps: int) -> str:
        return format_decimal(steps * self._listing.step_size, MONEY_DECIMALS)
