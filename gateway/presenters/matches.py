"""Matches, seats and leaderboards as clients see them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine.model.commands import Asset, CreateGame
from engine.model.scale import NS_PER_MS, NS_PER_S
from engine.model.state import Cold
from engine.model.tables import SEAT_ACTIVE
from engine.views import BoardView, MatchView, SeatView
from gateway.presenters.decimals import asset_text, money_text, percent_text
from gateway.presenters.instruments import Instruments
from gateway.presenters.match_messages import JudgedData, judgement
from gateway.presenters.names import MATCH_STATUSES, SEAT_STATUSES
from gateway.presenters.rules import RulesAnswer, rules_answer

STATUS_NUMBERS: Final = {name: status for status, name in MATCH_STATUSES.items()}


class MoneyAnswer(Struct, frozen=True, omit_defaults=True):
    """What a match costs and pays, in `currency`; without one, prizes are only named. The house's fee is a percent of
    the entry fees; the rest is split among the first ranks by `prize_split`, or the first one wins the reward."""

    currency: str | None = None
    entry_fee: str | None = None
    house_fee_pct: str | None = None
    prize_split: list[int] | None = None
    reward_price: str | None = None
    item_rewards: dict[str, int] = {}  # that the winner gets, by asset


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
