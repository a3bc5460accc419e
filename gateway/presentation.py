"""Answers of engine.views as clients see them: names, decimal strings, milliseconds."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine import views
from engine.commands import Asset, CreateGame
from engine.scale import MONEY_DECIMALS, NS_PER_MS, NS_PER_S, PPM, format_decimal
from engine.state import Cold, State
from engine.tables import (
    MATCH_ARCHIVED,
    MATCH_CANCELED,
    MATCH_CLOSED,
    MATCH_OPEN,
    MATCH_WAITING,
    SEAT_ACTIVE,
    SEAT_DISQUALIFIED,
    SEAT_LOCKED,
)
from engine.views import BoardView, CareerView, FixedTradeView, MatchView, OrderView, PositionView, Quote, SeatView
from gateway.hours import hours_texts
from gateway.instruments import Instrument, Instruments, asset_text, money_text
from gateway.messages import (
    DIRECTIONS,
    ORDER_TYPES,
    SIDES,
    JudgedData,
    QuoteData,
    client_order_id_text,
    judgement,
    wallet_name,
)
from gateway.rules import RulesAnswer, percent_text, rules_answer

MATCH_STATUSES: Final = {
    MATCH_WAITING: "waiting",
    MATCH_OPEN: "open",
    MATCH_CLOSED: "closed",
    MATCH_CANCELED: "canceled",
    MATCH_ARCHIVED: "archived",
}
SEAT_STATUSES: Final = {SEAT_ACTIVE: "playing", SEAT_LOCKED: "locked", SEAT_DISQUALIFIED: "disqualified"}


class BracketAnswer(Struct, frozen=True, omit_defaults=True):
    maintenance_rate: str
    max_leverage: int
    maintenance_amount: str
    notional_cap: str | None = None


class FixedTermsAnswer(Struct, frozen=True):
    """On what terms fixed-time trades are offered; the payout in percent of the stake, durations in seconds. From
    `wallets` they may be staked as well, in all of them on these terms."""

    payout: int
    min_stake: str
    max_stake: str
    min_duration: int
    max_duration: int
    wallets: list[str]


class InstrumentAnswer(Struct, frozen=True):
    symbol: str
    name: str
    type: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    min_quantity: str
    max_quantity: str
    min_notional: str
    max_leverage: int
    taker_fee: str
    maker_fee: str
    markup: str
    enabled: bool
    locked: bool
    halted: bool
    close_only: bool
    brackets: list[BracketAnswer]
    hours: list[str]  # UTC; none: always open
    fixed: FixedTermsAnswer | None = None


def instrument_answer(instrument: Instrument) -> InstrumentAnswer:
    data = instrument.data
    return InstrumentAnswer(
        data.symbol,
        data.name,
        data.type,
        data.base,
        data.quote,
        instrument.price_text(1),
        instrument.quantity_text(1),
        instrument.quantity_text(data.min_lots),
        instrument.quantity_text(data.max_lots),
        money_text(data.min_notional),
        data.max_leverage,
        _rate_text(data.taker_fee_ppm),
        _rate_text(data.maker_fee_ppm),
        instrument.price_text(data.markup_ticks),
        data.enabled,
        data.locked,
        data.halted,
        data.close_only,
        [
            BracketAnswer(
                _rate_text(bracket.maintenance_ppm),
                bracket.max_leverage,
                money_text(bracket.maintenance_cum),
                money_text(bracket.notional_cap) if bracket.notional_cap else None,
            )
            for bracket in data.brackets
        ],
        hours_texts(data.hours),
        FixedTermsAnswer(
            data.fixed_payout_percent,
            money_text(data.fixed_min_stake),
            money_text(data.fixed_max_stake),
            data.fixed_min_s,
            data.fixed_max_s,
            [asset.lower() for asset in data.fixed_wallets],
        )
        if data.fixed_payout_percent
        else None,
    )


def _rate_text(ppm: int) -> str:
    """A rate as a fraction: 500 ppm is "0.000500"."""
    assert PPM == 10**6
    return format_decimal(ppm, 6)


def quote_answer(instrument: Instrument, quote: Quote, last: str | None) -> QuoteData:
    return QuoteData(
        instrument.symbol,
        instrument.price_or_none(quote.bid),
        instrument.price_or_none(quote.ask),
        last,
        quote.at_ns // NS_PER_MS,
        quote.stale,
    )


class MoneyAnswer(Struct, frozen=True, omit_defaults=True):
    """What a match costs and pays, in `currency`; without one, prizes are only named. The house's fee is a percent of
    the entry fees; the rest is split among the first ranks by `prize_split`, or the first one wins the reward."""

    currency: str | None = None
    entry_fee: str | None = None
    house_fee_pct: str | None = None
    prize_split: list[int] | None = None
    reward_price: str | None = None
    item_rewards: dict[str, int] = {}  # that the winner gets, by asset


def money_answer(game: CreateGame) -> MoneyAnswer | None:
    """None when there is nothing to pay and nothing to win."""
    if not game.entry_fee and not game.reward_price and not game.item_rewards:
        return None
    asset = Asset[game.currency].value if game.currency else 0
    return MoneyAnswer(
        game.currency or None,
        asset_text(game.entry_fee, asset) if game.entry_fee else None,
        percent_text(game.house_fee_ppm) if game.house_fee_ppm else None,
        list(game.prize_split) or None,
        asset_text(game.reward_price, asset) if game.reward_price else None,
        dict(game.item_rewards),
    )


class MatchAnswer(Struct, frozen=True, omit_defaults=True):
    match: int
    game: int
    title: str
    description: str
    status: str
    practice: bool
    fees: bool
    execution: str
    speed_bump_ms: int
    starting_balance: str
    max_positions: int
    max_leverage: int
    players: int
    rules: RulesAnswer
    game_version: int
    min_players: int | None = None  # it waits for so many
    max_players: int | None = None
    private: bool = False  # it asks for a code
    starts_at: int | None = None  # when enough have joined
    ends_at: int | None = None  # None: never
    money: MoneyAnswer | None = None
    seat: SeatAnswer | None = None  # of the player who asks for this match
    outage_s: int | None = None  # for how long it goes on without prices
    outage: str | None = None  # then: "void" calls it off, "extend" pauses it and moves its end
    paused: bool = False
    cover: str | None = None
    cup: int = 0  # cups that the winner gains, and the others lose
    win_exp: int = 0
    lose_exp: int = 0


def match_answer(cold: Cold, match: MatchView, seat: SeatAnswer | None = None) -> MatchAnswer:
    game = cold.games[match.game].version(match.game_version)
    return MatchAnswer(
        match.match,
        match.game,
        game.title,
        game.description,
        MATCH_STATUSES[match.status],
        match.practice,
        match.fees,
        "next" if match.next_quote else "last",
        match.speed_bump_ns // NS_PER_MS,
        money_text(match.starting_balance),
        match.max_positions,
        match.max_leverage,
        match.seats,
        rules_answer(cold, match.rules),
        match.game_version,
        match.min_players or None,
        match.max_players or None,
        bool(cold.matches[match.match].code),
        match.starts_at_ns // NS_PER_MS or None,
        match.ends_at_ns // NS_PER_MS or None,
        money_answer(game),
        seat,
        match.outage_ns // NS_PER_S or None,
        ("extend" if match.outage_extends else "void") if match.outage_ns else None,
        match.paused,
        game.cover or None,
        game.cup,
        game.win_exp,
        game.lose_exp,
    )


class SeatAnswer(Struct, frozen=True, omit_defaults=True):
    """A player in a match. `floors`, `distance` and `warnings` are by the names of the rules.

    `floors` are of equity, and only of a seat that plays; `distance` is how far equity is above each, and how much of
    the profit target is still to be made. `warnings` are today's, in percent of the way to the floor. `out` says which
    rule has put the seat out of the game.
    """

    match: int
    equity: str
    cash: str
    reserved: str
    margin: str
    profit: str
    fees: str
    trades: int
    wins: int
    orders: int
    positions: int
    joined_at: int
    stakes: str
    status: str  # playing, locked (has reached the profit target) or disqualified
    floors: dict[str, str] = {}
    distance: dict[str, str] = {}
    warnings: dict[str, int] = {}
    out: JudgedData | None = None
    rank: int | None = None  # when the match is over
    prize: str | None = None


def seat_answer(instruments: Instruments, seat: SeatView) -> SeatAnswer:
    floors = floors_of(seat)
    distance = distances(floors, seat.equity)
    if seat.target is not None and seat.status == SEAT_ACTIVE:
        distance["profit_target"] = money_text(seat.target - seat.equity)
    warned = {"daily_drawdown": seat.daily_warned, "total_drawdown": seat.total_warned}
    return SeatAnswer(
        seat.match,
        money_text(seat.equity),
        money_text(seat.cash),
        money_text(seat.reserved),
        money_text(seat.margin),
        money_text(seat.profit),
        money_text(seat.fees),
        seat.trades,
        seat.wins,
        seat.orders,
        seat.positions,
        seat.joined_at_ns // NS_PER_MS,
        money_text(seat.stakes),
        SEAT_STATUSES[seat.status],
        {rule: money_text(floor) for rule, floor in floors.items()},
        distance,
        {rule: percent for rule, percent in warned.items() if percent},
        _evidence(instruments, seat),
        seat.rank or None,
        asset_text(seat.prize, seat.asset) if seat.rank else None,
    )


def floors_of(seat: SeatView) -> dict[str, int]:
    """The floors of the seat's equity by the names of their rules; none of a seat that is out of the game."""
    if seat.status != SEAT_ACTIVE:
        return {}
    floors = {"daily_drawdown": seat.daily_floor, "total_drawdown": seat.total_floor}
    return {rule: floor for rule, floor in floors.items() if floor is not None}


def distances(floors: dict[str, int], equity: int) -> dict[str, str]:
    """How far so much equity is above each floor."""
    return {rule: money_text(equity - floor) for rule, floor in floors.items()}


def _evidence(instruments: Instruments, seat: SeatView) -> JudgedData | None:
    out = seat.out
    if out is None:
        return None
    instrument = instruments.by_id.get(out.instrument)
    return judgement(seat.match, out.rule, out.equity, out.level, instrument, out.bid, out.ask, seq=out.sequence)


class BoardRow(Struct, frozen=True, omit_defaults=True):
    rank: int
    player: int
    name: str
    equity: str
    profit: str
    trades: int
    positions: int
    status: str
    prize: str | None = None  # when the match is over


class BoardAnswer(Struct, frozen=True, omit_defaults=True):
    match: int
    players: int
    rows: list[BoardRow]
    rank: int | None = None  # of the player who asks


def board_answer(cold: Cold, match: int, board: BoardView) -> BoardAnswer:
    rows = [
        BoardRow(
            rank,
            seat.player,
            cold.players[seat.player].name,
            money_text(seat.equity),
            money_text(seat.profit),
            seat.trades,
            seat.positions,
            SEAT_STATUSES[seat.status],
            asset_text(seat.prize, seat.asset) if seat.rank else None,
        )
        for rank, seat in enumerate(board.top, start=1)
    ]
    return BoardAnswer(match, board.seats, rows, board.rank or None)


class OrderAnswer(Struct, frozen=True, omit_defaults=True):
    order: int
    match: int
    symbol: str
    side: str
    type: str
    leverage: int
    quantity: str
    price: str
    margin: str
    fee: str
    accepted_at: int
    expires_at: int | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    client_order_id: str | None = None
    trailing_stop: int | None = None  # ppm of the price at the fill


def order_answer(instruments: Instruments, order: OrderView) -> OrderAnswer:
    instrument = instruments.by_id[order.instrument]
    return OrderAnswer(
        order.order,
        order.match,
        instrument.symbol,
        SIDES[order.side],
        ORDER_TYPES[order.order_type],
        order.leverage,
        instrument.quantity_text(order.lots),
        instrument.price_text(order.price),
        money_text(order.margin),
        money_text(order.fee),
        order.accepted_at_ns // NS_PER_MS,
        order.expires_at_ns // NS_PER_MS or None,
        instrument.price_or_none(order.stop_loss),
        instrument.price_or_none(order.take_profit),
        client_order_id_text(order.client_order_id),
        order.trailing_ppm or None,
    )


class PositionAnswer(Struct, frozen=True, omit_defaults=True):
    """A `stop_loss` with a `trailing_distance` follows the price, which is that far from it at best."""

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    quantity: str
    entry_price: str
    mark_price: str
    margin: str
    profit: str
    fee: str
    opened_at: int
    closing: bool = False
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    trailing_distance: str | None = None


def position_answer(instruments: Instruments, position: PositionView) -> PositionAnswer:
    instrument = instruments.by_id[position.instrument]
    return PositionAnswer(
        position.position,
        position.match,
        instrument.symbol,
        SIDES[position.side],
        position.leverage,
        instrument.quantity_text(position.lots),
        entry_price_text(instrument, position.cost, position.lots),
        instrument.price_text(position.mark),
        money_text(position.margin),
        money_text(position.profit),
        money_text(position.fee),
        position.opened_at_ns // NS_PER_MS,
        position.closing,
        instrument.price_or_none(position.liquidation),
        instrument.price_or_none(position.stop_loss),
        instrument.price_or_none(position.take_profit),
        instrument.price_or_none(position.trailing),
    )


def entry_price_text(instrument: Instrument, cost: int, lots: int) -> str:
    """Cost per lot, with 1e-8 where a partial close has left a fraction of a tick (rounded down)."""
    ticks, rest = divmod(cost, lots)
    if not rest:
        return instrument.price_text(ticks)
    return format_decimal(cost * instrument.data.tick_units // lots, MONEY_DECIMALS)


class FixedTradeAnswer(Struct, frozen=True, omit_defaults=True):
    """Staked from the seat in a `match`, or from a `wallet`."""

    trade: int
    symbol: str
    direction: str
    stake: str
    payout: int
    accepted_at: int
    expires_at: int
    entry_price: str | None = None
    entry_sequence: int | None = None
    match: int | None = None
    wallet: str | None = None


def fixed_trades_of(
    state: State, instruments: Instruments, player: int, seats: list[SeatView]
) -> list[FixedTradeAnswer]:
    """All open ones of the player, who has these seats, match by match, and then those from wallets; earliest first."""
    of_seats = [
        trade
        for seat in seats
        for trade in views.fixed_trades(state.book, player, seat.match) or ()
    ]
    return [_fixed_trade_answer(instruments, trade) for trade in of_seats + views.wallet_trades(state.book, player)]


def _fixed_trade_answer(instruments: Instruments, trade: FixedTradeView) -> FixedTradeAnswer:
    instrument = instruments.by_id[trade.instrument]
    return FixedTradeAnswer(
        trade.trade,
        instrument.symbol,
        DIRECTIONS[trade.direction],
        asset_text(trade.stake, trade.asset),
        trade.payout_percent,
        trade.accepted_at_ns // NS_PER_MS,
        trade.expires_at_ns // NS_PER_MS,
        instrument.middle_text(trade.entry) if trade.entry else None,
        trade.entry_sequence or None,
        trade.match or None,
        wallet_name(trade.asset),
    )


class QueueAnswer(Struct, frozen=True, omit_defaults=True):
    """Where the player stands in the queue of a game, and until when at most."""

    game: int
    place: int
    until: int | None = None


def queues_of(state: State, player: int) -> list[QueueAnswer]:
    """Those in which the player waits."""
    return [
        QueueAnswer(queue.game, queue.place, queue.until_ns // NS_PER_MS or None)
        for queue in views.queues_of(state, player)
    ]


class CareerAnswer(Struct, frozen=True):
    """What matches have made of the player; `season` is the current one, 0 before the first."""

    cups: int
    season: int
    season_cups: int
    experience: int
    level: int
    to_next_level: int  # experience that it takes
    wins: int
    matches: int


def career_answer(career: CareerView) -> CareerAnswer:
    return CareerAnswer(
        career.cups,
        career.season,
        career.season_cups,
        career.experience,
        career.level,
        career.next_level - career.experience,
        career.wins,
        career.matches,
    )


class CupsRow(Struct, frozen=True):
    rank: int
    player: int
    name: str
    cups: int
    matches: int


class CupsAnswer(Struct, frozen=True, omit_defaults=True):
    """The board of cups, of so many `players`: of all time, or of a season."""

    players: int
    rows: list[CupsRow]
    season: int | None = None
    name: str | None = None  # of the season; the time before the first one has none
    rank: int | None = None  # of the player who asks


class MeAnswer(Struct, frozen=True):
    """The player and all that is open: result of me.get, and the snapshot of the private channel."""

    player: int
    name: str
    role: str
    seats: list[SeatAnswer]
    orders: list[OrderAnswer]
    positions: list[PositionAnswer]
    fixed: list[FixedTradeAnswer]
    queues: list[QueueAnswer]
    career: CareerAnswer
