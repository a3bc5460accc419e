"""Rows of the projection as its queries answer them: integers as in the log, see schema.sql."""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

NEWEST: Final = (1 << 63) - 1
"""A message number, an id or a time after all others."""

Row = TypeVar("Row", bound=tuple[object, ...], covariant=True)


class Candle(NamedTuple):
    """Prices in ticks of the bid."""

    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


class Order(NamedTuple):
    """An order: what it asks for, and what was last heard of it. One that fills opens the position of the same id."""

    id: int
    match: int
    instrument: int
    side: int
    order_type: int
    leverage: int
    client_order_id: str
    accepted_sequence: int  # of the first event about it, as the next two
    accepted_at_ns: int
    accepted_message: int
    message: int  # of the last event about it, as all that follows
    sequence: int
    at_ns: int
    kind: int  # EventKind; POSITION_OPENED: it is filled
    reason: int
    lots: int
    price: int  # 0 of one that filled on arrival
    margin: int
    fee: int
    stop_loss: int
    take_profit: int
    trailing_ppm: int  # 0 of one that filled on arrival
    fill_price: int  # 0: it is not filled


class Fill(NamedTuple):
    """A filled order, and the position (same id) that it opened."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    side: int
    order_type: int
    leverage: int
    price: int
    lots: int
    cost: int
    margin: int
    fee: int
    liquidation: int
    stop_loss: int
    take_profit: int
    client_order_id: str


class ClosedPosition(NamedTuple):
    """A close of a position or a part of it; `left` lots stay open."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    side: int
    cause: int
    leverage: int
    price: int
    lots: int
    cost: int
    margin: int
    fee: int
    profit: int
    left: int


class FixedTrade(NamedTuple):
    """A settled fixed-time trade; entry and exit in half ticks. With an asset it was staked from a wallet: stake and
    profit are in native units."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    direction: int
    result: int
    reason: int
    stake: int
    payout_percent: int
    expires_at_ns: int
    entry: int
    exit: int
    entry_sequence: int
    exit_sequence: int
    profit: int
    asset: int


class WalletChange(NamedTuple):
    """A change of a player's account, in native units of the asset."""

    message: int
    sequence: int
    at_ns: int
    match: int
    asset: int
    change: int
    balance: int
    held: int
    version: int
    code: int


class FinishedMatch(NamedTuple):
    """A player's result in a match; the prize in native units of its asset, other money in 1e-8 units."""

    message: int
    sequence: int
    at_ns: int
    match: int
    rank: int
    seats: int
    balance: int
    prize: int
    asset: int
    trades: int
    wins: int
    max_drawdown: int
    profit: int
    fees: int
    starting_balance: int
    rule: int


class TradeResult(NamedTuple):
    """Total profit of a position or a fixed-time trade, after fees."""

    id: int
    instrument: int
    side: int
    fixed: int  # 1: a fixed-time trade
    result: int


class EquityPoint(NamedTuple):
    """An equity sample of a seat."""

    at_ns: int
    equity: int
    balance: int


class Summary(NamedTuple):
    """A finished match for one player: result, best and worst trade (None without trades), equity curve."""

    finished: FinishedMatch
    best: TradeResult | None
    worst: TradeResult | None
    points: list[EquityPoint]  # earliest first


class Standing(NamedTuple):
    """A player's result in a season."""

    player: int
    cups: int
    matches: int


class Standings(NamedTuple):
    """The top of a season's leaderboard."""

    top: list[Standing]
    players: int
    rank: int  # of the requesting player, from 1; 0: not on it


class Notification(NamedTuple):
    """What the player was notified of, by message number."""

    message: int
    at_ns: int
    event: bytes  # as in a batch
    read_at_ns: int  # 0: it is not read


class PlayerList(NamedTuple, Generic[Row]):
    """A list of a player: which table its rows are from, and by which columns it is ordered and filtered."""

    row: type[Row]
    table: str
    cursor: str = "message"  # rises with each row; the latest come first
    time: str = "at_ns"
    has_instrument: bool = True
    has_asset: bool = False  # of a wallet; a row without an asset is of a seat


ORDERS: Final = PlayerList(Order, "orders", cursor="id", time="accepted_at_ns")
FILLS: Final = PlayerList(Fill, "fills")
CLOSED_POSITIONS: Final = PlayerList(ClosedPosition, "closed_positions")
FIXED_TRADES: Final = PlayerList(FixedTrade, "fixed_trades", has_asset=True)
WALLET_CHANGES: Final = PlayerList(WalletChange, "wallet_changes", has_instrument=False)
FINISHED_MATCHES: Final = PlayerList(FinishedMatch, "finished_matches", has_instrument=False)
NOTIFICATIONS: Final = PlayerList(Notification, "notifications", has_instrument=False)


class Wanted(NamedTuple):
    """A page of a player's list: the latest `limit` whose cursor is less than `before`, of those that the rest lets
    through."""

    limit: int
    before: int = NEWEST
    match: int = 0  # 0: any
    instrument: int = 0  # 0: any
    from_ns: int = 0
    until_ns: int = NEWEST  # those before it
    mode: str = ""  # a key of MODES, or "": any
    practices: tuple[int, ...] = ()  # the practice matches, which modes tell from others
    kinds: tuple[int, ...] = ()  # of orders, the last event about them; none: any
    unread: bool = False  # of notifications, those that are not read
