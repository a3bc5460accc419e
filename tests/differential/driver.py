"""Random commands for the twins, from a driver that knows what is open."""

from __future__ import annotations

import itertools
import random
from typing import Any

from msgspec.structs import replace

from engine.invariants import check
from engine.model.commands import (
    Account,
    Amend,
    ArchiveMatch,
    Asset,
    CancelMatch,
    CancelOnDisconnect,
    CreateMatch,
    DefineZone,
    DeleteGame,
    Directions,
    EndMatch,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OpenFeed,
    OrderType,
    ReadNotifications,
    ResetSeat,
    SetConnected,
    SetGameActive,
    SetKeyLimits,
    SetSwitch,
    SettleInstrument,
    StartMatch,
    StartSeason,
    TimeInForce,
    TopUp,
    TransferCode,
    Transferring,
    UpdateGame,
)
from engine.model.events import Cause, FixedResult, TransferStatus
from engine.model.scale import BOUND, MINUTES_PER_WEEK, MONEY, NS_PER_MS, NS_PER_S
from tests.differential.random_transfers import Transfers
from tests.differential.twins import (
    CALLED_OFF,
    EXTENDED,
    MATCHES,
    NEXT,
    OWN_CALLED_OFF,
    OWN_EXTENDED,
    PAID,
    PLAYERS,
    ROOM,
    ROUGH,
    SHORT,
    SILENCE_NS,
    ZONE,
    Twins,
    game_of,
)
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    Asked,
    BuyFixed,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
    Pulse,
    Quote,
    Unknown,
)
from tests.oracle import DAY_NS, Seat
from tests.oracle.ledger.money import MOST_ENTERED, number_of
from tests.oracle.state import Market, clock_of
from tests.oracle.trading.waiting import is_waiting

LOCKS = (
    "TRADING_LOCKED", "ARENA_CLOSE_ONLY", "INSTRUMENT_LOCKED", "INSTRUMENT_CLOSE_ONLY", "MATCH_LOCKED", "PLAYER_LOCKED",
)  # fmt: skip

ACCOUNTS = [
    [*(number_of(player, purse, asset) for player in PLAYERS[:2]), number_of(0, Account.HOUSE_FEES, asset),
     number_of(0, Account.HOUSE_REWARDS, asset), number_of(0, Account.WORLD, asset)]
    for asset, purse in (("USDT", Account.PLAYER_CASH), ("DEMO", Account.PLAYER_DEMO))
]  # fmt: skip
"""Between which transfers come as commands. An escrow is its match's, and nobody else's."""
ABOUT_MONEY = (TopUp, FundRewards, CreateMatch, JoinMatch, LeaveMatch, CancelMatch, StartMatch, EndMatch)


LONG_BATCH = 48
"""Commands: several times the distance of prefetching (engine/batch/prefetch.py)."""


class Driver:
    """Random commands, most of them sensible: seeded, so a failure comes again."""

    def __init__(self, twins: Twins, seed: int) -> None:
        self.twins, self.random = twins, random.Random(seed)
        self.given = self.batches = 0
        self.quiet = 0
        """Steps for which the feed is silent: closes wait, opens are refused."""
        self.only_heavy = 0
        """Steps for which only one instrument is quoted."""
        self.busy = PLAYERS[0], MATCHES[0]
        """The player and match that half of the commands are about for a while: limits are only met where much
        happens."""
        self.asked: list[Asked] = []
        self.chained: list[Command] = []
        """What is yet to come of a chain of transfers."""
        self.transfers = Transfers(self.random, twins.oracle.ledger, lambda: ACCOUNTS)

    def steps(self, count: int, check_every: int, compare_every: int = 16) -> None:
        """Give both at least `count` commands; a step is one command, and a batch has one to four, or ends with a chain
        of transfers; a few are LONG_BATCH long.

        Outcomes and events of each are compared; all that can be seen after every `compare_every` batches, and at the
        end; the invariants hold after every `check_every` batches, and at the end. Neither changes what is given.
        """
        end = self.given + count
        while self.given < end:
            count = LONG_BATCH if self.random.random() < 0.002 else self.random.choice((1, 1, 1, 2, 4))
            commands = [self.command() for _ in range(count)]
            while self.chained and self.random.random() < 0.98:
                commands.append(self.command())
            self.batches += 1
            self.twins.step(commands, self.passes_ns(), compare=False)
            self.given += len(commands)
            if self.batches % compare_every == 0:
                self.twins.compare(finished=False)
            if self.batches % check_every == 0:
                check(self.twins.machine.state)
        self.twins.compare()
        check(self.twins.machine.state)

    def passes_ns(self) -> int:
        self.quiet = max(0, self.quiet - 1)
        if self.random.random() < 0.01:
            self.quiet = 12
            return 3 * NS_PER_S
        if self.misses_entry() and self.random.random() < 0.6:
            self.quiet = 4
            return 9 * NS_PER_S
        markets = self.twins.oracle.markets
        latest_ns = markets[1].at_ns if self.only_heavy else max(market.at_ns for market in markets.values())
        silence_ns = self.twins.now_ns - latest_ns
        self.only_heavy = max(0, self.only_heavy - 1)
        if silence_ns < SILENCE_NS and self.random.random() < (0.1 if self.only_heavy else 0.004):
            if not self.only_heavy:
                self.quiet = 8
            return SILENCE_NS - silence_ns + self.random.choice((0, 0, 1, NS_PER_S))
        if self.random.random() < 0.002:
            return DAY_NS - self.random.choice((0, 1, NS_PER_S))
        if self.random.random() < 0.02:
            return self.random.choice((2 * NS_PER_S, 2 * NS_PER_S + 1, 45 * NS_PER_S))
        if self.random.random() < 0.3:
            return self.random.choice((100, 249, 250, 600, 1_000)) * NS_PER_MS
        return self.random.choice((0, 1, 50 * NS_PER_MS))

    def command(self) -> Command:
        if self.chained:
            return self.chained.pop()
        command = self.chosen()
        if isinstance(command, ABOUT_MONEY) and self.random.random() < 0.7:
            if self.asked and self.random.random() < 0.4:
                return self.random.choice(self.asked[-6:])
            player = getattr(command, "player", 0)
            self.asked.append(Asked(command, player if player in PLAYERS else 0, str(self.random.randint(1, 200))))
            return self.asked[-1]
        return command

    def chosen(self) -> Command:
        for market in self.twins.oracle.markets.values():
            data = market.data
            if data.halted and self.random.random() < 0.3:
                return self.settle(market)
            if (data.halted or data.locked or data.close_only or not data.enabled) and self.random.random() < 0.2:
                return replace(data, halted=False, locked=False, close_only=False, enabled=True)
            if not market.is_open(self.twins.now_ns) and self.random.random() < 0.1:
                return replace(data, hours=())
        for scope, id, switch in self.locked():
            if self.random.random() < (0.2 if scope == "arena" else 0.05):
                return SetSwitch(scope, id, switch, on=False, reason="over")
            if data.fixed_payout_percent == 0 and self.random.random() < 0.04:
                return replace(data, fixed_payout_percent=83)
            if not self.quiet and market.is_stale(self.twins.now_ns) and self.random.random() < 0.2:
                return self.quote()
        for id in (SHORT, ROOM):
            if not self.twins.oracle.games[id - 1].active and self.random.random() < 0.01:
                return SetGameActive(id, True)
        for seat in self.seats_out():
            if self.random.random() < 0.01:
                return ResetSeat(seat.match, seat.player)
        if self.random.random() < 0.05:
            return self.run_short_matches()
        choose = self.random.choices(
            (
                self.quote,
                self.open,
                self.limit,
                self.stop,
                self.close,
                self.cancel,
                self.amend,
                self.move,
                self.buy,
                self.rare,
                self.switch,
                self.hours,
                self.room,
                self.paid,
                self.wallet,
                self.transfer,
                self.game,
                self.queue,
                self.presence,
            ),
            (0 if self.quiet else 36, 22, 14, 7, 8, 3, 6, 8, 11, 3, 3, 1, 4, 9, 5, 4, 2, 3, 3),
        )[0]
        return choose()

    def seat(self) -> tuple[int, int]:
        """A player and a match, in which he may have no seat."""
        oracle = self.twins.oracle
        if self.random.random() < 0.03 or not oracle.matches[self.busy[1]].open:
            self.busy = self.random.choice(PLAYERS), self.random.choice((*MATCHES, *self.short() * 3))
            if (out := self.seats_out()) and self.random.random() < 0.2:
                seat = self.random.choice(out)
                self.busy = seat.player, seat.match
        if self.random.random() < 0.5:
            return self.busy
        return self.random.choice(PLAYERS), self.random.choice((*MATCHES, *self.short() * 2))

    def seats_out(self) -> list[Seat]:
        return [seat for match in self.twins.oracle.running.values() for seat in match.seats if seat.out]

    def side(self, match: int) -> int:
        """Mostly one that the game allows."""
        found = self.twins.oracle.matches.get(match)
        directions = found.game.directions if found else Directions.BOTH
        return int(directions) if directions and self.random.random() < 0.7 else self.random.choice((1, -1))

    def misses_entry(self) -> bool:
        """Does a fixed-time trade have its two quotes, and still waits for the end of its bump?"""
        oracle = self.twins.oracle
        return any(
            not trade.entry and oracle.markets[trade.command.instrument].quotes >= trade.quotes_before + 2
            for trade in oracle.fixed_trades.values()
        )

    def run_short_matches(self) -> Command:
        """One or two are open, most players sit in them, and some end before their time, while something is open."""
        oracle, short = self.twins.oracle, self.short()
        if len(short) < 2 and self.random.random() < 0.4:
            games = (SHORT, SHORT, CALLED_OFF, EXTENDED, OWN_CALLED_OFF, OWN_EXTENDED)
            return CreateMatch(self.random.choice(games), practice=False)
        missing = [(id, player) for id in short for player in PLAYERS if (player, id) not in oracle.seats]
        if missing and self.random.random() < 0.8:
            return JoinMatch(*self.random.choice(missing))
        staked = [trade.seat.match for trade in oracle.fixed_trades.values() if trade.seat.match in short]
        if staked and self.random.random() < 0.4:
            return EndMatch(self.random.choice(staked), "over", void=self.random.random() < 0.3)
        return self.buy()

    def room(self) -> Command:
        """A match that waits for players: they come, go, and it begins, or does not."""
        matches = self.twins.oracle.matches
        waiting = [id for id, match in matches.items() if match.waiting]
        over = [id for id, match in matches.items() if not match.open and not match.waiting and not match.archived]
        roll = self.random.random()
        if not waiting or roll < 0.05:
            return CreateMatch(ROOM, practice=False, code=self.random.choice(("", "", "", "secret")))
        id = self.random.choice((*waiting, *waiting, *waiting, 1, *list(matches)[-2:], 0))
        player = self.random.choice((*PLAYERS, *PLAYERS, 9))
        if roll < 0.15:
            return LeaveMatch(id, player)
        if roll < 0.2:
            return StartMatch(id)
        if roll < 0.23:
            return CancelMatch(id, "no")
        if roll < 0.3:
            return ArchiveMatch(self.random.choice((*over, *over, id)))
        code = matches[id].code if id in matches and self.random.random() < 0.8 else "other"
        return JoinMatch(id, player, code)

    def paid(self) -> Command:
        """A match about money: made, joined, left, called off, begun or ended."""
        oracle = self.twins.oracle
        paid = [id for id, match in oracle.running.items() if match.game.currency]
        waiting = [id for id in paid if oracle.matches[id].waiting]
        roll = self.random.random()
        if len(waiting) < 2 and roll < 0.5:
            rules = self.random.choice(PAID)
            return CreateMatch(game_of(oracle, rules), practice=self.random.random() < 0.05)
        id = self.random.choice((*waiting, *waiting, *paid, 1, len(oracle.matches)))
        player = self.random.choice([seat.player for seat in oracle.matches[id].seats] or PLAYERS)
        if roll < 0.7:
            return JoinMatch(id, self.random.choice(PLAYERS))
        if roll < 0.8:
            return LeaveMatch(id, player)
        if roll < 0.84:
            return CancelMatch(id, "no")
        if roll < 0.92:
            return StartMatch(id)
        return EndMatch(self.random.choice([*paid, id]), "over", void=self.random.random() < 0.2)

    def wallet(self) -> Command:
        """Money comes in, to the third player hardly any; now and then none that can be."""
        if self.random.random() < 0.2:
            return self.pays_in()
        player, asset = self.random.choice((1, 1, 1, 2, 2, 2, 3)), self.random.choice(("USDT", "DEMO"))
        amount = self.random.choice((1, 60_000, 60_000, 200_000))
        if self.random.random() < 0.25:
            player = self.random.choice((player, player, 9))
            asset = self.random.choice((asset, asset, "DOGE", "GOLD_COIN"))
            amount = self.random.choice((amount, 0, -1, MOST_ENTERED))
        if self.random.random() < 0.2:
            return FundRewards(asset, amount)
        return TopUp(player, asset, amount, most=self.random.choice((0, 0, 0, 500_000, 20_000_000)))

    def pays_in(self) -> Command:
        """What can then be staked once or twice; and now and then the house, which wins enough by itself."""
        if self.random.random() < 0.05:
            return FundRewards("USDC", 30)
        return TopUp(self.random.choice(PLAYERS), "USDC", self.random.choice((1, 30, 90)))

    def transfer(self) -> Command:
        """One, or a chain of some."""
        length = self.random.choice((1, 1, 1, 1, 1, 1, 2, 3))
        chain = [self.transfers.transfer(self.twins.now_ns) for _ in range(length)]
        linked = Transferring.LINKED
        chain = [command._replace(flags=command.flags | linked) for command in chain[:-1]] + chain[-1:]
        self.transfers.seen.extend(chain)
        self.chained.extend(chain[:0:-1])
        return chain[0]

    def game(self) -> Command:
        """A game of matches that end gets other rules, is put by or brought back; one is deleted; a season starts."""
        games = self.twins.oracle.games
        roll = self.random.random()
        if roll < 0.1:
            return StartSeason(self.random.choice(("Spring", "Summer", "")))
        if roll < 0.2:
            return DeleteGame(self.random.choice((len(games), 99)))
        id = self.random.choice((SHORT, ROOM, len(games)))
        if roll < 0.3:
            put_by = [number for number in (SHORT, ROOM) if not games[number - 1].active]
            return CreateMatch(self.random.choice((id, *put_by)), practice=False)
        if roll < 0.5:
            return SetGameActive(id, self.random.random() < 0.4)
        game = games[id - 1].rules
        choices: dict[str, tuple[Any, ...]] = {
            "cup": (0, 7, 30, 200), "lose_exp": (0, 9, 250), "min_trades": (0, 0, 2), "prize_split": ((), (100,)),
            "duration_s": (20, 60), "starting_balance": (90_000, 100_000), "ranks_by_trades": (True, False),
        }  # fmt: skip
        field = self.random.choice(list(choices))
        return UpdateGame(id, replace(game, **{field: self.random.choice(choices[field])}))

    def queue(self) -> Command:
        """They come to the queue of a game, and sometimes go."""
        game = ROOM if self.random.random() < 0.95 else self.random.choice((1, SHORT, 99))
        player = self.random.choice((*PLAYERS, *PLAYERS, 9))
        return (JoinQueue if self.random.random() < 0.8 else LeaveQueue)(game, player)

    def locked(self) -> list[tuple[str, int, str]]:
        """The switches that are on, but for those of instruments."""
        oracle = self.twins.oracle
        return [
            *[("arena", 0, switch) for switch in ("locked", "close_only") if getattr(oracle, switch)],
            *[("match", id, "locked") for id, match in oracle.running.items() if match.locked],
            *[("player", id, "locked") for id in sorted(oracle.locked_players)],
        ]

    def switch(self) -> Command:
        """Mostly one that exists."""
        scope, switches = self.random.choice((
            ("arena", ("locked", "close_only")),
            ("instrument", ("locked", "halted", "close_only")),
            ("match", ("locked",)),
            ("player", ("locked",)),
        ))  # fmt: skip
        id, switch = 0 if scope == "arena" else self.random.choice((1, 2)), self.random.choice(switches)
        reason = "why"
        if self.random.random() < 0.2:
            scope, id = self.random.choice((scope, "moon")), self.random.choice((id, 0, -1, 9))
            switch, reason = self.random.choice(("locked", "halted", "close_only", "on")), self.random.choice(("", " "))
        return SetSwitch(scope, id, switch, self.random.random() < 0.8, reason)

    def settle(self, market: Market) -> Command:
        """A halted instrument, at a price that is mostly near its last one."""
        instrument = next(id for id, other in self.twins.oracle.markets.items() if other is market)
        price = max(1, (market.bid or 150) + self.random.choice((-70, -30, 0, 0, 1, 30, 70)))
        if self.random.random() < 0.2:
            price = self.random.choice((0, 401, -1))
        elif self.random.random() < 0.1:
            instrument = self.random.choice((1, 2, 3, 0))
        return SettleInstrument(instrument, price, "gone")

    def hours(self) -> Command:
        """Windows that begin and end around now, by some clock; or that clock is set."""
        oracle, zone = self.twins.oracle, self.random.choice(("", ZONE, ZONE, ZONE))
        if self.random.random() < 0.3:
            return self.zone()
        if self.random.random() < 0.03:
            return replace(oracle.markets[1].data, zone="Nowhere")
        shown = clock_of(oracle.zones, zone, self.twins.now_ns)
        minute = (shown.weekday() * 24 + shown.hour) * 60 + shown.minute
        bounds = [(minute + self.random.randint(-2, 3)) % MINUTES_PER_WEEK for _ in range(4)]
        first, second, third, fourth = sorted(bounds)
        windows = [(first, second + 1), (third + 1, min(fourth + 2, MINUTES_PER_WEEK))][: 1 + (third < fourth)]
        return replace(oracle.markets[self.random.choice((1, 2))].data, hours=tuple(windows), zone=zone)

    def zone(self) -> Command:
        """The clock is set forward or back about now, and once more within a day or two."""
        minute_s = self.twins.now_ns // NS_PER_S // 60 * 60
        offsets = [self.random.choice((-18_000, -1_800, 0, 3_600, 7_200, 20_700)) for _ in range(3)]
        moments = (0, minute_s + 60 * self.random.randint(-5, 5), minute_s + 60 * self.random.randint(6, 2_000))
        if self.random.random() < 0.1:
            return DefineZone(ZONE, ((moments[2], offsets[0]),))  # later than now: it holds before, too
        return DefineZone(ZONE, tuple(zip(moments, offsets, strict=True)))

    def quote(self) -> Command:
        if not self.only_heavy and self.random.random() < 0.01:
            self.only_heavy = 40
        instrument = 2 if self.only_heavy else self.random.choice((1, 1, 2))
        market = self.twins.oracle.markets[instrument]
        roll = self.random.random()
        step = self.random.randint(-2, 2) if roll < 0.8 else self.random.randint(-12, 12) if roll < 0.96 else 0
        bid = min(max((market.bid or 150) + step, 60), 330) if roll < 0.96 else self.random.randint(1, 400)
        self.twins.source_sequence += self.random.random() < 0.98
        entered = [trade.entry for trade in self.twins.oracle.fixed_trades.values()
                   if trade.entry and trade.command.instrument == instrument]  # fmt: skip
        if entered and self.random.random() < 0.2:  # for a draw
            entry = self.random.choice(entered)
            return Quote(instrument, (entry - 1) // 2, entry // 2 + 1, self.twins.source_sequence)
        return Quote(instrument, bid, bid + self.random.choice((1, 1, 1, 2, 3, 8, 0)), self.twins.source_sequence)

    def order(self, **fields: Any) -> Command:
        instrument = self.random.choice((1, 1, 2))
        player, match = self.seat()
        side = self.side(match)
        price = fields.get("price") or self.twins.oracle.markets[instrument].closing(side)
        stops = {}
        if self.random.random() < 0.4:
            stops["stop_loss"] = max(1, price - side * self.random.randint(0, 30))
        if self.random.random() < 0.25:
            stops["trailing_ppm"] = self.trailing_ppm(price, side)
            if self.random.random() < 0.95:
                stops.pop("stop_loss", None)
        if self.random.random() < 0.4:
            stops["take_profit"] = max(1, price + side * self.random.randint(0, 30))
        size = (
            {"margin": self.random.choice((1, 50, 900, 900, 4_000, 30_000))}
            if self.random.random() < 0.5
            else {"lots": self.random.choice((1, 10, 15, 15, 20, 30, 60, 100, 400, 1_000, 3_001))}
        )
        odd: dict[str, Any] = {}
        if fields.get("order_type", OrderType.MARKET) == OrderType.MARKET and self.random.random() < 0.3:
            odd["max_slippage_ppm"] = self.random.choice((1, 1, 1, 10_000, 30_000))
        if self.random.random() < 0.03:
            field = self.random.choice(
                (
                    "side",
                    "leverage",
                    "time_in_force",
                    "order_type",
                    "margin",
                    "lots",
                    "instrument",
                    "match",
                    "expires_at_ns",
                    "stop_loss",
                    "max_slippage_ppm",
                )
            )
            odd[field] = self.random.choice((-1, 0, 9, 10**6))
        defaults = {
            "player": player,
            "match": match,
            "instrument": instrument,
            "side": side,
            "leverage": self.random.choice((1, 2, 3, 5, 7, 10, 10, 20, 40, 60, 61)),
        }
        return PlaceOrder(**(defaults | size | stops | fields | odd), key=self.key())

    def trailing_ppm(self, price: int, side: int) -> int:
        """Mostly a few ticks; far enough for steps of more than one; as far as the price scale goes; none."""
        farthest = (price - 1 if side > 0 else ROUGH.highest_price - price) * 10**6 // max(price, 1)
        return self.random.choice((1, 10_000, 20_000, 50_000, 100_000, 300_000, farthest, farthest, 10**6, -1))

    def open(self) -> Command:
        return self.order(time_in_force=self.random.choice((TimeInForce.GTC, TimeInForce.IOC)))

    def limit(self) -> Command:
        bid = self.twins.oracle.markets[1].bid
        time_in_force = self.random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC))
        later = self.twins.now_ns + self.random.choice((1, NS_PER_S, 3 * NS_PER_S, 60 * NS_PER_S))
        return self.order(
            order_type=OrderType.LIMIT,
            price=min(max(bid + self.random.choice((self.random.randint(-9, 9), self.random.randint(-1, 2))), 1), 400),
            time_in_force=time_in_force,
            expires_at_ns=later if time_in_force == TimeInForce.GTD else 0,
            client_order_id=self.random.choice(("", "mine")),
        )

    def position(self) -> tuple[int, int]:
        """Somebody's position and its owner, or now and then somebody else."""
        open_positions = list(self.twins.oracle.positions.values())
        if not open_positions or self.random.random() < 0.03:
            id = self.random.choice((0, self.random.randint(-1, self.twins.oracle.next_id)))
            return self.random.choice(PLAYERS), id
        closing = [found for wait in self.twins.oracle.waiting if (found := self.twins.oracle.positions.get(wait.id))]
        found = self.random.choice(closing if closing and self.random.random() < 0.2 else open_positions)
        return found.seat.player, found.id

    def stop(self) -> Command:
        order = self.limit()
        assert isinstance(order, PlaceOrder)
        price = min(max(self.twins.oracle.markets[1].bid + order.side * self.random.randint(0, 6), 1), 400)
        time_in_force = TimeInForce.GTC if order.expires_at_ns == 0 else TimeInForce.GTD
        if self.random.random() < 0.03:
            time_in_force = TimeInForce.IOC
        return order._replace(order_type=OrderType.STOP, price=price, time_in_force=time_in_force)

    def close(self) -> Command:
        player, id = self.position()
        held = self.twins.oracle.positions.get(id)
        if held is not None and self.random.random() < 0.4:
            lots = self.random.choice((1, held.lots // 2, held.lots - 1, held.lots, held.lots + 1, -1))
            return ClosePosition(player, id, lots=lots, key=self.key())
        return ClosePosition(player, id, percent=self.random.choice((1, 33, 50, 99, 100, 0, 101)), key=self.key())

    def cancel(self) -> Command:
        if self.random.random() < 0.2:
            return CancelAll(self.random.choice((*PLAYERS, 9)), self.random.choice((*MATCHES, 0, 10**6)), self.key())
        resting = list(self.twins.oracle.orders.values())
        if not resting or self.random.random() < 0.05:
            return CancelOrder(self.random.choice(PLAYERS), self.random.randint(-1, self.twins.oracle.next_id))
        order = self.random.choice(resting)
        return CancelOrder(order.seat.player, order.id, key=self.key())

    def amend(self) -> Command:
        player, id = self.position()
        bid = self.twins.oracle.markets[1].bid
        stop, target = (self.random.choice((0, bid + self.random.randint(-15, 15))) for _ in range(2))
        some = self.random.randint(1, self.random.choice((1_000, 50 * MONEY)))
        margin = self.random.choice((0, some, some, -some, -some // 8, BOUND, -BOUND - 1))
        trailing_ppm = self.random.choice((0, self.trailing_ppm(bid, self.random.choice((1, -1)))))
        roll = self.random.random()
        if roll < 0.2:
            return AmendPosition(player, id, Amend.TRAILING_STOP, trailing_ppm=trailing_ppm, key=self.key())
        if roll < 0.35:
            return AmendPosition(player, id, Amend.MARGIN, margin=margin, key=self.key())
        return AmendPosition(player, id, self.random.randint(0, 15), stop, target, margin, trailing_ppm, self.key())

    def short(self) -> list[int]:
        """Open matches that will end."""
        return [id for id, match in self.twins.oracle.running.items() if match.open and not match.practice]

    def move(self) -> Command:
        """Amend an order, most of the time so that it still rests where its stops fit."""
        oracle = self.twins.oracle
        if not oracle.orders:
            return self.limit()
        if self.random.random() < 0.05:
            return AmendOrder(self.random.choice(PLAYERS), self.random.randint(-1, oracle.next_id), 0)
        resting = [order for order in oracle.orders.values() if not is_waiting(oracle, order.id)]
        often = resting if resting and self.random.random() < 0.9 else list(oracle.orders.values())
        order = self.random.choice(often)
        command, market = order.command, oracle.markets[order.command.instrument]
        away = -command.side if command.order_type == OrderType.LIMIT else command.side
        price = market.opening(command.side) + away * self.random.randint(-2, 12)
        if self.random.random() < 0.1:
            price = self.random.choice((-1, 0, 1, 30, 390, 400, 401, 10**6))
        stop, target = (self.random.choice((0, price + sign * command.side * self.random.randint(-1, 15)))
                        for sign in (-1, 1))  # fmt: skip
        ends_at_ns = self.twins.now_ns + self.random.choice((-1, 1, NS_PER_S, 9 * NS_PER_S, 60 * NS_PER_S))
        fields = sum(self.random.choice((0, bit, bit))
                     for bit in (Amend.PRICE, Amend.STOP_LOSS, Amend.TAKE_PROFIT, Amend.EXPIRY))  # fmt: skip
        return AmendOrder(order.seat.player, order.id, fields, price, stop, target,
                          self.random.choice((0, 0, ends_at_ns)), self.key())  # fmt: skip

    def buy(self) -> Command:
        player, match = self.buyer()
        ends_at_ns = getattr(self.twins.oracle.matches.get(match), "ends_at_ns", 0)
        left_s = max(1, (ends_at_ns - self.twins.now_ns) // NS_PER_S)
        until_the_end = (left_s, left_s, left_s + 1) if ends_at_ns else ()
        command = BuyFixed(
            player,
            match,
            self.random.choice((1, 1, 2)),
            self.side(match),
            self.random.choice((7, 50, 101, 900, 3_000, 9_000, 9_000)),
            self.random.choice((5, 5, 5, 6, 8, 30, 60, *until_the_end)),
            self.key(),
        )
        if self.random.random() < 0.4:
            asset = self.random.choice((Asset.DEMO, Asset.USDC))
            stake = command.stake if asset is Asset.DEMO else self.random.choice((1, 2, 3, 9, 30, 90))
            command = command._replace(match=0, asset=asset, stake=stake)
        if self.random.random() < 0.05:
            field = self.random.choice(("match", "instrument", "direction", "stake", "duration_s", "asset", "asset"))
            wrong: dict[str, Any] = {field: self.random.choice((-1, 0, 4, 6, 61, 9_001, 10**6))}
            return command._replace(**wrong)
        return command

    def buyer(self) -> tuple[int, int]:
        """Now and then one who is out, or who may soon be, or whose trade has a bump before it."""
        oracle = self.twins.oracle
        roll = self.random.random()
        if roll < 0.1:
            seats = self.seats_out()
        elif roll < 0.4:
            held = [position.seat for position in oracle.positions.values()]
            seats = [seat for seat in held if oracle.matches[seat.match].game.profit_target_ppm]
        elif roll < 0.5:
            seats = self.twins.oracle.matches[NEXT].seats
        else:
            seats = []
        if not seats:
            return self.seat()
        seat = self.random.choice(seats)
        return seat.player, seat.match

    def rare(self) -> Command:
        roll = self.random.random()
        if roll < 0.2:
            short = self.short()
            if not short or (len(short) < 3 and roll < 0.04):
                return CreateMatch(self.random.choice((SHORT, SHORT, 1, 99)), practice=False)
            if roll > 0.175:
                return EndMatch(self.random.choice((*short, 0)), "over", void=self.random.random() < 0.3)
            return JoinMatch(self.random.choice((*short, 1, 0)), self.random.choice((*PLAYERS, 9)))
        if roll < 0.4:
            return ResetSeat(self.random.choice(MATCHES), self.random.choice((*PLAYERS, 9)))
        if roll < 0.5:
            return OpenFeed("again")
        if roll < 0.52:
            return SetKeyLimits(self.random.choice((0, 2, 5, 20, 100_000)), self.random.choice((1, 1 << 20)))
        if roll < 0.6:
            return self.random.choice((Pulse(), Unknown()))
        data = self.twins.oracle.markets[self.random.choice((1, 2))].data
        switch = self.random.choice(("locked", "halted", "close_only", "enabled"))
        normal = switch == "enabled"
        if roll < 0.6 + 0.07:
            return replace(data, fixed_payout_percent=self.random.choice((0, 0, 83, 100)))
        if roll < 0.7:
            return replace(data, maker_fee_ppm=self.random.choice((100, 300, 2_000)))
        return replace(data, **{switch: not normal})

    def presence(self) -> Command:
        """A player is away, or back again; or says for how long he may be; or has read what he was told."""
        player = self.random.choice((*PLAYERS, *PLAYERS, 9))
        if self.random.random() < 0.2:
            ranges = [(first, first + self.random.randint(-1, 9)) for first in (self.random.randint(0, 40), 1)]
            return ReadNotifications(player, tuple(ranges))
        if player not in self.twins.oracle.disconnects or self.random.random() < 0.1:
            return CancelOnDisconnect(player, self.random.choice((0, 999, 1_000, 2_000, 2_000, 30_000)))
        return SetConnected(player, self.random.random() < 0.3)

    def key(self) -> str | None:
        return str(self.random.randint(1, 40)) if self.random.random() < 0.15 else None


TO_REACH: tuple[tuple[str, ...], ...] = (
    *(("POSITION_CLOSED", cause.name) for cause in Cause if cause),
    ("POSITION_REDUCED", "CLIENT"), ("POSITION_CHANGED", "NONE"), ("POSITION_MARGIN_CHANGED", "NONE"),
    ("ORDER_EXPIRED", "NONE"), ("ORDER_REFUSED", "NONE"), ("ORDER_FILLED", "NONE"), ("ORDER_CHANGED", "NONE"),
    ("CancelOrder", "ORDER_EXECUTING"), ("ORDER_REFUSED", "SLIPPAGE_TOO_HIGH"), ("ORDER_EXPIRED", "FEED_STALE"),
    ("ORDER_CANCELED", "NONE"), ("SEAT_RESET", "NONE"), ("CANDLE_CLOSED", "NONE"), ("PlaceOrder", "ACCEPTED"),
    ("PlaceOrder", "FEED_STALE"), ("PlaceOrder", "CASH_TOO_LOW"), ("PlaceOrder", "LEVERAGE_TOO_HIGH"),
    ("PlaceOrder", "WOULD_LIQUIDATE_NOW"), ("PlaceOrder", "WOULD_TRIGGER_NOW"), ("PlaceOrder", "KEY_REUSED"),
    *((command, "KEYS_EXHAUSTED") for command in ("PlaceOrder", "BuyFixed", "JoinMatch")), ("SetKeyLimits", "ACCEPTED"),
    ("PlaceOrder", "TOO_MANY_POSITIONS"), ("PlaceOrder", "SEAT_LOCKED"), ("PlaceOrder", "SEAT_DISQUALIFIED"),
    ("PlaceOrder", "INSTRUMENT_NOT_ALLOWED"), ("PlaceOrder", "SIDE_NOT_ALLOWED"), ("PlaceOrder", "TOO_MANY_TRADES"),
    ("PlaceOrder", "HEDGING_NOT_ALLOWED"),
    ("POSITION_CLOSED", "RULE"), ("SEAT_WARNED", "NONE"), ("SEAT_LOCKED", "NONE"), ("SEAT_DISQUALIFIED", "NONE"),
    ("POSITION_CLOSED", "MATCH_END"), ("MATCH_FINISHED", "NONE"), ("Quote", "MATCH_FINISHED", "NONE"),
    ("JoinMatch", "ACCEPTED"), ("EndMatch", "ACCEPTED"),
    *(("SEAT_DISQUALIFIED", broken) for broken in ("DAILY_DRAWDOWN", "TOTAL_DRAWDOWN", "LOSS_PER_TRADE")),
    ("DefineZone", "ACCEPTED"), ("DefineInstrument", "ZONE_NOT_FOUND"),
    ("Quote", "QUOTE_NOT_USABLE"), ("ClosePosition", "POSITION_CLOSING"),
    *(("Quote", reason) for reason in ("INSTRUMENT_HALTED", "MARKET_CLOSED")),
    *(("PlaceOrder", reason) for reason in LOCKS), ("PlaceOrder", "MARKET_CLOSED"),
    ("SetSwitch", "ACCEPTED"), ("SetSwitch", "SWITCH_INVALID"),
    *(("SettleInstrument", reason) for reason in ("ACCEPTED", "INSTRUMENT_NOT_HALTED", "PRICE_INVALID")),
    ("ORDER_CANCELED", "INSTRUMENT_SETTLED"),
    ("PlaceOrder", "TRAILING_STOP_INVALID"), ("AmendPosition", "TRAILING_STOP_INVALID"),
    ("AmendPosition", "FEED_STALE"), ("AmendPosition", "ACCEPTED"), ("Quote", "POSITION_CHANGED", "NONE"),
    ("PlaceOrder", "POSITION_CHANGED", "NONE"),  # an amendment, whose speed bump is over
    ("CancelAll", "ACCEPTED"), ("CancelAll", "NOT_JOINED"), ("CancelAll", "MATCH_NOT_FOUND"),
    *(("AmendOrder", reason) for reason in (
        "ACCEPTED", "WOULD_FILL_NOW", "WOULD_TRIGGER_NOW", "PRICE_INVALID", "EXPIRY_INVALID", "FEED_STALE",
        "ORDER_EXECUTING", "ORDER_NOT_FOUND", "KEY_REUSED",
    )),
    *(("FIXED_SETTLED", result.name) for result in FixedResult if result),
    ("FIXED_SETTLED", "QUOTES_TOO_FEW"), ("FIXED_SETTLED", "ENTRY_MISSED"), ("FIXED_SETTLED", "FEED_STALE"),
    ("BuyFixed", "ACCEPTED"), ("BuyFixed", "EXPOSURE_CAP_REACHED"), ("BuyFixed", "FEED_STALE"),
    ("BuyFixed", "FIXED_NOT_OFFERED"), ("BuyFixed", "KEY_REUSED"), ("BuyFixed", "DURATION_INVALID"),
    ("BuyFixed", "SEAT_LOCKED"), ("BuyFixed", "SEAT_DISQUALIFIED"), ("BuyFixed", "INSTRUMENT_NOT_ALLOWED"),
    ("BuyFixed", "SIDE_NOT_ALLOWED"), ("BuyFixed", "MARKET_CLOSED"),
    *(("wallet", *which) for which in itertools.product(("DEMO", "USDC"), ("WON", "LOST", "DRAW", "REFUNDED"))),
    *(("BuyFixed", reason) for reason in ("HOUSE_LIMIT", "INSUFFICIENT_FUNDS", "ASSET_UNKNOWN")),
    ("MATCH_STARTED", "NONE"), ("JoinMatch", "MATCH_STARTED", "NONE"), ("Quote", "MATCH_STARTED", "NONE"),
    ("MATCH_CANCELED", "NONE"), ("SEAT_CLOSED", "NONE"), ("JoinMatch", "CODE_WRONG"),
    ("JoinMatch", "MATCH_NOT_WAITING"), ("StartMatch", "ACCEPTED"), ("LeaveMatch", "MATCH_NOT_WAITING"),
    ("ArchiveMatch", "ACCEPTED"), ("MATCH_ARCHIVED", "NONE"), ("EQUITY_SAMPLED", "NONE"),
    ("JoinMatch", "MATCH_TIMED", "NONE"), ("LeaveMatch", "MATCH_TIMED", "NONE"),
    ("MATCH_CANCELED", "OUTAGE"), ("MATCH_CANCELED", "CALLED_OFF"),
    ("EndMatch", "MATCH_CANCELED", "NONE"), ("MATCH_PAUSED", "NONE"), ("Quote", "MATCH_RESUMED", "NONE"),
    ("QUEUE_LEFT", "NONE"), ("QUEUE_LEFT", "QUEUE_TIMED_OUT"), ("JoinQueue", "MATCH_STARTED", "NONE"),
    *(("JoinQueue", reason) for reason in (
        "ACCEPTED", "ALREADY_QUEUED", "ALREADY_JOINED", "QUEUE_NOT_OFFERED", "GAME_NOT_FOUND", "PLAYER_NOT_FOUND",
    )), ("ORDER_CANCELED", "DISCONNECTED"), ("CancelOnDisconnect", "DISCONNECT_DELAY_INVALID"),
    ("ReadNotifications", "ACCEPTED"), ("ReadNotifications", "NOTIFICATION_NOT_FOUND"),
    ("SetConnected", "ACCEPTED"), ("LeaveQueue", "ACCEPTED"), ("LeaveQueue", "NOT_QUEUED"),
    *(("FIXED_SETTLED", out) for out in ("MATCH_NOT_OPEN", "SEAT_LOCKED", "SEAT_DISQUALIFIED")),
    *(("WALLET_CHANGED", code.name) for code in (
        TransferCode.TOP_UP, TransferCode.ENTRY_FEE, TransferCode.REFUND, TransferCode.PRIZE,
    )),
    ("LeaveMatch", "REFUND"), ("CancelMatch", "REFUND"),
    ("TRANSFERRED", "POSTED", "HOUSE_FEE"), ("TRANSFERRED", "POSTED", "FUNDING"),
    *(("TRANSFERRED", status, "REWARD") for status in ("PENDING", "HOLD_POSTED", "VOIDED")),
    ("JoinMatch", "INSUFFICIENT_FUNDS"), ("CreateMatch", "INSUFFICIENT_FUNDS"),
    *(("TopUp", reason) for reason in ("PLAYER_NOT_FOUND", "ASSET_UNKNOWN", "AMOUNT_INVALID", "TOP_UP_LIMIT")),
    ("TopUp", "KEY_REUSED"),
    *((command.__name__, "REPLAYED") for command in ABOUT_MONEY),
    *(("TRANSFERRED", status.name, "TRANSFER") for status in TransferStatus if status),
    *(("Transfer", reason) for reason in (
        "INSUFFICIENT_FUNDS", "VERSION_CONFLICT", "LINK_FAILED", "HOLD_RESOLVED", "HOLD_NOT_FOUND",
        "DIFFERENT_TRANSFER_SAME_ID", "REPLAYED",
    )),
    ("PLAYER_PROGRESSED", "NONE"), ("Quote", "PLAYER_PROGRESSED", "NONE"), ("SEASON_STARTED", "NONE"),
    ("UpdateGame", "ACCEPTED"), ("SetGameActive", "ACCEPTED"), ("DeleteGame", "ACCEPTED"),
    ("DeleteGame", "GAME_NOT_FOUND"), ("CreateMatch", "GAME_NOT_ACTIVE"), ("StartSeason", "SEASON_INVALID"),
)  # fmt: skip
"""What some steps of the driver must bring about: a driver that never liquidates tests no liquidation."""
