"""Clients that are cut at random moments under load: after each resume they have the view of one that never left.

    python -m bench.resume [--clients 500] [--seconds 60] [--cut-every 5] [--json]

Each player has two connections. One never breaks. The other goes through a proxy that cuts it again and again, in the
middle of whatever is on its way, and it is the one that trades: so requests break, too. In the end both must have the
same messages of `me` and of the player's match, in the same order, each once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import numpy as np
import uvloop

from bench.process import ArenaProcess, arena
from bench.report import print_report
from gateway.client import ArenaError, Change, Client, Refused, State, Unanswered
from gateway.protocol.envelopes import Push

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
OF_A_MATCH: Final = 10
"""Players who come and go in one match, and watch it."""
ACTS_EVERY_S: Final = 2.0
SAME_WITHIN_S: Final = 60.0
AT_ONCE: Final = 25
"""Players who sign up at the same time."""
TIMEOUT_S: Final = 60.0
CONFIG: Final = """
player_messages_per_s = 1000
player_messages_burst = 1000
"""


class Proxy:
    """Passes bytes between clients and the arena, until it cuts a connection."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.open: set[asyncio.WriteTransport] = set()
        """Its ends at the arena."""
        self._arena_port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _ClientSide(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def connect(self, client: _ClientSide) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            await loop.create_connection(lambda: _ArenaSide(self, client), "127.0.0.1", self._arena_port)
            return
        client.transport.abort()

    def cut(self, random: Random) -> bool:
        """Cut a connection; false when there is none."""
        if not self.open:
            return False
        random.choice(sorted(self.open, key=id)).abort()
        return True


class _ClientSide(asyncio.Protocol):
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._waiting = bytearray()
        self.arena: asyncio.WriteTransport | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # that of uvloop is no subclass
        self._connecting = asyncio.create_task(self._proxy.connect(self))

    def connected(self, transport: asyncio.WriteTransport) -> None:
        self.arena = transport
        transport.write(bytes(self._waiting))

    def data_received(self, data: bytes) -> None:
        if self.arena is None:
            self._waiting += data
        else:
            self.arena.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.arena is not None:
            self.arena.abort()


class _ArenaSide(asyncio.Protocol):
    def __init__(self, proxy: Proxy, client: _ClientSide) -> None:
        self._proxy = proxy
        self._client = client
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._proxy.open.add(self._transport)
        self._client.connected(self._transport)

    def data_received(self, data: bytes) -> None:
        self._client.transport.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._proxy.open.discard(self._transport)
        self._client.transport.abort()


class Told:
    """What one connection was told, by channel and in order, from the first snapshot on."""

    def __init__(self) -> None:
        self.by_channel: dict[str, list[Push]] = {}
        self.restored: Counter[str] = Counter()
        self.lost_s: list[float] = []
        """How long each loss lasted, until everything was back."""
        self._since_s = 0.0

    async def listen(self, client: Client) -> None:
        async for event in client.events():
            self.by_channel.setdefault(event.channel, []).append(event)

    def changed(self, change: Change) -> None:
        if change.state is State.LOST:
            self._since_s = time.perf_counter()
        elif change.state is State.RESUMED:
            self.lost_s.append(time.perf_counter() - self._since_s)
            self.restored.update((change.channels or {}).values())

    def last(self, channel: str) -> int:
        return self.by_channel[channel][-1].n if self.by_channel.get(channel) else -1


class Player:
    """One that stays, and one that is cut and trades."""

    def __init__(self, direct: str, proxied: str, seed: int) -> None:
        self.stays, self.is_cut = Told(), Told()
        self.watching = Client(direct, timeout_s=TIMEOUT_S)
        self.trading = Client(proxied, timeout_s=TIMEOUT_S, on_state=self.is_cut.changed)
        self.channels: list[str] = []
        self.requests = 0
        self.refused: Counter[str] = Counter()
        self._match = 0
        self._sits = False
        self._random = Random(seed)

    async def begin(self, match: int, stack: contextlib.AsyncExitStack) -> None:
        self._match, self.channels = match, ["me", f"match.{match}"]
        for client in (self.watching, self.trading):
            await stack.enter_async_context(client)
        await self.trading.guest()
        assert self.trading.token is not None
        await self.watching.auth(self.trading.token)
        for client in (self.watching, self.trading):
            await client.subscribe(*self.channels)

    async def act(self, until_s: float) -> None:
        """Trade, come and go, until then."""
        while time.perf_counter() < until_s:
            await asyncio.sleep(self._random.expovariate(1 / ACTS_EVERY_S))
            self.requests += 1
            try:
                await self._random.choice((self._trade, self._rest, self._cancel, self._come_or_go))()
            except Refused as refused:
                self.refused[refused.code] += 1
            except Unanswered:
                self.refused["UNANSWERED"] += 1

    async def _trade(self) -> None:
        symbol = self._random.choice(SYMBOLS)
        placed = await self.trading.place(match=1, symbol=symbol, side="long", margin="20", leverage=5)
        if placed.position is not None:
            await self.trading.close_position(placed.position)

    async def _rest(self) -> None:
        await self.trading.place(
            match=1, symbol="BTCUSDT", side="long", margin="20", leverage=5, type="limit", price="1000"
        )

    async def _cancel(self) -> None:
        await self.trading.cancel_all(1)

    async def _come_or_go(self) -> None:
        await (self.trading.leave if self._sits else self.trading.join)(self._match)
        self._sits = not self._sits

    def has_the_same(self) -> bool:
        """Has the one that is cut come as far as the one that stays?"""
        return all(self.stays.last(channel) == self.is_cut.last(channel) for channel in self.channels)


def problems_of(player: Player) -> list[str]:
    """What is twice, missing or otherwise in what the one was told that is cut."""
    found = []
    for channel in player.channels:
        theirs = {_name(event): event for event in player.stays.by_channel.get(channel, ())}
        told = player.is_cut.by_channel.get(channel, [])
        names = Counter(map(_name, told))
        twice = [name for name, times in names.items() if times > 1]
        begins = told[0].n if told else 0
        missing = [name for name in theirs if name[0] > begins and name not in names]
        # What stands in a snapshot depends on when it was asked for.
        otherwise = [_name(event) for event in told if not event.kind and theirs.get(_name(event)) != event]
        ordered = list(map(_name, told)) == sorted(names)
        where = f"player {player.trading.player}, {channel}"
        found += [f"{where}: {what} {which[:5]}" for what, which in
                  (("twice", twice), ("missing", missing), ("otherwise", otherwise)) if which]  # fmt: skip
        found += [] if ordered else [f"{where}: out of order"]
    return found


def _name(event: Push) -> tuple[int, bool]:
    """Of a message of a channel: its number, and whether it is the notification that follows that one."""
    return event.n, event.type == "notification"


async def cut_until(proxy: Proxy, until_s: float, cuts_per_s: float, random: Random) -> int:
    """Cut connections at random moments; how many."""
    cuts = 0
    while time.perf_counter() < until_s:
        await asyncio.sleep(random.expovariate(cuts_per_s))
        cuts += proxy.cut(random)
    return cuts


async def make_matches(server: ArenaProcess, count: int) -> list[int]:
    """Matches that wait for players who never are enough, so that they may come and go."""
    token = (await asyncio.to_thread(arena, "token", "--admin", "--data", str(server.data))).stdout.strip()
    async with Client(server.url, timeout_s=TIMEOUT_S) as boss:
        await boss.auth(token)
        game = await boss.create_game(title="Door", duration_s=60, min_players=1_000, max_players=2_000)
        return [await boss.create_match(game) for _ in range(count)]


async def run(server: ArenaProcess, clients: int, seconds: float, cut_every_s: float) -> dict[str, Any]:
    """The test; what came of it, with all `problems`."""
    random = Random(clients)
    matches = await make_matches(server, -(-clients // OF_A_MATCH))
    proxy = Proxy(server.port)
    await proxy.start()
    players = [Player(server.url, f"http://127.0.0.1:{proxy.port}", seed) for seed in range(clients)]
    listening: list[asyncio.Task[None]] = []
    async with contextlib.AsyncExitStack() as stack:
        signing_up = asyncio.Semaphore(AT_ONCE)

        async def begin(number: int, player: Player) -> None:
            async with signing_up:
                await player.begin(matches[number // OF_A_MATCH], stack)
            listening.append(asyncio.create_task(player.stays.listen(player.watching)))
            listening.append(asyncio.create_task(player.is_cut.listen(player.trading)))

        await asyncio.gather(*(begin(number, player) for number, player in enumerate(players)))
        print(f"{clients} players are there; they are cut for {seconds:.0f} s", file=sys.stderr)
        ends_s = time.perf_counter() + seconds
        cutting = asyncio.create_task(cut_until(proxy, ends_s, clients / cut_every_s, random))
        await asyncio.gather(*(player.act(ends_s) for player in players))
        cuts = await cutting
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAME_WITHIN_S):
                while not all(player.has_the_same() for player in players):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        problems = [problem for player in players for problem in problems_of(player)]
        for player in players:
            try:
                if await player.watching.me() != await player.trading.me():
                    problems.append(f"player {player.trading.player}: what is open is not the same")
            except ArenaError as error:
                problems.append(f"player {player.trading.player}: {error}")
        problems += [f"a reader ended: {task.exception()!r}" for task in listening if task.done()]
    await asyncio.gather(*listening, return_exceptions=True)
    proxy.stop()
    lost_s = np.array([lost for player in players for lost in player.is_cut.lost_s] or [0.0])
    restored = sum((player.is_cut.restored for player in players), Counter[str]())
    refused = sum((player.refused for player in players), Counter[str]())
    return {
        "clients": clients,
        "seconds": seconds,
        "cuts": cuts,
        "resumes": len(lost_s),
        "channels_replayed": restored["replayed"],
        "channels_reset": restored["reset"],
        "requests": sum(player.requests for player in players),
        "refused": dict(refused),
        "messages_of_me": sum(len(player.is_cut.by_channel.get("me", ())) for player in players),
        "messages_of_matches": sum(len(player.is_cut.by_channel.get(player.channels[1], ())) for player in players),
        "back_after_p50_ms": round(float(np.percentile(lost_s, 50)) * 1e3, 1),
        "back_after_p99_ms": round(float(np.percentile(lost_s, 99)) * 1e3, 1),
        "problems": problems,
    }


def main() -> None:
    """Entry point; exit code 1 when there were problems."""
    parser = argparse.ArgumentParser(description="Cut clients at random moments, and compare what they were told.")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cut-every", type=float, default=5.0, help="seconds, of one client, on the average")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resume-") as folder:
        server = ArenaProcess(Path(folder) / "data", config=CONFIG)
        server.start()
        try:
            results = uvloop.run(run(server, options.clients, options.seconds, options.cut_every))
        finally:
            server.stop()
    problems = results.pop("problems")
    print_report(results | {"problems": len(problems)}, options.json)
    for problem in problems:
        print(f"error: {problem}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
