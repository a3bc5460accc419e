"""Read-only answers over the state: plain integers and tuples, no text. The gateway makes of them what clients see.

Nothing here is on the path of a command; each answer costs what it walks, and says so when that is more than a row.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.competition.career_points import begins_at, level_of
from engine.competition.ranking import pool
from engine.ledger.accounts import row_of
from engine.ledger.ledger import available
from engine.model.commands import Account, Asset, of_players
from engine.model.scale import NS_PER_S, PPM
from engine.model.state import State
from engine.model.tables import INTERVALS_S, MATCH_OPEN, MATCH_WAITING, WARNINGS_PERCENT, Book
from engine.storage.compact_index import find_open
from engine.storage.hash_index import allowed_key, find
from engine.trading.instruments import is_open
from engine.trading.seats import equities_of, equity, find_seats, profit_of, seat_row


def next_due_ns(book: Book) -> int | None:
    """When the next timer is due; None when none is set."""
    if not book.world[0]["timers"]:
        return None
    return int(book.timer_heap[0]["due_ns"])


# The market


class Quote(NamedTuple):
    """The last usable quote of an instrument, in ticks; all 0 before the first."""

    bid: int
    ask: int
    at_ns: int
    sequence: int
    stale: bool


def quote(book: Book, instrument: int, now_ns: int) -> Quote:
    """The quote, and whether it is stale at `now_ns` (the state's own time stands still when nothing arrives)."""
    row = book.quotes[instrument]
    at_ns = int(row["at_ns"])
    lifetime_ns = int(book.instruments[instrument]["quote_lifetime_ns"])
    stale = not row["bid"] or now_ns - at_ns > lifetime_ns or not is_open(book, instrument, now_ns)
    return Quote(int(row["bid"]), int(row["ask"]), at_ns, int(row["sequence"]), bool(stale))


def takes_quotes(book: Book, instrument: int, now_ns: int) -> bool:
    """Would a usable quote of the instrument be taken: is it neither halted nor outside its hours?"""
    return not book.instruments[instrument]["halted"] and bool(is_open(book, instrument, now_ns))


def waits_for_quote(book: Book, instrument: int) -> bool:
    """Does anything wait for the very next quote of the instrument, which would be taken?"""
    waits = bool(book.quotes[instrument]["waiting_first"])
    return waits and takes_quotes(book, instrument, int(book.world[0]["now_ns"]))


class CandleView(NamedTuple):
    """A candle of the bid in ticks, as it stands now."""

    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


def candle(book: Book, instrument: int, interval_s: int) -> CandleView | None:
    """The unfinished candle of that length: its own row merged with all shorter ones that fall into it."""
    first = instrument * len(INTERVALS_S)
    rows = [row for row in book.candles[first : first + INTERVALS_S.index(interval_s) + 1] if row["open_at_ns"] >= 0]
    if not rows:
        return None
    open_at_ns = int(rows[0]["open_at_ns"]) // (interval_s * NS_PER_S) * (interval_s * NS_PER_S)
    parts = [row for row in rows if int(row["open_at_ns"]) >= open_at_ns]
    return CandleView(
        open_at_ns,
        int(parts[-1]["open"]),
        max(int(row["high"]) for row in parts),
        min(int(row["low"]) for row in parts),
        int(parts[0]["close"]),
        sum(int(row["ticks"]) for row in parts),
    )


# Matches


class MatchView(NamedTuple):
    match: int
    game: int
    status: int
    practice: bool
    fees: bool
    next_quote: bool
    speed_bump_ns: int
    starting_balance: int
    max_positions: int
    max_leverage: int
    seats: int
    min_players: int  # 0: it never waited for any
    max_players: int  # 0: no limit
    starts_at_ns: int  # of one that waits; 0: not known yet
    ends_at_ns: int  # 0: never, or it has not begun; of one that is paused, as it would be without
    rules: Rules
    game_version: int  # that it plays by
    outage_ns: int  # how long it goes on without prices; 0: however long
    outage_extends: bool  # then it is paused, instead of called off
    paused: bool


class Rules(NamedTuple):
    """The challenge rules of a match, as they were pinned to it; 0 or empty: no such rule."""

    allowed: tuple[int, ...]  # instruments; empty: all
    only_side: int  # Side; 0: both
    trades_per_minute: int
    min_trades: int
    min_hold_ns: int
    daily_drawdown_ppm: int  # of the starting balance, as the other ppm
    daily_anchor: int  # engine.commands.Anchor
    total_drawdown_ppm: int
    total_mode: int  # engine.commands.TotalDrawdown
    loss_per_trade_ppm: int
    loss_disqualifies: bool
    profit_target_ppm: int
    target_ends: bool


def match(state: State, match_id: int) -> MatchView | None:
    """The match; None when there is none."""
    book = state.book
    if not 1 <= match_id <= int(book.world[0]["matches"]):
        return None
    row = book.matches[match_id]
    return MatchView(
        match_id,
        int(row["game"]),
        int(row["status"]),
        bool(row["practice"]),
        bool(row["fees"]),
        bool(row["next_quote"]),
        int(row["speed_bump_ns"]),
        int(row["starting_balance"]),
        int(row["max_positions"]),
        int(row["max_leverage"]),
        int(row["seats"]),
        int(row["min_players"]),
        int(row["max_players"]),
        int(row["starts_at_ns"]),
        int(row["ends_at_ns"]),
        _rules(book, match_id),
        int(row["game_version"]),
        int(row["outage_ns"]),
        bool(row["outage_extends"]),
        bool(row["paused_since_ns"]),
    )


def _rules(book: Book, match_id: int) -> Rules:
    """Walks all instruments where only some are allowed."""
    row = book.matches[match_id]
    start = int(row["starting_balance"])
    allowed: tuple[int, ...] = ()
    if row["only_some"]:
        instruments = range(1, int(book.world[0]["instruments"]) + 1)
        allowed = tuple(id for id in instruments if find(book.allowed_index, allowed_key(match_id, id)))

    def ppm(money: int) -> int:
        # The money was rounded up from it by less than a unit, so down is the way back.
        return money * PPM // start

    return Rules(
        allowed,
        int(row["only_side"]),
        int(row["trades_per_minute"]),
        int(row["min_trades"]),
        int(row["min_hold_ns"]),
        ppm(int(row["daily_drawdown"])),
        int(row["daily_anchor"]),
        ppm(int(row["total_drawdown"])),
        int(row["total_mode"]),
        ppm(int(row["loss_per_trade"])),
        bool(row["loss_disqualifies"]),
        ppm(int(row["profit_target"]) - start) if row["profit_target"] else 0,
        bool(row["target_ends"]),
    )


def matches(
    state: State, limit: int, before: int, statuses: Collection[int], game: int | None = None
) -> list[MatchView]:
    """The latest `limit` matches before match `before` that are of these statuses, and of that game if one is named; in
    order of their ids. A look at all matches there ever were, in machine code; only those that are answered are read.
    """
    rows = np.asarray(state.book.matches)[: min(before, int(state.book.world[0]["matches"]) + 1)]
    wanted = np.isin(rows["status"], list(statuses))
    if game is not None:
        wanted &= rows["game"] == game
    found = (match(state, id) for id in np.flatnonzero(wanted)[-limit:].tolist())
    return [view for view in found if view is not None]


class SolvencyView(NamedTuple):
    """The money of a match, in native units of its asset."""

    match: int
    asset: int
    escrow: int  # what it has
    set_aside: int  # by the house, for what fees may not cover of a fixed prize
    refunds: int  # what it owes when it is called off
    prizes: int  # what it owes when it ends as it is

    @property
    def is_solvent(self) -> bool:
        return self.escrow == self.refunds and self.escrow + self.set_aside >= self.prizes


def solvency(state: State, match_id: int) -> SolvencyView | None:
    """What the match has and what it owes; None when there is no such match, or it moves no money."""
    book = state.book
    if not 1 <= match_id <= int(book.world[0]["matches"]) or not book.matches[match_id]["asset"]:
        return None
    match = book.matches[match_id]
    asset, seats = int(match["asset"]), int(match["seats"])
    rules = state.cold.games[int(match["game"])].version(int(match["game_version"]))
    escrow = book.accounts[row_of(book, match_id, Account.MATCH_ESCROW, asset)]
    owes = seats > 0 and match["status"] in (MATCH_WAITING, MATCH_OPEN)
    prizes = pool(rules, seats) if rules.prize_split else rules.reward_price
    return SolvencyView(
        match_id,
        asset,
        int(escrow["credits_posted"] - escrow["debits_posted"]),
        int(escrow["credits_pending"]),
        rules.entry_fee * seats if owes else 0,
        prizes if owes else 0,
    )


# Seats


class SeatView(NamedTuple):
    """A player in a match; money in 1e-8 units."""

    match: int
    player: int
    equity: int
    cash: int
    reserved: int
    margin: int
    profit: int
    fees: int
    trades: int
    wins: int
    joined_at_ns: int
    orders: int
    positions: int
    held_trades: int  # closed trades held as long as the game asks for
    max_drawdown: int  # of the balance, from its peak
    balance_at_ns: int  # when the balance last changed
    daily_floor: int | None  # of equity; None: the match has no such rule
    total_floor: int | None
    high_water: int
    rank: int  # when the match is over
    prize: int
    out: Evidence | None  # by which rule the seat is out of the game; None: it plays
    status: int  # engine.tables.SEAT_ACTIVE, ...
    target: int | None  # equity at which the profit target is reached; None: the match has none
    daily_warned: int  # percent of the way to the floor at which the last warning of today went out; 0 none
    total_warned: int
    stakes: int
    asset: int  # of the prize; 0: it is only named


class Evidence(NamedTuple):
    """What put a seat out of the game."""

    rule: int  # engine.events.Rule
    sequence: int  # of the entry that broke it
    equity: int  # or the trade's result
    level: int  # the floor or target; of a trade, its greatest loss
    instrument: int  # of the quote at which it was found; 0: a timer found it
    bid: int
    ask: int


def seat(book: Book, player: int, match_id: int) -> SeatView | None:
    """The player's seat in the match; None when there is none. Walks its positions."""
    row = _seat_row(book, player, match_id)
    return _seat_view(book, row, int(equity(book, row))) if row else None


def has_seat(book: Book, player: int, match_id: int) -> bool:
    return _seat_row(book, player, match_id) != 0


def seats_of(state: State, player: int) -> list[SeatView]:
    """The player's seats in matches that are not over, in order of matches. Looks at all matches there ever were, and
    looks the seat up in those, in machine code."""
    book = state.book
    statuses = np.asarray(book.matches)["status"][: int(book.world[0]["matches"]) + 1]
    matches = np.flatnonzero((statuses == MATCH_WAITING) | (statuses == MATCH_OPEN))
    rows = np.zeros(len(matches), np.int64)
    find_seats(book, player, matches, rows)
    return [_seat_view(book, row, int(equity(book, row))) for row in rows[rows != 0].tolist()]


def _seat_row(book: Book, player: int, match_id: int) -> int:
    """0 when there is none. A match beyond all there are would have the key of somebody else's seat."""
    if not 1 <= match_id <= int(book.world[0]["matches"]):
        return 0
    return int(seat_row(book, player, match_id))


def _seat_view(book: Book, row: int, worth: int) -> SeatView:
    found: Any = book.seats[row]
    match = book.matches[int(found["match"])]
    out = None
    if found["out_rule"]:
        out = Evidence(*(int(found[f"out_{field}"]) for field in Evidence._fields))
    return SeatView(
        int(found["match"]),
        int(found["player"]),
        worth,
        int(found["cash"]),
        int(found["reserved"]),
        int(found["margin"]),
        int(found["profit"]),
        int(found["fees"]),
        int(found["trades"]),
        int(found["wins"]),
        int(found["joined_at_ns"]),
        int(found["orders"]),
        int(found["positions"]),
        int(found["held_trades"]),
        int(found["max_drawdown"]),
        int(found["balance_at_ns"]),
        int(found["daily_floor"]) if match["daily_drawdown"] else None,
        int(found["total_floor"]) if match["total_drawdown"] else None,
        int(found["high_water"]),
        int(found["rank"]),
        int(found["prize"]),
        out,
        int(found["status"]),
        int(match["profit_target"]) or None,
        _last_warning(int(found["warned"])),
        _last_warning(int(found["warned"]) >> len(WARNINGS_PERCENT)),
        int(found["stakes"]),
        int(match["asset"]),
    )


def _last_warning(bits: int) -> int:
    """The highest percent of those whose bit is set; 0 when none is."""
    return max((percent for number, percent in enumerate(WARNINGS_PERCENT) if bits >> number & 1), default=0)


class Ranking(NamedTuple):
    """The seats of a match, the best first."""

    rows: NDArray[np.int64]
    players: NDArray[np.int64]


class BoardView(NamedTuple):
    """The head of a leaderboard."""

    top: list[SeatView]
    seats: int
    rank: int  # of the player who asks, from 1; 0: has no seat


def ranking(book: Book, match_id: int) -> Ranking:
    """The match's seats, the best first: by equity, then trades, then who joined first, or by rank when it is over.

    Walks all seats and positions of the match, in machine code.
    """
    count = int(book.matches[match_id]["seats"])
    rows, equities = np.zeros(count, np.int64), np.zeros(count, np.int64)
    equities_of(book, match_id, rows, equities)
    seats = book.seats[rows]
    best_first = np.lexsort((seats["player"], seats["joined_at_ns"], -seats["trades"], -equities, seats["rank"]))
    return Ranking(rows[best_first], np.asarray(seats["player"])[best_first])


def board(book: Book, match_id: int, limit: int, player: int = 0, ranked: Ranking | None = None) -> BoardView:
    """The best `limit` seats of a match and the player's own rank, as ranked now, or a moment ago if that is given."""
    rows, players = ranked or ranking(book, match_id)
    top = [_seat_view(book, row, int(equity(book, row))) for row in rows[:limit].tolist()]
    own = np.flatnonzero(players == player)
    return BoardView(top, len(rows), int(own[0]) + 1 if len(own) else 0)


# What seats and wallets trade


class OrderView(NamedTuple):
    """An order that rests."""

    order: int
    match: int
    instrument: int
    side: int
    order_type: int
    leverage: int
    lots: int
    price: int
    stop_loss: int
    take_profit: int
    trailing_ppm: int
    margin: int
    fee: int
    accepted_at_ns: int
    expires_at_ns: int
    client_order_id: bytes


def orders(book: Book, player: int, match_id: int) -> list[OrderView] | None:
    """The resting orders of a seat, earliest first; None when there is no seat."""
    seat_row = _seat_row(book, player, match_id)
    if not seat_row:
        return None
    found = []
    row = int(book.seats[seat_row]["first_order"])
    while row:
        found.append(_order_view(book, row, match_id))
        row = int(book.orders[row]["next_in_seat"])
    return found[::-1]


def _order_view(book: Book, row: int, match_id: int) -> OrderView:
    order: Any = book.orders[row]
    return OrderView(
        int(order["id"]),
        match_id,
        int(order["instrument"]),
        int(order["side"]),
        int(order["order_type"]),
        int(order["leverage"]),
        int(order["lots"]),
        int(order["price"]),
        int(order["stop_loss"]),
        int(order["take_profit"]),
        int(order["trailing_ppm"]),
        int(order["margin"]),
        int(order["fee"]),
        int(order["accepted_at_ns"]),
        int(order["expires_at_ns"]),
        np.asarray(order["client_order_id"], dtype="<i8").tobytes(),
    )


class PositionView(NamedTuple):
    """An open position; `profit` floats at the closing side of the last usable quote, never below -margin."""

    position: int
    match: int
    instrument: int
    side: int
    leverage: int
    lots: int
    cost: int
    margin: int
    fee: int
    profit: int
    mark: int
    liquidation: int
    stop_loss: int
    take_profit: int
    trailing: int  # ticks
    opened_at_ns: int
    closing: bool


def positions(book: Book, player: int, match_id: int) -> list[PositionView] | None:
    """The open positions of a seat, earliest first; None when there is no seat."""
    seat_row = _seat_row(book, player, match_id)
    if not seat_row:
        return None
    found = []
    roster_row = int(book.seats[seat_row]["first_roster"])
    while roster_row:
        roster: Any = book.rosters[roster_row]
        rows = np.asarray(roster["positions"])[: int(roster["used"])].tolist()
        found += [_position_view(book, row, match_id) for row in reversed(rows) if row]
        roster_row = int(roster["next"])
    return found[::-1]


def _position_view(book: Book, row: int, match_id: int) -> PositionView:
    position: Any = book.positions[row]
    instrument, side = int(position["instrument"]), int(position["side"])
    margin = int(position["margin"])
    mark = int(book.quotes[instrument]["bid" if side > 0 else "ask"])
    return PositionView(
        int(position["id"]),
        match_id,
        instrument,
        side,
        int(position["leverage"]),
        int(position["lots"]),
        int(position["cost"]),
        margin,
        int(position["fee"]),
        max(-margin, int(profit_of(book, row))),
        mark,
        int(position["liquidation"]),
        int(position["stop_loss"]),
        int(position["take_profit"]),
        int(position["trailing"]),
        int(position["opened_at_ns"]),
        bool(position["waiting"]),
    )


class FixedTradeView(NamedTuple):
    """An open fixed-time trade; `entry` is bid + ask, in half ticks, and 0 until its quote has come."""

    trade: int
    match: int  # 0: it is staked from a wallet
    instrument: int
    direction: int
    stake: int
    payout_percent: int
    entry: int
    entry_sequence: int
    accepted_at_ns: int
    expires_at_ns: int
    asset: int  # of the wallet, in whose native units the stake is; 0: it is a seat's


def fixed_trades(book: Book, player: int, match_id: int) -> list[FixedTradeView] | None:
    """The open fixed-time trades of a seat, earliest first; None when there is no seat."""
    seat_row = _seat_row(book, player, match_id)
    if not seat_row:
        return None
    return _fixed_trades_from(book, int(book.seats[seat_row]["first_fixed"]), match_id)


def wallet_trades(book: Book, player: int) -> list[FixedTradeView]:
    """The open fixed-time trades from the player's wallets, earliest first."""
    return _fixed_trades_from(book, int(book.players[player]["first_fixed"]), 0)


def _fixed_trades_from(book: Book, row: int, match_id: int) -> list[FixedTradeView]:
    found = []
    while row:
        found.append(_fixed_trade_view(book, row, match_id))
        row = int(book.fixed_trades[row]["next_in_seat"])
    return found[::-1]


def _fixed_trade_view(book: Book, row: int, match_id: int) -> FixedTradeView:
    trade: Any = book.fixed_trades[row]
    return FixedTradeView(
        int(trade["id"]),
        match_id,
        int(trade["instrument"]),
        int(trade["direction"]),
        int(trade["stake"]),
        int(trade["payout_percent"]),
        int(trade["entry"]),
        int(trade["entry_sequence"]),
        int(trade["accepted_at_ns"]),
        int(trade["expires_at_ns"]),
        int(trade["asset"]),
    )


def instrument_of_position(book: Book, position: int) -> int:
    """The instrument of an open position; 0 when there is no such position."""
    row = int(find_open(book, position))
    return int(book.positions[row]["instrument"]) if row > 0 else 0


def instrument_of_order(book: Book, order: int) -> int:
    """The instrument of an order that rests or waits for its quote; 0 when there is no such order."""
    row = -int(find_open(book, order))
    return int(book.orders[row]["instrument"]) if row > 0 else 0


def owner_of(book: Book, id: int) -> int:
    """The player whose open position, or order, has that id; 0 when there is none."""
    row = int(find_open(book, id))
    rows = book.positions if row > 0 else book.orders
    return int(book.seats[rows[abs(row)]["seat"]]["player"]) if row else 0


# Players


def messages_of(book: Book, player: int) -> int:
    """How many messages the player's private channel has had."""
    return int(book.players[player]["messages"])


class QueueView(NamedTuple):
    """Where a player stands in the queue of a game."""

    game: int
    place: int  # from 1
    until_ns: int  # 0: however long it takes


def queues_of(state: State, player: int) -> list[QueueView]:
    """The queues in which the player waits. Walks them up to the player."""
    return [
        QueueView(
            game,
            list(queue.waiting).index(player) + 1,
            int(state.book.timers[timer]["due_ns"]) if (timer := queue.waiting[player]) else 0,
        )
        for game, queue in state.cold.queues.items()
        if player in queue.waiting
    ]


class BalanceView(NamedTuple):
    """An account of a player, in native units of the asset."""

    asset: int
    balance: int
    held: int  # of that
    version: int


def wallet(book: Book, player: int) -> list[BalanceView]:
    """The player's accounts, of all assets of which he ever had any."""
    found = []
    for asset in Asset:
        row = row_of(book, player, of_players(asset), asset)
        if row:
            account = book.accounts[row]
            balance = int(account["credits_posted"]) - int(account["debits_posted"])
            found.append(BalanceView(asset, balance, int(account["debits_pending"]), int(account["version"])))
    return found


def inventory(book: Book, player: int) -> list[BalanceView]:
    """The player's items, of all kinds of which he ever had any."""
    return [found for found in wallet(book, player) if of_players(Asset(found.asset)) is Account.PLAYER_ITEMS]


def stock(book: Book, item: int) -> int:
    """How many of the item the store has."""
    return int(available(book, row_of(book, 0, Account.HOUSE_STORE, item)))


class ReferralView(NamedTuple):
    """What a player has earned by referring others, in native units by Asset."""

    referred: int
    earned: dict[int, int]


def referral(state: State, player: int) -> ReferralView:
    """Walks all whom the player has referred."""
    referred = state.cold.referred.get(player, [])
    earned: dict[int, int] = {}
    for other in referred:
        bonus = state.cold.bonuses.get(other)
        if bonus is not None and bonus.referrer:
            earned[bonus.asset] = earned.get(bonus.asset, 0) + bonus.referrer
    return ReferralView(len(referred), earned)


class CareerView(NamedTuple):
    """What matches have made of a player."""

    cups: int
    season: int  # the current one; 0 before the first
    season_cups: int
    experience: int
    level: int
    next_level: int  # the experience at which it begins
    wins: int
    matches: int


def career(book: Book, player: int) -> CareerView:
    """What matches have made of the player."""
    row = book.careers[player]
    experience = int(row["experience"])
    level = level_of(experience)
    return CareerView(
        int(row["cups"]),
        int(book.world[0]["seasons"]),
        int(row["season_cups"]),
        experience,
        level,
        begins_at(level + 1),
        int(row["wins"]),
        int(row["matches"]),
    )


class CupsView(NamedTuple):
    """The head of the board of cups, of those who have finished a match."""

    top: list[StandingView]
    players: int
    rank: int  # of the player who asks, from 1; 0: is not on it


class StandingView(NamedTuple):
    """A player on the board of cups."""

    player: int
    cups: int
    matches: int


def cups(book: Book, limit: int, player: int = 0, of_season: bool = False) -> CupsView:
    """The best `limit` players by cups, of all time or of the current season: then who has had so many for longer, then
    who came to the arena first. A look at all players; only those who may be among the best are sorted."""
    prefix = "season_" if of_season else ""
    careers = np.asarray(book.careers)[: int(book.world[0]["players"]) + 1]
    ids = np.flatnonzero(careers[f"{prefix}matches"])
    cups, since_ns, matches = (careers[f"{prefix}{column}"][ids] for column in ("cups", "cups_at_ns", "matches"))
    among = np.arange(len(ids))
    if len(ids) > limit:
        among = np.flatnonzero(cups >= np.partition(cups, len(ids) - limit)[len(ids) - limit])
    best = among[np.lexsort((ids[among], since_ns[among], -cups[among]))][:limit]
    top = map(StandingView, ids[best].tolist(), cups[best].tolist(), matches[best].tolist())
    rank, own = 0, int(np.searchsorted(ids, player))
    if own < len(ids) and ids[own] == player:
        longer = (since_ns < since_ns[own]) | ((since_ns == since_ns[own]) & (ids < player))
        rank = 1 + int(np.count_nonzero((cups > cups[own]) | ((cups == cups[own]) & longer)))
    return CupsView(list(top), len(ids), rank)
