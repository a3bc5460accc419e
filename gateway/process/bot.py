"""One player that is a program: trades at random, as a person might, and checks replies and events.

Replies fit what was asked, and their sequences rise, also over a restart of the server; `me` has no gaps and never goes
back; what is open at the end is what its events say. Whatever else comes is an error, and so is a refusal that
well-formed requests do not meet in ordinary play.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import msgspec
from hdrh.histogram import HdrHistogram

from gateway.client.client import ArenaError, Client, Refused, Unanswered
from gateway.protocol.envelopes import Push, Reply
from gateway.protocol.fixed_trades import FixedBought, FixedEvent
from gateway.protocol.market import Instrument, Quote
from gateway.protocol.matches import MatchRef
from gateway.protocol.orders import AmendedOrder, Canceled, CanceledAll, Order, OrderEvent, Placed
from gateway.protocol.positions import Amended, Closed, PositionEvent
from gateway.protocol.seats import Board
from gateway.protocol.session import Me

T = TypeVar(
    "T",
    Placed[Decimal],
    AmendedOrder[Decimal],
    Canceled,
    CanceledAll,
    Closed[Decimal],
    Amended[Decimal],
    FixedBought,
    MatchRef,
)

MOST_POSITIONS: Final = 20
ERRORS_KEPT: Final = 20

EXPECTED: Final = frozenset(
    {
        "CASH_TOO_LOW", "DURATION_INVALID", "EXPOSURE_CAP_REACHED",
        "EXPIRY_INVALID", "EXPOSURE_TOO_HIGH", "FEED_STALE", "INSTRUMENT_CLOSE_ONLY",
        "INSTRUMENT_DISABLED", "INSTRUMENT_HALTED", "INSTRUMENT_LOCKED", "LEVERAGE_TOO_HIGH", "MARGIN_TOO_LOW",
        "NOTIONAL_TOO_LOW", "ORDER_EXECUTING", "ORDER_NOT_FOUND", "OVERLOADED", "POSITION_CLOSING",
        "POSITION_NOT_FOUND", "QUANTITY_TOO_HIGH", "QUANTITY_TOO_LOW", "RATE_LIMITED", "SIZE_ZERO",
        "TOO_MANY_POSITIONS", "WOULD_FILL_NOW", "WOULD_LIQUIDATE_NOW", "WOULD_TRIGGER_NOW",
        "ARENA_CLOSE_ONLY", "MARKET_CLOSED", "MATCH_LOCKED", "PLAYER_LOCKED", "TRADING_LOCKED",
        "INSTRUMENT_NOT_ALLOWED", "SEAT_DISQUALIFIED", "SEAT_LOCKED", "SIDE_NOT_ALLOWED", "TOO_MANY_TRADES",
        "HEDGING_NOT_ALLOWED",
    }
)  # fmt: skip
"""Refusals that well-formed requests meet in ordinary play, or after an outage. Any other code is an error."""


class Tally:
    """What all bots count together."""

    def __init__(self) -> None:
        self.players = 0
        self.requests = 0
        self.accepted = 0
        self.replayed = 0
        self.repeated = 0
        self.events = 0
        self.errors = 0
        self.error_examples: list[str] = []
        self.refused: Counter[str] = Counter()
        self.latency_us = HdrHistogram(1, 60_000_000, 3)

    def error(self, text: str) -> None:
        self.errors += 1
        if len(self.error_examples) < ERRORS_KEPT:
            self.error_examples.append(text)

    def latency_ms(self, percentile: float) -> float:
        return round(float(self.latency_us.get_value_at_percentile(percentile)) / 1000, 3)


class Journal:
    """Acknowledged commands as JSON lines, each flushed before the bot goes on."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("ab")

    def write(self, player: int, op: str, key: str, id: int, reply: Reply[Any]) -> None:
        if self._file is not None:
            line = {"player": player, "op": op, "key": key, "id": id, "seq": reply.seq, "replayed": reply.replayed}
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Bot:
    """One player, who has just registered as `arena`. Prices are those that anybody hears; one that `listens` does."""

    def __init__(
        self,
        name: str,
        arena: Client,
        instruments: dict[str, Instrument[Decimal]],
        random: Random,
        tally: Tally,
        journal: Journal,
        quotes: dict[str, Quote[Decimal]],
        listens: bool,
    ) -> None:
        self.name = name
        self._arena = arena
        self._instruments = instruments
        self._random = random
        self._tally = tally
        self._journal = journal
        self._quotes = quotes
        self._listens = listens
        self._orders: dict[int, OrderEvent[Decimal] | Order[Decimal]] = {}
        self._positions: dict[int, str] = {}
        self._is_out = False
        """Has a challenge rule ended it?"""
        self._fixed: set[int] = set()
        self._last_n: int | None = None
        self._last_seq = 0
        self._requests = 0

    async def play(self, stop: asyncio.Event, actions_per_s: float) -> None:
        """Trade until `stop` is set, then compare books with the arena."""
        await self._arena.subscribe("me", *(f"tick.{symbol}" for symbol in self._instruments if self._listens))
        watching = asyncio.create_task(self._watch(), name=f"{self.name} watches")
        try:
            while not stop.is_set():
                await self._act()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._random.expovariate(actions_per_s))
            await self._compare_books()
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            if not watching.cancelled():
                watching.result()
        if self._arena.events_dropped or self._arena.unexpected:
            self._error(f"{self._arena.events_dropped} events dropped, {self._arena.unexpected} unasked replies")

    # What it does

    async def _act(self) -> None:
        if self._is_out:
            await self._reset()
            return
        open_more = (self._open_market, self._open_market, self._open_limit, self._open_stop)
        work_on = (self._close, self._close, self._amend)
        actions: list[Callable[[], Any]] = [self._query]
        if len(self._positions) < MOST_POSITIONS:
            actions += open_more
        if self._positions:
            actions += work_on * (1 if len(self._positions) < MOST_POSITIONS else 3)
        if len(self._fixed) < MOST_POSITIONS:
            actions.append(self._buy_fixed)
        if self._orders:
            actions += (self._cancel, self._amend_order)
            if self._random.random() < 0.2:
                actions.append(self._cancel_all)
        await self._random.choice(actions)()

    async def _open_market(self) -> None:
        order = self._draw_order()
        if order is not None:
            await self._place(order)

    async def _open_limit(self) -> None:
        order = self._draw_order()
        if order is None:
            return
        towards = -1 if order["side"] == "long" else 1
        order["type"] = "limit"
        order["price"] = self._price(order["symbol"], towards * self._random.randint(-20, 300))
        await self._place_resting(order, ["gtc", "gtc", "ioc", "gtd"])

    async def _open_stop(self) -> None:
        order = self._draw_order()
        if order is None:
            return
        away = 1 if order["side"] == "long" else -1
        order["type"] = "stop"
        order["price"] = self._price(order["symbol"], away * self._random.randint(1, 100))
        await self._place_resting(order, ["gtc", "gtc", "gtd"])

    async def _place_resting(self, order: dict[str, Any], times_in_force: list[str]) -> None:
        order["time_in_force"] = self._random.choice(times_in_force)
        if order["time_in_force"] == "gtd":
            order["expires_at"] = int(time.time() * 1000) + self._random.randint(1_000, 20_000)
        order.pop("stop_loss", None)
        order.pop("take_profit", None)
        await self._place(order)

    def _draw_order(self) -> dict[str, Any] | None:
        """A market order, most of the time with a stop or a target near by; None when there is no price yet."""
        if not self._quotes:
            return None
        random = self._random
        symbol = random.choice(sorted(self._quotes))
        side = random.choice(["long", "short"])
        order: dict[str, Any] = {
            "match": self._arena.matches[0],
            "symbol": symbol,
            "side": side,
            "leverage": random.randint(1, 50),
            "margin": str(random.randint(10, 100)),
        }
        gains = 1 if side == "long" else -1
        if random.random() < 0.7:
            order["stop_loss"] = self._price(symbol, -gains * random.randint(30, 500))
        elif random.random() < 0.5:
            order["trailing_stop"] = random.randint(300, 5_000)
        if random.random() < 0.5:
            order["take_profit"] = self._price(symbol, gains * random.randint(30, 500))
        return order

    def _price(self, symbol: str, millionths_x10: int) -> str:
        """A price that far from the bid, in units of 10 ppm, as a whole number of ticks."""
        bid = self._quotes[symbol].bid
        assert bid is not None
        tick = self._instruments[symbol].tick_size
        return f"{(bid * (1 + Decimal(millionths_x10) / 100_000)) // tick * tick:f}"

    async def _place(self, order: dict[str, Any]) -> None:
        placed = await self._ask("order.place", order, Placed[Decimal])
        if placed is None:
            return
        if placed.status == "filled" and (placed.position != placed.order or (not placed.fill_price)):
            self._error(f"a filled order without position or price: {placed}")
        elif placed.status not in ("filled", "accepted", "canceled"):
            self._error(f"an order of an unknown status: {placed}")

    async def _close(self) -> None:
        position = self._random.choice(sorted(self._positions))
        percent = self._random.choice([100, 100, 100, 50, 25, 10])
        closed = await self._ask("position.close", {"position": position, "percent": percent}, Closed[Decimal])
        if closed is not None and closed.position != position:
            self._error(f"asked to close position {position}, got {closed}")

    async def _amend(self) -> None:
        position = self._random.choice(sorted(self._positions))
        symbol = self._positions[position]
        if symbol not in self._quotes:
            return
        field = self._random.choice(["stop_loss", "trailing_stop", "take_profit", "add_margin", "remove_margin"])
        value: int | str
        if field in ("add_margin", "remove_margin"):
            value = str(self._random.randint(1, 20))
        elif field == "trailing_stop":
            value = 0 if self._random.random() < 0.2 else self._random.randint(300, 5_000)
        else:
            value = "0" if self._random.random() < 0.2 else self._price(symbol, self._random.randint(-500, 500))
        amended = await self._ask("position.amend", {"position": position, field: value}, Amended[Decimal])
        if amended is not None and amended.position != position:
            self._error(f"asked to amend position {position}, got {amended}")

    async def _amend_order(self) -> None:
        order = self._orders[self._random.choice(sorted(self._orders))]
        if order.symbol not in self._quotes:
            return
        args: dict[str, Any] = {"order": order.order}
        if self._random.random() < 0.8:
            away = -1 if (order.side == "long") == (order.type == "limit") else 1
            args["price"] = self._price(order.symbol, away * self._random.randint(-5, 300))
        else:
            args["expires_at"] = self._random.choice([0, int(time.time() * 1000) + self._random.randint(1_000, 20_000)])
        amended = await self._ask("order.amend", args, AmendedOrder[Decimal])
        if amended is not None and (amended.order, amended.status) != (order.order, "accepted"):
            self._error(f"asked to amend order {order.order}, got {amended}")

    async def _cancel_all(self) -> None:
        match = self._arena.matches[0]
        canceled = await self._ask("order.cancel_all", {"match": match}, CanceledAll)
        if canceled is not None and canceled.match != match:
            self._error(f"asked to cancel all of match {match}, got {canceled}")

    async def _cancel(self) -> None:
        order = self._random.choice(sorted(self._orders))
        canceled = await self._ask("order.cancel", {"order": order}, Canceled)
        if canceled is not None and canceled.order != order:
            self._error(f"asked to cancel order {order}, got {canceled}")

    async def _reset(self) -> None:
        match = self._arena.matches[0]
        reset = await self._ask("match.reset", {"match": match}, MatchRef)
        if reset is not None and reset.match != match:
            self._error(f"asked to start over in match {match}, got {reset}")

    async def _buy_fixed(self) -> None:
        offered = [symbol for symbol in sorted(self._quotes) if self._instruments[symbol].fixed is not None]
        if not offered:
            return
        symbol = self._random.choice(offered)
        terms = self._instruments[symbol].fixed
        assert terms is not None
        trade = {
            "account": {"match": self._arena.matches[0]},
            "symbol": symbol,
            "direction": self._random.choice(["up", "down"]),
            "stake": f"{min(terms.min_stake * self._random.randint(1, 20), terms.max_stake):f}",
            "duration": min(terms.min_duration + self._random.randint(0, 15), terms.max_duration),
        }
        bought = await self._ask("fixed.buy", trade, FixedBought)
        if bought is not None and bought.payout < 1:
            self._error(f"a fixed-time trade that pays nothing: {bought}")

    async def _query(self) -> None:
        """A query, as people send between orders."""
        self._tally.requests += 1
        match = {"match": self._arena.matches[0]}
        try:
            if self._random.random() < 0.5:
                reply: Reply[Any] = await self._arena.request("match.board", match, Board[Decimal])
            else:
                reply = await self._arena.request("me.get", {}, Me[Decimal])
        except Unanswered:
            self._tally.repeated += 1
        except Refused as refused:
            await self._check_refusal(refused)
        else:
            self._tally.accepted += 1
            self._check_sequence(reply, at_least=self._last_seq)

    # Asking

    async def _ask(self, op: str, args: dict[str, Any], shape: type[T]) -> T | None:
        """The result of a command, asked for until it is known; None when it was refused."""
        self._requests += 1
        self._tally.requests += 1
        key = f"{self.name}-{self._requests}"
        while True:
            begun_s, reconnects = time.perf_counter(), self._arena.reconnects
            try:
                reply = await self._arena.request(op, args, shape, key=key)
            except Unanswered:
                self._tally.repeated += 1
                continue
            except Refused as refused:
                if refused.retry == "query" and refused.code != "INTERNAL":
                    self._tally.repeated += 1
                    await asyncio.sleep(0.1)
                    continue
                await self._check_refusal(refused)
                return None
            if reconnects == self._arena.reconnects:
                self._tally.latency_us.record_value(int((time.perf_counter() - begun_s) * 1e6))
            self._take(op, key, reply)
            return reply.result

    def _take(self, op: str, key: str, reply: Reply[T]) -> None:
        self._tally.accepted += 1
        self._tally.replayed += reply.replayed
        self._check_sequence(reply, at_least=self._last_seq + 1)
        about = reply.result
        if isinstance(about, CanceledAll | MatchRef):
            id = about.match
        elif isinstance(about, FixedBought):
            id = about.trade
        else:
            id = about.order if isinstance(about, Placed | AmendedOrder | Canceled) else about.position
        self._journal.write(self._arena.player, op, key, id, reply)

    def _check_sequence(self, reply: Reply[Any], at_least: int) -> None:
        if not reply.replayed and reply.seq < at_least:
            self._error(f"a reply of sequence {reply.seq} after one of {self._last_seq}")
        self._last_seq = max(self._last_seq, reply.seq)

    async def _check_refusal(self, refused: Refused) -> None:
        self._tally.refused[refused.code] += 1
        if refused.code not in EXPECTED:
            self._error(f"unexpected refusal: {refused}")
        if refused.retry_after is not None:
            await asyncio.sleep(refused.retry_after / 1000)

    # Events

    async def _watch(self) -> None:
        with contextlib.suppress(ArenaError):  # whoever asks is told
            async for event in self._arena.events():
                self._tally.events += 1
                if event.channel == "me":
                    self._check_private(event)
                elif isinstance(event.data, Quote) and event.data.bid is not None:
                    self._quotes[event.data.symbol] = event.data

    def _check_private(self, event: Push) -> None:
        if event.kind == "snapshot":
            if self._last_n is not None and event.n < self._last_n:
                self._error(f"`me` went back from {self._last_n} to {event.n}")
            self._orders = {order.order: order for order in event.data.orders}
            self._positions = {position.position: position.symbol for position in event.data.positions}
            self._is_out = any(seat.out for seat in event.data.seats if seat.match == self._arena.matches[0])
            self._fixed = {trade.trade for trade in event.data.fixed}
        elif event.type == "notification":
            if event.n != self._last_n:
                self._error(f"a notification of {event.n} after {self._last_n}")
            return
        elif self._last_n is not None and event.n != self._last_n + 1:
            self._error(f"a gap in `me`: {event.n} after {self._last_n}")
        self._last_n = event.n

        if event.type in ("seat.disqualified", "seat.locked", "seat.changed"):
            self._is_out = event.type != "seat.changed"
        if isinstance(event.data, OrderEvent):
            if event.type in ("order.accepted", "order.changed"):
                self._orders[event.data.order] = event.data
            else:
                self._orders.pop(event.data.order, None)
        elif isinstance(event.data, PositionEvent):
            if event.type == "position.closed":
                self._positions.pop(event.data.position, None)
            else:
                self._positions[event.data.position] = event.data.symbol
        elif isinstance(event.data, FixedEvent):
            if event.type == "fixed.settled":
                self._fixed.discard(event.data.trade)
            else:
                self._fixed.add(event.data.trade)

    async def _compare_books(self) -> None:
        """Is what is open what the events said? An event may be on its way, so there are three tries."""
        followed = there = (set(self._orders), set(self._positions), set(self._fixed))
        for _ in range(3):
            with contextlib.suppress(Unanswered, Refused):
                me = await self._arena.me()
                await asyncio.sleep(0)
                there = (
                    {order.order for order in me.orders},
                    {position.position for position in me.positions},
                    {trade.trade for trade in me.fixed},
                )
                followed = (set(self._orders), set(self._positions), set(self._fixed))
                if followed == there:
                    return
            await asyncio.sleep(0.5)
        self._error(f"events leave orders, positions and fixed-time trades {followed}, but there are {there}")

    def _error(self, text: str) -> None:
        self._tally.error(f"{self.name}: {text}")
