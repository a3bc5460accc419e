"""A mirror: whatever one player trades in a match, another account trades too, larger or smaller.

Each copy has the id of what it copies as its `client_order_id`. So nothing is copied twice, also when the program is
started again, and a copy is found again by the name of the original.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from decimal import ROUND_UP, Decimal
from typing import Any

from gateway.client import Client, Refused


async def copy(follower: Client, type: str, original: Any, share: Decimal, match: int) -> None:
    """Do what the player did. Raises Refused."""
    name = f"mirror-{original.position}"
    if type == "position.opened":
        await follower.place(
            symbol=original.symbol, side=original.side, leverage=original.leverage, match=match,
            margin=(original.margin * share).quantize(Decimal("0.01"), ROUND_UP),
            stop_loss=original.stop_loss, take_profit=original.take_profit, client_order_id=name,
        )  # fmt: skip
    elif type == "position.reduced":
        percent = round(100 * original.quantity / (original.quantity + original.left))
        await follower.close_position(f"client:{name}", percent=max(percent, 1), key=f"{name}-{original.left}"[:36])
    elif type == "position.closed":
        await follower.close_position(f"client:{name}")
    elif type == "position.changed":
        await follower.amend_position(
            f"client:{name}", stop_loss=original.stop_loss or 0, take_profit=original.take_profit or 0
        )
    else:
        return
    print(type, original.symbol, original.side, original.position)


async def mirror(leader: Client, follower: Client, share: Decimal, match: int, to: int) -> None:
    await leader.subscribe("me")
    print("from now on player", follower.player, "trades what player", leader.player, "trades", flush=True)
    async for event in leader.events():
        if event.type.startswith("position.") and event.data.match == match:
            try:
                await copy(follower, event.type, event.data, share, to)
            except Refused as refused:
                print("not copied:", event.type, event.data.position, refused)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--leader", default=os.environ.get("LEADER_TOKEN"), help="token; or LEADER_TOKEN")
    parser.add_argument("--follower", default=os.environ.get("FOLLOWER_TOKEN"), help="token; or FOLLOWER_TOKEN")
    parser.add_argument("--share", type=Decimal, default=Decimal(1), help="of the margin that a copy has")
    parser.add_argument("--match", type=int, default=1, help="whose trades are copied")
    parser.add_argument("--to", type=int, help="match of the copies; the same if left out")
    parser.add_argument("--seconds", type=float, default=3600)
    given = parser.parse_args()
    if not given.leader or not given.follower:
        parser.error("the tokens of both players are needed")

    async with Client(given.url) as leader, Client(given.url) as follower:
        await leader.auth(given.leader)
        await follower.auth(given.follower)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(given.seconds):
                await mirror(leader, follower, given.share, given.match, given.to or given.match)


if __name__ == "__main__":
    asyncio.run(main())
