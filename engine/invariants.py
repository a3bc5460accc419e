"""What is true of every state between two batches: a list of checks, each of them the naive reading of one promise.

They are for tests, for the simulator, and for a live arena that is asked whether it is still sound. Columns are summed
and compared as arrays, chains are walked as lists: a hundred thousand positions take well under a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.commands import (
    HOURS_PER_INSTRUMENT,
    Account,
    Asset,
    CreateGame,
    OrderType,
    TimeInForce,
    TotalDrawdown,
    TransferCode,
    Transferring,
    of_players,
)
from engine.scale import BOUND, DAY_NS, NEVER_HIGH, NEVER_LOW, NS_PER_S, PPM
from engine.state import State
from engine.tables import (
    ACCOUNTS,
    BANDS,
    BOUNDS_STEP,
    EXPOSURES,
    FIXED_TRADES,
    FREE_BITS,
    HOLDINGS,
    INTERVALS_S,
    LANE_ASK,
    LANE_BID,
    MATCH_OPEN,
    MATCH_WAITING,
    MOST_SUMMED,
    MUST_NOT_OVERDRAW,
    ORDERS,
    PACES,
    PAGE_ROWS,
    PAGES,
    POSITIONS,
    REQUESTS,
    ROSTER_PLACES,
    ROSTERS,
    SEAT_ACTIVE,
    SEAT_DISQUALIFIED,
    SEATS,
    TIMER_CHILDREN,
    TIMER_DAY,
    TIMER_FIXED,
    TIMER_HOLD,
    TIMER_KIND_SHIFT,
    TIMER_MATCH,
    TIMER_ORDER,
    TIMER_OUTAGE,
    TIMER_QUEUE,
    TIMER_SAMPLE,
    TIMER_WAIT,
    TIMERS,
    TRANSFERS,
    TRIGGER_BAND,
    TRIGGER_ORDER,
    TRIGGER_POSITION,
    WAITING,
    WAITS_TO_CLOSE,
    WAITS_TO_ENTER,
    WAITS_TO_OPEN,
    WARNINGS_PERCENT,
    Book,
)

Rows = NDArray[np.int64]


class InvariantBroken(AssertionError):
    """We are wrong: the state contradicts itself. The message lists how."""


def check(state: State) -> None:
    """Raise InvariantBroken, naming every problem, unless all INVARIANTS hold."""
    if found := problems(state):
        raise InvariantBroken("\n".join(found))


def problems(state: State) -> list[str]:
    """What contradicts INVARIANTS, in words; nothing for a sound state. A chain so broken that a check fails is one."""
    plain = State(Book._make(np.asarray(array) for array in state.book), state.cold)
    found = []
    for invariant in INVARIANTS:
        try:
            found += [f"{invariant.__name__}: {problem}" for problem in invariant(plain)]
        except (IndexError, KeyError, ValueError) as error:
            found.append(f"{invariant.__name__}: cannot even be checked: {error!r}")
    return found


# Money


def every_match_sums_to_what_it_granted(state: State) -> list[str]:
    """Cash, reserved, margin and stakes of its seats, and what fees, the market and insurance took, are what was given
    out."""
    book = state.book
    matches, seats = _first_rows(book.matches, book.world["matches"][0]), book.seats[_live(book, SEATS)]
    kept = seats["cash"] + seats["reserved"] + seats["margin"] + seats["stakes"]
    held = _sums(len(matches), seats["match"], kept)
    total = held + matches["fees_taken"] + matches["market"] + matches["insurance"]
    return [
        *_where(total != matches["granted"], "match {} holds other than it granted"),
        *_where(matches["insurance"] > 0, "insurance of match {} is positive"),
        *_where(matches["fees_taken"] < 0, "fees of match {} are negative"),
        *_where(matches["seats"] != _counts(len(matches), seats["match"]), "match {} miscounts its seats"),
    ]


def no_seat_is_in_debt(state: State) -> list[str]:
    """Cash, reservations, margin, stakes and fees are never negative."""
    seats = state.book.seats
    return [line for field in ("cash", "reserved", "margin", "notional", "stakes", "fees", "trades")
            for line in _where(seats[field] < 0, f"seat {{}} has negative {field}")]  # fmt: skip


def seats_sum_what_they_have(state: State) -> list[str]:
    """Reservations, margin and stakes of a seat are the sums, and its counts the numbers, of what it has open."""
    book = state.book
    size = len(book.seats)
    orders, positions, trades = _orders(book), _positions(book), _seats_trades(book)
    expected = {
        "reserved": _sums(size, orders["seat"], orders["margin"] + orders["fee"]),
        "margin": _sums(size, positions["seat"], positions["margin"]),
        "stakes": _sums(size, trades["seat"], trades["stake"]),
        "orders": _counts(size, orders["seat"]),
        "positions": _counts(size, positions["seat"]),
    }
    return [
        line
        for field, column in expected.items()
        for line in _where(book.seats[field] != column, f"{field} of seat {{}} is not that of its chain")
    ]


def holdings_sum_what_they_hold(state: State) -> list[str]:
    """A holding counts the orders and positions of one seat in one instrument, and their notional at entry."""
    book = state.book
    size = len(book.holdings)
    live = _live(book, HOLDINGS)
    orders, positions = _orders(book), _positions(book)
    at_entry = positions["cost"] * book.instruments["value"][positions["instrument"]]
    notional = _sums(size, orders["holding"], orders["notional"]) + _sums(size, positions["holding"], at_entry)
    count = _counts(size, orders["holding"]) + _counts(size, positions["holding"])
    of_seats = _sums(len(book.seats), book.holdings["seat"][live], book.holdings["notional"][live])
    found = [
        *_where(book.holdings["notional"][live] != notional[live], "notional of holding {} is off", live),
        *_where(book.holdings["count"][live] != count[live], "count of holding {} is off", live),
        *_where(count[live] == 0, "holding {} holds nothing", live),
        *_where(book.seats["notional"] != of_seats, "notional of seat {} is not that of its holdings"),
    ]
    for things in (orders, positions):
        home = book.holdings[things["holding"]]
        astray = (home["seat"] != things["seat"]) | (home["instrument"] != things["instrument"])
        found += _where(astray, "{} is counted in a stranger's holding", things["id"])
    return found


def exposures_sum_what_is_staked(state: State) -> list[str]:
    """An exposure counts the fixed-time trades of one instrument, direction, expiry minute and asset, and is found by
    them."""
    book = state.book
    size, rows, trades = len(book.exposures), _live(book, EXPOSURES), _fixed_trades(book)
    exposures, home = book.exposures[rows], book.exposures[trades["exposure"]]
    stakes, count = _sums(size, trades["exposure"], trades["stake"]), _counts(size, trades["exposure"])
    astray = (home["instrument"] != trades["instrument"]) | (home["direction"] != trades["direction"])
    astray |= (home["minute"] != trades["expires_at_ns"] // (60 * NS_PER_S)) | (home["asset"] != trades["asset"])
    up, assets = exposures["direction"] > 0, exposures["asset"].astype(np.int64)
    keys = (assets << 44) | (exposures["minute"] << 16) | (exposures["instrument"].astype(np.int64) << 1) | up
    return [
        *_where(exposures["stakes"] != stakes[rows], "stakes of exposure {} are off", rows),
        *_where((exposures["trades"] != count[rows]) | (count[rows] == 0), "exposure {} miscounts its trades", rows),
        *_where(astray, "fixed-time trade {} is counted in a stranger's exposure", trades["id"]),
        *_index_problems(book.exposure_index, keys, rows),
    ]


def amounts_are_within_bounds(state: State) -> list[str]:
    """What products and sums rest on: sizes positive, summed notional at most BOUND, stops on the price scale."""
    book = state.book
    orders, positions = _orders(book), _positions(book)
    found = _where(book.seats["notional"] > BOUND, "seat {} has more than the greatest notional")
    for things in (orders, positions):
        amounts = (
            (things["lots"] < 1) | (things["margin"] < 0) | (things["leverage"] < 1) | (np.abs(things["side"]) != 1)
        )
        found += _where(amounts, "{} is out of bounds", things["id"])
        stops = (things["stop_loss"] < 0) | (things["take_profit"] < 0)
        found += _where(stops, "{} has a negative stop", things["id"])
    found += _where(positions["cost"] < positions["lots"], "position {} cost less than a tick a lot", positions["id"])
    found += _where(orders["price"] < 1, "order {} has no price", orders["id"])
    trades = _fixed_trades(book)
    off = (trades["stake"] < 1) | (trades["payout_percent"] < 1) | (np.abs(trades["direction"]) != 1)
    off |= (trades["expires_at_ns"] <= trades["accepted_at_ns"]) | (trades["entry"] < 0)
    off |= trades["quotes_before"] > book.quotes["count"][trades["instrument"]]
    found += _where(off, "fixed-time trade {} is out of bounds", trades["id"])
    of_seats = (orders, positions, _seats_trades(book))
    playing = (book.matches["status"][book.seats["match"][things["seat"]]] for things in of_seats)
    return found + [f"{int((status != MATCH_OPEN).sum())} trades are open in matches that are not"
                    for status in playing if (status != MATCH_OPEN).any()]  # fmt: skip


def trailing_stops_are_stops(state: State) -> list[str]:
    """A stop that trails stands somewhere, some ticks behind; that of an order is in ppm, and its only stop."""
    orders, positions = _orders(state.book), _positions(state.book)
    trails = positions["trailing"] != 0
    nowhere = (positions["trailing"] < 0) | (trails & (positions["stop_loss"] < 1))
    ppm = orders["trailing_ppm"]
    wrong = (ppm < 0) | (ppm >= PPM) | ((ppm != 0) & (orders["stop_loss"] != 0))
    return [
        *_where(nowhere, "the trailing stop of position {} is nowhere", positions["id"]),
        *_where(wrong, "the trailing stop of order {} is none", orders["id"]),
    ]


# The ledger


def every_asset_sums_to_zero(state: State) -> list[str]:
    """What is posted, and what is pending, was taken from one account and given to another of the same asset."""
    accounts = _accounts(state.book)
    found = []
    for asset in Asset:
        sums = _summed(accounts[accounts["id"] & 0xFF == asset])
        for phase in ("posted", "pending"):
            if (rest := sums[f"credits_{phase}"] - sums[f"debits_{phase}"]) != 0:
                found.append(f"{asset.name} {phase} sums to {rest}, not to 0")
    return found


def accounts_are_within_bounds(state: State) -> list[str]:
    """No account that must not be overdrawn is; the others are the world and the chain. No sum is negative or such
    that the next one could wrap."""
    accounts = _accounts(state.book)
    ids, flags = accounts["id"], accounts["flags"]
    overdrawn = accounts["debits_posted"] + accounts["debits_pending"] > accounts["credits_posted"]
    code = ids >> 8 & 0xFF
    may_overdraw = (code >= Account.CHAIN_HOT) & (code <= Account.WORLD)
    unknown = ~np.isin(code, [*Account]) | ~np.isin(ids & 0xFF, [*Asset]) | (accounts["version"] < 1)
    found = [
        *_where((flags & MUST_NOT_OVERDRAW != 0) & overdrawn, "account {} is overdrawn", ids),
        *_where(flags != np.where(may_overdraw, 0, MUST_NOT_OVERDRAW), "flags of account {} are not its code's", ids),
        *_where(unknown, "account {} is not in the chart of accounts, or was never opened", ids),
    ]
    for side in ("debits", "credits"):
        posted, pending = accounts[f"{side}_posted"], accounts[f"{side}_pending"]
        off = (posted < 0) | (pending < 0) | (posted > MOST_SUMMED - pending)
        found += _where(off, f"{side} of account {{}} are out of bounds", ids)
    return found


def what_is_pending_is_held(state: State) -> list[str]:
    """The pending sums of an account are those of the open holds on it; a transfer is between accounts of one asset."""
    book = state.book
    rows = _live(book, TRANSFERS)
    transfers = book.transfers[rows]
    held = _open_holds(transfers)
    found = []
    for side, column in (("debit", "debits_pending"), ("credit", "credits_pending")):
        sums = _sums(len(book.accounts), held[side], held["amount"])
        found += _where(book.accounts[column] != sums, f"{column} of account row {{}} is not what is held")
    debit, credit = book.accounts["id"][transfers["debit"]], book.accounts["id"][transfers["credit"]]
    astray = (debit == credit) | (debit & 0xFF != credit & 0xFF) | (debit == 0) | (credit == 0)
    numbers = held["number"]
    unnumbered = (numbers < 1) | (numbers > book.world["holds"][0])
    return [
        *found,
        *_where(astray, "the accounts of the transfer in row {} do not go together", rows),
        *_where(held["amount"] < 1, "hold {} holds nothing", numbers),
        *_where(unnumbered, "hold {} was never made", numbers),
        *(["two holds have one number"] if len(np.unique(numbers)) != len(numbers) else []),
    ]


def wallet_trades_hold_what_they_stake(state: State) -> list[str]:
    """Each fixed-time trade from a wallet has two open holds of its own, of one asset: its stake, from the player's
    account of that asset for the house's rewards, and what it may win, the other way. No other hold of the engine's is
    of their kind."""
    book = state.book
    trades = _fixed_trades(book)
    trades = trades[trades["asset"] != 0]
    assets = trades["asset"].astype(np.int64)
    code = np.array([0, *(of_players(asset) for asset in Asset)])[assets]
    account = (trades["player"].astype(np.int64) << 16) | (code << 8) | assets
    house = (int(Account.HOUSE_REWARDS) << 8) | assets
    payout = trades["stake"] * trades["payout_percent"] // 100
    found = _where(book.accounts["id"][trades["account"]] != account, "account of trade {} is another's", trades["id"])
    for name, kind, debit, credit, amount in (
        ("stake", TransferCode.STAKE, account, house, trades["stake"]),
        ("payout", TransferCode.PAYOUT, house, account, payout),
    ):
        holds = book.transfers[trades[f"{name}_hold"]]
        off = (holds["amount"] != amount) | (holds["reference"] != trades["id"]) | (holds["code"] != kind)
        off |= (book.accounts["id"][holds["debit"]] != debit) | (book.accounts["id"][holds["credit"]] != credit)
        off |= (holds["status"] != _PENDING) | (holds["flags"] != Transferring.PENDING) | (holds["expires_at_ns"] != 0)
        found += _where(off, f"{name} of trade {{}} is not held as it should", trades["id"])
        open_holds = _open_holds(book.transfers[_live(book, TRANSFERS)])
        own = (open_holds["code"] == kind) & (open_holds["id_low"] == 0) & (open_holds["id_high"] == 0)
        if np.count_nonzero(own) != len(trades):
            found.append(f"{np.count_nonzero(own)} holds of a {name} for {len(trades)} trades from wallets")
    return found


def accounts_are_found(state: State) -> list[str]:
    """account_index knows every account by its id."""
    rows = _live(state.book, ACCOUNTS)
    ids = state.book.accounts["id"][rows]
    return _index_problems(state.book.account_index, (ids >> 16) | ((ids & 0xFFFF) << 47), rows)


def transfers_are_known(state: State) -> list[str]:
    """transfer_index knows every transfer that has an id. All but the open holds form one chain from the oldest, and
    none of them is as old as to be forgotten; what has no id is an open hold."""
    book = state.book
    world, transfers = book.world[0], book.transfers
    rows = _live(book, TRANSFERS)
    known = transfers[rows]
    named = (known["id_low"] != 0) | (known["id_high"] != 0)
    ids = list(zip(known["id_low"][named].tolist(), known["id_high"][named].tolist(), strict=True))
    keys = [low ^ ((high & 0x7FFFFFFF) << 32) ^ (high >> 31) for low, high in ids]
    index = book.transfer_index
    entries = index[index["row"] != 0]
    held = sorted(zip(entries["key"].tolist(), entries["row"].tolist(), strict=True))
    found = []
    if held != sorted(zip(keys, rows[named].tolist(), strict=True)):
        found.append(f"the index has {len(held)} entries, not those of {len(ids)} transfers")
    if len(set(ids)) != len(ids):
        found.append("two transfers have one id")
    if 2 * len(held) > len(index):
        found.append("the index is more than half full")

    chain = _walk(int(world["transfers_oldest"]), transfers["next_free"].tolist())
    is_open = (known["flags"] & Transferring.PENDING != 0) & (known["status"] == _PENDING)
    if sorted(chain) != rows[~is_open].tolist() or world["transfers_newest"] != (chain[-1] if chain else 0):
        found.append("the chain of transfers is broken")
    since = transfers["since_ns"][chain]
    if (np.diff(since) < 0).any() or (since + DAY_NS <= world["now_ns"]).any() or (since > world["now_ns"]).any():
        found.append("transfers are not in order of acceptance, or known for too long")
    found += _where(known["status"] == 0, "the transfer in row {} is free and known", rows)
    return found + _where(~named & ~is_open, "the transfer in row {} has no id", rows)


# Who is found where


def ids_lead_to_rows_and_back(state: State) -> list[str]:
    """id_index knows every open position and resting order, and nothing else; ids are unique and were handed out."""
    book = state.book
    positions, orders = _live(book, POSITIONS), _live(book, ORDERS)
    ids = np.concatenate([book.positions["id"][positions], book.orders["id"][orders]])
    rows = np.concatenate([positions, -orders])
    found = _index_problems(book.id_index, ids, rows)
    ids = np.concatenate([ids, _fixed_trades(book)["id"]])
    if len(np.unique(ids)) != len(ids):
        found.append("an id is used twice")
    if ids.size and (ids.min() < 1 or ids.max() >= book.world["next_id"][0]):
        found.append("an id was never handed out")
    return found


def seats_are_found(state: State) -> list[str]:
    """seat_index knows every seat by player and match; no player sits twice."""
    book = state.book
    rows = _live(book, SEATS)
    seats = book.seats[rows]
    found = _index_problems(book.seat_index, (seats["player"].astype(np.int64) << 32) | seats["match"], rows)
    strangers = (seats["player"] < 1) | (seats["player"] > book.world["players"][0])
    return found + _where(strangers, "seat {} is a stranger's", rows)


def holdings_are_found(state: State) -> list[str]:
    """holding_index knows every holding by seat and instrument."""
    book = state.book
    rows = _live(book, HOLDINGS)
    keys = (book.holdings["seat"][rows].astype(np.int64) << 20) | book.holdings["instrument"][rows]
    return _index_problems(book.holding_index, keys, rows)


def chains_hold_what_is_a_seats(state: State) -> list[str]:
    """The chains of matches, seats and players run through exactly the rows that name them, and back."""
    book = state.book
    seats, orders, trades = book.seats, book.orders, book.fixed_trades
    live_seats = _live(book, SEATS)
    running = _live(book, FIXED_TRADES)
    of_wallets = trades["asset"][running] != 0
    players = np.arange(1, int(book.world["players"][0]) + 1)
    matches = np.arange(1, int(book.world["matches"][0]) + 1)
    return [
        *_chain_problems("seats of match", matches, book.matches["first_seat"], seats["next_in_match"], None,
                         seats["match"], live_seats),
        *_chain_problems("orders of seat", live_seats, seats["first_order"], orders["next_in_seat"],
                         orders["previous_in_seat"], orders["seat"], _live(book, ORDERS)),
        *_chain_problems("fixed-time trades of seat", live_seats, seats["first_fixed"], trades["next_in_seat"],
                         trades["previous_in_seat"], trades["seat"], running[~of_wallets]),
        *_chain_problems("fixed-time trades from wallets of player", players, book.players["first_fixed"],
                         trades["next_in_seat"], trades["previous_in_seat"], trades["player"], running[of_wallets]),
        *_where((trades["seat"][running] == 0) != of_wallets, "the fixed-time trade in row {} is nobody's", running),
        *_where(~of_wallets & (trades["player"][running] != seats["player"][trades["seat"][running]]),
                "the fixed-time trade in row {} is another player's than its seat", running),
    ]  # fmt: skip


def rosters_list_open_positions(state: State) -> list[str]:
    """A seat's rosters list its open positions, each once and where the position says; no roster is empty."""
    book = state.book
    rosters, positions = _live(book, ROSTERS), _live(book, POSITIONS)
    listed = book.rosters["positions"][rosters]
    owner = np.zeros(len(book.rosters), np.int64)
    owner[rosters] = book.positions["seat"][listed.max(axis=1, initial=0)]
    held = book.positions[positions]
    found = _where(book.rosters["positions"][held["roster"], held["place"]] != positions, "position {} is not listed",
                   held["id"])  # fmt: skip
    found += _where(owner[held["roster"]] != held["seat"], "position {} is on a stranger's roster", held["id"])
    if np.count_nonzero(listed) != len(positions):
        found.append(f"{np.count_nonzero(listed)} positions are listed, {len(positions)} are open")
    live: Rows = book.rosters["live"][rosters]
    found += _where((live != (listed != 0).sum(axis=1)) | (live < 1), "roster {} miscounts its positions", rosters)
    beyond = np.arange(ROSTER_PLACES) >= book.rosters["used"][rosters, None]
    found += _where((beyond & (listed != 0)).any(axis=1), "roster {} lists beyond its used places", rosters)
    return found + _chain_problems("rosters of seat", _live(book, SEATS), book.seats["first_roster"],
                                   book.rosters["next"], book.rosters["previous"], owner, rosters)  # fmt: skip


def free_rows_are_free(state: State) -> list[str]:
    """A free list holds each row that was taken and released once, and no other; nothing free still has an id."""
    book = state.book
    found = []
    for head, name in _FREE_LISTS.items():
        table, counts, free = getattr(book, name), book.heads[head], _free(book, head)
        if len(set(free)) != len(free) or any(not 0 < row < counts["used"] for row in free):
            found.append(f"the free list of {name} is broken")
        if len(free) + counts["live"] != counts["used"] - 1:
            found.append(f"{name}: {len(free)} free and {counts['live']} live are not {counts['used'] - 1} used rows")
        if "id" in table.dtype.names and name != "timers" and table["id"][free].any():
            found.append(f"a free row of {name} has an id")
    return found


def things_are_named(state: State) -> list[str]:
    """Cold things stand beside the rows that the world counts, under the same ids, from 1."""
    world, cold = state.book.world[0], state.cold
    return [
        f"{name}: {sorted(things)} are not 1 to {world[name]}"
        for name in ("instruments", "games", "matches", "players", "seasons")
        if sorted(things := getattr(cold, name)) != list(range(1, int(world[name]) + 1))
    ]


def matches_play_by_a_version_of_their_game(state: State) -> list[str]:
    """A match pins one of the versions that its game has had: none of them is ever lost."""
    matches, games = _first_rows(state.book.matches, state.book.world["matches"][0])[1:], state.cold.games
    pinned = zip(matches["game"].tolist(), matches["game_version"].tolist(), strict=True)
    return [
        f"match {id} plays by version {version} of game {game}"
        for id, (game, version) in enumerate(pinned, 1)
        if not 1 <= version <= len(games[game].versions)
    ]


def careers_are_what_matches_made_of_them(state: State) -> list[str]:
    """Matches, wins and experience follow from the seats of finished matches that somebody was fit to win. Cups are
    between none and those that were won; of the season's, there are not more."""
    book = state.book
    players, seats = book.players, book.seats[_live(book, SEATS)]
    seats = seats[(seats["rank"] > 0) & (book.matches["practice"][seats["match"]] == 0)]
    fit = seats["held_trades"] >= book.matches["min_trades"][seats["match"]]
    fit &= (seats["status"] != SEAT_DISQUALIFIED) & (seats["rank"] == 1)
    seats = seats[np.isin(seats["match"], seats["match"][fit])]
    won = seats["rank"] == 1
    cup, win_exp, lose_exp = (np.zeros(len(book.matches), np.int64) for _ in range(3))
    for id in np.unique(seats["match"]).tolist():
        rules = _rules(state, id)
        cup[id], win_exp[id], lose_exp[id] = rules.cup, rules.win_exp, rules.lose_exp
    experience = np.where(won, win_exp[seats["match"]], lose_exp[seats["match"]])
    size, winners = len(players), seats[won]
    expected = {
        "matches": _counts(size, seats["player"]),
        "wins": _counts(size, winners["player"]),
        "experience": _sums(size, seats["player"], experience),
    }
    most = _sums(size, winners["player"], cup[winners["match"]])
    return [
        *(line for field, column in expected.items()
          for line in _where(players[field] != column, f"{field} of player {{}} is not what the matches made of it")),
        *_where((players["season_cups"] < 0) | (players["season_cups"] > players["cups"]) | (players["cups"] > most),
                "cups of player {} are not between none and those that were won"),
        *_where(players["season_matches"] > players["matches"], "player {} has more matches in a season than in all"),
        *_where((players["matches"] == 0) != (players["cups_at_ns"] == 0), "player {} has cups since no time"),
        *_where((players["season_matches"] == 0) != (players["season_cups_at_ns"] == 0),
                "player {} has cups of the season since no time"),
    ]  # fmt: skip


def instruments_are_as_defined(state: State) -> list[str]:
    """Switches and trading hours in the tables are those of the cold instruments; a switch is on or off."""
    book = state.book
    found = []
    for id, data in state.cold.instruments.items():
        row = book.instruments[id]
        if any(bool(row[switch]) != getattr(data, switch) for switch in _SWITCHES):
            found.append(f"a switch of instrument {id} is not as it was set")
        first = id * HOURS_PER_INSTRUMENT
        if book.hours[first : first + int(row["hours"])].tolist() != list(data.hours):
            found.append(f"hours of instrument {id} are not as they were set")
    for table in (book.world, book.instruments, book.matches, book.players):
        for switch in _SWITCHES:
            if switch in (table.dtype.names or ()):
                found += _where((table[switch] != 0) & (table[switch] != 1), f"{switch} of {{}} is neither on nor off")
    return found


# What waits for a price


def triggers_wait_for_their_owners(state: State) -> list[str]:
    """Every position and every resting order has one trigger row, on its lane, with its prices; no other row waits."""
    book = state.book
    found = []
    positions, orders = _live(book, POSITIONS), _live(book, ORDERS)
    waits = book.orders[orders]
    found += _where((waits["trigger"] != 0) == (waits["waiting"] != 0), "order {} neither rests nor waits", waits["id"])
    orders = orders[waits["waiting"] == 0]
    for kind, table, rows in ((TRIGGER_POSITION, book.positions, positions), (TRIGGER_ORDER, book.orders, orders)):
        things = table[rows]
        long = things["side"] > 0
        triggers = book.triggers[things["trigger"]]
        low, high = _position_bounds(book, things) if kind == TRIGGER_POSITION else _order_bounds(things)
        # A position is valued at what its close gets, an order fills at what its open pays: other sides of the quote.
        side = np.where(long == (kind == TRIGGER_POSITION), LANE_BID, LANE_ASK)
        lane = book.pages["lane"][things["trigger"] // PAGE_ROWS]
        found += _where(
            (triggers["owner"] != rows) | (triggers["kind"] != kind), "trigger of {} is another's", things["id"]
        )
        found += _where((triggers["low"] != low) | (triggers["high"] != high), "trigger of {} is off", things["id"])
        found += _where(lane != things["instrument"] * 2 + side, "trigger of {} is on a wrong lane", things["id"])

    owned, bands = int(_waiting(book).sum()), len(_live(book, BANDS))
    if owned != len(positions) + len(orders) + bands:
        found.append(f"{owned} triggers wait for {len(positions)} positions, {len(orders)} orders and {bands} bands")
    held = book.positions[positions]
    lots, cost = book.mark_lots[held["trigger"]], book.mark_cost[held["trigger"]]
    off = (lots != held["side"] * held["lots"]) | (cost != held["side"] * held["cost"])
    return found + _where(off, "mark of position {} is off", held["id"])


def bands_watch_what_their_seats_hold(state: State) -> list[str]:
    """A watched seat has one band for each lane it is in, of all its lots there, whose trigger fires before a share
    is used up; no other seat has any."""
    book = state.book
    rows = _live(book, BANDS)
    bands = book.bands[rows]
    lanes, quotes = bands["lane"], book.quotes[bands["lane"] // 2]
    found = []
    held = _positions(book)
    held = held[book.seats["watched"][held["seat"]] != 0]
    lane = held["instrument"].astype(np.int64) * 2 + np.where(held["side"] > 0, LANE_BID, LANE_ASK)
    keys, places = np.unique(held["seat"].astype(np.int64) << 32 | lane, return_inverse=True)
    lots = _sums(len(keys), places, held["lots"])
    own = bands["seat"].astype(np.int64) << 32 | lanes
    if sorted(zip(own.tolist(), bands["lots"].tolist(), strict=True)) != sorted(zip(keys, lots, strict=True)):
        found.append("bands are not those of what watched seats hold")
    link = np.where(bands["side"] > 0, book.holdings["long_band"][bands["holding"]],
                    book.holdings["short_band"][bands["holding"]])  # fmt: skip
    found += _where(link != rows, "band {} is not its holding's", rows)

    triggers = book.triggers[bands["trigger"]]
    worth = bands["lots"] * book.instruments["value"][lanes // 2]
    falls, rises = (np.maximum(bands[share], 0) // worth + 1 for share in ("down", "up"))
    below, above = np.where(bands["side"] > 0, falls, rises), np.where(bands["side"] > 0, rises, falls)
    off = triggers["low"] < np.maximum(bands["mark"] - below, NEVER_LOW)
    highest = book.instruments["highest_price"][lanes // 2] + 1  # no quote is there
    off |= np.minimum(triggers["high"], highest) > bands["mark"] + above
    off |= (triggers["kind"] != TRIGGER_BAND) | (triggers["owner"] != rows)
    off |= book.pages["lane"][bands["trigger"] // PAGE_ROWS] != lanes
    price = np.where(lanes % 2 == LANE_BID, quotes["bid"], quotes["ask"])
    off |= (price <= triggers["low"]) | (price >= triggers["high"])
    return found + _where(off, "band {} is not armed as it should", rows) + _chain_problems(
        "bands of seat", _live(book, SEATS), book.seats["first_band"], book.bands["next"], book.bands["previous"],
        book.bands["seat"], rows,
    )  # fmt: skip


def shares_of_bands_do_not_exceed_slack(state: State) -> list[str]:
    """What a watched seat's bands and its free slack allow is no more than lies between its equity and the next level
    at which it must be judged: so no level is ever crossed unseen. The levels, said once more."""
    book = state.book
    seats = book.seats
    matches = book.matches[seats["match"]]
    rows = np.flatnonzero((seats["watched"] != 0) & (seats["status"] == SEAT_ACTIVE))
    rows = rows[np.isin(rows, _live(book, SEATS))]
    found = _where(seats["touched"] != 0, "seat {} waits to be judged between batches")
    trades = (seats["orders"] != 0) | (seats["positions"] != 0) | (seats["stakes"] != 0)
    found += _where((seats["status"] != SEAT_ACTIVE) & trades, "seat {} is out and still trades")

    held = _positions(book)
    quotes = book.quotes[held["instrument"]]
    price = np.where(held["side"] > 0, quotes["bid"], quotes["ask"])
    value = book.instruments["value"][held["instrument"]]
    rest = held["margin"] + held["side"] * (price * held["lots"] - held["cost"]) * value
    free = seats["cash"] + seats["reserved"] + seats["stakes"]
    linear = free + _sums(len(seats), held["seat"], rest)
    equity = free + _sums(len(seats), held["seat"], np.maximum(rest, 0))

    lower = np.full(len(seats), -BOUND)
    for rule, first in (("daily", 0), ("total", len(WARNINGS_PERCENT))):
        drawdown, floor = matches[f"{rule}_drawdown"], seats[f"{rule}_floor"]
        lower = np.where(drawdown != 0, np.maximum(lower, floor), lower)
        for number, percent in enumerate(WARNINGS_PERCENT, first):
            waits = (drawdown != 0) & ((seats["warned"] >> number) & 1 == 0)
            lower = np.where(waits, np.maximum(lower, floor + drawdown * (100 - percent) // 100 + 1), lower)
    upper = np.where(matches["profit_target"] != 0, matches["profit_target"], 2 * BOUND)
    start = matches["starting_balance"]
    rising = (matches["total_mode"] != TotalDrawdown.STATIC) & (
        (matches["total_mode"] != TotalDrawdown.TRAILING_LOCK) | (seats["total_floor"] < start)
    )
    upper = np.where(rising, np.minimum(upper, seats["high_water"] + np.maximum(1, start // 1000)), upper)

    bands = book.bands[_live(book, BANDS)]
    lane, quotes = bands["lane"], book.quotes[bands["lane"] // 2]
    price = np.where(lane % 2 == LANE_BID, quotes["bid"], quotes["ask"])
    gained = bands["side"] * (price - bands["mark"]) * bands["lots"] * book.instruments["value"][lane // 2]
    down = seats["slack_down"] + _sums(len(seats), bands["seat"], bands["down"] + gained)
    up = seats["slack_up"] + _sums(len(seats), bands["seat"], bands["up"] - gained)
    too_low, too_high = down > np.maximum(linear - lower, 0), up > np.maximum(upper - 1 - equity, 0)
    found += _where(too_low[rows], "seat {} may lose more than it has slack", rows)
    return found + _where(too_high[rows], "seat {} may gain more than it has slack", rows)


def page_bounds_enclose_their_rows(state: State) -> list[str]:
    """No row fires unseen: a page's bound_low is at least every low in it, its bound_high at most every high."""
    book = state.book
    pages = _live(book, PAGES)
    waits = _waiting(book)[pages]
    low = np.where(waits, book.triggers["low"].reshape(-1, PAGE_ROWS)[pages], NEVER_LOW).max(axis=1, initial=NEVER_LOW)
    high = np.where(waits, book.triggers["high"].reshape(-1, PAGE_ROWS)[pages], NEVER_HIGH).min(
        axis=1, initial=NEVER_HIGH
    )
    bounds = book.pages["bound"][pages]
    loose = (book.bound_low[bounds] < low) | (book.bound_high[bounds] > high)
    return _where(loose, "bounds of page {} miss a row", pages)


def pages_count_their_rows(state: State) -> list[str]:
    """A page's live and free rows are its used ones, and the lane's chain of open pages is that of pages with room."""
    book = state.book
    pages = _live(book, PAGES)
    found = []
    waits = _waiting(book)
    found += _where(book.pages["live"][pages] != waits[pages].sum(axis=1), "page {} miscounts its rows", pages)
    found += _where(book.pages["live"][pages] < 1, "page {} is empty and still a lane's", pages)
    last = np.where(waits, np.arange(PAGE_ROWS), -1).max(axis=1)
    found += _where(last[pages] >= book.pages["used"][pages], "page {} has a row beyond those it used", pages)

    lanes = np.arange(2 * (int(book.world["instruments"][0]) + 1))
    room = pages[book.pages["live"][pages] < PAGE_ROWS]
    return found + _chain_problems("open pages of lane", lanes, book.lanes["first_open"], book.pages["next_open"],
                                   book.pages["previous_open"], book.pages["lane"], room)  # fmt: skip


def lanes_hold_the_bounds_of_their_pages(state: State) -> list[str]:
    """The bounds of a lane's pages lie side by side in an extent of its own; bounds that are no page's are neutral."""
    book = state.book
    pages = _live(book, PAGES)
    used = int(book.world["bounds_used"][0])
    taken = np.zeros(len(book.bound_low), np.int64)
    room = np.zeros(len(book.bound_low), np.int64)
    found = []
    for number in np.flatnonzero(book.lanes["bounds_room"]):
        lane = book.lanes[number]
        start, count, extent = int(lane["bounds_start"]), int(lane["pages"]), int(lane["bounds_room"])
        taken[start : start + count] += 1
        room[start : start + extent] += 1
        if start % BOUNDS_STEP or extent % BOUNDS_STEP or count > extent or start + extent > used:
            found.append(f"extent of lane {number} is off")
        if (book.pages["lane"][book.bound_page[start : start + count]] != number).any():
            found.append(f"a bound of lane {number} is of another's page")
    if (room > 1).any():
        found.append("extents of lanes overlap")
    if int(book.lanes["pages"].sum()) != len(pages) or (book.bound_page[book.pages["bound"][pages]] != pages).any():
        found.append("pages and bounds do not point at each other")
    spare = taken == 0
    if (book.bound_low[spare] != NEVER_LOW).any() or (book.bound_high[spare] != NEVER_HIGH).any():
        found.append("a bound that is no page's is not neutral")
    return found


# What waits for a time, a quote, or a second try


def timers_are_those_of_what_ends_or_waits(state: State) -> list[str]:
    """The heap is ordered by (due, kind, id), knows where its rows are, and holds one for each order and each hold of
    the ledger with an end, one for each fixed-time trade, those of what waits for a quote, those of the days of matches
    with drawdown rules, those of their ends, of what their seats are worth and of their feeds' silence, and those of
    who waits in a queue."""
    book = state.book
    count = int(book.world["timers"][0])
    heap = book.timer_heap["row"][:count]
    rows = _live(book, TIMERS)
    found = []
    if sorted(heap.tolist()) != rows.tolist() or (book.timers["heap"][heap] != np.arange(count)).any():
        found.append("the heap does not hold the live timers")
    ordered = book.timers[heap]
    keys = list(zip(*(ordered[field].tolist() for field in ("due_ns", "kind", "id")), strict=True))
    found += [f"timer {keys[i]} is before its parent" for i in range(1, count)
              if keys[i] < keys[(i - 1) // TIMER_CHILDREN]]  # fmt: skip
    places = book.timer_heap[:count]
    order = (ordered["kind"].astype(np.int64) << TIMER_KIND_SHIFT) | ordered["id"]
    found += _where((places["due_ns"] != ordered["due_ns"]) | (places["order"] != order), "place {} of the heap is off")

    orders = _live(book, ORDERS)
    dated = (book.orders["time_in_force"][orders] == TimeInForce.GTD) == (book.orders["expires_at_ns"][orders] != 0)
    found += _where(~dated, "order row {} is good till a date and has none, or has one and is not", orders)
    ending = orders[book.orders["expires_at_ns"][orders] != 0]
    timers = book.timers[book.orders["timer"][ending]]
    wrong = (timers["owner"] != ending) | (timers["id"] != book.orders["id"][ending]) | (timers["kind"] != TIMER_ORDER)
    found += _where(
        wrong | (timers["due_ns"] != book.orders["expires_at_ns"][ending]), "timer of order row {} is off", ending
    )
    waiting = _live(book, WAITING)
    waiting = waiting[book.waiting["timer"][waiting] != 0]
    timers = book.timers[book.waiting["timer"][waiting]]
    wrong = (timers["owner"] != waiting) | (timers["kind"] != TIMER_WAIT)
    found += _where(wrong | (timers["id"] != book.waiting["sequence"][waiting]), "timer of what waits in row {} is off",
                    waiting)  # fmt: skip
    days = book.timers[rows][book.timers["kind"][rows] == TIMER_DAY]
    matches = _first_rows(book.matches, book.world["matches"][0])
    is_open, waits = matches["status"] == MATCH_OPEN, matches["status"] == MATCH_WAITING
    drawn = np.flatnonzero(is_open & ((matches["daily_drawdown"] != 0) | (matches["total_drawdown"] != 0)))
    if sorted(days["id"].tolist()) != drawn.tolist() or (days["due_ns"] % DAY_NS).any():
        found.append("the days of matches do not begin as they should")
    ends = book.timers[rows][book.timers["kind"][rows] == TIMER_MATCH]
    paused = matches["paused_since_ns"] != 0
    next_ns = np.where(is_open & ~paused, matches["ends_at_ns"], np.where(waits, matches["starts_at_ns"], 0))
    if sorted(ends["id"].tolist()) != np.flatnonzero(next_ns).tolist():
        found.append("the matches that begin or end are not those with a timer")
    found += _where(ends["due_ns"] != next_ns[ends["id"]], "match {} begins or ends at another time than it says",
                    ends["id"])  # fmt: skip
    samples = book.timers[rows][book.timers["kind"][rows] == TIMER_SAMPLE]
    sampled = np.flatnonzero(is_open & (matches["practice"] == 0))
    if sorted(samples["id"].tolist()) != sampled.tolist() or (np.flatnonzero(matches["sample_timer"]) != sampled).any():
        found.append("the matches that are sampled are not those that are played for a while")
    timers = book.timers[matches["sample_timer"][sampled]]
    off = (timers["id"] != sampled) | (timers["kind"] != TIMER_SAMPLE)
    found += _where(off, "timer of the samples of match {} is off", sampled)
    late = samples["due_ns"] > book.world["now_ns"][0] + matches["sample_ns"][samples["id"]]
    found += _where(late, "match {} is sampled later than it should be", samples["id"])
    holds = _open_holds(book.transfers[_live(book, TRANSFERS)])
    ending_holds = holds[holds["expires_at_ns"] != 0]
    timers = book.timers[ending_holds["timer"]]
    wrong = (timers["id"] != ending_holds["number"]) | (timers["kind"] != TIMER_HOLD)
    wrong |= book.transfers["number"][timers["owner"]] != ending_holds["number"]
    found += _where(wrong | (timers["due_ns"] != ending_holds["expires_at_ns"]), "timer of hold {} is off",
                    ending_holds["number"])  # fmt: skip
    if np.count_nonzero(holds["timer"]) != len(ending_holds):
        found.append("a hold has a timer and no end")
    running = _live(book, FIXED_TRADES)
    trades = book.fixed_trades[running]
    timers = book.timers[trades["timer"]]
    wrong = (timers["owner"] != running) | (timers["id"] != trades["id"]) | (timers["kind"] != TIMER_FIXED)
    found += _where(wrong | (timers["due_ns"] != trades["expires_at_ns"]), "timer of fixed-time trade {} is off",
                    trades["id"])  # fmt: skip
    watched = np.flatnonzero(is_open & ~paused & (matches["outage_ns"] != 0))
    timers = book.timers[matches["outage_timer"][watched]]
    wrong = (timers["owner"] != watched) | (timers["id"] != watched) | (timers["kind"] != TIMER_OUTAGE)
    wrong |= timers["due_ns"] > book.world["now_ns"][0] + matches["outage_ns"][watched] + 1
    found += _where(wrong, "nobody asks whether the feed of match {} is out", watched)
    if np.count_nonzero(matches["outage_timer"]) != len(watched):
        found.append("it is asked about the feed of a match that goes on without")
    queued = [(game, timer) for game, queue in state.cold.queues.items() for timer in queue.waiting.values() if timer]
    timers = book.timers[[timer for _, timer in queued]]
    wrong = (timers["owner"] != [game for game, _ in queued]) | (timers["kind"] != TIMER_QUEUE)
    if wrong.any() or len(np.unique(timers["id"])) != len(queued):
        found.append("timers of those who wait in queues are off")
    others = len(running) + len(waiting) + len(days) + len(ends) + len(samples) + len(ending_holds)
    others += len(watched) + len(queued)
    if len(ending) + others != count or (book.orders["timer"][orders] != 0).sum() != len(ending):
        found.append(f"{count} timers for {len(ending)} orders that end and {others} other things")
    overdue = [key for key in keys if key[0] <= book.world["now_ns"][0]]
    return found + [f"timer {key} is overdue" for key in overdue]


def what_waits_for_a_quote_stands_in_line(state: State) -> list[str]:
    """Each order, close and entry that waits is in its instrument's queue, or its timer says when it joins it."""
    book = state.book
    following, line = book.waiting["next"].tolist(), []
    found = []
    for instrument in np.flatnonzero(book.quotes["waiting_first"]):
        queue = _walk(int(book.quotes["waiting_first"][instrument]), following)
        line += queue
        if (book.waiting["instrument"][queue] != instrument).any():
            found.append(f"what stands in line for instrument {instrument} is another's")
        if (book.waiting["previous"][queue] != [0, *queue[:-1]]).any() or book.quotes["waiting_last"][
            instrument
        ] != queue[-1]:
            found.append(f"the queue of instrument {instrument} does not run back")
    if (book.quotes["waiting_last"][book.quotes["waiting_first"] == 0]).any():
        found.append("a queue has an end and no start")

    rows = _live(book, WAITING)
    waiting = book.waiting[rows]
    if sorted(line) != rows[waiting["queued"] != 0].tolist():
        found.append("what is queued stands in no queue")
    opens = waiting["kind"] == WAITS_TO_OPEN
    timed = (waiting["queued"] == 0) | opens
    found += _where((waiting["timer"] != 0) != timed, "row {} waits without its timer, or with one too many", rows)
    for things, table, kind in (
        (_orders(book), book.orders, WAITS_TO_OPEN),
        (_positions(book), book.positions, WAITS_TO_CLOSE),
        (_fixed_trades(book), book.fixed_trades, WAITS_TO_ENTER),
    ):
        of_kind = waiting["kind"] == kind
        owners = table[waiting["owner"][of_kind]]
        astray = (owners["waiting"] != rows[of_kind]) | (owners["instrument"] != waiting["instrument"][of_kind])
        found += _where(astray, "row {} waits for another", rows[of_kind])
        if np.count_nonzero(things["waiting"]) != np.count_nonzero(of_kind):
            found.append(f"{np.count_nonzero(things['waiting'])} things wait in {np.count_nonzero(of_kind)} rows")
    trades = _fixed_trades(book)
    entered, waits = trades["entry"] > 0, trades["waiting"] != 0
    wrong = (entered == waits) | (entered != (trades["entry_sequence"] > 0))
    return found + _where(wrong, "fixed-time trade {} neither entered nor waits", trades["id"])


def pauses_are_counted(state: State) -> list[str]:
    """The world counts the matches that are paused: open ones that have an end, and a rule that pauses them."""
    matches, world = state.book.matches, state.book.world[0]
    paused = matches["paused_since_ns"] != 0
    may_be = (matches["status"] == MATCH_OPEN) & (matches["outage_extends"] == 1) & (matches["ends_at_ns"] != 0)
    late = matches["paused_since_ns"] + matches["outage_ns"] >= world["now_ns"]
    return [
        *_where(paused & (~may_be | late), "match {} is paused and has no reason to be"),
        *_where((matches["void"] != 0) & (matches["status"] == MATCH_OPEN), "match {} is void and still open"),
        *([f"{paused.sum()} matches are paused, not {world['paused']}"] if paused.sum() != world["paused"] else []),
    ]


def queues_hold_players_of_theirs(state: State) -> list[str]:
    """Who waits is a player, and has no seat in the match that the queue has made last, as long as that waits."""
    book = state.book
    found = []
    for game, queue in state.cold.queues.items():
        if game not in state.cold.games or not 0 <= queue.match <= book.world["matches"][0]:
            found.append(f"the queue of game {game} is nobody's, or of a match that is not")
        strangers = [player for player in queue.waiting if not 1 <= player <= book.world["players"][0]]
        if strangers:
            found.append(f"{strangers} wait for game {game} and are no players")
        match = book.matches[queue.match]
        if match["status"] == MATCH_WAITING:
            seats = _walk(int(match["first_seat"]), book.seats["next_in_match"].tolist())
            if twice := set(book.seats["player"][seats].tolist()) & queue.waiting.keys():
                found.append(f"{sorted(twice)} wait for game {game} and sit in match {queue.match}")
    return found


def requests_are_kept_in_order(state: State) -> list[str]:
    """All kept requests form one chain from the oldest, and those of a player another; each is found by its key."""
    book = state.book
    world, requests = book.world[0], book.requests
    rows = _live(book, REQUESTS)
    found = _index_problems(book.request_index, requests["key_low"][rows], rows)

    chain = _walk(int(world["requests_oldest"]), requests["newer"].tolist())
    if sorted(chain) != rows.tolist() or (requests["older"][chain] != [0, *chain[:-1]][: len(chain)]).any():
        found.append("the chain of requests is broken")
    if world["requests_newest"] != (chain[-1] if chain else 0):
        found.append("the newest request is not the last of the chain")
    if (np.diff(requests["accepted_at_ns"][chain]) < 0).any():
        found.append("requests are not in order of acceptance")

    order = {row: place for place, row in enumerate(chain)}
    following, seen = requests["next_of_player"].tolist(), 0
    for player in np.flatnonzero(book.players["requests"]):
        own = _walk(int(book.players["request_oldest"][player]), following)
        seen += len(own)
        places = [order.get(row, -1) for row in own]
        if len(own) != book.players["requests"][player] or own[-1] != book.players["request_newest"][player]:
            found.append(f"requests of player {player} are miscounted")
        if places != sorted(places) or (requests["player"][own] != player).any():
            found.append(f"requests of player {player} are out of order")
    return found + ([f"players have {seen} of {len(rows)} requests"] if seen != len(rows) else [])


# The market


def quotes_are_usable(state: State) -> list[str]:
    """What stands as a quote could be traded on: bid below ask, both set or neither, not from the future."""
    quotes, world = state.book.quotes, state.book.world[0]
    none = (quotes["bid"] == 0) & (quotes["ask"] == 0)
    wrong = (quotes["bid"] < 1) | (quotes["bid"] >= quotes["ask"]) | (quotes["sequence"] < 1)
    late = (quotes["at_ns"] > world["now_ns"]) | (quotes["sequence"] > world["sequence"])
    last = [] if quotes["at_ns"].max() == world["quoted_at_ns"] else ["the last quote is not when the world has it"]
    return [
        *last,
        *_where(wrong & ~none, "quote of instrument {} is not usable"),
        *_where(late, "quote of instrument {} is ahead"),
    ]


def candles_enclose_their_prices(state: State) -> list[str]:
    """An open candle starts on its interval; its high and low enclose open and close; a shorter one is not older."""
    book = state.book
    candles = book.candles[: len(book.candles) // len(INTERVALS_S) * len(INTERVALS_S)].reshape(-1, len(INTERVALS_S))
    started = candles["open_at_ns"] >= 0
    aligned = candles["open_at_ns"] % (np.array(INTERVALS_S) * NS_PER_S) == 0
    enclosed = (candles["low"] <= np.minimum(candles["open"], candles["close"])) & (
        candles["high"] >= np.maximum(candles["open"], candles["close"])
    )
    newer = candles["open_at_ns"][:, :1] >= candles["open_at_ns"]
    return _where(
        (started & ~(aligned & enclosed & newer & (candles["ticks"] > 0))).any(axis=1), "candles of instrument {}"
    )


def escrows_hold_what_their_matches_owe(state: State) -> list[str]:
    """A match that is not over has the entry fees of all its seats, and one that is over nothing."""
    book = state.book
    accounts = _accounts(book)
    escrows = accounts[accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW]
    balances = escrows["credits_posted"] - escrows["debits_posted"]
    has = dict(zip(escrows["id"].tolist(), balances.tolist(), strict=True))
    matches = _first_rows(book.matches, book.world["matches"][0])
    found = []
    for id in np.flatnonzero(matches["asset"]).tolist():
        match = matches[id]
        running = match["status"] in (MATCH_WAITING, MATCH_OPEN)
        owes = _rules(state, id).entry_fee * int(match["seats"]) if running else 0
        escrow = id << 16 | Account.MATCH_ESCROW << 8 | int(match["asset"])
        if has.get(escrow) != owes:
            found.append(f"the escrow of match {id} has {has.get(escrow)} and owes {owes}")
        if bool(match["reward_hold"]) and not running:
            found.append(f"match {id} is over, and its reward is still set aside")
    return found


def referrals_are_paid_once(state: State) -> list[str]:
    """Who was referred, was by somebody who was there before. What has left the house's account for referrals are the
    bonuses that are remembered, one for a player at most."""
    cold, accounts = state.cold, _accounts(state.book)
    referred: dict[int, list[int]] = {}
    for id in sorted(cold.players):
        if referrer := cold.players[id].referrer:
            referred.setdefault(referrer, []).append(id)
    found = [f"player {player} was referred by {by}, who came later"
             for by, players in referred.items() for player in players if not 0 < by < player]  # fmt: skip
    if referred != cold.referred:
        found.append("those whom players have referred are not those who were referred")
    paid = dict.fromkeys((int(asset) for asset in Asset), 0)
    for player, bonus in cold.bonuses.items():
        if not cold.players[player].referrer or min(bonus.referrer, bonus.referred) < 0:
            found.append(f"the bonus for player {player} cannot be")
        paid[bonus.asset] += bonus.referrer + bonus.referred
    houses = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_REFERRALS]
    left = dict(zip((houses["id"] & 0xFF).tolist(), houses["debits_posted"].tolist(), strict=True))
    found += [f"bonuses of {amount} {Asset(asset).name} were paid, and {left.get(asset, 0)} has left the account"
              for asset, amount in paid.items() if left.get(asset, 0) != amount]  # fmt: skip
    return found


def the_store_sells_items_for_live_money(state: State) -> list[str]:
    """An offer has a price, in what is in players' cash, and is of an item. The store has items, and what was paid for
    them: never demo money."""
    accounts = _accounts(state.book)
    stores = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_STORE]
    found = _where(stores["id"] & 0xFF == Asset.DEMO, "the store has demo money in account {}", stores["id"])
    for item, offer in state.cold.offers.items():
        what = of_players(Asset(item)), of_players(Asset[offer.asset])
        if what != (Account.PLAYER_ITEMS, Account.PLAYER_CASH) or Asset[offer.item] != item or not offer.price > 0:
            found.append(f"the offer of {offer.item} cannot be")
    return found


def items_are_set_aside_for_winners(state: State) -> list[str]:
    """The house holds the items that the winner of a match gets until it is over, and then the escrow has none."""
    book, accounts = state.book, _accounts(state.book)
    matches = _first_rows(book.matches, book.world["matches"][0])
    promising = {
        (game, version): rules.item_rewards
        for game, made in state.cold.games.items()
        for version, rules in enumerate(made.versions, 1)
        if rules.item_rewards
    }
    found = []
    pinned = list(zip(matches["game"].tolist(), matches["game_version"].tolist(), strict=True))
    holding = np.flatnonzero(matches["item_holds"].any(axis=1)).tolist()
    for id in sorted({*holding, *(id for id, game_version in enumerate(pinned) if game_version in promising)}):
        match = matches[id]
        running = match["status"] in (MATCH_WAITING, MATCH_OPEN) and not match["practice"]
        promised = [
            (_PENDING, id << 16 | Account.MATCH_ESCROW << 8 | Asset[item], count)
            for item, count in (promising.get(pinned[id], ()) if running else ())
        ]
        holds = [book.transfers[row] for row in match["item_holds"].tolist() if row]
        held = [(int(hold["status"]), int(book.accounts["id"][hold["credit"]]), int(hold["amount"])) for hold in holds]
        if held != promised:
            found.append(f"of items for the winner of match {id}, {held} are held, not {promised}")
    items = [asset for asset in Asset if of_players(asset) is Account.PLAYER_ITEMS]
    escrows = accounts[(accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW) & np.isin(accounts["id"] & 0xFF, items)]
    kept = escrows["credits_posted"] != escrows["debits_posted"]
    return [*found, *_where(kept, "escrow {} has kept items", escrows["id"])]


INVARIANTS: tuple[Callable[[State], list[str]], ...] = (
    every_match_sums_to_what_it_granted,
    escrows_hold_what_their_matches_owe,
    referrals_are_paid_once,
    the_store_sells_items_for_live_money,
    items_are_set_aside_for_winners,
    no_seat_is_in_debt,
    seats_sum_what_they_have,
    holdings_sum_what_they_hold,
    exposures_sum_what_is_staked,
    amounts_are_within_bounds,
    trailing_stops_are_stops,
    every_asset_sums_to_zero,
    accounts_are_within_bounds,
    what_is_pending_is_held,
    wallet_trades_hold_what_they_stake,
    accounts_are_found,
    transfers_are_known,
    ids_lead_to_rows_and_back,
    seats_are_found,
    holdings_are_found,
    chains_hold_what_is_a_seats,
    rosters_list_open_positions,
    free_rows_are_free,
    things_are_named,
    matches_play_by_a_version_of_their_game,
    careers_are_what_matches_made_of_them,
    instruments_are_as_defined,
    triggers_wait_for_their_owners,
    bands_watch_what_their_seats_hold,
    shares_of_bands_do_not_exceed_slack,
    page_bounds_enclose_their_rows,
    pages_count_their_rows,
    lanes_hold_the_bounds_of_their_pages,
    timers_are_those_of_what_ends_or_waits,
    what_waits_for_a_quote_stands_in_line,
    pauses_are_counted,
    queues_hold_players_of_theirs,
    requests_are_kept_in_order,
    quotes_are_usable,
    candles_enclose_their_prices,
)

_PENDING = 2
"""TRANSFER_ROW.status: TransferStatus.PENDING."""

_SWITCHES = ("enabled", "locked", "halted", "close_only")

_FREE_LISTS = {
    SEATS: "seats",
    HOLDINGS: "holdings",
    ORDERS: "orders",
    POSITIONS: "positions",
    PAGES: "pages",
    TIMERS: "timers",
    REQUESTS: "requests",
    WAITING: "waiting",
    BANDS: "bands",
    PACES: "paces",
    ROSTERS: "rosters",
    FIXED_TRADES: "fixed_trades",
    EXPOSURES: "exposures",
    ACCOUNTS: "accounts",
    TRANSFERS: "transfers",
}
"""Each table with a free list, by its head."""


def _position_bounds(book: Book, positions: NDArray[Any]) -> tuple[Rows, Rows]:
    """The nearest of liquidation, stop and greatest loss on the losing side; on the other the nearer of the target and
    the next step of a trailing stop: a twentieth of its distance (at least a tick) beyond that distance."""
    liquidation, stop, target = positions["liquidation"], positions["stop_loss"], positions["take_profit"]
    trailing, side = positions["trailing"], positions["side"]
    moves = stop + side * (trailing + np.maximum(1, trailing // 20))
    nearest = np.minimum(np.where(liquidation, liquidation, NEVER_HIGH), np.where(stop, stop, NEVER_HIGH))
    below = np.maximum(target, np.where(trailing, moves, NEVER_LOW))
    above = np.minimum(np.where(target, target, NEVER_HIGH), np.where(trailing, moves, NEVER_HIGH))
    long = side > 0
    limit = book.matches["loss_per_trade"][book.seats["match"][positions["seat"]]]
    per_lot = -(-(limit + 1 + positions["realised"]) // book.instruments["value"][positions["instrument"]])
    lots = np.maximum(positions["lots"], 1)
    lost = np.where(long, (positions["cost"] - per_lot) // lots, -(-(positions["cost"] + per_lot) // lots))
    low = np.maximum(np.maximum(liquidation, stop), np.where(limit, lost, NEVER_LOW))
    nearest = np.minimum(nearest, np.where(limit, lost, NEVER_HIGH))
    return np.where(long, low, below), np.where(long, above, nearest)


def _order_bounds(orders: NDArray[Any]) -> tuple[Rows, Rows]:
    """A buy limit waits for the ask to come down to its price, a sell limit for the bid to come up; a stop for the
    opposite."""
    down = (orders["side"] > 0) != (orders["order_type"] == OrderType.STOP)
    return np.where(down, orders["price"], NEVER_LOW), np.where(down, NEVER_HIGH, orders["price"])


def _rules(state: State, match: int) -> CreateGame:
    """The version of its game that the match plays by."""
    row = state.book.matches[match]
    return state.cold.games[int(row["game"])].version(int(row["game_version"]))


def _orders(book: Book) -> NDArray[Any]:
    return book.orders[_live(book, ORDERS)]


def _positions(book: Book) -> NDArray[Any]:
    return book.positions[_live(book, POSITIONS)]


def _fixed_trades(book: Book) -> NDArray[Any]:
    return book.fixed_trades[_live(book, FIXED_TRADES)]


def _seats_trades(book: Book) -> NDArray[Any]:
    """The fixed-time trades that are not from wallets."""
    trades = _fixed_trades(book)
    of_seats: NDArray[Any] = trades[trades["asset"] == 0]
    return of_seats


def _accounts(book: Book) -> NDArray[Any]:
    return book.accounts[_live(book, ACCOUNTS)]


def _open_holds(transfers: NDArray[Any]) -> NDArray[Any]:
    is_open = (transfers["flags"] & Transferring.PENDING != 0) & (transfers["status"] == _PENDING)
    holds: NDArray[Any] = transfers[is_open]
    return holds


def _summed(accounts: NDArray[Any]) -> dict[str, int]:
    """The four sums over the accounts, exactly, however large: in halves of 32 bits."""
    sums = {}
    for name in ("debits_posted", "credits_posted", "debits_pending", "credits_pending"):
        column: Rows = accounts[name]
        sums[name] = (int((column >> 32).sum()) << 32) + int((column & 0xFFFFFFFF).sum())
    return sums


def _waiting(book: Book) -> NDArray[np.bool_]:
    """Which rows of the triggers wait, a row of PAGE_ROWS for each page."""
    bits = (book.pages["free"][:, :, None] >> np.arange(FREE_BITS)) & 1
    waits: NDArray[np.bool_] = bits.reshape(len(book.pages), -1)[:, :PAGE_ROWS] == 0
    waits[np.setdiff1d(np.arange(len(book.pages)), _live(book, PAGES))] = False
    return waits


def _free(book: Book, head: int) -> list[int]:
    """The rows on the free list, the one released last first."""
    table: NDArray[Any] = getattr(book, _FREE_LISTS[head])
    return _walk(int(book.heads["free"][head]), table["next_free"].tolist())


def _live(book: Book, head: int) -> Rows:
    """The rows in use, ascending."""
    live = np.zeros(len(getattr(book, _FREE_LISTS[head])), bool)
    live[1 : int(book.heads["used"][head])] = True
    live[_free(book, head)] = False
    return np.flatnonzero(live)


def _first_rows(table: NDArray[Any], last_id: int) -> NDArray[Any]:
    """Row 0 and those of the ids up to the last, where the row is the id."""
    return table[: int(last_id) + 1]


def _walk(row: int, following: list[int]) -> list[int]:
    """The rows of a chain; a chain that bites its tail ends as soon as it is longer than its table."""
    rows: list[int] = []
    while row and len(rows) <= len(following):
        rows.append(row)
        row = following[row]
    return rows


def _sums(size: int, groups: NDArray[Any], amounts: NDArray[Any]) -> Rows:
    """The sum of the amounts of each group, as exact integers."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, groups, amounts)
    return sums


def _counts(size: int, groups: NDArray[Any]) -> Rows:
    return np.bincount(groups, minlength=size)


def _where(wrong: NDArray[Any], sentence: str, names: Iterable[Any] | None = None) -> list[str]:
    """The sentence for each place where `wrong` is true, with the place, or its name, put in."""
    places = np.flatnonzero(wrong)
    if not places.size:
        return []
    return [sentence.format(place) for place in (places if names is None else np.asarray(names)[places])]


def _index_problems(index: NDArray[Any], keys: NDArray[Any], rows: Rows) -> list[str]:
    """How the index differs from keys -> rows, or is too full to be searched quickly."""
    entries = index[index["row"] != 0]
    held = dict(zip(entries["key"].tolist(), entries["row"].tolist(), strict=True))
    found = []
    if len(held) != len(entries) or held != dict(zip(keys.tolist(), rows.tolist(), strict=True)):
        found.append(f"the index has {len(entries)} entries, not those of {len(rows)} rows")
    if len(set(keys.tolist())) != len(keys):
        found.append("a key is used twice")
    if 2 * len(entries) > len(index):
        found.append("the index is more than half full")
    return found


def _chain_problems(
    what: str,
    owners: Rows,
    firsts: NDArray[Any],
    next_column: NDArray[Any],
    previous_column: NDArray[Any] | None,
    owner_column: NDArray[Any],
    live: Rows,
) -> list[str]:
    """Do the owners' chains run through all live rows, each through its own, and back?"""
    first, following, owner = firsts.tolist(), next_column.tolist(), owner_column.tolist()
    previous = None if previous_column is None else previous_column.tolist()
    found, seen = [], []
    for name in owners.tolist():
        chain = _walk(first[name], following)
        seen += chain
        if any(owner[row] != name for row in chain):
            found.append(f"{what} {name}: a row is another's")
        if previous is not None and any(
            previous[row] != before for row, before in zip(chain, [0, *chain], strict=False)
        ):
            found.append(f"{what} {name}: the chain does not run back")
    return found + ([f"{what}: {len(seen)} in chains, {len(live)} live"] if sorted(seen) != live.tolist() else [])
