"""The language of the rule tests: an arena in a few lines, whose commands read like a round of the game.

Prices, quantities and money are written as numbers or strings and converted exactly; what comes back is Decimal. After
each command every invariant is checked, and a command that is not expected to be refused must not be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine import views
from engine.batch.machine import Machine
from engine.invariants import check
from engine.ledger.accounts import account_id, open_account
from engine.model.commands import (
    ASSET_DECIMALS,
    Account,
    Amend,
    Asset,
    CancelOnDisconnect,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    JoinMatch,
    MarginBracket,
    OpenFeed,
    OrderType,
    RegisterPlayer,
    ResetSeat,
    SetConnected,
    SetSwitch,
    Side,
    TimeInForce,
)
from engine.model.events import EVENT, LAYOUTS, Cause, EventKind, Fixed, FixedResult, OrderStatus, TransferStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import MONEY, MONEY_DECIMALS, NS_PER_MS, NS_PER_S, format_decimal, parse_decimal
from engine.storage.capacity import ensure_capacity_for_accounts
from tests.harness.records import (
    AmendOrder,
    AmendPosition,
    BuyFixed,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
    Pulse,
    Quote,
    Transfer,
    batch_of,
    events_of,
    lasting,
    outcomes_of,
)

LONG, SHORT = Side.LONG, Side.SHORT
START_NS = 1_700_000_000 * NS_PER_S

GRANT = 1 << 100
"""Ids of transfers from the world to those who have just opened an account come after this one."""

Number = int | str | Decimal

# The arena

BRACKETS_OF_BTC = tuple(
    MarginBracket(cap * MONEY, ppm, leverage, cum * MONEY)
    for cap, ppm, leverage, cum in (
        (50_000, 4_000, 125, 0),
        (600_000, 5_000, 100, 50),
        (3_000_000, 6_500, 75, 950),
        (12_000_000, 10_000, 50, 11_450),
        (70_000_000, 20_000, 25, 131_450),
        (100_000_000, 25_000, 20, 481_450),
        (230_000_000, 50_000, 10, 2_981_450),
        (0, 100_000, 5, 14_481_450),
    )
)

BTC = DefineInstrument(
    symbol="BTCUSDT", name="Bitcoin", base="BTC", quote="USDT",
    tick_units=MONEY // 100, lot_units=MONEY // 100_000, min_lots=1, max_lots=100_000_000, min_notional=5 * MONEY,
    highest_price=100_000_000, max_leverage=125, taker_fee_ppm=500, maker_fee_ppm=200, max_spread_ppm=10_000,
    markup_ticks=0, quote_lifetime_ns=2_000 * NS_PER_MS, brackets=BRACKETS_OF_BTC, fixed_payout_percent=80,
    fixed_min_stake=MONEY, fixed_max_stake=1_000 * MONEY,
)  # fmt: skip
"""Bitcoin as it is seeded: ticks of 0.01, lots of 0.00001, so a lot is worth 1e-7 a tick."""

ETH = msgspec.structs.replace(BTC, symbol="ETHUSDT", name="Ether", base="ETH")


class Outcome(NamedTuple):
    """The answer to a command, in the units of its instrument; `left` of a CancelAll is a number of orders."""

    reason: Reason
    status: OrderStatus | TransferStatus
    replayed: bool
    id: int
    price: Decimal
    fee: Decimal
    profit: Decimal
    liquidation: Decimal
    left: Decimal
    sequence: int


class Happened(NamedTuple):
    """An event of a trade, in the units of its instrument."""

    kind: EventKind
    reason: Reason
    id: int
    cause: Cause
    price: Decimal
    quantity: Decimal
    margin: Decimal
    fee: Decimal
    profit: Decimal
    cash: Decimal
    left: Decimal
    liquidation: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    message: int
    sequence: int

    @property
    def paid_back(self) -> Decimal:
        """What a close returned to the seat's cash."""
        return self.margin + self.profit - self.fee

    @property
    def word(self) -> str:
        """What a scenario says of it: the cause."""
        return self.cause.name.lower() if self.cause else ""


class HappenedFixed(NamedTuple):
    """An event of a fixed-time trade, in the units of its instrument."""

    kind: EventKind
    reason: Reason
    id: int
    result: FixedResult
    stake: Decimal
    payout: int
    entry: Decimal
    exit: Decimal
    entry_sequence: int
    exit_sequence: int
    profit: Decimal
    cash: Decimal
    message: int
    sequence: int

    @property
    def word(self) -> str:
        """What a scenario says of it: the result."""
        return self.result.name.lower() if self.result else ""


class Arena:
    """An engine, a clock that moves when told, and two instruments: BTCUSDT and ETHUSDT."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.now_ns = START_NS
        self.source_sequence = 0
        self.grants = 0
        self.outcome: Outcome
        self.events: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.refused: list[Reason] = []
        self.expects_refusal = False
        self.instruments: dict[str, tuple[int, DefineInstrument]] = {}
        self.matches: dict[tuple[tuple[str, Any], ...], int] = {}
        self.define(BTC)
        self.define(ETH)

    def has_room_for_events(self, count: int) -> None:
        """Give the machine an event buffer of so many events, with room behind it that nothing may touch."""
        announcer = self.machine._emit
        announcer._buffer = np.zeros(count + 64, EVENT)[:count]
        announcer.events = Events(announcer._buffer)

    # Setting up

    def define(self, instrument: DefineInstrument) -> int:
        """Create the instrument or change its data; its id."""
        id = self.command(instrument).id
        if not self.refused:
            self.instruments[instrument.symbol] = id, instrument
        return id

    def change(self, symbol: str, **fields: Any) -> int:
        """Give an instrument other data; its id."""
        return self.define(msgspec.structs.replace(self.instruments[symbol][1], **fields))

    def switch(self, scope: str, id: int, switch: str, on: bool = True, reason: str = "a test") -> None:
        """Set a kill switch."""
        self.command(SetSwitch(scope, id, switch, on, reason))
        cold = self.machine.state.cold.instruments
        self.instruments = {symbol: (known, cold[known]) for symbol, (known, _) in self.instruments.items()}

    def match(self, cash: Number = 10_000, **rules: Any) -> int:
        """A practice match of a game with these rules, made when there is none yet."""
        wanted = {"starting_balance": money(cash), "max_positions": 100, "max_leverage": 125, "fees": False} | rules
        key = tuple(sorted(wanted.items()))
        if key not in self.matches:
            game = self.command(CreateGame(title="Game", description="", **wanted)).id
            self.matches[key] = self.command(CreateMatch(game, practice=True)).id
        return self.matches[key]

    def player(self, cash: Number = 10_000, **rules: Any) -> Player:
        """A new player, in a match of that starting balance. Rules: fees (default off), max_positions, and so on."""
        match = self.match(cash, **rules)
        return Player(self, self.command(RegisterPlayer("Player")).id, match)

    def contest(self, seconds: int, cash: Number = 10_000, **rules: Any) -> int:
        """A match that ends, of a game with these rules."""
        wanted = {"starting_balance": money(cash), "max_positions": 100, "max_leverage": 125, "fees": False} | rules
        game = self.command(CreateGame(title="Contest", description="", duration_s=seconds, **wanted)).id
        return self.command(CreateMatch(game, practice=False)).id

    def contestant(self, match: int) -> Player:
        """A new player who has joined the match."""
        player = self.command(RegisterPlayer("Player")).id
        self.command(JoinMatch(match, player))
        return Player(self, player, match)

    def account(self, owner: int, code: int, asset: int = Asset.USDT, balance: int = 0) -> int:
        """Open an account of the ledger, with so much from the world: its id."""
        ensure_capacity_for_accounts(self.machine.state, 2)
        for who, what in ((owner, code), (0, Account.WORLD)):
            open_account(self.machine.state.book, who, what, asset)
        id = int(account_id(owner, code, asset))
        if balance:
            self.grants += 1
            self.command(Transfer(GRANT + self.grants, account_id(0, Account.WORLD, asset), id, balance))
        return id

    # The world goes on

    def quote(self, symbol: str, price: Number, ask: Number | None = None) -> Outcome:
        """A quote. One price is the ask, and the bid stands a tick below it; two are bid and ask."""
        instrument, _ = self.instruments[symbol]
        first = self.ticks(symbol, price)
        bid, offered = (first - 1, first) if ask is None else (first, self.ticks(symbol, ask))
        self.source_sequence += 1
        return self.command(Quote(instrument, bid, offered, self.source_sequence))

    def passes(self, seconds: Number) -> Outcome:
        """Time goes by, and what is due happens."""
        self.now_ns += parse_decimal(str(seconds), 9)
        return self.command(Pulse())

    def feed_opens(self) -> None:
        self.command(OpenFeed("test"))

    @contextmanager
    def refuses(self, reason: Reason) -> Iterator[None]:
        """The one command within is refused for that reason, and changes nothing."""
        before = lasting(self.machine.state)
        self.expects_refusal = True
        try:
            yield
        finally:
            self.expects_refusal = False
        assert self.refused == [reason]
        after = lasting(self.machine.state)
        assert not [name for name in after if after[name] != before[name]], f"{reason.name} changed the state"
        assert not self.events, f"{reason.name} came with events"
        self.refused = []

    def command(self, command: Command) -> Outcome:
        """Apply one command as a batch of its own, and hold the state against all invariants."""
        symbol = self._symbol_of(command)
        applied = self.apply([command])
        found = outcomes_of(applied.outcomes)[0]
        reason = Reason(found["reason"])
        self.refused = [] if reason is Reason.ACCEPTED else [reason]
        assert bool(self.refused) == self.expects_refusal, reason.name
        left = Decimal(found["left"]) if isinstance(command, CancelAll) else self.quantity(symbol, found["left"])
        status = (TransferStatus if isinstance(command, Transfer) else OrderStatus)(found["status"])
        self.outcome = Outcome(
            reason, status, bool(found["replayed"]), found["id"],
            self.price(symbol, found["price"]), dollars(found["fee"]), dollars(found["profit"]),
            self.price(symbol, found["liquidation"]), left, found["sequence"],
        )  # fmt: skip
        return self.outcome

    def apply(self, commands: Sequence[Command]) -> Any:
        """Apply the commands as one batch, stamped now."""
        sequence = int(self.machine.state.book.world["sequence"][0])
        applied = self.machine.apply(batch_of(commands, sequence + 1, self.now_ns))
        self.events = events_of(applied.events)
        self.history += self.events
        check(self.machine.state)
        return applied

    # Looking

    def happened(self, kind: EventKind, player: int | None = None) -> list[Any]:
        """All events of that kind so far (of that player), earliest first."""
        return [
            self._happened(event)
            for event in self.history
            if event["kind"] == kind and (player is None or event["player"] == player)
        ]

    def order_of_events(self) -> list[tuple[EventKind, int]]:
        """Kind and id of what the last command did to orders and positions, in order."""
        return [(EventKind(event["kind"]), event["id"]) for event in self.events if "id" in event]

    def shown(self, match: int) -> views.MatchView:
        """What clients see of the match."""
        view = views.match(self.machine.state, match)
        assert view is not None
        return view

    def insurance(self, match: int) -> Decimal:
        return dollars(self.machine.state.book.matches["insurance"][match])

    def ticks(self, symbol: str, price: Number) -> int:
        return _exactly(price, self.instruments[symbol][1].tick_units)

    def lots(self, symbol: str, quantity: Number) -> int:
        return _exactly(quantity, self.instruments[symbol][1].lot_units)

    def price(self, symbol: str, ticks: int) -> Decimal:
        return dollars(ticks * self.instruments[symbol][1].tick_units if ticks else 0)

    def quantity(self, symbol: str, lots: int) -> Decimal:
        return dollars(lots * self.instruments[symbol][1].lot_units if lots else 0)

    def _happened(self, event: dict[str, Any]) -> Happened | HappenedFixed:
        symbol = self._symbol(event["instrument"])
        if LAYOUTS[EventKind(event["kind"])] is Fixed:
            return HappenedFixed(
                EventKind(event["kind"]),
                Reason(event["reason"]),
                event["id"],
                FixedResult(event["result"]),
                amount(event["stake"], event["asset"]),
                event["payout_percent"],
                self.price(symbol, event["entry"]) / 2,
                self.price(symbol, event["exit"]) / 2,
                event["entry_sequence"],
                event["exit_sequence"],
                amount(event["profit"], event["asset"]),
                amount(event["cash"], event["asset"]),
                event["message"],
                event["sequence"],
            )
        return Happened(
            EventKind(event["kind"]),
            Reason(event["reason"]),
            event["id"],
            Cause(event["cause"]),
            self.price(symbol, event["price"]),
            self.quantity(symbol, event["lots"]),
            dollars(event["margin"]),
            dollars(event["fee"]),
            dollars(event["profit"]),
            dollars(event["cash"]),
            self.quantity(symbol, event["left"]),
            self.price(symbol, event["liquidation"]),
            self.price(symbol, event["stop_loss"]),
            self.price(symbol, event["take_profit"]),
            event["message"],
            event["sequence"],
        )

    def _symbol(self, instrument: int) -> str:
        return next((symbol for symbol, (id, _) in self.instruments.items() if id == instrument), "BTCUSDT")

    def _symbol_of(self, command: Command) -> str:
        """Of the instrument in whose units the answer is to be read."""
        if isinstance(command, PlaceOrder | Quote):
            return self._symbol(command.instrument)
        if isinstance(command, ClosePosition | AmendPosition):
            return self._symbol(views.instrument_of_position(self.machine.state.book, command.position))
        if isinstance(command, AmendOrder):
            return self._symbol(views.instrument_of_order(self.machine.state.book, command.order))
        return "" if isinstance(command, DefineInstrument) and not self.instruments else "BTCUSDT"


class Player:
    """Somebody in a match of the arena. What is opened or ordered is known by its id afterwards."""

    def __init__(self, arena: Arena, id: int, match: int) -> None:
        self.arena, self.id, self.match = arena, id, match

    def opens(self, symbol: str, side: int, **details: Any) -> int:
        """A market order, sized by margin (default) or quantity: the id of the position."""
        return self.arena.command(self._order(symbol, side, OrderType.MARKET, **details)).id

    def limit(self, symbol: str, side: int, price: Number, **details: Any) -> int:
        """A limit order; `expires_in` seconds makes it GTD, `ioc` immediate or cancel: its id."""
        return self.arena.command(self._order(symbol, side, OrderType.LIMIT, price=price, **details)).id

    def stop(self, symbol: str, side: int, price: Number, **details: Any) -> int:
        """A stop order: its id."""
        return self.arena.command(self._order(symbol, side, OrderType.STOP, price=price, **details)).id

    def closes(self, position: int, *, percent: int = 0, quantity: Number = 0, key: str | None = None) -> Outcome:
        """Close a position: all of it, a percentage, or a quantity."""
        symbol = self.arena._symbol(views.instrument_of_position(self.arena.machine.state.book, position))
        lots = self.arena.lots(symbol, quantity)
        if not percent and not lots:
            percent = 100
        return self.arena.command(ClosePosition(self.id, position, lots, percent, key))

    def amends(
        self,
        position: int,
        *,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        margin: Number | None = None,
        trailing_stop: int | str | None = None,
        key: str | None = None,
    ) -> Outcome:
        """Set other stops; 0 takes one away, None leaves it. `margin` is to add, or below 0 to take back. A trailing
        stop is in ppm of the price now."""
        symbol = self.arena._symbol(views.instrument_of_position(self.arena.machine.state.book, position))
        fields = (
            Amend.STOP_LOSS * (stop_loss is not None)
            | Amend.TAKE_PROFIT * (take_profit is not None)
            | Amend.MARGIN * (margin is not None)
            | Amend.TRAILING_STOP * (trailing_stop is not None)
        )
        low, high = (self.arena.ticks(symbol, price or 0) for price in (stop_loss, take_profit))
        return self.arena.command(
            AmendPosition(self.id, position, fields, low, high, money(margin or 0), int(trailing_stop or 0), key)
        )

    def moves(
        self,
        order: int,
        *,
        price: Number | None = None,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        expires_in: Number | None = None,
        key: str | None = None,
    ) -> Outcome:
        """Amend an order; None leaves a figure as it is, 0 takes it away. `expires_in` is in seconds."""
        symbol = self.arena._symbol(views.instrument_of_order(self.arena.machine.state.book, order))
        fields = (
            Amend.PRICE * (price is not None)
            | Amend.STOP_LOSS * (stop_loss is not None)
            | Amend.TAKE_PROFIT * (take_profit is not None)
            | Amend.EXPIRY * (expires_in is not None)
        )
        at, stop, goal = (self.arena.ticks(symbol, one or 0) for one in (price, stop_loss, take_profit))
        after_ns = parse_decimal(str(expires_in or 0), 9)
        expires_at_ns = self.arena.now_ns + after_ns if after_ns else 0
        return self.arena.command(AmendOrder(self.id, order, fields, at, stop, goal, expires_at_ns, key))

    def cancels(self, order: int, key: str | None = None) -> Outcome:
        return self.arena.command(CancelOrder(self.id, order, key))

    def cancels_all(self, key: str | None = None) -> Outcome:
        return self.arena.command(CancelAll(self.id, self.match, key))

    def buys(self, symbol: str, direction: int, stake: Number, seconds: int, key: str | None = None,
             wallet: Asset | None = None) -> int:  # fmt: skip
        """A fixed-time trade, from the seat or from a wallet: its id. Up is LONG, down is SHORT."""
        instrument, _ = self.arena.instruments[symbol]
        match, units = self.match, money(stake)
        if wallet:
            match, units = 0, parse_decimal(str(stake), ASSET_DECIMALS[wallet])
        return self.arena.command(BuyFixed(self.id, match, instrument, direction, units, seconds, key, wallet or 0)).id

    def resets(self) -> None:
        self.arena.command(ResetSeat(self.match, self.id))

    def may_be_away(self, seconds: int) -> None:
        """For so long, until what rests is cancelled; 0: for ever."""
        self.arena.command(CancelOnDisconnect(self.id, seconds * 1_000))

    def is_connected(self, connected: bool) -> None:
        self.arena.command(SetConnected(self.id, connected))

    def last(self, kind: EventKind) -> Any:
        """The latest event of that kind on the player's channel."""
        return self.arena.happened(kind, self.id)[-1]

    @property
    def seat(self) -> views.SeatView:
        found = views.seat(self.arena.machine.state.book, self.id, self.match)
        assert found is not None
        return found

    @property
    def cash(self) -> Decimal:
        return dollars(self.seat.cash)

    @property
    def reserved(self) -> Decimal:
        return dollars(self.seat.reserved)

    @property
    def margin(self) -> Decimal:
        return dollars(self.seat.margin)

    @property
    def stakes(self) -> Decimal:
        return dollars(self.seat.stakes)

    @property
    def profit(self) -> Decimal:
        return dollars(self.seat.profit)

    @property
    def equity(self) -> Decimal:
        return dollars(self.seat.equity)

    @property
    def positions(self) -> list[int]:
        return [found.position for found in views.positions(self.arena.machine.state.book, self.id, self.match) or ()]

    @property
    def orders(self) -> list[int]:
        return [found.order for found in self.resting]

    @property
    def resting(self) -> list[views.OrderView]:
        return views.orders(self.arena.machine.state.book, self.id, self.match) or []

    @property
    def wallet_trades(self) -> list[int]:
        return [view.trade for view in views.wallet_trades(self.arena.machine.state.book, self.id)]

    @property
    def fixed_trades(self) -> list[int]:
        found = views.fixed_trades(self.arena.machine.state.book, self.id, self.match) or ()
        return [view.trade for view in found]

    def position(self, id: int) -> views.PositionView:
        found = views.positions(self.arena.machine.state.book, self.id, self.match) or ()
        return next(view for view in found if view.position == id)

    def _order(self, symbol: str, side: int, order_type: int, *, margin: Number = 0, quantity: Number = 0,
               leverage: int = 1, price: Number = 0, stop_loss: Number = 0, take_profit: Number = 0,
               expires_in: Number | None = None, ioc: bool = False, client_order_id: str = "",
               max_slippage_ppm: int = 0, trailing_stop: int | str = 0, key: str | None = None,
               ) -> PlaceOrder:  # fmt: skip
        arena = self.arena
        time_in_force = TimeInForce.IOC if ioc else TimeInForce.GTC if expires_in is None else TimeInForce.GTD
        expires_at_ns = 0 if expires_in is None else arena.now_ns + parse_decimal(str(expires_in), 9)
        return PlaceOrder(
            self.id, self.match, arena.instruments[symbol][0], side, order_type, time_in_force, leverage,
            money(margin), arena.lots(symbol, quantity), arena.ticks(symbol, price), arena.ticks(symbol, stop_loss),
            arena.ticks(symbol, take_profit), expires_at_ns, client_order_id, max_slippage_ppm, int(trailing_stop), key,
        )  # fmt: skip


def money(amount: Number) -> int:
    """Dollars as money units; exact or an error."""
    return parse_decimal(str(amount), MONEY_DECIMALS)


def dollars(units: Any) -> Decimal:
    """Money units as dollars."""
    return Decimal(format_decimal(int(units), MONEY_DECIMALS))


def amount(units: Any, asset: int) -> Decimal:
    """Native units of the asset as whole ones; of asset 0 money units as dollars."""
    return Decimal(format_decimal(int(units), ASSET_DECIMALS[Asset(asset)])) if asset else dollars(units)


def _exactly(number: Number, units: int) -> int:
    whole, rest = divmod(money(number), units)
    assert rest == 0, f"{number} is not a multiple of {dollars(units)}"
    return whole
