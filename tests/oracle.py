"""The rules once more, as naively as they can be said: dicts, lists, unbounded integers, a look at all on every quote.

The engine is fast and the oracle is plain; a driver gives both the same commands and compares all that comes out. Read
it as the rule book: prices are ticks, quantities lots, money 1e-8 units, times nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from arena import (
    AmendPosition,
    BuyFixed,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
    Pulse,
    Quote,
    Unknown,
)

from engine.commands import (
    Amend,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    Execution,
    MarginBracket,
    OpenFeed,
    OrderType,
    RegisterPlayer,
    ResetSeat,
    TimeInForce,
    pack_client_order_id,
)
from engine.events import Cause, EventKind, FixedResult, OrderStatus
from engine.reasons import Reason

BILLION = 10**9
MILLION = 10**6
DAY_NS = 24 * 3600 * BILLION
KEYS_KEPT = 4096
GREATEST_NOTIONAL = 2**60
TIMER_FIXED, TIMER_ORDER, TIMER_WAIT = 1, 2, 3  # in this order, when due together
CANDLE_LENGTHS_S = (1, 60, 300, 900, 3_600, 14_400, 86_400)
NO_TEXT = list(pack_client_order_id(""))

Keyed = PlaceOrder | CancelOrder | ClosePosition | AmendPosition | BuyFixed
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
class Match:
    game: CreateGame
    granted: int = 0
    fees_taken: int = 0
    market: int = 0
    insurance: int = 0

    @property
    def takes_next_quote(self) -> bool:
        return self.game.execution is Execution.NEXT


@dataclass
class Seat:
    player: int
    match: int
    cash: int
    profit: int = 0
    fees: int = 0
    trades: int = 0
    wins: int = 0


@dataclass
class Order:
    """Rests until its price comes; or waits for a quote, and is then on its way."""

    id: int
    seat: Seat
    command: PlaceOrder
    lots: int
    notional: int
    margin: int
    fee: int


@dataclass
class FixedTrade:
    """A stake on up or down. Its price is bid + ask, of the first quote that comes, against the last one."""

    id: int
    seat: Seat
    command: BuyFixed
    payout_percent: int
    expires_at_ns: int
    quotes_before: int
    entry: int = 0
    entry_sequence: int = 0


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


@dataclass
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


def rounded_up(amount: int, ppm: int) -> int:
    return -(-amount * ppm // MILLION)


def bracket_of(brackets: tuple[MarginBracket, ...], notional: int) -> MarginBracket:
    return next((bracket for bracket in brackets[:-1] if notional <= bracket.notional_cap), brackets[-1])


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
        self.games: list[CreateGame] = []
        self.matches: dict[int, Match] = {}
        self.markets: dict[int, Market] = {}
        self.seats: dict[tuple[int, int], Seat] = {}
        self.orders: dict[int, Order] = {}
        self.positions: dict[int, Position] = {}
        self.fixed_trades: dict[int, FixedTrade] = {}
        self.waiting: list[Wait] = []  # in order of acceptance; in that in which they became ripe, once they are
        self.requests: dict[tuple[int, str], tuple[Any, Outcome, int]] = {}  # the oldest first
        self.events: list[Event] = []

    def apply(self, commands: list[Command], at_ns: int) -> tuple[list[Outcome], list[Event]]:
        """One batch: what is due first, then the commands in order."""
        self.now_ns, self.events = at_ns, []
        first = self.sequence + 1
        self.sequence = first
        self.requests = {key: kept for key, kept in self.requests.items() if kept[2] + DAY_NS > at_ns}
        while due := self.due():
            min(due, key=lambda timer: timer[:3])[3]()
        outcomes = []
        for self.sequence, command in enumerate(commands, first):
            outcomes.append(self.answer(command))
        return outcomes, self.events

    def due(self) -> list[tuple[int, int, int, Callable[[], None]]]:
        """(when, kind, id, what) of all that is due by now: expiries of fixed-time trades, dates of orders, ends of
        bumps, quotes gone stale."""
        found: list[tuple[int, int, int, Callable[[], None]]] = []
        for order in self.orders.values():
            if order.command.expires_at_ns:
                expire = partial(self.end, order, EventKind.ORDER_EXPIRED)
                found.append((order.command.expires_at_ns, TIMER_ORDER, order.id, expire))
        for trade in self.fixed_trades.values():
            found.append((trade.expires_at_ns, TIMER_FIXED, trade.id, partial(self.settle, trade)))
        for wait in self.waiting:
            if not wait.queued:
                found.append((wait.ripe_at_ns, TIMER_WAIT, wait.sequence, partial(self.ripen, wait)))
            elif wait.id in self.orders and self.is_stale(wait.instrument):
                stale = partial(self.end, self.orders[wait.id], EventKind.ORDER_EXPIRED, Reason.FEED_STALE)
                market = self.markets[wait.instrument]
                stale_at_ns = market.at_ns + market.data.quote_lifetime_ns + 1
                found.append((stale_at_ns, TIMER_WAIT, wait.sequence, stale))
        return [timer for timer in found if timer[0] <= self.now_ns]

    def ripen(self, wait: Wait) -> None:
        """The bump is over: it goes to the end of the line."""
        wait.queued = True
        self.waiting.remove(wait)
        self.waiting.append(wait)

    def is_stale(self, instrument: int) -> bool:
        market = self.markets[instrument]
        return market.bid == 0 or self.now_ns - market.at_ns > market.data.quote_lifetime_ns

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

    def create_game(self, command: CreateGame) -> Outcome:
        self.games.append(command)
        return {"id": len(self.games)}

    def create_match(self, command: CreateMatch) -> Outcome:
        refuse_if(not 1 <= command.game <= len(self.games), Reason.GAME_NOT_FOUND)
        refuse_if(not command.practice, Reason.MATCH_NOT_PRACTICE)
        id = len(self.matches) + 1
        self.matches[id] = Match(self.games[command.game - 1])
        self.emit(EventKind.MATCH_CREATED, match=id)
        for player in range(1, len(self.players) + 1):
            self.sit(player, id)
        return {"id": id}

    def register(self, command: RegisterPlayer) -> Outcome:
        self.players.append(0)
        player = len(self.players)
        self.emit(EventKind.PLAYER_REGISTERED, player=player)
        for match in self.matches:
            self.sit(player, match)
        return {"id": player}

    def sit(self, player: int, match: int) -> None:
        balance = self.matches[match].game.starting_balance
        self.matches[match].granted += balance
        seat = self.seats[player, match] = Seat(player, match, balance)
        self.tell(EventKind.SEAT_OPENED, seat, 0)

    def reset(self, command: ResetSeat) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        flat = not (self.orders_of(seat) or self.positions_of(seat) or self.fixed_trades_of(seat))
        refuse_if(not flat, Reason.SEAT_NOT_FLAT)

        match = self.matches[command.match]
        match.granted += match.game.starting_balance - seat.cash
        seat.cash = match.game.starting_balance
        seat.profit = seat.fees = seat.trades = seat.wins = 0
        self.tell(EventKind.SEAT_RESET, seat, 0)
        return {"id": command.match}

    # Orders

    def place(self, command: PlaceOrder) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        refuse_if(command.instrument not in self.markets, Reason.INSTRUMENT_NOT_FOUND)
        market = self.markets[command.instrument]
        data = market.data
        self.check_that_it_opens(data)
        self.check_by_itself(command, data)
        refuse_if(command.leverage > min(match.game.max_leverage, data.max_leverage), Reason.LEVERAGE_TOO_HIGH)
        open_trades = len(self.orders_of(seat)) + len(self.positions_of(seat))
        refuse_if(open_trades >= match.game.max_positions, Reason.TOO_MANY_POSITIONS)
        refuse_if(self.is_stale(command.instrument), Reason.FEED_STALE)

        touch, mark = market.opening(command.side), market.closing(command.side)
        is_market, is_stop = command.order_type == OrderType.MARKET, command.order_type == OrderType.STOP
        refuse_if(is_stop and self.is_reached(-command.side, command.price, touch), Reason.WOULD_TRIGGER_NOW)
        reached = is_market or (
            not is_stop and (touch <= command.price if command.side > 0 else touch >= command.price)
        )
        waits = match.takes_next_quote and (reached or command.time_in_force == TimeInForce.IOC)
        price = touch if reached else command.price
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
        fills = reached and not waits
        if not fills and not waits and command.time_in_force == TimeInForce.IOC:
            self.tell_of(EventKind.ORDER_CANCELED, order, margin=0, fee=0, liquidation=liquidation)
            return {"id": order.id, "instrument": order.command.instrument, "status": OrderStatus.CANCELED}
        seat.cash -= margin + fee
        if not fills:
            self.orders[order.id] = order
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

    def check_that_it_opens(self, data: DefineInstrument) -> None:
        refuse_if(not data.enabled, Reason.INSTRUMENT_DISABLED)
        refuse_if(data.halted, Reason.INSTRUMENT_HALTED)
        refuse_if(data.locked, Reason.INSTRUMENT_LOCKED)
        refuse_if(data.close_only, Reason.INSTRUMENT_CLOSE_ONLY)

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

    def open(self, order: Order, fee: int, liquidation: int) -> None:
        """The order becomes a position under its id; the seat has paid already."""
        command, seat = order.command, order.seat
        position = self.positions[order.id] = Position(
            order.id, seat, command.instrument, command.side, command.leverage, order.lots, command.price * order.lots,
            order.margin, liquidation, command.stop_loss, command.take_profit,
        )  # fmt: skip
        seat.fees += fee
        self.matches[seat.match].fees_taken += fee
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
                return self.end(order, EventKind.ORDER_CANCELED)
            lots = self.lots_at(order, command.price)
            notional = command.price * lots * market.value
            margin = -(-notional // command.leverage)
            fee = rounded_up(notional, data.maker_fee_ppm) if self.matches[seat.match].game.fees else 0
            try:
                self.check_size(data, lots, notional)
                refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
            except Refused as refused:
                return self.end(order, EventKind.ORDER_REFUSED, refused.reason)
            seat.cash += order.margin + order.fee - margin - fee
            order.lots, order.notional, order.margin, order.fee = lots, notional, margin, fee
            return self.tell_of(EventKind.ORDER_CHANGED, order)
        if command.max_slippage_ppm and away > rounded_up(command.price, command.max_slippage_ppm):
            return self.end(order, EventKind.ORDER_REFUSED, Reason.SLIPPAGE_TOO_HIGH)
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
            self.check_that_it_opens(data)
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
            self.end(order, EventKind.ORDER_REFUSED, refused.reason)
            return
        del self.orders[order.id]
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

    def end(self, order: Order, kind: EventKind, reason: Reason = Reason.ACCEPTED) -> None:
        """It ends without a fill, and what it reserved comes back."""
        del self.orders[order.id]
        self.waiting = [wait for wait in self.waiting if wait.id != order.id]
        order.seat.cash += order.margin + order.fee
        self.tell_of(kind, order, reason=reason)

    def cancel(self, command: CancelOrder) -> Outcome:
        order = self.orders.get(command.order)
        refuse_if(order is None or order.seat.player != command.player, Reason.ORDER_NOT_FOUND)
        assert order is not None
        refuse_if(self.waits(order.id), Reason.ORDER_EXECUTING)
        self.end(order, EventKind.ORDER_CANCELED)
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
        if match.takes_next_quote or self.is_stale(position.instrument):
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
        if position.lots:
            position.cost -= cost
            position.margin -= margin
            position.liquidation = liquidation_price(
                market.data, position.side, position.lots, position.cost, position.margin, match.game.fees
            )
            kind = EventKind.POSITION_CHANGED
        else:
            seat.trades += 1
            seat.wins += profit > 0
            del self.positions[position.id]
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
        self.check_stops(position.side, market.closing(position.side), stop_loss, take_profit, market.data)
        if command.fields & Amend.MARGIN:
            self.change_margin(position, command.margin)
        if command.fields & Amend.STOP_LOSS:
            position.stop_loss = stop_loss
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
        refuse_if(change < 0 and self.is_stale(position.instrument), Reason.FEED_STALE)
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

    def buy_fixed(self, command: BuyFixed) -> Outcome:
        refuse_if(command.match not in self.matches, Reason.MATCH_NOT_FOUND)
        match = self.matches[command.match]
        refuse_if((command.player, command.match) not in self.seats, Reason.NOT_JOINED)
        seat = self.seats[command.player, command.match]
        refuse_if(command.instrument not in self.markets, Reason.INSTRUMENT_NOT_FOUND)
        market = self.markets[command.instrument]
        data = market.data
        self.check_that_it_opens(data)
        refuse_if(data.fixed_payout_percent == 0, Reason.FIXED_NOT_OFFERED)
        refuse_if(command.direction not in (1, -1), Reason.DIRECTION_INVALID)
        refuse_if(command.stake < data.fixed_min_stake, Reason.STAKE_TOO_LOW)
        refuse_if(command.stake > data.fixed_max_stake, Reason.STAKE_TOO_HIGH)
        offered = data.fixed_min_s <= command.duration_s <= data.fixed_max_s
        bump_ms = match.game.speed_bump_ms if match.takes_next_quote else 0
        refuse_if(not offered or command.duration_s * 1000 <= bump_ms, Reason.DURATION_INVALID)
        refuse_if(self.is_stale(command.instrument), Reason.FEED_STALE)
        refuse_if(command.stake > seat.cash, Reason.CASH_TOO_LOW)
        expires_at_ns = self.now_ns + command.duration_s * BILLION
        minute = expires_at_ns // (60 * BILLION)
        staked = sum(
            trade.command.stake for trade in self.fixed_trades.values()
            if trade.command.instrument == command.instrument and trade.command.direction == command.direction
            and trade.expires_at_ns // (60 * BILLION) == minute
        )  # fmt: skip
        cap = data.fixed_exposure_cap
        refuse_if(cap != 0 and staked + command.stake > cap, Reason.EXPOSURE_CAP_REACHED)

        seat.cash -= command.stake
        trade = FixedTrade(self.next_id, seat, command, data.fixed_payout_percent, expires_at_ns, market.quotes)
        self.next_id += 1
        self.fixed_trades[trade.id] = trade
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
        seat, stake, market = trade.seat, trade.command.stake, self.markets[trade.command.instrument]
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
            result, profit = FixedResult.WON, stake * trade.payout_percent // 100
        else:
            result, profit = FixedResult.LOST, -stake
        seat.cash += stake + profit
        seat.profit += profit
        self.matches[seat.match].market -= profit
        del self.fixed_trades[trade.id]
        self.waiting = [wait for wait in self.waiting if wait.id != trade.id]
        self.tell_fixed(
            EventKind.FIXED_SETTLED, trade, reason=reason, result=int(result), exit=last,
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
        bid, ask = command.bid - data.markup_ticks, command.ask + data.markup_ticks
        refuse_if(bid <= 0 or ask > data.highest_price or command.bid >= command.ask, Reason.QUOTE_NOT_USABLE)
        refuse_if((command.ask - command.bid) * MILLION > command.bid * data.max_spread_ppm, Reason.QUOTE_NOT_USABLE)
        refuse_if(command.source_sequence <= market.source_sequence, Reason.QUOTE_NOT_USABLE)

        market.bid, market.ask, market.at_ns = bid, ask, self.now_ns
        market.source_sequence = command.source_sequence
        market.sequence = self.sequence
        market.quotes += 1
        self.count_candles(command.instrument, market)
        self.emit(EventKind.QUOTE_CHANGED, instrument=command.instrument, bid=bid, ask=ask)
        if data.halted:
            return
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
            if id in self.positions:
                self.close_at_touch(self.positions[id], self.positions[id].lots, cause)
            elif id in self.orders:
                self.fill(self.orders[id], at_touch=self.orders[id].command.order_type == OrderType.STOP)

    def fired_by(self, instrument: int, market: Market) -> list[tuple[int, int, Cause]]:
        """(class, id, cause) of what the quote reaches: stops, then liquidations, then targets, then entries."""
        fired = []
        for position in self.positions.values():
            if position.instrument == instrument and (cause := self.cause(position, market.closing(position.side))):
                fired.append((int(cause), position.id, cause))
        for order in (order for order in self.orders.values() if not self.waits(order.id)):
            command, touch = order.command, market.opening(order.command.side)
            comes_to = -command.side if command.order_type == OrderType.STOP else command.side
            if command.instrument == instrument and self.is_reached(comes_to, command.price, touch):
                fired.append((99, order.id, Cause.NONE))
        return fired

    def cause(self, position: Position, price: int) -> Cause:
        """A gap through the stop and the liquidation is a stop."""
        if self.is_reached(position.side, position.stop_loss, price):
            return Cause.STOP_LOSS
        if self.is_reached(position.side, position.liquidation, price):
            return Cause.LIQUIDATION
        if self.is_reached(-position.side, position.take_profit, price):
            return Cause.TAKE_PROFIT
        return Cause.NONE

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

    def orders_of(self, seat: Seat) -> list[Order]:
        return [order for order in self.orders.values() if order.seat is seat]

    def positions_of(self, seat: Seat) -> list[Position]:
        return [position for position in self.positions.values() if position.seat is seat]

    def fixed_trades_of(self, seat: Seat) -> list[FixedTrade]:
        return [trade for trade in self.fixed_trades.values() if trade.seat is seat]

    def stakes(self, seat: Seat) -> int:
        return sum(trade.command.stake for trade in self.fixed_trades_of(seat))

    def exposure(self, seat: Seat, instrument: int = 0) -> int:
        """Notional at entry of what the seat has, in one instrument or in all."""
        ordered = [(order.command.instrument, order.notional) for order in self.orders_of(seat)]
        held = [(held.instrument, held.cost * self.markets[held.instrument].value) for held in self.positions_of(seat)]
        return sum(notional for where, notional in ordered + held if instrument in (0, where))

    def floating_profit(self, position: Position) -> int:
        market = self.markets[position.instrument]
        mark = market.closing(position.side)
        return max(-position.margin, position.side * (mark * position.lots - position.cost) * market.value)

    def equity(self, seat: Seat) -> int:
        reserved = sum(order.margin + order.fee for order in self.orders_of(seat))
        kept = seat.cash + reserved + self.stakes(seat)
        return kept + sum(held.margin + self.floating_profit(held) for held in self.positions_of(seat))

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
                               "profit", "cash", "left", "liquidation", "stop_loss", "take_profit"), 0)  # fmt: skip
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
            "client_order_id": list(pack_client_order_id(command.client_order_id)),
        }
        self.tell(kind, order.seat, command.instrument, **described | body)

    def tell_about(self, kind: EventKind, position: Position, **body: Any) -> None:
        described = {
            "id": position.id, "side": int(position.side), "leverage": position.leverage, "cost": position.cost,
            "margin": position.margin, "left": position.lots, "liquidation": position.liquidation,
            "stop_loss": position.stop_loss, "take_profit": position.take_profit,
        }  # fmt: skip
        self.tell(kind, position.seat, position.instrument, **described | body)

    def tell_fixed(self, kind: EventKind, trade: FixedTrade, **body: Any) -> None:
        command, seat = trade.command, trade.seat
        described = {
            "id": trade.id, "direction": int(command.direction), "result": 0, "stake": command.stake,
            "payout_percent": trade.payout_percent, "expires_at_ns": trade.expires_at_ns, "entry": trade.entry,
            "exit": 0, "entry_sequence": trade.entry_sequence, "exit_sequence": 0, "profit": 0, "cash": seat.cash,
        }  # fmt: skip
        self.emit(kind, seat.player, seat.match, command.instrument, **described | body)

    def pulse(self, command: Pulse) -> None:
        """Nothing but the time."""

    def unknown(self, command: Unknown) -> None:
        raise Refused(Reason.COMMAND_UNKNOWN)

    handlers: dict[type, Any] = {  # noqa: RUF012
        DefineInstrument: define,
        CreateGame: create_game,
        CreateMatch: create_match,
        RegisterPlayer: register,
        ResetSeat: reset,
        OpenFeed: open_feed,
        Quote: quote,
        PlaceOrder: place,
        CancelOrder: cancel,
        ClosePosition: close,
        AmendPosition: amend,
        BuyFixed: buy_fixed,
        Pulse: pulse,
        Unknown: unknown,
    }
