"""A market server in a process of its own that does wrong what it is told to, for the soak test.

    python -m bench.faulty_market SPEED

Prints its port. Each line that it reads is a fault of MarketServer with its arguments as a JSON list, such as
["gap", 5, "BTCUSDT"]; ["rest", 451] has REST calls fail so, and ["rest", null] has them answer again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time

import uvloop

from gateway.market.listings import LISTINGS
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket


async def serve(speed: float) -> None:
    """Until standard input ends."""
    source = SimulatedMarket(tuple(LISTINGS.values()), seed=1, start_ns=time.time_ns())
    server = MarketServer(source, speed=speed)
    print(await server.start(), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            name, *arguments = json.loads(await lines.readuntil())
            if name == "rest":
                server.rest.fails_with = arguments[0]
            else:
                getattr(server, name)(*arguments)
    await server.stop()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
