"""Tournament test: a thousand players in a hundred paid matches at once, while the server is killed several times.

    python -m bench.tournament [--players N] [--matches N] [--kills N] [--market M --speed S] [--json]

Players refer others, top up, join, queue, leave, trade, stake from their wallets, buy items, lose their connections,
and repeat requests that were not answered. Operators cancel, start, end or void some matches, and audit the books
meanwhile. At the end the server stops, and books.py checks the data folder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from bench.books import Books, check_books
from bench.process import ArenaProcess, arena
from gateway.client.client import Client, Disconnected, Refused, Unanswered, Unreachable, new_key
from gateway.process.bot import EXPECTED
from gateway.protocol.envelopes import Reply
from gateway.protocol.fixed_trades import FixedBought
from gateway.protocol.matches import Match, MatchRef, QueueRef
from gateway.protocol.orders import Placed
from gateway.protocol.positions import Closed
from gateway.protocol.scalars import Made
from gateway.protocol.session import Guest
from gateway.protocol.shop import Purchased, Referral
from gateway.protocol.wallets import Audited, Balance, Credited, Solvency

T = TypeVar("T")

SECONDS: Final = 60
"""Length of the shortest matches; the longest are half as long again."""

REGISTERING_AT_ONCE: Final = 20
LONGEST_STAKE_S: Final = 8
"""Of a stake from a wallet: short, so that all are settled before the last match ends."""

CONNECTION_LOSS_RATE: Final = 0.01
"""Share of requests during which the connection is closed."""

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
RETRY_LATER: Final = frozenset({"OVERLOADED", "RATE_LIMITED", "STOPPING", "FEED_STALE"})
EXPECTED_REFUSALS: Final = EXPECTED | {
    "ALREADY_JOINED", "ALREADY_QUEUED", "CODE_WRONG", "HOUSE_LIMIT", "INSUFFICIENT_FUNDS", "MATCH_EMPTY", "MATCH_FULL",
    "MATCH_NOT_OPEN", "MATCH_NOT_WAITING", "NOT_JOINED", "NOT_QUEUED",
}  # fmt: skip
"""Refusals that ordinary play can cause. Any other is an error."""

GAMES: Final[tuple[dict[str, Any], ...]] = (
    {"title": "Winner takes it all", "entry_fee": "5", "prize_split": [100]},
    {"title": "Podium", "entry_fee": "7.77", "house_fee_pct": "10", "prize_split": [60, 30, 10]},
    {"title": "Jackpot", "entry_fee": "2", "reward_price": "50", "max_total_drawdown_pct": "5"},
    {"title": "Guaranteed", "entry_fee": "3", "house_fee_pct": "5", "reward_price": "10", "execution": "next"},
    {"title": "Hard work", "entry_fee": "1", "prize_split": [50, 50], "min_trades": 3, "min_hold_s": 1},
    {"title": "Never", "entry_fee": "4", "prize_split": [100], "min_trades": 1000, "nobody_wins": "keep"},
    {"title": "Never, and back", "entry_fee": "4", "reward_price": "30", "min_trades": 1000},
    {"title": "Freeroll", "reward_price": "5", "allowed_directions": "long_only", "max_daily_drawdown_pct": "3"},
    {"title": "Sprint", "entry_fee": "6", "prize_split": [70, 30], "profit_target_pct": "1", "profit_target": "ends"},
    {"title": "Demo", "entry_fee": "100", "prize_split": [100], "currency": "DEMO", "max_loss_per_trade_pct": "1"},
    {"title": "Nervous", "entry_fee": "5", "prize_split": [100], "outage_s": 1},
    {"title": "Patient", "entry_fee": "5", "reward_price": "20", "outage_s": 1, "outage": "extend"},
    {"title": "Treasure", "entry_fee": "1", "prize_split": [100], "item_rewards": {"TREASURE_BOX": 2}, "cup": 5},
)  # fmt: skip


class Contest(NamedTuple):
    """A match of the tournament, and the operator's intervention in it."""

    match: int
    game: int
    code: str
    intervention: str  # cancel, start, end, void; empty: none


class Summary(msgspec.Struct, frozen=True):
    """Result of a tournament."""

    players: int
    matches: int
    kills: int
    seconds: float
    acknowledged: int
    replayed: int
    lost_connections: int
    refused: dict[str, int]
    books: Books
    errors: list[str]


class Tally:
    """Counters shared by all participants."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, int]] = []  # player and sequence of each command
        self.replayed = 0
        self.lost_connections = 0
        self.refused: Counter[str] = Counter()
        self.errors: list[str] = []


class Participant:
    """A client that repeats each request, with the same key, until it is answered, across reconnects and restarts."""

    def __init__(self, url: str, random: Random, tally: Tally) -> None:
        self.client = Client(url, retry=False)
        self.random = random
        self._url = url
        self._tally = tally
        self.token = ""
        self._connecting = asyncio.Lock()

    async def sign_in(self, token: str) -> None:
        """Sign in; retries until it succeeds."""
        self.token = token
        while True:
            with contextlib.suppress(Unreachable, Unanswered, Disconnected, Refused):
                await self.client.__aenter__()
                await self.client.auth(token)
                return
            await self._reset_client()

    async def _reconnect(self, gone: Client) -> None:
        async with self._connecting:
            if self.client is gone:
                await self._reset_client()
                await self.sign_in(self.token)

    async def _reset_client(self) -> None:
        await self.client.close()
        await asyncio.sleep(self.random.uniform(0.1, 0.5))
        self.client = Client(self._url, retry=False)

    async def command(self, op: str, args: dict[str, Any], shape: type[T]) -> T | None:
        """The result of a command; None when it is refused."""
        reply = await self._request(op, args, shape, new_key())
        if reply is None:
            return None
        self._tally.acknowledged.append((self.client.player, reply.seq))
        self._tally.replayed += reply.replayed
        return reply.result

    async def query(self, op: str, shape: type[T], **args: Any) -> T:
        """The answer to a query that is never refused."""
        reply = await self._request(op, args, shape, None)
        assert reply is not None, op
        return reply.result

    async def _request(self, op: str, args: dict[str, Any], shape: type[T], key: str | None) -> Reply[T] | None:
        while True:
            async with self._connecting:
                client = self.client
            asking = asyncio.create_task(client.request(op, args, shape, key=key))
            if self.random.random() < CONNECTION_LOSS_RATE:
                await asyncio.sleep(self.random.choice((0, 0, 0.003)))
                await client.close()
                self._tally.lost_connections += 1
            try:
                return await asking
            except Unanswered:
                continue
            except Disconnected:
                await self._reconnect(client)
                continue
            except Refused as refused:
                if refused.code in RETRY_LATER:
                    await asyncio.sleep((refused.retry_after or 200) / 1000)
                    continue
                self._tally.refused[refused.code] += 1
                if refused.code not in EXPECTED_REFUSALS:
                    self._tally.errors.append(f"{op} {args}: {refused}")
                return None


class Contestant(Participant):
    """A player: joins a few contests and trades in them at random."""

    def __init__(self, url: str, random: Random, tally: Tally) -> None:
        super().__init__(url, random, tally)
        self._joined: list[int] = []
        self._positions: list[int] = []
        self._closed = asyncio.Event()  # set: no new matches, no new stakes

    async def register(self, referral_code: str | None) -> str:
        """Register, referred by the owner of that code; returns the new player's own code."""
        named = {} if referral_code is None else {"referral_code": referral_code}
        while True:
            with contextlib.suppress(Unreachable, Unanswered, Disconnected, Refused):
                await self.client.__aenter__()
                guest = await self.client.web.post("/api/v1/auth/guest", named, Guest)
                break
            await self._reset_client()
        await self._reset_client()
        await self.sign_in(guest.token)
        return (await self.query("referral.get", Referral[Decimal])).code

    async def play(self, contests: list[Contest], closed: asyncio.Event, stop: asyncio.Event) -> None:
        random = self.random
        self._closed = closed
        poor = random.random() < 0.2
        await self.command("wallet.top_up", {"asset": "USDT", "amount": "6" if poor else "60"}, Credited[Decimal])
        await self.command("wallet.top_up", {"asset": "DEMO", "amount": "250"}, Credited[Decimal])
        for contest in random.sample(contests, min(len(contests), random.randint(1, 4))):
            await self._join(contest)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), random.expovariate(0.3))
            roll = random.random()
            if roll < 0.1 and not closed.is_set():
                await self._spend(random.choice(contests))
            elif not self._joined:
                await self._join(random.choice(contests))
            elif roll < 0.12:
                await self._leave(random.choice(self._joined))
            else:
                await self._trade(random.choice(self._joined))

    async def _spend(self, contest: Contest) -> None:
        """Join a contest or a queue, stake from the wallet, or buy an item."""
        roll = self.random.random()
        if roll < 0.3:
            await self._join(contest)
        elif roll < 0.6:
            await self.command("queue.join", {"game": contest.game}, QueueRef)
        elif roll < 0.65:
            await self.command("queue.leave", {"game": contest.game}, QueueRef)
        elif roll < 0.85:
            stake: dict[str, Any] = {"symbol": self.random.choice(SYMBOLS), "direction": "down", "stake": "10"}
            stake |= {"duration": self.random.randint(5, LONGEST_STAKE_S), "account": {"wallet": "demo"}}
            await self.command("fixed.buy", stake, FixedBought)
        else:
            await self.command("wallet.purchase", {"item": "GOLD_COIN", "count": self.random.randint(1, 9)}, Purchased)

    async def _join(self, contest: Contest) -> None:
        if self._closed.is_set():
            return
        code = contest.code if self.random.random() < 0.9 else "guessed"
        args: dict[str, Any] = {"match": contest.match} | ({"code": code} if contest.code else {})
        times = 2 if self.random.random() < 0.1 else 1
        answers = await asyncio.gather(*(self.command("match.join", args, MatchRef) for _ in range(times)))
        took = [answer for answer in answers if answer is not None]
        if len(took) > 1:
            self._tally.errors.append(f"player {self.client.player} took two seats in match {contest.match}")
        if took:
            self._joined.append(contest.match)
            if self.random.random() < 0.1:
                await self._leave(contest.match)

    async def _leave(self, match: int) -> None:
        if await self.command("match.leave", {"match": match}, MatchRef) is not None:
            self._joined.remove(match)

    async def _trade(self, match: int) -> None:
        random = self.random
        if self._positions and random.random() < 0.4:
            position = self._positions.pop(random.randrange(len(self._positions)))
            await self.command("position.close", {"position": position, "percent": 100}, Closed[Decimal])
            return
        symbol, side = random.choice(SYMBOLS), random.choice(("long", "short"))
        if random.random() < 0.15:
            stake = {"symbol": symbol, "direction": "up", "stake": "100", "duration": random.randint(5, 10)}
            await self.command("fixed.buy", stake | {"account": {"match": match}}, FixedBought)
            return
        order: dict[str, Any] = {"match": match, "symbol": symbol, "side": side, "margin": "500"}
        order |= {"leverage": random.randint(1, 100)}
        if random.random() < 0.5:
            order["trailing_stop"] = random.randint(100, 2_000)
        placed = await self.command("order.place", order, Placed[Decimal])
        if placed is not None:
            self._positions.append(placed.order)
        elif random.random() < 0.2:
            self._joined.remove(match)  # it may be over


class Operator(Participant):
    """Creates the matches, and intervenes in some."""

    async def make(self, op: str, args: dict[str, Any]) -> int:
        made = await self.command(f"admin.{op}", args, Made)
        assert made is not None, f"{op} {args} is refused: {self._tally.refused}"
        return made.id

    async def prepare(self, matches: int, seconds: int) -> list[Contest]:
        for asset, amount in (("USDT", "100000"), ("DEMO", "100000"), ("TREASURE_BOX", "1000")):
            await self.command("admin.fund_rewards", {"asset": asset, "amount": amount}, Credited[Decimal])
        games = []
        for number, rules in enumerate(GAMES):
            game: dict[str, Any] = {"currency": "USDT", "min_players": 2 + number % 3, "max_players": 10 + number}
            game |= {"countdown_s": max(1, seconds // (2 + number % 4)), "duration_s": seconds + number * seconds // 20}
            games.append(await self.make("create_game", game | {"queue_timeout_s": seconds} | rules))
        await self.make("set_offer", {"item": "GOLD_COIN", "price": "0.25", "asset": "USDT"})
        contests = []
        for number in range(matches):
            code = f"secret-{number}" if number % 9 == 5 else ""
            game_id = games[number % len(games)]
            match = await self.make("create_match", {"game": game_id} | ({"code": code} if code else {}))
            intervention = self.random.choices(("", "cancel", "start", "end", "void"), (12, 2, 2, 2, 1))[0]
            contests.append(Contest(match, game_id, code, intervention))
        return contests

    async def intervene(self, contests: list[Contest], seconds: int, closed: asyncio.Event) -> None:
        """Carry out the interventions over `seconds`, then wait until all matches are over."""
        shuffled = self.random.sample(contests, len(contests))
        for contest in sorted(
            shuffled, key=lambda contest: contest.intervention != "cancel"
        ):  # cancel first: only while they wait
            await asyncio.sleep(seconds / len(contests))
            target: dict[str, Any] = {"match": contest.match, "reason": "test"}
            if contest.intervention == "start":
                await self.command("admin.start_match", {"match": contest.match}, Made)
            elif contest.intervention == "void":
                await self.command("admin.end_match", target | {"void": True}, Made)
            elif contest.intervention:
                await self.command(f"admin.{contest.intervention}_match", target, Made)
            solvency = await self.query("admin.solvency", Solvency[Decimal], match=contest.match)
            if not solvency.solvent:
                self._tally.errors.append(f"not solvent: {solvency}")
        audited = await self.query("admin.audit", Audited)
        self._tally.errors += audited.problems
        _log(f"audited while it is played: {audited.accounts} accounts, {audited.transfers} transfers")
        closed.set()
        await asyncio.sleep(LONGEST_STAKE_S + 1)
        while True:
            waiting = await self.query("match.list", list[Match[Decimal]], status="waiting")
            playing = await self.query("match.list", list[Match[Decimal]], status="open")
            if not waiting and all(match.practice for match in playing):
                return
            for match in waiting:
                await self.command("admin.cancel_match", {"match": match.match, "reason": "no more players"}, Made)
            await asyncio.sleep(1)


async def run_tournament(
    folder: Path, players: int, matches: int, kills: int, seconds: int, seed: int, market: list[str]
) -> Summary:
    """Run the tournament in `folder` and check the books it leaves."""
    begun_s = time.monotonic()
    tally = Tally()
    server = ArenaProcess(folder / "data", *market)
    await asyncio.to_thread(server.start)
    operator = Operator(server.url, Random(f"{seed} operator"), tally)
    contestants = [Contestant(server.url, Random(f"{seed} {number}"), tally) for number in range(players)]
    closed, stop = asyncio.Event(), asyncio.Event()
    try:
        await operator.sign_in(arena("token", "--admin", "--data", str(server.data)).stdout.strip())
        await _register(contestants, Random(f"{seed} friends"))
        contests = await operator.prepare(matches, seconds)
        _log(f"{matches} matches wait for {players} players")
        async with asyncio.TaskGroup() as group:
            for contestant in contestants:
                group.create_task(contestant.play(contests, closed, stop))
            intervening = group.create_task(operator.intervene(contests, seconds, closed))
            await _kill(server, kills, seconds, intervening, Random(f"{seed} kills"))
            await intervening
            stop.set()
        _log(f"all matches are over: {len(tally.acknowledged)} commands acknowledged")
        wallets = {of.client.player: await of.query("me.wallet", list[Balance[Decimal]]) for of in contestants}
    finally:
        await asyncio.gather(*(person.client.close() for person in (operator, *contestants)))
        server.stop()
    books = await asyncio.to_thread(check_books, server.data, wallets, tally.acknowledged)
    return Summary(
        players, matches, kills, round(time.monotonic() - begun_s, 1), len(tally.acknowledged), tally.replayed,
        tally.lost_connections, dict(tally.refused.most_common()), books, tally.errors + books.problems,
    )  # fmt: skip


async def _register(contestants: list[Contestant], random: Random) -> None:
    semaphore = asyncio.Semaphore(REGISTERING_AT_ONCE)
    codes: list[str | None] = [None]

    async def register(contestant: Contestant) -> None:
        async with semaphore:
            codes.append(await contestant.register(random.choice(codes)))

    await asyncio.gather(*map(register, contestants))


async def _kill(server: ArenaProcess, kills: int, seconds: int, until: asyncio.Task[None], random: Random) -> None:
    """Kill the server `kills` times, spread over the time in which matches are joined, played and ended."""
    for kill in range(1, kills + 1):
        await asyncio.wait([until], timeout=random.uniform(0.5, 1.5) * 2 * seconds / (kills + 1))
        server.kill()
        begun_s = time.monotonic()
        await asyncio.to_thread(server.start)
        _log(f"kill {kill} of {kills}: ready again in {time.monotonic() - begun_s:.1f} s")


def _log(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Entry point; exit code 1 when something was wrong."""
    parser = argparse.ArgumentParser(description="Run a tournament of paid matches, and check the books.")
    parser.add_argument("--players", type=int, default=1000)
    parser.add_argument("--matches", type=int, default=100)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="length of the shortest matches")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--market", help="as of `arena serve`; recordings are played in a loop")
    parser.add_argument("--speed", default="50", help="of recordings")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    market = ["--market", options.market, "--speed", options.speed, "--loop"] if options.market else []
    with tempfile.TemporaryDirectory(prefix="tournament-") as folder:
        summary = asyncio.run(
            run_tournament(
                Path(folder), options.players, options.matches, options.kills, options.seconds, options.seed, market
            )
        )
    if options.json:
        print(msgspec.json.encode(summary).decode())
    else:
        print(f"{summary.players} players, {summary.matches} matches, {summary.kills} kills, {summary.seconds} s")
        print(f"{summary.acknowledged} commands acknowledged, {summary.lost_connections} connections lost")
        print(f"refused: {summary.refused}\nbooks: {summary.books}")
        for line in summary.errors:
            print(f"error: {line}")
    sys.exit(bool(summary.errors))


if __name__ == "__main__":
    main()
