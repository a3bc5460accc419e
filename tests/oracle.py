"""The rules once more, as naively as they can be said: dicts, lists, unbounded integers, a look at all on every quote.

The engine is fast and the oracle is plain; a driver gives both the same commands and compares all that comes out. Read
it as the rule book: prices are ticks, quantities lots, money 1e-8 units, times nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from arena import (
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
    Transfer,
    Unknown,
)
from ledger_oracle import Answer, Ledger
from money_oracle import MOST_ENTERED, PURSES, Money, pool
from msgspec.structs import replace

from engine.commands import (
    Account,
    Amend,
    Anchor,
    ArchiveMatch,
    Asset,
    CancelMatch,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DeleteGame,
    EndMatch,
    Execution,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    MarginBracket,
    OpenFeed,
    OrderType,
    RegisterPlayer,
    ResetSeat,
    Scope,
    SetGameActive,
    SetSwitch,
    StartMatch,
    StartSeason,
    Switch,
    TimeInForce,
    TopUp,
    TotalDrawdown,
    TransferCode,
    UpdateGame,
    pack_client_order_id,
)
from engine.events import Cause, EventKind, FixedResult, OrderStatus, Rule
from engine.reasons import Reason

BILLION = 10**9
MILLION = 10**6
DAY_NS = 24 * 3600 * BILLION
KEYS_KEPT = 4096
AGREED = ("currency", "entry_fee", "reward_price", "house_fee_ppm", "prize_split", "keeps_fees", "item_rewards")
"""Of a game, what a player who waits in its queue has agreed to."""
GREATEST_NOTIONAL = 2**60
# In this order, when due together.
TIMER_FIXED, TIMER_ORDER, TIMER_WAIT, TIMER_HOLD, TIMER_MATCH, TIMER_DAY = range(1, 7)
TIMER_OUTAGE, TIMER_QUEUE, TIMER_SAMPLE = range(7, 10)
CANDLE_LENGTHS_S = (1, 60, 300, 900, 3_600, 14_400, 86_400)
PROGRESS = (
    "cups", "change", "cups_at_ns", "season_cups", "season_cups_at_ns", "season_matches", "experience", "gained",
    "level", "level_before", "matches", "wins",
)  # fmt: skip
NO_TEXT = list(pack_client_order_id(""))
UNITS = {0: 1, Asset.DEMO: 1, Asset.USDT: 100, Asset.USDC: 100}  # of 1e-8 dollars, by what is staked

Keyed = PlaceOrder | CancelOrder | ClosePosition | AmendPosition | AmendOrder | CancelAll | BuyFixed | Asked
"""What a client asks for, and may ask for again with the same key."""

Event = dict[str, Any]
Outcome = dict[str, int]


class Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def refuse_if(condition: bool, reason: Reason) -> None:
    if condition:
        raise Refused(reason)


@dataclass
class Market:
    """An instrument and its last usable quote."""

    data: DefineInstrument
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
    def takes_next_quote(self) -> bool:
        return self.game.execution is Execution.NEXT

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
    ripe_at_ns: int
    sequence: int
    lots: int = 0  # of a close
    queued: bool = False


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

    @property
    def step(self) -> int:
        return max(1, self.trailing // 20)


def rounded_up(amount: int, ppm: int) -> int:
    return -(-amount * ppm // MILLION)


def bracket_of(brackets: tuple[MarginBracket, ...], notional: int) -> MarginBracket:
    for bracket in brackets[:-1]:
        if notional <= bracket.notional_cap:
            return bracket
    return brackets[-1]


def is_liquidated(data: DefineInstrument, side: int, lots: int, cost: int, margin: int, fees: bool, price: int) -> bool:
    """Margin + profit - closing fee <= maintenance margin: the bracket's share of the notional, less its cum."""
    value = data.tick_units * data.lot_units // 10**8
    notional = price * lots * value
    bracket = bracket_of(data.brackets, notional)
    maintenance = notional * bracket.maintenance_ppm // MILLION - bracket.maintenance_cum
    fee = rounded_up(notional, data.taker_fee_ppm) if fees else 0
    return margin + side * (price * lots - cost) * value - fee <= maintenance


@lru_cache(100_000)
def liquidation_price(data: DefineInstrument, side: int, lots: int, cost: int, margin: int, fees: bool) -> int:
    """The first price, coming from the profitable side, at which it is liquidated: try them all. 0: none."""
    prices = range(data.highest_price, 0, -1) if side > 0 else range(1, data.highest_price + 1)
    return next((price for price in prices if is_liquidated(data, side, lots, cost, margin, fees, price)), 0)


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
        self.markets: dict[int, Market] = {}
        self.seats: dict[tuple[int, int], Seat] = {}
        self.orders: dict[int, Order] = {}
        self.positions: dict[int, Position] = {}
        self.fixed_trades: dict[int, FixedTrade] = {}
        self.queues: dict[int, Queue] = {}  # by game
        self.quoted_at_ns = 0
        self.waiting: list[Wait] = []  # in order of acceptance; in that in which they became ripe, once they are
        self.requests: dict[tuple[int, str], tuple[Any, Outcome, int]] = {}  # the oldest first
        self.ending = False  # some match does, before its time
        self.events: list[Event] = []
        self.ledger = Ledger()
        self.money = Money(self.ledger, self.emit)
        self.ahead: list[Command] = []  # of the batch: the command at hand, and those behind it
        self.answers: list[Answer] = []  # to transfers of the chain at hand

    def apply(self, commands: list[Command], at_ns: int) -> tuple[list[Outcome], list[Event]]:
        """One batch: what is due first, then the commands in order."""
        self.now_ns, self.events = at_ns, []
        first = self.sequence + 1
        self.sequence = first
        self.requests = {key: kept for key, kept in self.requests.items() if kept[2] + DAY_NS > at_ns}
        self.ledger.begin(first, at_ns, self.events)
        self.fire_due()
        outcomes = []
        for self.sequence, command in enumerate(commands, first):
            self.ledger.sequence, self.ahead = self.sequence, commands[self.sequence - first :]
            outcomes.append(outcome := self.answer(command))
            self.judge_all(command.instrument if isinstance(command, Quote) else outcome["instrument"])
            if self.ending:
                self.fire_due()
        return outcomes, self.events

    def fire_due(self) -> None:
        self.ending = False
        while due := self.due():
            min(due, key=lambda timer: timer[:3])[3]()

    def due(self) -> list[tuple[int, int, int, Callable[[], None]]]:
        """(when, kind, id, what) of all that is due by now: expiries of fixed-time trades, dates of orders, ends of
        bumps, quotes gone stale."""
        found: list[tuple[int, int, int, Callable[[], None]]] = []
        for order in self.orders.values():
            if order.command.expires_at_ns:
                expire = partial(self.end_order, order, EventKind.ORDER_EXPIRED)
                found.append((order.command.expires_at_ns, TIMER_ORDER, order.id, expire))
        for id, match in self.running.items():
            if match.starts_at_ns:
                found.append((match.starts_at_ns, TIMER_MATCH, id, partial(self.begin, id, match)))
            if match.ends_at_ns and not match.paused_since_ns:
                found.append((match.ends_at_ns, TIMER_MATCH, id, partial(self.end_match, id, match)))
            if match.needs_feed and not match.paused_since_ns:
                silent_since_ns = max(self.quoted_at_ns, match.opened_at_ns)
                out_at_ns = silent_since_ns + match.game.outage_s * BILLION + 1
                found.append((out_at_ns, TIMER_OUTAGE, id, partial(self.feed_is_out, match, id, silent_since_ns)))
            if match.next_day_ns:
                found.append((match.next_day_ns, TIMER_DAY, id, partial(self.start_day, id, match)))
            if match.next_sample_ns:
                found.append((match.next_sample_ns, TIMER_SAMPLE, id, partial(self.sample, match)))
        for trade in self.fixed_trades.values():
            found.append((trade.expires_at_ns, TIMER_FIXED, trade.id, partial(self.settle, trade)))
        for game, queue in self.queues.items():
            for player, (until_ns, sequence) in queue.waiting.items():
                if until_ns:
                    drop = partial(self.drop, game, player, Reason.QUEUE_TIMED_OUT)
                    found.append((until_ns, TIMER_QUEUE, sequence, drop))
        for wait in self.waiting:
            if not wait.queued:
                found.append((wait.ripe_at_ns, TIMER_WAIT, wait.sequence, partial(self.ripen, wait)))
            elif wait.id in self.orders and self.is_stale(self.markets[wait.instrument]):
                stale = partial(self.end_order, self.orders[wait.id], EventKind.ORDER_EXPIRED, Reason.FEED_STALE)
                market = self.markets[wait.instrument]
                stale_at_ns = market.at_ns + market.data.quote_lifetime_ns + 1
                found.append((stale_at_ns, TIMER_WAIT, wait.sequence, stale))
        for due_ns, number, hold in self.ledger.due():
            found.append((due_ns, TIMER_HOLD, number, partial(self.ledger.expire, hold)))
        return [timer for timer in found if timer[0] <= self.now_ns]

    def ripen(self, wait: Wait) -> None:
        """The bump is over: it goes to the end of the line."""
        wait.queued = True
        self.waiting.remove(wait)
        self.waiting.append(wait)

    def wait(self, id: int, instrument: int, match: Match, lots: int = 0) -> None:
        bump_ns = match.game.speed_bump_ms * MILLION if match.takes_next_quote else 0
        wait = Wait(id, instrument, self.now_ns + bump_ns, self.sequence, lots)
        self.waiting.append(wait)
        if not bump_ns:
            self.ripen(wait)

    def waits(self, id: int) -> bool:
        return any(wait.id == id for wait in self.waiting)

    def answer(self, command: Command) -> Outcome:
        """The outcome of one command; one that has a key, and took effect before, does nothing again."""
        outcome = dict.fromkeys(
            ("reason", "status", "replayed", "instrument", "id", "price", "fee", "profit", "liquidation", "left",
             "sequence"), 0,
        )
        outcome["sequence"] = self.sequence
        key = None
        if isinstance(command, Keyed) and command.key is not None:
            key = command.player, command.key
        if key is not None and key in self.requests:
            arguments, first, _ = self.requests[key]
            if arguments != command:
                return outcome | {"reason": Reason.KEY_REUSED}
            return first | {"replayed": 1}
        try:
            outcome |= self.handlers[type(command)](self, command) or {}
        except Refused as refused:
            return outcome | {"reason": refused.reason}
        if key is not None:
            own = [kept for kept in self.requests if kept[0] == key[0]]
            if len(own) == KEYS_KEPT:
                del self.requests[own[0]]
            self.requests[key] = command, dict(outcome), self.now_ns
        return outcome

    # What the operator and the players do

    def define(self, command: DefineInstrument) -> Outcome:
        known = next((id for id, market in self.markets.items() if market.data.symbol == command.symbol), 0)
        if known:
            self.markets[known].data = command
        id = known or len(self.markets) + 1
        self.markets.setdefault(id, Market(command))
        self.emit(EventKind.INSTRUMENT_CHANGED, instrument=id)
        return {"id": id}

    def set_switch(self, command: SetSwitch) -> Outcome:
        refuse_if(command.reason.strip() == "", Reason.SWITCH_INVALID)
        id, on = command.id, command.on
        match command.scope, command.switch:
            case "arena", "locked":
                refuse_if(id != 0, Reason.SWITCH_INVALID)
                self.locked = on
            case "arena", "close_only":
                refuse_if(id != 0, Reason.SWITCH_INVALID)
                self.close_only = on
            case "instrument", ("locked" | "halted" | "close_only") as switch:
                refuse_if(id not in self.markets, Reason.SWITCH_INVALID)
                self.markets[id].data = replace(self.markets[id].data, **{switch: on})
            case "match", "locked":
                refuse_if(id not in self.matches, Reason.SWITCH_INVALID)
                self.matches[id].locked = on
            case "player", "locked":
                refuse_if(not 1 <= id <= len(self.players), Reason.SWITCH_INVALID)
                self.locked_players = self.locked_players | {id} if on else self.locked_players - {id}
            case _:
                raise Refused(Reason.SWITCH_INVALID)
        of = {command.scope: id} if id else {}
        self.emit(EventKind.SWITCH_CHANGED, **of, id=id, scope=int(Scope[command.scope.upper()]),
                  switch=int(Switch[command.switch.upper()]), on=int(on))  # fmt: skip
        return {"id": id}

    def create_game(self, command: CreateGame) -> Outcome:
        self.games.append(Game(command))
        return {"id": len(self.games)}

    def game(self, id: int) -> Game:
        refuse_if(not 1 <= id <= len(self.games) or self.games[id - 1].deleted, Reason.GAME_NOT_FOUND)
        return self.games[id - 1]

    def update_game(self, command: UpdateGame) -> Outcome:
        game = self.game(command.game)
        before, after = ([getattr(rules, name) for name in AGREED] for rules in (game.rules, command.rules))
        game.rules, game.versions = command.rules, game.versions + 1
        if before != after or not (command.rules.min_players and command.rules.duration_s):
            self.drop_all(command.game, Reason.GAME_CHANGED)
        return {"id": command.game}

    def delete_game(self, command: DeleteGame) -> Outcome:
        self.game(command.game).deleted = True
        self.drop_all(command.game, Reason.GAME_NOT_FOUND)
        return {"id": command.game}

    def set_game_active(self, command: SetGameActive) -> Outcome:
        self.game(command.game).active = command.active
        return {"id": command.game}

    def start_season(self, command: StartSeason) -> Outcome:
        refuse_if(not 1 <= len(command.name.strip()) <= len(command.name) <= 64, Reason.SEASON_INVALID)
        self.season += 1
        for career in self.careers:
            career.season_cups = career.season_cups_at_ns = career.season_matches = 0
        self.emit(EventKind.SEASON_STARTED, season=self.season, **dict.fromkeys(PROGRESS, 0))
        return {"id": self.season}

    def create_match(self, command: CreateMatch) -> Outcome:
        refuse_if(not self.game(command.game).active, Reason.GAME_NOT_ACTIVE)
        game = self.game(command.game).rules
        refuse_if(not command.practice and not game.duration_s, Reason.MATCH_ENDLESS)
        id = len(self.matches) + 1
        match = Match(game, practice=command.practice, code=command.code)
        refuse_if(match.paid and not self.money.may_make(game), Reason.INSUFFICIENT_FUNDS)
        self.matches[id] = self.running[id] = match
        if match.paid:
            self.money.make(id, game)
        self.emit(EventKind.MATCH_CREATED, match=id)
        if game.min_players and not command.practice:
            match.waiting, match.open = True, False
        else:
            self.open_match(match)
        for player in range(1, len(self.players) + 1) if command.practice else ():
            self.sit(player, id)
        return {"id": id}

    def join(self, command: JoinMatch) -> Outcome:
        match = self.check_join(command)
        if match.paid:
            self.money.take_fee(command.match, match.game, command.player)
        self.sit(command.player, command.match)
        self.see_who_is_there(match)
        return {"id": command.match}

    def check_join(self, command: JoinMatch) -> Match:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if(not 1 <= command.player <= len(self.players), Reason.PLAYER_NOT_FOUND)
        match = self.matches[command.match]
        waited = match.game.min_players and not match.practice
        refuse_if(bool(match.open and waited), Reason.MATCH_NOT_WAITING)
        refuse_if(not match.open and not match.waiting, Reason.MATCH_NOT_OPEN)
        refuse_if(command.code != match.code, Reason.CODE_WRONG)
        refuse_if((command.player, command.match) in self.seats, Reason.ALREADY_JOINED)
        refuse_if(not match.practice and 0 < match.game.max_players <= len(match.seats), Reason.MATCH_FULL)
        if match.paid:
            can_count = self.money.can_count(command.match, match.game, command.player)
            refuse_if(not can_count, Reason.AMOUNT_INVALID)
            refuse_if(not self.money.can_pay(match.game, command.player), Reason.INSUFFICIENT_FUNDS)
        return match

    def leave(self, command: LeaveMatch) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
        match.seats.remove(self.seats.pop((command.player, command.match)))
        match.granted -= match.game.starting_balance
        if match.paid:
            self.money.refund(command.match, match.game, command.player)
        self.emit(EventKind.SEAT_CLOSED, command.player, command.match)
        self.see_who_is_there(match)
        return {"id": command.match}

    def see_who_is_there(self, match: Match) -> None:
        """Enough players start the countdown, the last one starts the match, and too few stop it all."""
        if not match.waiting:
            return
        if len(match.seats) < match.game.min_players:
            if match.starts_at_ns:
                match.starts_at_ns = 0
                self.tell_time(match)
        elif len(match.seats) == match.game.max_players or not match.game.countdown_s:
            match.starts_at_ns, self.ending = self.now_ns, True
        elif not match.starts_at_ns:
            match.starts_at_ns = self.now_ns + match.game.countdown_s * BILLION
            self.tell_time(match)

    def tell_time(self, match: Match) -> None:
        id = next(id for id, known in self.matches.items() if known is match)
        self.emit(EventKind.MATCH_TIMED, match=id, starts_at_ns=match.starts_at_ns, ends_at_ns=0)

    def begin(self, id: int, match: Match) -> None:
        match.waiting, match.starts_at_ns = False, 0
        self.open_match(match)
        self.tell_all(id, EventKind.MATCH_STARTED)

    def open_match(self, match: Match) -> None:
        """Its duration and its days begin."""
        match.open, match.opened_at_ns = True, self.now_ns
        if not match.practice:
            match.ends_at_ns = self.now_ns + match.game.duration_s * BILLION
            match.next_sample_ns = self.now_ns + match.sample_ns
        if match.game.max_daily_drawdown_ppm or match.game.max_total_drawdown_ppm:
            match.next_day_ns = (self.now_ns // DAY_NS + 1) * DAY_NS

    def tell_all(self, id: int, kind: EventKind, **body: Any) -> None:
        for seat in self.matches[id].seats:
            self.emit(kind, seat.player, id, **body)
        self.emit(kind, match=id, **body)

    # Queues

    def join_queue(self, command: JoinQueue) -> Outcome:
        refuse_if(not self.game(command.game).active, Reason.GAME_NOT_ACTIVE)
        refuse_if(not 1 <= command.player <= len(self.players), Reason.PLAYER_NOT_FOUND)
        game = self.game(command.game).rules
        refuse_if(not game.min_players, Reason.QUEUE_NOT_OFFERED)
        refuse_if(not game.duration_s, Reason.MATCH_ENDLESS)
        queue = self.queues.get(command.game, Queue())
        refuse_if(command.player in queue.waiting, Reason.ALREADY_QUEUED)
        waits = queue.match != 0 and self.matches[queue.match].waiting
        refuse_if(waits and (command.player, queue.match) in self.seats, Reason.ALREADY_JOINED)
        refuse_if(bool(reason := self.why_he_cannot_pay(game, command.player)), reason)
        full = len(queue.waiting) >= max(1_000, game.min_players)
        refuse_if(full and not self.house_can_pay(game), Reason.QUEUE_FULL)

        self.queues[command.game] = queue
        until_ns = self.now_ns + game.queue_timeout_s * BILLION if game.queue_timeout_s else 0
        queue.waiting[command.player] = until_ns, self.sequence
        self.emit(EventKind.QUEUE_JOINED, command.player, game=command.game, until_ns=until_ns)
        self.seat_waiting(command.game)
        while len(queue.waiting) >= game.min_players and self.house_can_pay(game):
            for player in list(queue.waiting):
                if reason := self.why_he_cannot_pay(game, player):
                    self.drop(command.game, player, Reason.INSUFFICIENT_FUNDS)
            if len(queue.waiting) < game.min_players:
                break
            queue.match = self.create_match(CreateMatch(command.game, practice=False))["id"]
            self.seat_waiting(command.game)
        return {"id": command.game}

    def house_can_pay(self, game: CreateGame) -> bool:
        return not game.currency or self.money.may_make(game)

    def why_he_cannot_pay(self, game: CreateGame, player: int) -> Reason:
        if game.currency and self.money.got(player, PURSES[game.currency], game.currency) > MOST_ENTERED:
            return Reason.AMOUNT_INVALID
        if game.currency and not self.money.can_pay(game, player):
            return Reason.INSUFFICIENT_FUNDS
        return Reason.ACCEPTED

    def seat_waiting(self, game: int) -> None:
        """In the match that was made last, in the order in which they came."""
        queue = self.queues[game]
        for player in list(queue.waiting):
            command = JoinMatch(queue.match, player)
            try:
                self.check_join(command)
            except Refused as refused:
                if refused.reason is Reason.INSUFFICIENT_FUNDS:
                    self.drop(game, player, refused.reason)
                continue
            del queue.waiting[player]
            self.emit(EventKind.MATCH_CREATED, player, queue.match)
            self.join(command)

    def leave_queue(self, command: LeaveQueue) -> Outcome:
        waits = command.game in self.queues and command.player in self.queues[command.game].waiting
        refuse_if(not waits, Reason.NOT_QUEUED)
        self.drop(command.game, command.player, Reason.ACCEPTED)
        return {"id": command.game}

    def drop_all(self, game: int, reason: Reason) -> None:
        for player in list(self.queues[game].waiting) if game in self.queues else ():
            self.drop(game, player, reason)

    def drop(self, game: int, player: int, reason: Reason) -> None:
        del self.queues[game].waiting[player]
        self.emit(EventKind.QUEUE_LEFT, player, game=game, until_ns=0, reason=reason)

    # Outages

    def feed_is_out(self, match: Match, id: int, since_ns: int) -> None:
        if match.game.outage_extends:
            match.paused_since_ns = since_ns
            self.tell_all(id, EventKind.MATCH_PAUSED)
        else:
            match.void = Reason.OUTAGE
            match.ends_at_ns = since_ns + match.game.outage_s * BILLION + 1

    def feed_is_back(self) -> None:
        for id, match in self.running.items():
            if match.paused_since_ns:
                match.ends_at_ns += self.now_ns - match.paused_since_ns
                match.paused_since_ns = 0
                self.tell_all(id, EventKind.MATCH_RESUMED, starts_at_ns=0, ends_at_ns=match.ends_at_ns)

    def start_match(self, command: StartMatch) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
        refuse_if(not match.seats, Reason.MATCH_EMPTY)
        match.starts_at_ns, self.ending = self.now_ns, True
        return {"id": command.match}

    def cancel_match(self, command: CancelMatch) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if(not match.waiting, Reason.MATCH_NOT_WAITING)
        match.waiting = False
        del self.running[command.match]
        if match.paid:
            self.money.call_off(command.match, match.game, [seat.player for seat in match.seats])
        self.tell_all(command.match, EventKind.MATCH_CANCELED, reason=Reason.CALLED_OFF)
        return {"id": command.match}

    def archive(self, command: ArchiveMatch) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if(command.match in self.running or self.matches[command.match].archived, Reason.MATCH_NOT_OVER)
        self.matches[command.match].archived = True
        self.emit(EventKind.MATCH_ARCHIVED, match=command.match)
        return {"id": command.match}

    def end(self, command: EndMatch) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if(not self.matches[command.match].open, Reason.MATCH_NOT_OPEN)
        if command.void:
            self.matches[command.match].void = Reason.CALLED_OFF
        self.end_now(command.match)
        return {"id": command.match}

    def end_match(self, id: int, match: Match) -> None:
        """Everybody's orders are cancelled and positions closed at the last quotes; then all are ranked."""
        match.open = False
        del self.running[id]
        seats = match.seats
        for seat in reversed(seats):
            self.flatten(seat, Cause.MATCH_END)
            if match.next_sample_ns:
                self.tell_equity(seat)
        if match.void:
            if match.paid:
                self.money.call_off(id, match.game, [seat.player for seat in seats])
            self.tell_all(id, EventKind.MATCH_CANCELED, reason=match.void)
            return
        game = match.game
        ranking = sorted(enumerate(seats), key=lambda entry: (
            entry[1].out not in (Rule.NONE, Rule.PROFIT_TARGET),
            entry[1].held_trades < game.min_trades,
            -entry[1].cash,
            -entry[1].trades if game.ranks_by_trades else 0,
            self.max_drawdown(entry[1]),
            entry[1].balance_at_ns,
            entry[0],
        ))  # fmt: skip
        fit = [seat for _, seat in ranking
               if seat.out in (Rule.NONE, Rule.PROFIT_TARGET) and seat.held_trades >= game.min_trades]  # fmt: skip
        won = [game.reward_price] if fit else []
        if game.prize_split:
            split = pool(game, len(seats))
            won = [split * percent // 100 for percent in game.prize_split[:len(fit)]]
            won = [won[0] + split - sum(won), *won[1:]] if won else []
        if match.practice:
            won = []
        asset = Asset[game.currency] if match.paid else 0
        for rank, (_, seat) in enumerate(ranking, 1):
            seat.rank, seat.prize = rank, won[rank - 1] if rank <= len(won) else 0
            self.emit(EventKind.MATCH_FINISHED, seat.player, id, rank=rank, seats=len(seats), balance=seat.cash,
                      prize=seat.prize, asset=int(asset), trades=seat.trades, wins=seat.wins, profit=seat.profit,
                      fees=seat.fees, max_drawdown=self.max_drawdown(seat), rule=int(seat.out),
                      starting_balance=game.starting_balance)  # fmt: skip
        blank = dict.fromkeys(("rank", "seats", "balance", "prize", "asset", "trades", "wins", "max_drawdown",
                               "profit", "fees", "starting_balance", "rule"), 0)  # fmt: skip
        self.emit(EventKind.MATCH_FINISHED, match=id, **blank)
        if match.paid:
            self.money.finish(id, game, [seat.player for _, seat in ranking], won)
        for rank, (_, seat) in enumerate(ranking if fit and not match.practice else (), 1):
            self.progress(seat, *((game.cup, game.win_exp) if rank == 1 else (-game.cup, game.lose_exp)))

    def max_drawdown(self, seat: Seat) -> int:
        """The deepest that a balance was below an earlier one."""
        return max(max(seat.balances[:n + 1]) - balance for n, balance in enumerate(seat.balances))

    def sample(self, match: Match) -> None:
        match.next_sample_ns = self.now_ns + match.sample_ns
        for seat in reversed(match.seats):
            self.tell_equity(seat)

    def tell_equity(self, seat: Seat) -> None:
        self.emit(EventKind.EQUITY_SAMPLED, match=seat.match, owner=seat.player, equity=self.equity(seat),
                  balance=self.balance(seat))  # fmt: skip

    def progress(self, seat: Seat, cups: int, experience: int) -> None:
        """The winner gains cups; who loses some has none at worst. Everybody gains experience."""
        career = self.careers[seat.player - 1]
        cups_before, season_cups_before, level_before = career.cups, career.season_cups, career.level
        career.cups = max(0, career.cups + cups)
        career.season_cups = max(0, career.season_cups + cups)
        if career.cups != cups_before or career.matches == 0:
            career.cups_at_ns = self.now_ns
        if career.season_cups != season_cups_before or career.season_matches == 0:
            career.season_cups_at_ns = self.now_ns
        career.experience += experience
        career.matches += 1
        career.season_matches += 1
        career.wins += seat.rank == 1
        self.emit(
            EventKind.PLAYER_PROGRESSED, seat.player, seat.match, season=self.season, cups=career.cups,
            change=career.cups - cups_before, cups_at_ns=career.cups_at_ns, season_cups=career.season_cups,
            season_cups_at_ns=career.season_cups_at_ns, season_matches=career.season_matches,
            experience=career.experience, gained=experience, level=career.level, level_before=level_before,
            matches=career.matches, wins=career.wins,
        )  # fmt: skip

    def board_of_cups(self, of_season: bool) -> list[tuple[int, int]]:
        """(player, cups) of all who have finished a match, the best first."""
        entries = [
            (-career.season_cups, career.season_cups_at_ns, player) if of_season
            else (-career.cups, career.cups_at_ns, player)
            for player, career in enumerate(self.careers, 1)
            if (career.season_matches if of_season else career.matches)
        ]  # fmt: skip
        return [(player, -cups) for cups, _, player in sorted(entries)]

    def register(self, command: RegisterPlayer) -> Outcome:
        self.players.append(0)
        self.careers.append(Career())
        player = len(self.players)
        self.emit(EventKind.PLAYER_REGISTERED, player=player)
        for id, match in self.running.items():
            if match.practice:
                self.sit(player, id)
        return {"id": player}

    def sit(self, player: int, match: int) -> None:
        balance = self.matches[match].game.starting_balance
        self.matches[match].granted += balance
        seat = self.seats[player, match] = Seat(player, match, balance)
        self.matches[match].seats.append(seat)
        self.start(seat)
        self.tell(EventKind.SEAT_OPENED, seat, 0)

    def reset(self, command: ResetSeat) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if(not self.matches[command.match].practice, Reason.MATCH_NOT_PRACTICE)
        refuse_if(not self.matches[command.match].open, Reason.MATCH_NOT_OPEN)
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        flat = not (seat.orders or seat.positions or seat.fixed_trades)
        refuse_if(not flat, Reason.SEAT_NOT_FLAT)

        match = self.matches[command.match]
        match.granted += match.game.starting_balance - seat.cash
        seat.cash = match.game.starting_balance
        seat.profit = seat.fees = seat.trades = seat.wins = seat.held_trades = 0
        seat.out = Rule.NONE
        self.start(seat)
        self.tell(EventKind.SEAT_RESET, seat, 0)
        return {"id": command.match}

    # Money

    def top_up(self, command: TopUp) -> Outcome:
        refuse_if(not 1 <= command.player <= len(self.players), Reason.PLAYER_NOT_FOUND)
        refuse_if(command.asset not in PURSES, Reason.ASSET_UNKNOWN)
        entering = command.player, PURSES[command.asset], command.asset, command.amount
        refuse_if(not self.money.may_enter(*entering), Reason.AMOUNT_INVALID)
        self.money.enter(*entering, TransferCode.TOP_UP)
        return {"id": command.player}

    def fund_rewards(self, command: FundRewards) -> None:
        refuse_if(command.asset not in PURSES, Reason.ASSET_UNKNOWN)
        entering = 0, Account.HOUSE_REWARDS, command.asset, command.amount
        refuse_if(not self.money.may_enter(*entering), Reason.AMOUNT_INVALID)
        self.money.enter(*entering, TransferCode.FUNDING)

    def transfer(self, command: Transfer) -> Outcome:
        """Nothing comes between the transfers of a chain, so all are answered with the first."""
        if not self.answers:
            self.answers = self.ledger.apply_chain(self.ledger.chain(self.ahead), self.sequence)
        return {name: int(value) for name, value in self.answers.pop(0)._asdict().items()}

    def asked(self, command: Asked) -> Outcome | None:
        answered: Outcome | None = self.handlers[type(command.command)](self, command.command)
        return answered

    # Challenge rules

    def start(self, seat: Seat) -> None:
        match = self.matches[seat.match]
        seat.balances, seat.balance_at_ns = [seat.cash], self.now_ns
        seat.daily_floor = seat.cash - match.daily_drawdown
        seat.total_floor = seat.cash - match.total_drawdown
        seat.high_water = seat.cash
        seat.warned = set()

    def start_day(self, id: int, match: Match) -> None:
        match.next_day_ns = (self.now_ns // DAY_NS + 1) * DAY_NS
        for seat in match.seats:
            if not seat.out:
                anchor = {
                    Anchor.BALANCE: self.balance(seat),
                    Anchor.EQUITY: self.equity(seat),
                    Anchor.HIGHER: max(self.balance(seat), self.equity(seat)),
                }[match.game.daily_anchor]
                seat.daily_floor = anchor - match.daily_drawdown
                seat.warned = set()
        self.judge_all(0)

    def judge_all(self, instrument: int) -> None:
        """Every seat after everything that happens: the engine must find the same with a look at hardly any."""
        judged = [seat for match in self.running.values() if match.is_judged for seat in match.seats]
        for seat in sorted(judged, key=lambda seat: (seat.player, seat.match)):
            if not seat.out:
                self.judge(seat, instrument)

    def judge(self, seat: Seat, instrument: int) -> None:
        match = self.matches[seat.match]
        game, start = match.game, match.game.starting_balance
        daily, total, most = match.daily_drawdown, match.total_drawdown, match.loss_per_trade
        while True:
            equity = self.equity(seat)
            if daily and equity < seat.daily_floor:
                self.put_out(seat, Rule.DAILY_DRAWDOWN, equity, seat.daily_floor, instrument)
                return
            if total and equity < seat.total_floor:
                self.put_out(seat, Rule.TOTAL_DRAWDOWN, equity, seat.total_floor, instrument)
                return
            lost = [position for position in seat.positions if most and self.result(position) < -most]
            if not lost:
                break
            position = lost[-1]  # the latest opened
            if game.loss_disqualifies:
                self.put_out(seat, Rule.LOSS_PER_TRADE, self.result(position), -most, instrument)
                return
            self.close_at_touch(position, position.lots, Cause.RULE)
        if match.target and equity >= match.target:
            self.put_out(seat, Rule.PROFIT_TARGET, equity, match.target, instrument)
            return

        locked = game.total_drawdown is TotalDrawdown.TRAILING_LOCK and seat.total_floor >= start
        if total and game.total_drawdown is not TotalDrawdown.STATIC and not locked:
            step = max(1, start // 1000)
            while equity >= seat.high_water + step:
                seat.high_water += step
            seat.total_floor = seat.high_water - total
            if game.total_drawdown is TotalDrawdown.TRAILING_LOCK:
                seat.total_floor = min(seat.total_floor, start)
        for rule, amount, floor in (
            (Rule.DAILY_DRAWDOWN, daily, seat.daily_floor), (Rule.TOTAL_DRAWDOWN, total, seat.total_floor),
        ):  # fmt: skip
            for percent in (80, 90, 95) if amount else ():
                reached = equity <= floor + amount * (100 - percent) // 100
                if reached and (rule, percent) not in seat.warned:
                    seat.warned.add((rule, percent))
                    self.tell_judged(EventKind.SEAT_WARNED, seat, rule, percent, equity, floor, 0)

    def put_out(self, seat: Seat, rule: Rule, equity: int, level: int, instrument: int) -> None:
        seat.out = rule
        kind = EventKind.SEAT_LOCKED if rule is Rule.PROFIT_TARGET else EventKind.SEAT_DISQUALIFIED
        self.tell_judged(kind, seat, rule, 0, equity, level, instrument)
        if rule is Rule.PROFIT_TARGET and self.matches[seat.match].game.target_ends:
            self.end_now(seat.match)
        self.flatten(seat, Cause.RULE)

    def flatten(self, seat: Seat, cause: Cause) -> None:
        """The latest first; a stake comes back."""
        reason = Reason.SEAT_LOCKED if seat.out is Rule.PROFIT_TARGET else Reason.SEAT_DISQUALIFIED
        for trade in seat.fixed_trades[::-1]:
            why = Reason.MATCH_NOT_OPEN if cause is Cause.MATCH_END else reason
            self.end_fixed(trade, FixedResult.REFUNDED, why, 0)
        for order in seat.orders[::-1]:
            self.end_order(order, EventKind.ORDER_CANCELED)
        for position in seat.positions[::-1]:
            self.close_at_touch(position, position.lots, cause)

    def end_now(self, id: int) -> None:
        """The match ends with what is happening, before its time."""
        match = self.matches[id]
        match.ends_at_ns = self.now_ns
        if match.paused_since_ns:
            match.paused_since_ns, match.opened_at_ns = 0, self.now_ns  # and no silence counts that was before
        self.ending = True

    def tell_judged(
        self, kind: EventKind, seat: Seat, rule: Rule, percent: int, equity: int, level: int, instrument: int
    ) -> None:
        market = self.markets.get(instrument)
        self.emit(
            kind, player=seat.player, match=seat.match, instrument=instrument, rule=int(rule), percent=percent,
            equity=equity, level=level, bid=market.bid if market else 0, ask=market.ask if market else 0,
            quote_sequence=market.sequence if market else 0,
        )  # fmt: skip

    def note_balance(self, seat: Seat) -> None:
        seat.balances.append(self.balance(seat))
        seat.balance_at_ns = self.now_ns

    # Orders

    def place(self, command: PlaceOrder) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if(not match.open, Reason.MATCH_NOT_OPEN)
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        refuse_if(seat.out is Rule.PROFIT_TARGET, Reason.SEAT_LOCKED)
        refuse_if(seat.out is not Rule.NONE, Reason.SEAT_DISQUALIFIED)
        refuse_if(command.instrument not in self.markets, Reason.INSTRUMENT_NOT_FOUND)
        market = self.markets[command.instrument]
        data = market.data
        self.check_that_it_opens(seat, market)
        self.check_by_itself(command, data)
        allowed = match.game.allowed_symbols
        refuse_if(bool(allowed) and data.symbol not in allowed, Reason.INSTRUMENT_NOT_ALLOWED)
        refuse_if(match.game.directions not in (0, command.side), Reason.SIDE_NOT_ALLOWED)
        refuse_if(command.leverage > min(match.game.max_leverage, data.max_leverage), Reason.LEVERAGE_TOO_HIGH)
        open_trades = len(seat.orders) + len(seat.positions)
        refuse_if(open_trades >= match.game.max_positions, Reason.TOO_MANY_POSITIONS)
        seat.traded_at_ns = [at_ns for at_ns in seat.traded_at_ns if at_ns > self.now_ns - 60 * BILLION]
        refuse_if(0 < match.game.max_trades_per_minute <= len(seat.traded_at_ns), Reason.TOO_MANY_TRADES)
        refuse_if(self.is_stale(market), Reason.FEED_STALE)

        touch, mark = market.opening(command.side), market.closing(command.side)
        is_market, is_stop = command.order_type == OrderType.MARKET, command.order_type == OrderType.STOP
        refuse_if(is_stop and self.is_reached(-command.side, command.price, touch), Reason.WOULD_TRIGGER_NOW)
        reached = is_market or (
            not is_stop and (touch <= command.price if command.side > 0 else touch >= command.price)
        )
        waits = match.takes_next_quote and (reached or command.time_in_force == TimeInForce.IOC)
        price = touch if reached else command.price
        self.check_trailing(command.side, mark if reached else price, command.stop_loss, command.trailing_ppm, data)
        self.check_stops(command.side, mark if reached else price, command.stop_loss, command.take_profit, data)

        lots = command.lots or command.margin * command.leverage // (price * market.value)
        refuse_if(not command.lots and command.margin * command.leverage > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
        notional = price * lots * market.value
        self.check_size(data, lots, notional)
        margin = -(-notional // command.leverage)
        liquidation = liquidation_price(data, command.side, lots, price * lots, margin, match.game.fees)
        if is_stop or waits:  # reserves the worst: all that it asked for, or its lots at its price or today's
            notional = command.margin * command.leverage or max(command.price, touch) * lots * market.value
            margin = command.margin or -(-notional // command.leverage)
        refuse_if(self.exposure(seat) + notional > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
        there = self.exposure(seat, command.instrument) + notional
        refuse_if(command.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
        fee_ppm = data.taker_fee_ppm if reached or waits or is_stop else data.maker_fee_ppm
        fee = rounded_up(notional, fee_ppm) if match.game.fees else 0
        refuse_if(margin + fee > seat.cash, Reason.CASH_TOO_LOW)
        refuse_if(reached and self.is_reached(command.side, liquidation, mark), Reason.WOULD_LIQUIDATE_NOW)

        if waits:
            price = command.price or price  # a limit keeps its own
        order = Order(self.next_id, seat, command._replace(price=price), lots, notional, margin, fee)
        self.next_id += 1
        seat.traded_at_ns.append(self.now_ns)
        fills = reached and not waits
        if not fills and not waits and command.time_in_force == TimeInForce.IOC:
            self.tell_of(EventKind.ORDER_CANCELED, order, margin=0, fee=0, liquidation=liquidation)
            return {"id": order.id, "instrument": order.command.instrument, "status": OrderStatus.CANCELED}
        seat.cash -= margin + fee
        if not fills:
            self.orders[order.id] = order
            seat.orders.append(order)
            if waits:
                self.wait(order.id, command.instrument, match)
            self.tell_of(EventKind.ORDER_ACCEPTED, order, liquidation=liquidation)
            return {
                "id": order.id, "instrument": order.command.instrument,
                "status": OrderStatus.ACCEPTED, "liquidation": liquidation,
            }
        self.open(order, fee, liquidation)
        return {
            "id": order.id, "instrument": order.command.instrument,
            "status": OrderStatus.FILLED, "price": price, "fee": fee, "liquidation": liquidation,
        }

    def check_that_it_opens(self, seat: Seat, market: Market) -> None:
        """Nothing stands against an open by this seat in this market: no switch, and not the hour."""
        data = market.data
        refuse_if(self.locked, Reason.TRADING_LOCKED)
        refuse_if(self.close_only, Reason.ARENA_CLOSE_ONLY)
        refuse_if(not data.enabled, Reason.INSTRUMENT_DISABLED)
        refuse_if(data.halted, Reason.INSTRUMENT_HALTED)
        refuse_if(data.locked, Reason.INSTRUMENT_LOCKED)
        refuse_if(data.close_only, Reason.INSTRUMENT_CLOSE_ONLY)
        refuse_if(not self.is_open(market), Reason.MARKET_CLOSED)
        refuse_if(seat.match in self.matches and self.matches[seat.match].locked, Reason.MATCH_LOCKED)
        refuse_if(seat.player in self.locked_players, Reason.PLAYER_LOCKED)

    def is_open(self, market: Market) -> bool:
        """Is it within the weekly hours, by the calendar? Without hours it is always."""
        if not market.data.hours:
            return True
        now = datetime.fromtimestamp(self.now_ns // BILLION, UTC)
        minute = (now.weekday() * 24 + now.hour) * 60 + now.minute
        return any(minute in range(start, end) for start, end in market.data.hours)

    def is_stale(self, market: Market) -> bool:
        """There is no quote to trade on: none at all, or too old, or the market has closed since."""
        too_old = self.now_ns - market.at_ns > market.data.quote_lifetime_ns
        return market.bid == 0 or too_old or not self.is_open(market)

    def check_by_itself(self, command: PlaceOrder, data: DefineInstrument) -> None:
        is_market, dated = command.order_type == OrderType.MARKET, command.time_in_force == TimeInForce.GTD
        refuse_if(command.side not in (1, -1), Reason.SIDE_INVALID)
        refuse_if(command.order_type not in list(OrderType), Reason.TYPE_INVALID)
        refuse_if(command.time_in_force not in list(TimeInForce), Reason.TIME_IN_FORCE_INVALID)
        refuse_if(is_market and dated, Reason.TIME_IN_FORCE_INVALID)
        is_stop, immediate = command.order_type == OrderType.STOP, command.time_in_force == TimeInForce.IOC
        refuse_if(is_stop and immediate, Reason.TIME_IN_FORCE_INVALID)
        refuse_if(dated and command.expires_at_ns <= self.now_ns, Reason.EXPIRY_INVALID)
        refuse_if(not dated and command.expires_at_ns != 0, Reason.EXPIRY_INVALID)
        refuse_if(is_market and command.price != 0, Reason.PRICE_INVALID)
        refuse_if(not is_market and not 1 <= command.price <= data.highest_price, Reason.PRICE_INVALID)
        refuse_if(not 0 <= command.max_slippage_ppm <= MILLION, Reason.SLIPPAGE_INVALID)
        refuse_if(not is_market and command.max_slippage_ppm != 0, Reason.SLIPPAGE_INVALID)
        refuse_if(min(command.margin, command.lots) < 0, Reason.SIZE_INVALID)
        refuse_if(bool(command.margin) == bool(command.lots), Reason.SIZE_INVALID)
        refuse_if(command.leverage < 1, Reason.LEVERAGE_INVALID)

    def check_stops(self, side: int, price: int, stop_loss: int, take_profit: int, data: DefineInstrument) -> None:
        """They must lie on the price scale, the stop on the losing side of `price` and the target on the other."""
        for stop in (stop_loss, take_profit):
            refuse_if(not 0 <= stop <= data.highest_price, Reason.PRICE_INVALID)
        refuse_if(
            stop_loss != 0 and not (stop_loss < price if side > 0 else stop_loss > price), Reason.WOULD_TRIGGER_NOW
        )
        refuse_if(
            take_profit != 0 and not (take_profit > price if side > 0 else take_profit < price),
            Reason.WOULD_TRIGGER_NOW,
        )

    def check_trailing(self, side: int, price: int, stop_loss: int, ppm: int, data: DefineInstrument) -> None:
        """It goes without a fixed stop, and where it would stand must lie on the price scale."""
        refuse_if(not 0 <= ppm < MILLION or bool(ppm and stop_loss), Reason.TRAILING_STOP_INVALID)
        stands = price - side * rounded_up(price, ppm)
        refuse_if(ppm != 0 and not 1 <= stands <= data.highest_price, Reason.PRICE_INVALID)

    def open(self, order: Order, fee: int, liquidation: int) -> None:
        """The order becomes a position under its id; the seat has paid already."""
        command, seat = order.command, order.seat
        market = self.markets[command.instrument]
        mark = market.closing(command.side)
        stop_loss, trailing = command.stop_loss, rounded_up(mark, command.trailing_ppm)
        if trailing:  # what does not fit on the price scale stands at its end
            stop_loss = sorted((1, mark - command.side * trailing, market.data.highest_price))[1]
        position = self.positions[order.id] = Position(
            order.id, seat, command.instrument, command.side, command.leverage, order.lots, command.price * order.lots,
            order.margin, liquidation, stop_loss, command.take_profit, trailing, self.now_ns,
        )  # fmt: skip
        seat.positions.append(position)
        seat.fees += fee
        self.matches[seat.match].fees_taken += fee
        if fee:
            self.note_balance(seat)
        self.tell_about(
            EventKind.POSITION_OPENED, position, price=command.price, lots=order.lots, fee=fee,
            order_type=int(command.order_type), client_order_id=list(pack_client_order_id(command.client_order_id)),
        )  # fmt: skip

    def fill_waiting(self, order: Order) -> None:
        """The quote it waited for is there. A limit order that this does not reach rests from now on, if it may."""
        command, market = order.command, self.markets[order.command.instrument]
        data, seat, touch = market.data, order.seat, market.opening(order.command.side)
        away = (touch - command.price) * command.side
        if command.order_type == OrderType.LIMIT and away > 0:
            if command.time_in_force == TimeInForce.IOC:
                return self.end_order(order, EventKind.ORDER_CANCELED)
            lots = self.lots_at(order, command.price)
            notional = command.price * lots * market.value
            margin = -(-notional // command.leverage)
            fee = rounded_up(notional, data.maker_fee_ppm) if self.matches[seat.match].game.fees else 0
            try:
                self.check_size(data, lots, notional)
                refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
            except Refused as refused:
                return self.end_order(order, EventKind.ORDER_REFUSED, refused.reason)
            seat.cash += order.margin + order.fee - margin - fee
            order.lots, order.notional, order.margin, order.fee = lots, notional, margin, fee
            return self.tell_of(EventKind.ORDER_CHANGED, order)
        if command.max_slippage_ppm and away > rounded_up(command.price, command.max_slippage_ppm):
            return self.end_order(order, EventKind.ORDER_REFUSED, Reason.SLIPPAGE_TOO_HIGH)
        return self.fill(order, at_touch=True)

    def fill(self, order: Order, at_touch: bool) -> None:
        """Its price is there. At the touch, which says how much its margin buys, with the taker fee; or at its own
        price, with the maker fee. Unless something has changed that forbids it.

        It was said that it waits, so it is said that it does no more.
        """
        command, seat = order.command, order.seat
        market, match = self.markets[command.instrument], self.matches[order.seat.match]
        data, price, lots, notional, margin = market.data, command.price, order.lots, order.notional, order.margin
        try:
            self.check_that_it_opens(seat, market)
            if at_touch:
                price = market.opening(command.side)
                lots = self.lots_at(order, price)
                notional = price * lots * market.value
                margin = -(-notional // command.leverage)
                self.check_size(data, lots, notional)
                more = notional - order.notional
                refuse_if(self.exposure(seat) + more > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
                there = self.exposure(seat, command.instrument) + more
                refuse_if(command.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
            fee_ppm = data.taker_fee_ppm if at_touch else data.maker_fee_ppm
            fee = rounded_up(notional, fee_ppm) if match.game.fees else 0
            refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
            liquidation = liquidation_price(data, command.side, lots, price * lots, margin, match.game.fees)
            reached = self.is_reached(command.side, liquidation, market.closing(command.side))
            refuse_if(reached, Reason.WOULD_LIQUIDATE_NOW)
        except Refused as refused:
            self.end_order(order, EventKind.ORDER_REFUSED, refused.reason)
            return
        del self.orders[order.id]
        seat.orders.remove(order)
        seat.cash += order.margin + order.fee - margin - fee
        order.command, order.lots, order.margin = command._replace(price=price), lots, margin
        self.tell_of(EventKind.ORDER_FILLED, order, fee=fee, liquidation=liquidation)
        self.open(order, fee, liquidation)

    def lots_at(self, order: Order, price: int) -> int:
        command = order.command
        return command.lots or command.margin * command.leverage // (price * self.markets[command.instrument].value)

    def check_size(self, data: DefineInstrument, lots: int, notional: int) -> None:
        refuse_if(lots == 0, Reason.SIZE_ZERO)
        refuse_if(lots < data.min_lots, Reason.QUANTITY_TOO_LOW)
        refuse_if(lots > data.max_lots, Reason.QUANTITY_TOO_HIGH)
        refuse_if(notional < data.min_notional, Reason.NOTIONAL_TOO_LOW)

    def end_order(self, order: Order, kind: EventKind, reason: Reason = Reason.ACCEPTED) -> None:
        """It ends without a fill, and what it reserved comes back."""
        del self.orders[order.id]
        order.seat.orders.remove(order)
        self.waiting = [wait for wait in self.waiting if wait.id != order.id]
        order.seat.cash += order.margin + order.fee
        self.tell_of(kind, order, reason=reason)

    def own_resting(self, command: CancelOrder | AmendOrder) -> Order:
        order = self.orders.get(command.order)
        refuse_if(order is None or order.seat.player != command.player, Reason.ORDER_NOT_FOUND)
        assert order is not None
        refuse_if(self.waits(order.id), Reason.ORDER_EXECUTING)
        return order

    def amend_order(self, command: AmendOrder) -> Outcome:
        """As if it were cancelled and placed anew with these figures, but it keeps its place, and must rest again."""
        order = self.own_resting(command)
        old, seat, market = order.command, order.seat, self.markets[order.command.instrument]
        fees = self.matches[seat.match].game.fees
        new = old
        if command.fields & Amend.STOP_LOSS:
            new = new._replace(stop_loss=command.stop_loss, trailing_ppm=0)
        if command.fields & Amend.TAKE_PROFIT:
            new = new._replace(take_profit=command.take_profit)
        if command.fields & Amend.EXPIRY:
            ends_at_ns = command.expires_at_ns
            refuse_if(ends_at_ns != 0 and ends_at_ns <= self.now_ns, Reason.EXPIRY_INVALID)
            new = new._replace(
                expires_at_ns=ends_at_ns, time_in_force=TimeInForce.GTD if ends_at_ns else TimeInForce.GTC
            )
        lots, notional, margin, fee = order.lots, order.notional, order.margin, order.fee
        if command.fields & Amend.PRICE:
            new = new._replace(price=command.price)
            data, touch, is_stop = market.data, market.opening(new.side), new.order_type == OrderType.STOP
            self.check_that_it_opens(seat, market)
            refuse_if(not 1 <= new.price <= data.highest_price, Reason.PRICE_INVALID)
            refuse_if(self.is_stale(market), Reason.FEED_STALE)
            if is_stop:
                refuse_if(self.is_reached(-new.side, new.price, touch), Reason.WOULD_TRIGGER_NOW)
            else:
                refuse_if(self.is_reached(new.side, new.price, touch), Reason.WOULD_FILL_NOW)
            lots = self.lots_at(order, new.price)
            self.check_size(data, lots, new.price * lots * market.value)
            if not is_stop:  # fills at its price, at the maker's fee
                notional = new.price * lots * market.value
            elif new.margin:
                notional = new.margin * new.leverage
            else:
                notional = max(new.price, touch) * lots * market.value
            margin = new.margin if is_stop and new.margin else -(-notional // new.leverage)
            fee = rounded_up(notional, data.taker_fee_ppm if is_stop else data.maker_fee_ppm) if fees else 0
            others = self.exposure(seat) - order.notional
            refuse_if(others + notional > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
            there = self.exposure(seat, new.instrument) - order.notional + notional
            refuse_if(new.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
            refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
        if command.fields & (Amend.PRICE | Amend.STOP_LOSS | Amend.TAKE_PROFIT):
            self.check_trailing(new.side, new.price, new.stop_loss, new.trailing_ppm, market.data)
            self.check_stops(new.side, new.price, new.stop_loss, new.take_profit, market.data)

        seat.cash += order.margin + order.fee - margin - fee
        order.command, order.lots, order.notional, order.margin, order.fee = new, lots, notional, margin, fee
        cost = new.price * lots
        initial = -(-cost * market.value // new.leverage)
        liquidation = liquidation_price(market.data, new.side, lots, cost, initial, fees)
        self.tell_of(EventKind.ORDER_CHANGED, order, liquidation=liquidation)
        return {
            "id": order.id, "instrument": new.instrument, "status": OrderStatus.ACCEPTED, "liquidation": liquidation,
        }  # fmt: skip

    def cancel_all(self, command: CancelAll) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        resting = [order for order in seat.orders if not self.waits(order.id)]
        for order in reversed(resting):
            self.end_order(order, EventKind.ORDER_CANCELED)
        return {"id": command.match, "status": OrderStatus.CANCELED, "left": len(resting)}

    def cancel(self, command: CancelOrder) -> Outcome:
        order = self.own_resting(command)
        self.end_order(order, EventKind.ORDER_CANCELED)
        return {"id": order.id, "instrument": order.command.instrument, "status": OrderStatus.CANCELED}

    # Positions

    def close(self, command: ClosePosition) -> Outcome:
        position = self.own_position(command)
        refuse_if(command.lots < 0 or (command.lots != 0 and command.percent != 0), Reason.SIZE_INVALID)
        refuse_if(command.lots == 0 and not 1 <= command.percent <= 100, Reason.PERCENT_INVALID)
        refuse_if(command.lots > position.lots, Reason.QUANTITY_TOO_HIGH)
        lots = command.lots or position.lots * command.percent // 100
        refuse_if(lots == 0, Reason.SIZE_ZERO)
        market = self.markets[position.instrument]
        refuse_if(market.data.halted, Reason.INSTRUMENT_HALTED)
        refuse_if(self.waits(position.id), Reason.POSITION_CLOSING)

        match = self.matches[position.seat.match]
        if match.takes_next_quote or self.is_stale(market):
            self.wait(position.id, position.instrument, match, lots)
            return {
                "id": position.id, "instrument": position.instrument,
                "status": OrderStatus.ACCEPTED, "left": position.lots,
            }
        return self.close_at_touch(position, lots, Cause.CLIENT) | {"status": OrderStatus.FILLED}

    def close_at_touch(self, position: Position, lots: int, cause: Cause) -> Outcome:
        """Close so many lots, or all when the rest would be too small, at what the market pays."""
        market, seat = self.markets[position.instrument], position.seat
        match = self.matches[seat.match]
        price = market.closing(position.side)
        if (position.lots - lots) * price * market.value < market.data.min_notional:
            lots = position.lots
        cost, margin = position.cost * lots // position.lots, position.margin * lots // position.lots

        profit = position.side * (price * lots - cost) * market.value
        match.market -= profit
        fee = rounded_up(price * lots * market.value, market.data.taker_fee_ppm) if match.game.fees else 0
        if profit < -margin:  # no position costs more than its margin
            match.insurance += margin + profit
            profit = -margin
        fee = min(fee, margin + profit)  # the margin meets the loss first, then the fee
        match.fees_taken += fee
        seat.cash += margin + profit - fee
        seat.profit += profit
        seat.fees += fee

        position.lots -= lots
        position.margin -= margin
        position.realised += profit
        self.note_balance(seat)
        if position.lots:
            position.cost -= cost
            position.liquidation = liquidation_price(
                market.data, position.side, position.lots, position.cost, position.margin, match.game.fees
            )
            kind = EventKind.POSITION_CHANGED
        else:
            seat.trades += 1
            seat.wins += profit > 0
            seat.held_trades += self.now_ns - position.opened_at_ns >= match.game.min_hold_s * BILLION
            del self.positions[position.id]
            seat.positions.remove(position)
            self.waiting = [wait for wait in self.waiting if wait.id != position.id]
            kind = EventKind.POSITION_CLOSED
        self.tell_about(
            kind, position, price=price, lots=lots, cost=cost, margin=margin, fee=fee, profit=profit, cause=int(cause)
        )
        return {
            "id": position.id, "instrument": position.instrument,
            "price": price, "fee": fee, "profit": profit, "left": position.lots,
        }

    def amend(self, command: AmendPosition) -> Outcome:
        position = self.own_position(command)
        refuse_if(self.waits(position.id), Reason.POSITION_CLOSING)
        market = self.markets[position.instrument]
        stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS else 0
        take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT else 0
        ppm = command.trailing_ppm if command.fields & Amend.TRAILING_STOP else 0
        mark = market.closing(position.side)
        self.check_trailing(position.side, mark, stop_loss, ppm, market.data)
        self.check_stops(position.side, mark, stop_loss, take_profit, market.data)
        refuse_if(ppm != 0 and self.is_stale(market), Reason.FEED_STALE)
        if command.fields & Amend.MARGIN:
            self.change_margin(position, command.margin)
        if command.fields & Amend.TRAILING_STOP and position.trailing:
            position.stop_loss = position.trailing = 0
        if command.fields & Amend.STOP_LOSS:
            position.stop_loss, position.trailing = stop_loss, 0
        if ppm:
            position.trailing = rounded_up(mark, ppm)
            position.stop_loss = mark - position.side * position.trailing
        if command.fields & Amend.TAKE_PROFIT:
            position.take_profit = take_profit
        self.tell_about(EventKind.POSITION_CHANGED, position, lots=0)
        return {
            "id": position.id, "instrument": position.instrument, "left": position.lots,
            "liquidation": position.liquidation,
        }  # fmt: skip

    def change_margin(self, position: Position, change: int) -> None:
        """Margin moves between the position and its seat's cash; back only down to the initial requirement, on a fresh
        price, and not if that would liquidate."""
        seat, market = position.seat, self.markets[position.instrument]
        margin = position.margin + change
        refuse_if(change == 0 or change < -GREATEST_NOTIONAL or margin > GREATEST_NOTIONAL, Reason.MARGIN_INVALID)
        refuse_if(change > seat.cash, Reason.CASH_TOO_LOW)
        initial = -(-position.cost * market.value // position.leverage)
        refuse_if(change < 0 and margin < initial, Reason.MARGIN_TOO_LOW)
        refuse_if(change < 0 and self.is_stale(market), Reason.FEED_STALE)
        liquidation = liquidation_price(
            market.data, position.side, position.lots, position.cost, margin, self.matches[seat.match].game.fees
        )
        mark = market.closing(position.side)
        gone = liquidation != 0 and (mark <= liquidation if position.side > 0 else mark >= liquidation)
        refuse_if(change < 0 and gone, Reason.WOULD_LIQUIDATE_NOW)
        seat.cash -= change
        position.margin = margin
        position.liquidation = liquidation

    def own_position(self, command: ClosePosition | AmendPosition) -> Position:
        position = self.positions.get(command.position)
        refuse_if(position is None or position.seat.player != command.player, Reason.POSITION_NOT_FOUND)
        assert position is not None
        return position

    # Fixed-time trades

    def seat_to_stake(self, command: BuyFixed) -> tuple[Seat, Match]:
        """A wallet's is in a match without rules: of live money one where all takes the quote after a bump."""
        if command.asset:
            refuse_if(not 1 <= command.player <= len(self.players), Reason.PLAYER_NOT_FOUND)
            refuse_if(command.match != 0, Reason.MATCH_NOT_FOUND)
            refuse_if(command.asset not in list(Asset), Reason.ASSET_UNKNOWN)
            execution = Execution.LAST if command.asset == Asset.DEMO else Execution.NEXT
            return Seat(command.player, 0, 0), Match(CreateGame("", "", 0, 0, 0, execution=execution))
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if(not match.open, Reason.MATCH_NOT_OPEN)
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        refuse_if(seat.out is Rule.PROFIT_TARGET, Reason.SEAT_LOCKED)
        refuse_if(seat.out is not Rule.NONE, Reason.SEAT_DISQUALIFIED)
        return seat, match

    def buy_fixed(self, command: BuyFixed) -> Outcome:
        seat, match = self.seat_to_stake(command)
        refuse_if(command.instrument not in self.markets, Reason.INSTRUMENT_NOT_FOUND)
        market = self.markets[command.instrument]
        data = market.data
        self.check_that_it_opens(seat, market)
        refuse_if(data.fixed_payout_percent == 0, Reason.FIXED_NOT_OFFERED)
        offered_to = [0, *(Asset[name] for name in data.fixed_wallets)]
        refuse_if(command.asset not in offered_to, Reason.FIXED_NOT_OFFERED)
        refuse_if(command.direction not in (1, -1), Reason.DIRECTION_INVALID)
        allowed = match.game.allowed_symbols
        refuse_if(bool(allowed) and data.symbol not in allowed, Reason.INSTRUMENT_NOT_ALLOWED)
        refuse_if(match.game.directions not in (0, command.direction), Reason.SIDE_NOT_ALLOWED)
        unit = UNITS[command.asset]
        refuse_if(command.stake * unit < data.fixed_min_stake, Reason.STAKE_TOO_LOW)
        refuse_if(command.stake * unit > data.fixed_max_stake, Reason.STAKE_TOO_HIGH)
        wins_nothing = command.stake * data.fixed_payout_percent < 100
        refuse_if(command.asset != 0 and wins_nothing, Reason.STAKE_TOO_LOW)
        offered = data.fixed_min_s <= command.duration_s <= data.fixed_max_s
        bump_ms = match.game.speed_bump_ms if match.takes_next_quote else 0
        refuse_if(not offered or command.duration_s * 1000 <= bump_ms, Reason.DURATION_INVALID)
        expires_at_ns = self.now_ns + command.duration_s * BILLION
        refuse_if(0 < match.ends_at_ns < expires_at_ns, Reason.DURATION_INVALID)
        refuse_if(self.is_stale(market), Reason.FEED_STALE)
        refuse_if(command.asset == 0 and command.stake > seat.cash, Reason.CASH_TOO_LOW)
        minute = expires_at_ns // (60 * BILLION)
        staked = sum(
            trade.command.stake for trade in self.fixed_trades.values()
            if trade.command.instrument == command.instrument and trade.command.direction == command.direction
            and trade.command.asset == command.asset and trade.expires_at_ns // (60 * BILLION) == minute
        )  # fmt: skip
        cap = data.fixed_exposure_cap
        refuse_if(cap != 0 and (staked + command.stake) * unit > cap, Reason.EXPOSURE_CAP_REACHED)
        trade = FixedTrade(self.next_id, seat, command, data.fixed_payout_percent, expires_at_ns, market.quotes)
        if command.asset:
            asset = Asset(command.asset).name
            mine = self.money.has(command.player, PURSES[asset], asset)
            refuse_if(command.stake > mine, Reason.INSUFFICIENT_FUNDS)
            refuse_if(trade.payout > self.money.has(0, Account.HOUSE_REWARDS, asset), Reason.HOUSE_LIMIT)

        self.next_id += 1
        if command.asset:
            trade.holds = self.money.stake(command.player, asset, command.stake, trade.payout, trade.id)
        else:
            seat.cash -= command.stake
        self.fixed_trades[trade.id] = trade
        seat.fixed_trades.append(trade)
        self.wait(trade.id, command.instrument, match)
        self.tell_fixed(EventKind.FIXED_OPENED, trade)
        return {
            "id": trade.id, "instrument": command.instrument, "status": OrderStatus.ACCEPTED,
            "price": trade.payout_percent, "left": expires_at_ns,
        }  # fmt: skip

    def enter(self, trade: FixedTrade) -> None:
        market = self.markets[trade.command.instrument]
        trade.entry, trade.entry_sequence = market.bid + market.ask, market.sequence
        self.tell_fixed(EventKind.FIXED_ENTERED, trade)

    def settle(self, trade: FixedTrade) -> None:
        """Its time is up. The last quote before that decides, if two have come and it was fresh when time was up."""
        stake, market = trade.command.stake, self.markets[trade.command.instrument]
        last = market.bid + market.ask
        result, reason, profit = FixedResult.REFUNDED, Reason.ACCEPTED, 0
        if market.quotes < trade.quotes_before + 2:
            reason = Reason.QUOTES_TOO_FEW
        elif not trade.entry:
            reason = Reason.ENTRY_MISSED
        elif trade.expires_at_ns > market.at_ns + market.data.quote_lifetime_ns:
            reason = Reason.FEED_STALE
        elif last == trade.entry:
            result = FixedResult.DRAW
        elif (last > trade.entry) == (trade.command.direction == 1):
            result, profit = FixedResult.WON, trade.payout
        else:
            result, profit = FixedResult.LOST, -stake
        self.end_fixed(trade, result, reason, profit)
        self.judge_all(0)

    def end_fixed(self, trade: FixedTrade, result: FixedResult, reason: Reason, profit: int) -> None:
        seat, market = trade.seat, self.markets[trade.command.instrument]
        if trade.holds:
            self.money.settle_stake(trade.holds, profit)
        else:
            seat.cash += trade.command.stake + profit
            seat.profit += profit
            self.matches[seat.match].market -= profit
        del self.fixed_trades[trade.id]
        seat.fixed_trades.remove(trade)
        self.waiting = [wait for wait in self.waiting if wait.id != trade.id]
        if profit and not trade.holds:
            self.note_balance(seat)
        self.tell_fixed(
            EventKind.FIXED_SETTLED, trade, reason=reason, result=int(result), exit=market.bid + market.ask,
            exit_sequence=market.sequence, profit=profit,
        )  # fmt: skip

    # The market

    def open_feed(self, command: OpenFeed) -> None:
        for market in self.markets.values():
            market.source_sequence = -1
        self.emit(EventKind.FEED_OPENED)

    def quote(self, command: Quote) -> None:
        refuse_if(command.instrument not in self.markets, Reason.INSTRUMENT_NOT_FOUND)
        market = self.markets[command.instrument]
        data = market.data
        refuse_if(data.halted, Reason.INSTRUMENT_HALTED)
        refuse_if(not self.is_open(market), Reason.MARKET_CLOSED)
        bid, ask = command.bid - data.markup_ticks, command.ask + data.markup_ticks
        refuse_if(bid <= 0 or ask > data.highest_price or command.bid >= command.ask, Reason.QUOTE_NOT_USABLE)
        refuse_if((command.ask - command.bid) * MILLION > command.bid * data.max_spread_ppm, Reason.QUOTE_NOT_USABLE)
        refuse_if(command.source_sequence <= market.source_sequence, Reason.QUOTE_NOT_USABLE)

        market.bid, market.ask, market.at_ns = bid, ask, self.now_ns
        market.source_sequence = command.source_sequence
        market.sequence = self.sequence
        market.quotes += 1
        self.quoted_at_ns = self.now_ns
        self.count_candles(command.instrument, market)
        self.emit(EventKind.QUOTE_CHANGED, instrument=command.instrument, bid=bid, ask=ask)
        self.feed_is_back()
        # All that fires is found before anything is served: what a fill opens is first looked at with the next quote.
        fired = sorted(self.fired_by(command.instrument, market))
        for wait in [wait for wait in self.waiting if wait.queued and wait.instrument == command.instrument]:
            self.waiting.remove(wait)
            if wait.id in self.orders:
                self.fill_waiting(self.orders[wait.id])
            elif wait.id in self.fixed_trades:
                self.enter(self.fixed_trades[wait.id])
            else:
                self.close_at_touch(self.positions[wait.id], wait.lots, Cause.CLIENT)
        for _, id, cause in fired:
            if id in self.positions and cause is Cause.NONE:
                self.follow(self.positions[id])
            elif id in self.positions:
                self.close_at_touch(self.positions[id], self.positions[id].lots, cause)
            elif id in self.orders:
                self.fill(self.orders[id], at_touch=self.orders[id].command.order_type == OrderType.STOP)

    def fired_by(self, instrument: int, market: Market) -> list[tuple[int, int, Cause]]:
        """(class, id, cause) of what the quote reaches: stops, then liquidations, then targets, then steps of trailing
        stops (which close nothing: no cause), then entries."""
        stops = (Cause.STOP_LOSS, Cause.TRAILING_STOP)
        served = [stops, (Cause.LIQUIDATION,), (Cause.TAKE_PROFIT,), (Cause.NONE,)]
        fired = []
        for position in self.positions.values():
            price = market.closing(position.side)
            cause = self.cause(position, price)
            if position.instrument == instrument and (cause or self.is_ahead(position, price)):
                number = next(number for number, causes in enumerate(served) if cause in causes)
                fired.append((number, position.id, cause))
        for order in (order for order in self.orders.values() if not self.waits(order.id)):
            command, touch = order.command, market.opening(order.command.side)
            comes_to = -command.side if command.order_type == OrderType.STOP else command.side
            if command.instrument == instrument and self.is_reached(comes_to, command.price, touch):
                fired.append((99, order.id, Cause.NONE))
        return fired

    def cause(self, position: Position, price: int) -> Cause:
        """A gap through the stop and the liquidation is a stop."""
        if self.is_reached(position.side, position.stop_loss, price):
            return Cause.TRAILING_STOP if position.trailing else Cause.STOP_LOSS
        if self.is_reached(position.side, position.liquidation, price):
            return Cause.LIQUIDATION
        if self.is_reached(-position.side, position.take_profit, price):
            return Cause.TAKE_PROFIT
        return Cause.NONE

    def is_ahead(self, position: Position, price: int) -> bool:
        """Is the price a step or more further from the trailing stop than its distance?"""
        return position.trailing != 0 and (
            (price - position.stop_loss) * position.side >= position.trailing + position.step
        )

    def follow(self, position: Position) -> None:
        """The trailing stop goes after the price, step by step."""
        while self.is_ahead(position, self.markets[position.instrument].closing(position.side)):
            position.stop_loss += position.side * position.step
        self.tell_about(EventKind.POSITION_CHANGED, position, lots=0)

    def is_reached(self, side: int, level: int, price: int) -> bool:
        """Has the price come down to the level (side 1) or up to it (side -1)? A level of 0 is none."""
        return level != 0 and (price <= level if side > 0 else price >= level)

    def count_candles(self, instrument: int, market: Market) -> None:
        for length in CANDLE_LENGTHS_S:
            if length in market.candles:
                start, bids = market.candles[length]
                if self.now_ns >= start + length * BILLION:
                    self.emit(EventKind.CANDLE_CLOSED, instrument=instrument, interval_s=length, open_at_ns=start,
                              open=bids[0], high=max(bids), low=min(bids), close=bids[-1], ticks=len(bids))  # fmt: skip
                    del market.candles[length]
        for length in CANDLE_LENGTHS_S:
            start = self.now_ns // (length * BILLION) * length * BILLION
            market.candles.setdefault(length, (start, []))[1].append(market.bid)

    # Sums

    def stakes(self, seat: Seat) -> int:
        return sum(trade.command.stake for trade in seat.fixed_trades)

    def exposure(self, seat: Seat, instrument: int = 0) -> int:
        """Notional at entry of what the seat has, in one instrument or in all."""
        ordered = [(order.command.instrument, order.notional) for order in seat.orders]
        held = [(held.instrument, held.cost * self.markets[held.instrument].value) for held in seat.positions]
        return sum(notional for where, notional in ordered + held if instrument in (0, where))

    def floating(self, position: Position) -> int:
        market = self.markets[position.instrument]
        return position.side * (market.closing(position.side) * position.lots - position.cost) * market.value

    def floating_profit(self, position: Position) -> int:
        return max(-position.margin, self.floating(position))

    def result(self, position: Position) -> int:
        """What it has brought so far: by the parts that are closed, and by the rest as of now."""
        return position.realised + self.floating(position)

    def balance(self, seat: Seat) -> int:
        """Its cash, and all that is set aside of it."""
        balance = seat.cash
        for order in seat.orders:
            balance += order.margin + order.fee
        for trade in seat.fixed_trades:
            balance += trade.command.stake
        for position in seat.positions:
            balance += position.margin
        return balance

    def equity(self, seat: Seat) -> int:
        equity = self.balance(seat)
        for position in seat.positions:
            equity += self.floating_profit(position)
        return equity

    # Events

    def emit(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0, **body: Any) -> None:
        message = 0
        if player:
            self.players[player - 1] += 1
            message = self.players[player - 1]
        header = {"kind": int(kind), "reason": int(body.pop("reason", 0)), "sequence": self.sequence,
                  "at_ns": self.now_ns,
                  "player": player, "message": message, "match": match, "instrument": instrument}  # fmt: skip
        self.events.append(header | body)

    def tell(self, kind: EventKind, seat: Seat, instrument: int, **body: Any) -> None:
        """A trade's event, to the player of the seat."""
        blank = dict.fromkeys(("id", "side", "order_type", "cause", "leverage", "price", "lots", "cost", "margin",
                               "fee",
                               "profit", "cash", "left", "liquidation", "stop_loss", "take_profit",
                               "trailing"), 0)  # fmt: skip
        body = blank | {"client_order_id": NO_TEXT, "cash": seat.cash} | body
        self.emit(kind, seat.player, seat.match, instrument, **body)

    def tell_of(self, kind: EventKind, order: Order, **body: Any) -> None:
        command = order.command
        described = {
            "id": order.id,
            "side": int(command.side),
            "order_type": int(command.order_type),
            "leverage": command.leverage,
            "price": command.price,
            "lots": order.lots,
            "cost": command.price * order.lots,
            "margin": order.margin,
            "fee": order.fee,
            "stop_loss": command.stop_loss,
            "take_profit": command.take_profit,
            "trailing": command.trailing_ppm,
            "client_order_id": list(pack_client_order_id(command.client_order_id)),
        }
        self.tell(kind, order.seat, command.instrument, **described | body)

    def tell_about(self, kind: EventKind, position: Position, **body: Any) -> None:
        described = {
            "id": position.id, "side": int(position.side), "leverage": position.leverage, "cost": position.cost,
            "margin": position.margin, "left": position.lots, "liquidation": position.liquidation,
            "stop_loss": position.stop_loss, "take_profit": position.take_profit, "trailing": position.trailing,
        }  # fmt: skip
        self.tell(kind, position.seat, position.instrument, **described | body)

    def tell_fixed(self, kind: EventKind, trade: FixedTrade, **body: Any) -> None:
        command, seat = trade.command, trade.seat
        cash = seat.cash
        if command.asset:
            asset = Asset(command.asset).name
            cash = self.money.has(seat.player, PURSES[asset], asset)
        described = {
            "id": trade.id, "direction": int(command.direction), "result": 0, "stake": command.stake,
            "payout_percent": trade.payout_percent, "expires_at_ns": trade.expires_at_ns, "entry": trade.entry,
            "exit": 0, "entry_sequence": trade.entry_sequence, "exit_sequence": 0, "profit": 0, "cash": cash,
            "asset": int(command.asset),
        }  # fmt: skip
        self.emit(kind, seat.player, seat.match, command.instrument, **described | body)

    def pulse(self, command: Pulse) -> None:
        """Nothing but the time."""

    def unknown(self, command: Unknown) -> None:
        raise Refused(Reason.COMMAND_UNKNOWN)

    handlers: dict[type, Any] = {  # noqa: RUF012
        DefineInstrument: define,
        SetSwitch: set_switch,
        CreateGame: create_game,
        UpdateGame: update_game,
        DeleteGame: delete_game,
        SetGameActive: set_game_active,
        StartSeason: start_season,
        CreateMatch: create_match,
        JoinMatch: join,
        EndMatch: end,
        LeaveMatch: leave,
        StartMatch: start_match,
        CancelMatch: cancel_match,
        ArchiveMatch: archive,
        JoinQueue: join_queue,
        LeaveQueue: leave_queue,
        FundRewards: fund_rewards,
        RegisterPlayer: register,
        ResetSeat: reset,
        OpenFeed: open_feed,
        Quote: quote,
        PlaceOrder: place,
        CancelOrder: cancel,
        ClosePosition: close,
        AmendPosition: amend,
        AmendOrder: amend_order,
        CancelAll: cancel_all,
        BuyFixed: buy_fixed,
        TopUp: top_up,
        Transfer: transfer,
        Asked: asked,
        Pulse: pulse,
        Unknown: unknown,
    }
