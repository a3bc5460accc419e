"""What there is: markets, games, matches, seats, orders and positions; and the oracle, which has them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any

from engine.model.commands import CreateGame, DefineInstrument, Execution
from engine.model.events import EventKind, Rule
from engine.model.reasons import Reason
from tests.harness.records import BuyFixed, Command, PlaceOrder, Transfer
from tests.oracle.ledger.ledger import Answer, Ledger
from tests.oracle.ledger.money import Money
from tests.oracle.trading.prices import rounded_up

BILLION = 10**9
MILLION = 10**6
DAY_NS = 24 * 3600 * BILLION

Event = dict[str, Any]
Outcome = dict[str, int]


TOLD_TO_BOTH = ("SEAT_OPENED", "SEAT_CLOSED")
TOLD_TO_ALL = (
    "MATCH_STARTED", "MATCH_CANCELED", "MATCH_FINISHED", "MATCH_PAUSED", "MATCH_RESUMED", "MATCH_ARCHIVED",
    "MATCH_TIMED",
)  # fmt: skip
"""What all are told who watch a match: of a player, and of the match itself."""


class Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def refuse_if(condition: bool, reason: Reason) -> None:
    if condition:
        raise Refused(reason)


Moments = tuple[tuple[int, int], ...]


def clock_of(zones: dict[str, Moments], zone: str, now_ns: int) -> datetime:
    """What the clock of the zone shows: of "" UTC."""
    now_s, ahead_s = now_ns // BILLION, 0
    if zone:
        before = [ahead for since, ahead in zones[zone] if since <= now_s]
        ahead_s = before[-1] if before else zones[zone][0][1]
    return datetime.fromtimestamp(now_s + ahead_s, UTC)


@dataclass
class Market:
    """An instrument and its last usable quote."""

    data: DefineInstrument
    zones: dict[str, Moments]
    bid: int = 0
    ask: int = 0
    at_ns: int = 0
    sequence: int = 0
    quotes: int = 0  # usable ones so far
    source_sequence: int = -1
    candles: dict[int, tuple[int, list[int]]] = field(default_factory=dict)  # length -> start, bids

    @property
    def value(self) -> int:
        return self.data.tick_units * self.data.lot_units // 10**8

    def opening(self, side: int) -> int:
        """What an open pays: a buy the ask, a sell the bid."""
        return self.ask if side > 0 else self.bid

    def closing(self, side: int) -> int:
        """What a close gets, and at which a position is valued."""
        return self.bid if side > 0 else self.ask

    def is_open(self, now_ns: int) -> bool:
        """Is it within the weekly hours, by the calendar? Without hours it is always."""
        if not self.data.hours:
            return True
        now = clock_of(self.zones, self.data.zone, now_ns)
        minute = (now.weekday() * 24 + now.hour) * 60 + now.minute
        return any(minute in range(start, end) for start, end in self.data.hours)

    def is_stale(self, now_ns: int, match: Match | None = None) -> bool:
        """There is no quote to trade on: none at all, or too old, or the market has closed since; in a paused match any
        quote is as good as none."""
        too_old = now_ns - self.at_ns > self.data.quote_lifetime_ns
        paused = match is not None and match.paused_since_ns != 0
        return self.bid == 0 or too_old or paused or not self.is_open(now_ns)


@dataclass
class Game:
    rules: CreateGame
    versions: int = 1
    active: bool = True
    deleted: bool = False


@dataclass
class Career:
    """What matches have made of a player."""

    cups: int = 0
    cups_at_ns: int = 0
    season_cups: int = 0
    season_cups_at_ns: int = 0
    season_matches: int = 0
    experience: int = 0
    matches: int = 0
    wins: int = 0

    @property
    def level(self) -> int:
        """One more for the first hundred of experience, for two hundred more, for three hundred more, and so on."""
        level, left = 1, self.experience
        while left >= 100 * level:
            left -= 100 * level
            level += 1
        return level


@dataclass
class Match:
    game: CreateGame
    granted: int = 0
    fees_taken: int = 0
    market: int = 0
    insurance: int = 0
    locked: bool = False
    next_day_ns: int = 0
    next_sample_ns: int = 0
    ends_at_ns: int = 0
    practice: bool = True
    waiting: bool = False  # for players
    archived: bool = False
    open: bool = True
    starts_at_ns: int = 0
    opened_at_ns: int = 0
    paused_since_ns: int = 0
    void: Reason = Reason.ACCEPTED  # for which it is called off, instead of being ranked
    code: str = ""
    seats: list[Seat] = field(default_factory=list)  # in the order in which they joined
    messages: int = 0  # to all who watch it

    def percent(self, ppm: int) -> int:
        return rounded_up(self.game.starting_balance, ppm)

    @property
    def paid(self) -> bool:
        """Is it about money? Practice never is."""
        return self.game.currency != "" and not self.practice

    @cached_property
    def daily_drawdown(self) -> int:
        return self.percent(self.game.max_daily_drawdown_ppm)

    @cached_property
    def total_drawdown(self) -> int:
        return self.percent(self.game.max_total_drawdown_ppm)

    @cached_property
    def loss_per_trade(self) -> int:
        return self.percent(self.game.max_loss_per_trade_ppm)

    @cached_property
    def target(self) -> int:
        """The equity that a seat is after; 0: none."""
        return self.game.profit_target_ppm and self.game.starting_balance + self.percent(self.game.profit_target_ppm)

    @cached_property
    def is_judged(self) -> bool:
        """Has its game a rule about equity or losses?"""
        return any((self.daily_drawdown, self.total_drawdown, self.loss_per_trade, self.target))

    @property
    def sample_ns(self) -> int:
        """A hundred times while it lasts, but at most once a second."""
        return max(BILLION, self.game.duration_s * BILLION // 100)

    @property
    def allows_hedging(self) -> bool:
        """By default where nothing is paid for playing, and in practice."""
        said = self.game.allow_hedging
        return (self.practice or self.game.entry_fee == 0) if said is None else said

    @property
    def takes_next_quote(self) -> bool:
        return self.game.execution is Execution.NEXT

    @property
    def bump_ns(self) -> int:
        return self.game.speed_bump_ms * MILLION if self.takes_next_quote else 0

    def allows(self, symbol: str) -> bool:
        return not self.game.allowed_symbols or symbol in self.game.allowed_symbols

    @property
    def needs_feed(self) -> bool:
        """Is it about money, so that it may not go on for long without prices?"""
        game = self.game
        paid = game.currency != "" and game.entry_fee + game.reward_price > 0
        return self.open and not self.practice and paid and game.outage_s > 0


@dataclass
class Queue:
    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)  # by player: until when (0: ever), command
    match: int = 0


@dataclass
class Disconnect:
    after_ms: int
    due_ns: int = 0  # while he is away


@dataclass(eq=False)
class Seat:
    player: int
    match: int
    cash: int
    profit: int = 0
    fees: int = 0
    trades: int = 0
    wins: int = 0
    held_trades: int = 0
    balances: list[int] = field(default_factory=list)  # each balance it has had
    balance_at_ns: int = 0
    traded_at_ns: list[int] = field(default_factory=list)
    daily_floor: int = 0
    total_floor: int = 0
    high_water: int = 0
    warned: set[tuple[Rule, int]] = field(default_factory=set)
    out: Rule = Rule.NONE
    rank: int = 0
    prize: int = 0
    orders: list[Order] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    fixed_trades: list[FixedTrade] = field(default_factory=list)

    @property
    def stakes(self) -> int:
        return sum(trade.command.stake for trade in self.fixed_trades)

    @property
    def balance(self) -> int:
        """Its cash, and all that is set aside of it."""
        reserved = sum(order.margin + order.fee for order in self.orders)
        return self.cash + reserved + self.stakes + sum(position.margin for position in self.positions)

    @property
    def max_drawdown(self) -> int:
        """The deepest that a balance was below an earlier one."""
        peaks = accumulate(self.balances, max)
        return max(peak - balance for peak, balance in zip(peaks, self.balances, strict=True))


@dataclass(eq=False)
class Order:
    """Rests until its price comes; or waits for a quote, and is then on its way."""

    id: int
    seat: Seat
    command: PlaceOrder
    lots: int
    notional: int
    margin: int
    fee: int
    counts_from_ns: int = 0  # what it rests for: the end of its speed bump


@dataclass(eq=False)
class FixedTrade:
    """A stake on up or down. Its price is bid + ask, of the first quote that comes, against the last one. From a wallet
    it has two holds, and a seat that is in no match."""

    id: int
    seat: Seat
    command: BuyFixed
    payout_percent: int
    expires_at_ns: int
    quotes_before: int
    holds: tuple[Transfer, Transfer] | None = None
    entry: int = 0
    entry_sequence: int = 0

    @property
    def payout(self) -> int:
        return self.command.stake * self.payout_percent // 100


@dataclass
class Wait:
    """An order, a close or a fixed-time trade's entry, that happens with the next quote of the instrument once it is
    ripe."""

    id: int
    instrument: int
    earliest_fill_at_ns: int
    sequence: int
    lots: int = 0  # of a close
    queued: bool = False


@dataclass(eq=False)
class Amendment:
    """Other stops of a position, from the end of a speed bump on."""

    counts_from_ns: int
    sequence: int
    fields: int
    stop_loss: int
    take_profit: int
    trailing: int


@dataclass(eq=False)
class Position:
    id: int
    seat: Seat
    instrument: int
    side: int
    leverage: int
    lots: int
    cost: int
    margin: int
    liquidation: int
    stop_loss: int
    take_profit: int
    trailing: int  # ticks that the stop stays behind; 0: it stays where it is
    opened_at_ns: int
    realised: int = 0
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def step(self) -> int:
        return max(1, self.trailing // 20)


class Oracle:
    def __init__(self) -> None:
        self.now_ns = 0
        self.sequence = 0
        self.next_id = 1
        self.players: list[int] = []  # messages sent to each; player n is players[n - 1]
        self.locked_players: set[int] = set()
        self.locked = self.close_only = False
        self.games: list[Game] = []
        self.careers: list[Career] = []  # of player n at n - 1
        self.season = 0
        self.matches: dict[int, Match] = {}
        self.running: dict[int, Match] = {}  # those of them that have not ended
        self.zones: dict[str, Moments] = {}  # of time, by name: since when, and how far ahead of UTC
        self.markets: dict[int, Market] = {}
        self.seats: dict[tuple[int, int], Seat] = {}
        self.orders: dict[int, Order] = {}
        self.positions: dict[int, Position] = {}
        self.fixed_trades: dict[int, FixedTrade] = {}
        self.queues: dict[int, Queue] = {}  # by game
        self.disconnects: dict[int, Disconnect] = {}  # by player
        self.waiting: list[Wait] = []  # in order of acceptance; in that in which they became ripe, once they are
        self.requests: dict[tuple[int, str], tuple[Any, Outcome, int]] = {}  # the oldest first
        self.keys_per_player, self.keys_in_all = 100_000, 10_000_000
        self.ending = False  # some match does, before its time
        self.events: list[Event] = []
        self.ledger = Ledger()
        self.money = Money(self.ledger, self.emit)
        self.ahead: list[Command] = []  # of the batch: the command at hand, and those behind it
        self.answers: list[Answer] = []  # to transfers of the chain at hand

    def next_day_ns(self, game: CreateGame) -> int:
        """The first minute in which the game's clock is beyond the beginning of the next day: looked for one by one."""

        def day(at_ns: int) -> date:
            return (clock_of(self.zones, game.day_zone, at_ns) - timedelta(minutes=game.day_start_min)).date()

        minute_ns = 60 * BILLION
        at_ns = (self.now_ns // minute_ns + 1) * minute_ns
        while day(at_ns) <= day(self.now_ns):
            at_ns += minute_ns
        return at_ns

    def last_quote_ns(self, match: Match) -> int:
        """When the last usable quote came of an instrument that the match allows."""
        own = [market.at_ns for market in self.markets.values() if match.allows(market.data.symbol)]
        return max(own, default=0)

    def emit(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0, **body: Any) -> None:
        message = 0
        if kind.name in TOLD_TO_BOTH or (kind.name in TOLD_TO_ALL and not player):
            self.matches[match].messages += 1
        if player:
            self.players[player - 1] += 1
            message = self.players[player - 1]
        header = {
            "kind": int(kind), "reason": int(body.pop("reason", 0)), "sequence": self.sequence, "at_ns": self.now_ns,
            "player": player, "message": message, "match": match, "instrument": instrument,
        }  # fmt: skip
        self.events.append(header | body)
