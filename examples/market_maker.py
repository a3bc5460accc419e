"""A market maker: rests a buy below the price and a sale above it, and moves both with the price.

What fills is closed by its take profit, half the spread away. It stops when its time is over, and leaves nothing open.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from decimal import Decimal
from typing import Literal

from gateway.client import Client, Refused

Side = Literal["long", "short"]
SIDES: tuple[Side, Side] = ("long", "short")


class MarketMaker:
    def __init__(self, arena: Client, symbol: str, spread_ppm: int, margin: Decimal, leverage: int, most: int) -> None:
        self.arena, self.symbol, self.margin, self.leverage, self.most = arena, symbol, margin, leverage, most
        self.half = Decimal(spread_ppm) / 2_000_000
        self.tick = Decimal(0)
        self.quoted_at = Decimal(0)
        self.resting: dict[Side, int] = {}
        self.open: dict[int, Side] = {}

    async def run(self) -> None:
        self.tick = next(one.tick_size for one in await self.arena.instruments() if one.symbol == self.symbol)
        await self.arena.subscribe("me", f"tick.{self.symbol}")
        async for event in self.arena.events():
            if event.type == "tick" and event.data.bid is not None:
                await self.follow((event.data.bid + event.data.ask) / 2)
            elif event.type == "position.opened":
                self.open[event.data.position] = event.data.side
                self.resting = {side: id for side, id in self.resting.items() if id != event.data.position}
                print("opened", event.data.side, event.data.quantity, "at", event.data.price)
            elif event.type == "position.closed":
                self.open.pop(event.data.position, None)
                print("closed", event.data.side, "at", event.data.price, "profit", event.data.profit)

    async def follow(self, middle: Decimal) -> None:
        """Quote anew when the price has gone a quarter of the spread."""
        if abs(middle - self.quoted_at) < middle * self.half / 2:
            return
        self.quoted_at = middle
        for side in SIDES:
            try:
                await self.quote(side, middle)
            except Refused as refused:  # it has filled just now, or there is no money for it
                self.resting.pop(side, None)
                print("refused:", refused)

    async def quote(self, side: Side, middle: Decimal) -> None:
        away = -self.half if side == "long" else self.half
        price = middle * (1 + away) // self.tick * self.tick
        target = middle // self.tick * self.tick
        if side in self.resting:
            await self.arena.amend_order(self.resting[side], price=price, take_profit=target)
        elif list(self.open.values()).count(side) < self.most:
            placed = await self.arena.place(
                symbol=self.symbol, side=side, type="limit", price=price, take_profit=target,
                margin=self.margin, leverage=self.leverage,
            )  # fmt: skip
            if placed.position is None:
                self.resting[side] = placed.order
            print("quotes", side, "at", price)

    async def leave(self) -> None:
        await self.arena.cancel_all()
        for position in await self.arena.positions():
            if position.symbol == self.symbol:
                await self.arena.close_position(position.position)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("symbol", nargs="?", default="BTCUSDT")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--token", help="of the player; else a new guest plays")
    parser.add_argument("--spread-ppm", type=int, default=1_000, help="between the two, in millionths of the price")
    parser.add_argument("--margin", type=Decimal, default=Decimal(20), help="of each order")
    parser.add_argument("--leverage", type=int, default=10)
    parser.add_argument("--most", type=int, default=5, help="positions of a side")
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()

    async with Client(given.url) as arena:
        await (arena.auth(given.token) if given.token else arena.guest("market maker"))
        maker = MarketMaker(arena, given.symbol, given.spread_ppm, given.margin, given.leverage, given.most)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(given.seconds):
                await maker.run()
        await maker.leave()
        print("cash", (await arena.me()).seats[0].cash)


if __name__ == "__main__":
    asyncio.run(main())
