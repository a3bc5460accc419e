"""Every table of the state: one structured array per noun, one row per thing, every column commented.

`Book` holds them all and is what each kernel takes. Row 0 of every table stands for "none", so a link of 0 ends a chain
and a lookup that answers 0 found nothing. Rows are found by index and reused through free lists; ids are never reused,
and rows never leave the engine nor decide an order. A table doubles between batches, when fewer rows are free than
a batch can take, so kernels never allocate.

Units as in scale.py: prices ticks, quantities lots, virtual money 1e-8, times nanoseconds since the epoch.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.jit.bundles import ArrayBundle, rows_of
from engine.jit.plain import for_kernels
from engine.model.bounds import HOURS_PER_INSTRUMENT, KEYS_IN_ALL, KEYS_PER_PLAYER, MOMENTS_PER_ZONE, MOST_ITEM_REWARDS
from engine.model.commands import CLIENT_ORDER_ID_WORDS
from engine.model.events import OUTCOME
from engine.model.scale import NEVER_HIGH, NEVER_LOW

Table = np.recarray[Any, np.dtype[np.void]]
"""What kernels see of a table; outside of plain-Python mode it is a structured array, without columns as attributes."""
Row = Any
"""One row of a table: its columns are attributes, whose names and types numba knows and mypy does not."""

# The world: what there is one of

WORLD = np.dtype(
    [
        ("now_ns", "<i8"),  # stamp of the last batch applied
        ("sequence", "<i8"),  # log sequence of the last entry applied
        ("next_id", "<i8"),  # of the next order (and of the position that it opens)
        ("players", "<i8"),  # how many there are; also the last player id and row
        ("matches", "<i8"),  # likewise
        ("instruments", "<i8"),  # likewise
        ("games", "<i8"),  # likewise (games are cold)
        ("timers", "<i8"),  # entries in the timer heap
        ("bounds_used", "<i8"),  # page bounds given to buckets so far
        ("requests_oldest", "<i4"),  # row of the oldest kept request
        ("requests_newest", "<i4"),
        ("transfers_known", "<i8"),  # ever; also the number of the last
        ("transfers_forgotten", "<i8"),  # of them, at least: those that were are let go some at a time
        ("transfer_words", "<i8"),  # in transfer_index
        ("swept_line", "<i8"),  # of it, where it was swept last
        ("holds", "<i8"),  # ever made; also the number of the last
        ("accounts", "<i8"),  # how many there are
        ("quotes_unusable", "<i8"),  # refused since the first entry, for whatever reason
        ("locked", "<i4"),  # no opens anywhere
        ("close_only", "<i4"),
        ("seasons", "<i8"),  # that have begun; also the current one, 0 before the first
        ("quoted_at_ns", "<i8"),  # stamp of the last usable quote of any instrument
        ("paused", "<i8"),  # matches of all instruments, whose time stands still until the next one
        ("keys_per_player", "<i8"),  # most request keys of a player that are kept, and as many of releases
        ("keys_in_all", "<i8"),  # beyond so many of all players, no player takes more than KEYS_FOR_EVERYBODY
    ]
)

HEAD = np.dtype(
    [
        ("free", "<i4"),  # first row of the free list; 0: take the next fresh row
        ("used", "<i4"),  # rows ever taken, row 0 included: the next fresh row
        ("live", "<i4"),  # rows in use
        ("spare", "<i4"),
    ]
)

SEATS: Final = 0
HOLDINGS: Final = 1
ORDERS: Final = 2
POSITIONS: Final = 3
PAGES: Final = 4
TIMERS: Final = 5
REQUESTS: Final = 6
WAITING: Final = 7
POSITION_LISTS: Final = 8
BANDS: Final = 9
ORDER_RATES: Final = 10
FIXED_TRADES: Final = 11
EXPOSURES: Final = 12
HOLDS: Final = 13
AMENDMENTS: Final = 14
TABLES_WITH_FREE_LIST: Final = 15

# Instruments and quotes: row = instrument id

INSTRUMENT = np.dtype(
    [
        ("value", "<i8"),  # money units that one lot changes by when the price moves one tick
        ("min_lots", "<i8"),
        ("max_lots", "<i8"),
        ("min_notional", "<i8"),
        ("highest_price", "<i8"),  # ticks
        ("max_leverage", "<i8"),
        ("taker_fee_ppm", "<i8"),
        ("maker_fee_ppm", "<i8"),
        ("max_spread_ppm", "<i8"),  # of the bid
        ("markup_ticks", "<i8"),  # added to each side of every quote
        ("quote_lifetime_ns", "<i8"),
        ("brackets", "<i2"),  # how many of its BRACKETS_PER_INSTRUMENT are set
        ("hours", "<i2"),  # how many of its HOURS_PER_INSTRUMENT are set; 0: always open
        ("enabled", "<i1"),
        ("locked", "<i1"),  # no opens
        ("halted", "<i1"),  # no quotes, so no fills and no triggers
        ("close_only", "<i1"),
        # fixed-time trades
        ("fixed_payout_percent", "<i8"),  # of the stake, what a win brings; 0: none are offered
        ("fixed_min_stake", "<i8"),
        ("fixed_max_stake", "<i8"),
        ("fixed_min_s", "<i8"),  # bounds of their duration
        ("fixed_max_s", "<i8"),
        ("fixed_exposure_cap", "<i8"),  # most open stakes of a direction and expiry minute, over all seats; 0: any
        ("fixed_wallets", "<i8"),  # bits: 1 << Asset of each wallet that they may be staked from
        ("zone", "<i8"),  # row of that of its hours; 0: UTC
        # kept here for its quote, whose row is full at one cache line
        ("awaited_ns", "<i8"),  # end of the last speed bump that holds a price or stop back: its first quote counts
    ]
)

BRACKETS_PER_INSTRUMENT: Final = 16

BRACKET = np.dtype(
    [
        ("notional_cap", "<i8"),  # a notional up to this falls here; the last one's is BOUND
        ("maintenance_ppm", "<i8"),
        ("max_leverage", "<i8"),
        ("maintenance_cum", "<i8"),
    ]
)

HOURS = np.dtype(
    [
        ("start", "<i4"),  # minutes of the week from Monday 00:00 in the instrument's zone: open from here
        ("end", "<i4"),  # to before here
    ]
)

ZONE = np.dtype([("moments", "<i8")])  # how many of its MOMENTS_PER_ZONE are set
"""Row 0 is UTC, which has none."""

ZONE_MOMENT = np.dtype(
    [
        ("since_ns", "<i8"),
        ("ahead_ns", "<i8"),  # of UTC, from then on
    ]
)

QUOTED_ROW = np.dtype(
    [
        ("bid", "<i8"),  # ticks, markup included; 0: no usable quote yet
        ("ask", "<i8"),
        ("at_ns", "<i8"),  # stamp of the last usable quote
        ("sequence", "<i8"),  # its log sequence
        ("source_sequence", "<i8"),  # of the last usable quote of this connection; -1 after a new connection
        ("waiting_first", "<i4"),  # queue of what the next usable quote fills
        ("waiting_last", "<i4"),
        ("count", "<i8"),  # usable quotes so far
        ("paused", "<i4"),  # matches of some instruments, this among them, whose time stands still until the next one
        ("waiting", "<i4"),  # what waits for a quote of the instrument, queued or in its speed bump
    ]
)

INTERVALS_S: Final = (1, 60, 300, 900, 3_600, 14_400, 86_400)
"""Lengths of candles in seconds; each is a multiple of the one before."""

CANDLE_ROW = np.dtype(
    [
        ("open_at_ns", "<i8"),  # start of its interval; -1: nothing in it yet
        ("open", "<i8"),  # ticks of the bid, as the next three
        ("high", "<i8"),
        ("low", "<i8"),
        ("close", "<i8"),
        ("ticks", "<i8"),  # quotes in it
    ]
)
"""Row = instrument x len(INTERVALS_S) + interval. Only the shortest sees quotes; a closed candle is merged into the
next longer."""

# Players, matches, seats

PLAYER = np.dtype(
    [
        ("messages", "<i8"),  # sent on the private channel so far
        ("requests", "<i4"),  # kept request keys, but for those of releases
        ("releases", "<i4"),  # kept keys of what releases risk
        ("oldest_release", "<i4"),  # row of the oldest of these
        ("newest_release", "<i4"),
        ("locked", "<i4"),  # no opens
        ("first_fixed", "<i4"),  # chain of the open fixed-time trades from the player's wallets, latest first
    ]
)
"""Row = player id. 32 bytes: each event that a player is told touches the row."""

CAREER = np.dtype(
    [
        ("cups", "<i8"),  # never below 0
        ("cups_at_ns", "<i8"),  # since when there are so many; 0 before the first match
        ("season_cups", "<i8"),  # the same, in the current season
        ("season_cups_at_ns", "<i8"),
        ("season_matches", "<i8"),
        ("experience", "<i8"),
        ("matches", "<i8"),
        ("wins", "<i8"),
    ]
)
"""Row = player id: what matches that are over, and that somebody has won, have made of the player."""

MATCH = np.dtype(
    [
        ("game", "<i8"),
        ("status", "<i4"),  # MatchStatus
        ("practice", "<i1"),
        ("fees", "<i1"),
        ("next_quote", "<i1"),  # what a client causes fills at the next quote, not at the last one
        ("locked", "<i1"),  # no opens
        ("speed_bump_ns", "<i8"),  # how long that waits first; 0 when it fills at the last quote
        ("starting_balance", "<i8"),
        ("max_positions", "<i8"),
        ("max_leverage", "<i8"),
        # challenge rules, in money where the game has percents of the starting balance; 0: no such rule
        ("allowed_side", "<i1"),  # Side that alone is allowed
        ("restricted", "<i1"),  # 1: only the instruments in allowed_index
        ("daily_anchor", "<i1"),  # Anchor
        ("total_mode", "<i1"),  # TotalDrawdown
        ("loss_disqualifies", "<i1"),  # 1: a trade's loss disqualifies; 0: it closes the trade
        ("target_ends", "<i1"),  # 1: the target ends the match for all; 0: it locks the seat
        ("watched", "<i1"),  # 1: some rule looks at the equity of its seats
        ("no_hedging", "<i1"),  # 1: a seat is long or short in an instrument, never both
        ("trades_per_minute", "<i8"),
        ("min_trades", "<i8"),
        ("min_hold_ns", "<i8"),  # for a trade to count among those
        ("daily_drawdown", "<i8"),
        ("total_drawdown", "<i8"),
        ("loss_per_trade", "<i8"),
        ("profit_target", "<i8"),  # equity, the starting balance included
        ("day_zone", "<i4"),  # row of the zone of its days; 0: UTC
        ("day_start_s", "<i4"),  # after midnight there, when they begin
        ("seats", "<i8"),
        ("first_seat", "<i4"),  # of the chain through SEAT.next_in_match, latest first
        ("timer", "<i4"),  # of its beginning, while it waits, or of its end; 0 none
        ("day_timer", "<i4"),  # 0: no rule counts days
        ("sample_timer", "<i4"),  # 0: nobody's equity is told
        ("min_players", "<i4"),  # it waits for so many; 0: it never waited
        ("max_players", "<i4"),  # 0: no limit
        ("countdown_ns", "<i8"),  # from enough players to its beginning
        ("asset", "<i8"),  # Asset of its fees and prizes; 0: they are only named
        ("reward_hold", "<i8"),  # row of what the house has set aside for its prize; 0 none
        ("starts_at_ns", "<i8"),  # or has started; 0: not known yet
        ("ends_at_ns", "<i8"),  # 0: never, or it has not begun
        ("initial_funding", "<i8"),  # starting balances given, less what resets took back
        ("fees_taken", "<i8"),  # fees that seats paid
        ("house_profit", "<i8"),  # what the seats' trades lost (> 0) or won (< 0) in sum
        ("insurance", "<i8"),  # <= 0: losses beyond margins
        ("sample_ns", "<i8"),  # from one telling of its seats' equity to the next
        ("game_version", "<i8"),  # of its game, from 1: the rules that it has, whatever becomes of the game
        ("item_holds", "<i8", (MOST_ITEM_REWARDS,)),  # rows of the items that the house has set aside for its winner
        # what becomes of it when the feed falls silent
        ("outage_ns", "<i8"),  # for longer than this; 0: nothing
        ("paused_since_ns", "<i8"),  # while it is paused, the last usable quote (or its opening, if later); else 0
        ("outage_timer", "<i4"),  # when the silence will have been too long; 0: paused, or not open, or no such rule
        ("void", "<i2"),  # Reason for which it is called off when it is settled, instead of being ranked
        ("outage_extends", "<i1"),  # 1: it is paused, and its end moves; 0: it is called off
        ("ended_early", "<i1"),  # 1: by an operator
        ("messages", "<i8"),  # told of it so far to all who watch it: kinds in events.OF_MATCH
    ]
)
"""Row = match id. Sum over its seats of cash + reserved + margin + stakes, + fees_taken + house_profit + insurance =
initial_funding."""

MATCH_WAITING: Final = 1
"""MATCH.status: players join and leave."""
MATCH_OPEN: Final = 2
"""Seats may trade."""
MATCH_CLOSED: Final = 3
"""It is over, and its seats are ranked."""
MATCH_CANCELED: Final = 4
"""It was called off: nobody is ranked, and every fee came back."""
MATCH_ARCHIVED: Final = 5
"""It was closed or canceled, and is not listed any more."""

SEAT = np.dtype(
    [
        # what each order and close touches, in two cache lines
        ("match", "<i4"),
        ("player", "<i4"),
        ("cash", "<i8"),  # free virtual money
        ("reserved", "<i8"),  # margin and fees set aside for waiting orders
        ("margin", "<i8"),  # sum over its open positions
        ("notional", "<i8"),  # sum over its holdings; at most BOUND, so no sum over its positions wraps
        ("orders", "<i4"),  # waiting
        ("positions", "<i4"),  # open
        ("first_order", "<i4"),  # chains, latest first
        ("first_position_list", "<i4"),
        ("first_fixed", "<i4"),  # chain of its open fixed-time trades, latest first
        ("status", "<i2"),  # SEAT_ACTIVE, ...
        ("watched", "<i2"),  # 1: some rule looks at its equity
        ("profit", "<i8"),  # realised, fees not counted, since the start or the last reset
        ("fees", "<i8"),  # paid
        ("peak_balance", "<i8"),  # highest balance: cash, reserved, margin and stakes
        ("max_drawdown", "<i8"),  # of the balance, from its peak
        ("balance_at_ns", "<i8"),  # when the balance last changed
        ("trades", "<i4"),  # positions closed wholly
        ("wins", "<i4"),  # of those, the ones whose last part closed with a profit
        ("held_trades", "<i4"),  # of those, the ones held as long as the game asks for
        ("next_free", "<i4"),
        ("stakes", "<i8"),  # sum over its open fixed-time trades
        # what the rules that look at its equity touch: how much of its headroom no band has, and its levels
        ("loss_headroom", "<i8"),
        ("profit_headroom", "<i8"),
        ("first_band", "<i4"),
        ("evaluation_due", "<i4"),  # 1: its rules are to be evaluated before the entry ends
        ("daily_floor", "<i8"),
        ("total_floor", "<i8"),
        ("high_water", "<i8"),  # of equity, in whole steps
        ("warned", "<i4"),  # bits: the warnings of today, WARNINGS for the daily floor, as many for the total one
        ("order_rate", "<i4"),  # row of the stamps of its latest trades
        ("prize", "<i8"),
        # the rest
        ("joined_at_ns", "<i8"),
        ("next_in_match", "<i4"),
        ("out_rule", "<i4"),  # Rule that has put the seat out of the game, and its evidence; 0 none
        ("out_sequence", "<i8"),  # of the entry that broke it
        ("out_equity", "<i8"),  # or the trade's result
        ("out_level", "<i8"),  # floor, target, or greatest loss
        ("rank", "<i4"),  # when the match is over; from 1
        ("out_instrument", "<i4"),  # of the quote; 0: it was a timer
        ("out_bid", "<i8"),
        ("out_ask", "<i8"),
    ]
)

SEAT_ACTIVE: Final = 0
"""SEAT.status: it may trade, as far as its match lets it."""
SEAT_LOCKED: Final = 1
"""It has reached the profit target."""
SEAT_DISQUALIFIED: Final = 2

WARNINGS_PERCENT: Final = (80, 90, 95)
"""Of the way from the anchor to a floor."""

ORDER_RATE_STAMPS: Final = 60

ORDER_RATE = np.dtype(
    [
        ("count", "<i8"),  # trades so far
        ("next_free", "<i8"),
        ("at_ns", "<i8", (ORDER_RATE_STAMPS,)),  # of the latest; a ring of as many as the match's rule needs
    ]
)
"""When a seat, whose match limits the trades of a minute, placed its latest."""

HOLDING = np.dtype(
    [
        ("seat", "<i4"),
        ("instrument", "<i2"),
        ("side", "<i2"),  # of the first thing in it: of all, where the match allows no hedging
        ("notional", "<i8"),  # at entry, of its open positions and waiting orders
        ("count", "<i4"),  # of those; the row is freed at 0
        ("next_free", "<i4"),
        ("long_band", "<i4"),  # rows of its equity bands; 0: it has no position of that side, or none is watched
        ("short_band", "<i4"),
    ]
)
"""What one seat has in one instrument."""

BAND = np.dtype(
    [
        ("seat", "<i4"),
        ("holding", "<i4"),
        ("bucket", "<i4"),
        ("trigger", "<i4"),  # its row in the trigger table
        ("next", "<i4"),  # chain of the seat's bands, latest first
        ("previous", "<i4"),
        ("next_free", "<i4"),
        ("side", "<i4"),
        ("lots", "<i8"),  # of the seat's positions there
        ("mark", "<i8"),  # price of the bucket when the following were counted
        ("loss_share", "<i8"),  # what they may lose from there before the seat is looked at
        ("profit_share", "<i8"),  # what they may gain
    ]
)
"""How far the price of one bucket may move before a rule on a seat's equity could break; see
trading/equity_bands.py."""

# Orders and positions: they share ids

ORDER = np.dtype(
    [
        ("id", "<i8"),
        ("seat", "<i4"),
        ("holding", "<i4"),
        ("instrument", "<i4"),
        ("trigger", "<i4"),  # its row in the trigger table; 0: it waits for its quote
        ("waiting", "<i4"),  # its row in the table of what waits; 0: it rests
        ("timer", "<i4"),  # of its expiry; 0 none
        ("next_in_seat", "<i4"),
        ("previous_in_seat", "<i4"),
        ("next_free", "<i4"),
        ("side", "<i4"),
        ("order_type", "<i2"),
        ("time_in_force", "<i2"),
        ("bump_timer", "<i4"),  # of the end of its speed bump, while it rests; 0: its price counts
        ("leverage", "<i8"),
        ("lots", "<i8"),
        ("price", "<i8"),  # of a market order, the touch at its acceptance
        ("max_slippage_ppm", "<i8"),  # from it; 0: any
        ("stop_loss", "<i8"),
        ("take_profit", "<i8"),
        ("trailing_ppm", "<i8"),  # of the trailing stop that its position gets; 0 none
        ("asked", "<i8"),  # margin by which it is sized; 0: by lots
        ("margin", "<i8"),  # reserved
        ("fee", "<i8"),  # reserved
        ("notional", "<i8"),  # counted in its holding
        ("accepted_at_ns", "<i8"),
        ("expires_at_ns", "<i8"),  # 0 never
        ("client_order_id", "<i8", (CLIENT_ORDER_ID_WORDS,)),
    ]
)

POSITION = np.dtype(
    [
        ("id", "<i8"),
        ("seat", "<i4"),
        ("holding", "<i4"),
        ("instrument", "<i4"),
        ("trigger", "<i4"),  # its row in the trigger table
        ("side", "<i2"),
        ("leverage", "<i2"),
        ("first_amendment", "<i4"),  # chain of its amendments that do not count yet, latest first
        ("waiting", "<i4"),  # row of its close in the table of what waits; 0 none
        ("next_free", "<i4"),
        ("lots", "<i8"),
        ("cost", "<i8"),  # ticks x lots at entry
        ("margin", "<i8"),  # paid in
        ("liquidation", "<i8"),  # ticks; 0 none
        ("stop_loss", "<i8"),  # ticks; 0 none
        ("take_profit", "<i8"),  # ticks; 0 none
        ("fee", "<i8"),  # paid at the open
        ("opened_at_ns", "<i8"),
        ("place", "<i4"),  # in its list
        ("position_list", "<i4"),  # the row that lists it
        ("realised", "<i8"),  # profit of the parts that closed
        ("trailing", "<i8"),  # ticks that stop_loss stays behind the best price; 0: it stays where it is
    ]
)

AMENDMENT = np.dtype(
    [
        ("position", "<i4"),  # row
        ("fields", "<i4"),  # bits of Amend: which of the following are set
        ("stop_loss", "<i8"),  # ticks; 0 takes it away
        ("take_profit", "<i8"),
        ("trailing", "<i8"),
        ("sequence", "<i8"),  # of the command
        ("timer", "<i4"),  # of the end of its speed bump
        ("next", "<i4"),  # chain of its position, latest first
        ("previous", "<i4"),
        ("next_free", "<i4"),
        ("spare", "<i8"),
    ]
)
"""Other stops of a position, which count from the end of a speed bump on. A cache line."""

POSITIONS_PER_LIST: Final = 12

POSITION_LIST = np.dtype(
    [
        ("next", "<i4"),  # chain of a seat's lists, latest first
        ("previous", "<i4"),
        ("used", "<i2"),  # places ever given
        ("live", "<i2"),
        ("next_free", "<i4"),
        ("positions", "<i4", (POSITIONS_PER_LIST,)),  # rows, in order of opening; 0: closed
    ]
)

FIXED_TRADE = np.dtype(
    [
        ("id", "<i8"),
        ("seat", "<i4"),  # 0: it is staked from a wallet
        ("instrument", "<i4"),
        ("direction", "<i4"),  # Side: LONG is up, SHORT down
        ("payout_percent", "<i4"),  # of the stake, what a win brings
        ("stake", "<i8"),
        ("entry", "<i8"),  # bid + ask, so in half ticks; 0: has not entered
        ("entry_sequence", "<i8"),  # of that quote
        ("quotes_before", "<i8"),  # usable quotes of the instrument before it was accepted
        ("accepted_at_ns", "<i8"),
        ("expires_at_ns", "<i8"),
        ("waiting", "<i4"),  # row of its entry in the table of what waits; 0: has entered
        ("timer", "<i4"),  # of its expiry
        ("exposure", "<i4"),  # the row that counts it
        ("next_in_seat", "<i4"),  # or among those from the player's wallets
        ("previous_in_seat", "<i4"),
        ("next_free", "<i4"),
        ("player", "<i4"),
        ("asset", "<i4"),  # of the wallet, in whose native units the stake is; 0: it is a seat's
        # of those from a wallet: rows of what the ledger holds
        ("stake_hold", "<i4"),  # of the stake, for the house
        ("payout_hold", "<i4"),  # of what a win brings, for the player
        ("spare", "<i4", (4,)),
    ]
)
"""Two cache lines."""

EXPOSURE = np.dtype(
    [
        ("minute", "<i8"),  # since the epoch
        ("instrument", "<i4"),
        ("direction", "<i2"),
        ("asset", "<i2"),  # as of its trades; 0: seats' virtual money
        ("stakes", "<i8"),
        ("trades", "<i4"),  # the row is freed at 0
        ("next_free", "<i4"),
    ]
)
"""What all seats, or all wallets of one asset, have staked on one direction of one instrument in trades that expire
within one minute."""

WAITING_ROW = np.dtype(
    [
        ("kind", "<i4"),  # WAITS_TO_OPEN, WAITS_TO_CLOSE or WAITS_TO_ENTER
        ("owner", "<i4"),  # row of the order, position or fixed-time trade
        ("instrument", "<i4"),
        ("queued", "<i4"),  # 1: in the instrument's queue; 0: its speed bump is not over
        ("next", "<i4"),  # in the queue
        ("previous", "<i4"),
        ("timer", "<i4"),  # ends the bump; then, of an opening order, when the last quote is stale
        ("next_free", "<i4"),
        ("lots", "<i8"),  # of a close
        ("sequence", "<i8"),  # of the command
    ]
)

WAITS_TO_OPEN: Final = 1
WAITS_TO_CLOSE: Final = 2
WAITS_TO_ENTER: Final = 3

# The ledger: real money and items, in native units of their asset

ACCOUNT = np.dtype(
    [
        ("id", "<i8"),  # owner, Account and Asset: see ledger/accounts.py
        ("version", "<i8"),  # 1 when opened, and one more with each change
        ("debits_posted", "<i8"),  # each of the four sums is 0 or more, and two of a side at most MOST_SUMMED
        ("credits_posted", "<i8"),
        ("debits_pending", "<i8"),
        ("credits_pending", "<i8"),
        ("flags", "<i8"),  # MUST_NOT_OVERDRAW, by its code
        ("opened_at_ns", "<i8"),
    ]
)
"""What an account has is credits - debits, never stored apart. 64 bytes: a cache line.

Its row follows from its id (storage/account_rows.py) and changes when the table grows, so what lasts keeps the id."""

NOBODY: Final = -1
"""ACCOUNT.id of row 0."""

OPENED_AT_ONCE: Final = 128
"""Most accounts that are opened before capacity for others is ensured: 100 ranks may share a prize, and each item to
win is another account's."""

MUST_NOT_OVERDRAW: Final = 1
"""ACCOUNT.flags: posted and pending debits never exceed posted credits."""

MOST_SUMMED: Final = 1 << 62

HOLD = np.dtype(
    [
        ("id_low", "<i8"),  # both halves 0: the engine's own
        ("id_high", "<i8"),
        ("amount", "<i8"),
        ("reference", "<i8"),
        ("sequence", "<i8"),  # of the command
        ("expires_at_ns", "<i8"),  # 0: never
        ("number", "<i8"),  # of a hold
        ("debit", "<i8"),  # ids of the accounts
        ("credit", "<i8"),
        ("timer", "<i4"),  # of its end; 0 none
        ("code", "<i2"),
        ("flags", "<i1"),  # bits of Transferring
        ("status", "<i1"),  # TransferStatus.PENDING; 0: the row is free
        ("next_free", "<i4"),
        ("spare", "<i4"),
    ]
)
"""An open hold."""

TRANSFER_ROW = np.dtype(
    [
        ("id_low", "<i8"),
        ("id_high", "<i8"),
        ("amount", "<i8"),
        ("reference", "<i8"),
        ("since_ns", "<i8"),  # acceptance, of a hold its end, from which on it is known for a day
        ("sequence", "<i8"),  # of the command
        ("expires_at_ns", "<i8"),  # of a hold; else 0
        ("debit", "<i8"),  # ids of the accounts; of a POST or VOID the halves of the hold's id
        ("credit", "<i8"),
        ("code", "<i2"),
        ("flags", "<i1"),  # bits of Transferring
        ("status", "<i1"),  # TransferStatus
        ("spare", "<i4"),
    ]
)
"""What was asked for under an id, for as long as it is known: a transfer, or a hold that has ended. 80 bytes."""

HIGHEST_NUMBER: Final = (1 << 31) - 1
"""transfer_index keeps 31 bits of a transfer's number; none is 0."""

SLOTS_PER_TRANSFER: Final = 3
"""In transfer_index, at least: forgotten ones stand there too, until others come into their lines."""

FORGOTTEN_AT_ONCE: Final = 16
"""Transfers that are let go when the last of them is too old: a power of two, and no ring is shorter."""

MOST_LINKED: Final = 256
"""Longest chain of linked transfers."""

SAVED_ACCOUNT = np.dtype(
    [
        ("row", "<i8"),
        ("version", "<i8"),
        ("debits_posted", "<i8"),
        ("credits_posted", "<i8"),
        ("debits_pending", "<i8"),
        ("credits_pending", "<i8"),
    ]
)
"""An account as it was before a chain was tried."""

# Triggers: whatever waits for a price

PAGE_ROWS: Final = 256
FREE_BITS: Final = 52
FREE_WORDS: Final = 5
"""Bits of a page's free rows: few enough to a word that it is never negative, and a page is one cache line."""

BOUNDS_STEP: Final = 64
"""Page bounds are scanned and given to buckets in blocks of this many, so that the scan's inner loop has a fixed
length."""

BUCKET_BID: Final = 0
BUCKET_ASK: Final = 1

TRIGGER = np.dtype(
    [
        ("low", "<i8"),  # fires when the price is <= low
        ("high", "<i8"),  # or >= high
        ("owner", "<i4"),  # row of the position or order
        ("kind", "<i4"),  # TRIGGER_POSITION, TRIGGER_ORDER or TRIGGER_BAND
        ("spare", "<i8"),
    ]
)
"""Whether a row is free stands in its page; what it held stays in it, so that a removal does not touch it."""

TRIGGER_POSITION: Final = 1
TRIGGER_ORDER: Final = 2
TRIGGER_BAND: Final = 3

PAGE_SHUT: Final = -1

PAGE_SPARE: Final = 32
"""A page that is full is shut, until so many of its rows are free: rows that come together lie together then, and a
page is put into the chain and taken out for the sake of many rows, not of one."""

PAGE = np.dtype(
    [
        ("bucket", "<i4"),  # instrument x 2 + side of the quote
        ("bound", "<i4"),  # where its bounds stand
        ("live", "<i2"),
        ("words", "<i2"),  # a bit for each word of `free`: it is not 0
        ("next_open", "<i4"),  # chain of the bucket's open pages, which take rows
        ("previous_open", "<i4"),  # 0: it is the first; PAGE_SHUT: it is not in the chain
        ("next_free", "<i4"),
        ("free", "<i8", (FREE_WORDS,)),  # a bit for each row, FREE_BITS to a word, 1: it is free
    ]
)

BUCKET = np.dtype(
    [
        ("bounds_start", "<i4"),  # its extent in the page bounds, a multiple of BOUNDS_STEP
        ("bounds_capacity", "<i4"),  # length of that extent
        ("pages", "<i4"),
        ("first_open", "<i4"),  # page that takes the next row; 0 none
    ]
)
"""Row = instrument x 2 + side of the quote (BUCKET_BID, BUCKET_ASK): all that waits for that price."""

# Timers and request keys

TIMER = np.dtype(
    [
        ("due_ns", "<i8"),
        ("id", "<i8"),
        ("kind", "<i4"),
        ("owner", "<i4"),  # row
        ("heap", "<i4"),  # where in the heap
        ("next_free", "<i4"),
    ]
)

TIMER_HEAPED = np.dtype(
    [
        ("due_ns", "<i8"),
        ("order", "<i8"),  # kind and id of the timer in one: TIMER.kind << TIMER_KIND_SHIFT | TIMER.id
        ("row", "<i4"),  # of the timer
        ("spare", "<i4"),
    ]
)
"""A place in the heap of timers: what it is ordered by stands in it, so that comparing two needs no row of theirs."""

TIMER_KIND_SHIFT: Final = 56
TIMER_CHILDREN: Final = 4
"""Of a place in the heap, side by side: they lie in two cache lines."""

TIMER_FIXED: Final = 1
TIMER_ORDER: Final = 2
TIMER_WAIT: Final = 3
TIMER_HOLD: Final = 4
TIMER_MATCH: Final = 5
TIMER_DAY: Final = 6
TIMER_OUTAGE: Final = 7
TIMER_QUEUE: Final = 8
TIMER_SAMPLE: Final = 9
TIMER_REST: Final = 10
TIMER_AMEND: Final = 11
TIMER_DISCONNECT: Final = 12
"""Kinds of timers, in the order in which they fire when due together."""

REQUEST = np.dtype(
    [
        ("key_low", "<i8"),
        ("key_high", "<i8"),
        ("arguments_hash", "<i8"),
        ("accepted_at_ns", "<i8"),  # or, of an order that is still open, when it was last found to be
        ("player", "<i8"),
        ("next_release", "<i4"),  # of the same player, newer
        ("kept_as", "<i4"),  # KEPT, KEPT_AS_ORDER or KEPT_AS_RELEASE, in storage/idempotency.py
        ("older", "<i4"),  # of all
        ("newer", "<i4"),
        ("next_free", "<i4"),
        ("spare", "<i4"),
        ("outcome", OUTCOME),
    ]
)

INDEX = np.dtype([("key", "<i8"), ("row", "<i8")])
"""Open addressing, linear probing; row 0: empty."""


PROGRESS = np.dtype(
    [
        ("phase", "<i8"),  # where inside an entry the loop stopped; 0: between entries
        ("fired", "<i8"),  # rows of `fired` that wait to be served
        ("served", "<i8"),
        ("seats_due", "<i8"),  # seats whose rules wait to be evaluated
        ("seats_evaluated", "<i8"),
        ("instrument", "<i8"),  # that the entry is about; 0 none
        ("cursor", "<i8"),  # seat at which settling or sampling a match stopped; 0: it has not begun
        ("ending", "<i8"),  # 1: a match ends with this entry, before its time
        ("match", "<i8"),  # that is settled and waits to be ranked
        ("timer", "<i8"),  # row of the timer that the machine serves
        ("resume", "<i8"),  # phase to go on with then
        ("sequence", "<i8"),  # of the entry being applied
        ("events", "<i8"),  # written to the event buffer in this call
        ("order", "<i8"),  # row at which the cancelling of a seat's orders goes on; 0: none is left
        ("chain_end", "<i8"),  # number of the first command behind the chain of transfers that was tried last
        ("chain_reason", "<i8"),
        ("culprit", "<i8"),  # number of the command that the reason is of
    ]
)
"""How far the batch loop has come: what lets one entry take several calls."""

ORDER_PLAN = np.dtype(
    [
        ("seat", "<i8"),  # row; of a fixed-time trade, too
        ("holding", "<i8"),  # row
        ("lots", "<i8"),
        ("price", "<i8"),
        ("notional", "<i8"),
        ("margin", "<i8"),
        ("fee", "<i8"),
        ("liquidation", "<i8"),
        ("fills", "<i8"),  # 1: at once
        ("waits", "<i8"),  # 1: for the next quote
    ]
)
"""An order as its checks have planned it, new or amended, before it changes anything."""

TRANSFER_PLAN = np.dtype(
    [
        ("debit", "<i8"),  # rows of the accounts
        ("credit", "<i8"),
        ("hold", "<i8"),  # row
        ("known", "<i8"),  # what has its id already, as `find_transfer` says; -1: an earlier one of the chain
        ("held", "<i8"),  # by that hold
        ("posts", "<i8"),  # what it adds to the posted sums
        ("pends", "<i8"),  # to the pending ones
    ]
)
"""A transfer as its checks have planned it."""

PREFETCH_WINDOW: Final = 32
"""Rows of Book.prefetched: a power of two above the distance of prefetching."""

PREFETCHED = np.dtype([("row", "<i8"), ("holding", "<i8")])
"""What the prefetching of a command has found: the row of its position, seat or hold, and the row of the seat's
holding; 0 when there is none."""

SMALLEST: Final = 64
"""Rows of a table before it has grown, of most."""

SCRATCH: Final = frozenset({
    "progress", "order_plan", "transfer_plan", "outcomes", "spare_outcome", "prefetched", "saved", "fired",
    "fired_scratch", "due_seats", "due_seats_scratch",
})  # fmt: skip


NAMES_ON_DISK: Final = {"position_lists": "rosters", "order_rates": "paces", "buckets": "lanes"}
"""What tables are called in snapshots and in the state hash, where that is not the name that they have here."""

COLUMNS_ON_DISK: Final[dict[str, dict[str, str]]] = {
    "matches": {
        "initial_funding": "granted",
        "house_profit": "market",
        "allowed_side": "only_side",
        "restricted": "only_some",
    },
    "seats": {
        "first_position_list": "first_roster",
        "loss_headroom": "slack_down",
        "profit_headroom": "slack_up",
        "evaluation_due": "touched",
        "order_rate": "pace",
    },
    "bands": {"bucket": "lane", "loss_share": "down", "profit_share": "up"},
    "positions": {"position_list": "roster"},
    "pages": {"bucket": "lane"},
    "buckets": {"bounds_capacity": "bounds_room"},
}
"""The same of columns, by table."""


class Book(ArrayBundle):
    """All numeric state, and the scratch that kernels use within one batch."""

    world: Table = rows_of(WORLD)
    heads: Table = rows_of(HEAD)
    instruments: Table = rows_of(INSTRUMENT)
    brackets: Table = rows_of(BRACKET)
    hours: Table = rows_of(HOURS)
    zones: Table = rows_of(ZONE)
    zone_moments: Table = rows_of(ZONE_MOMENT)
    quotes: Table = rows_of(QUOTED_ROW)
    candles: Table = rows_of(CANDLE_ROW)
    players: Table = rows_of(PLAYER)
    careers: Table = rows_of(CAREER)
    matches: Table = rows_of(MATCH)
    seats: Table = rows_of(SEAT)
    holdings: Table = rows_of(HOLDING)
    orders: Table = rows_of(ORDER)
    positions: Table = rows_of(POSITION)
    amendments: Table = rows_of(AMENDMENT)
    position_lists: Table = rows_of(POSITION_LIST)
    bands: Table = rows_of(BAND)
    order_rates: Table = rows_of(ORDER_RATE)
    waiting: Table = rows_of(WAITING_ROW)
    fixed_trades: Table = rows_of(FIXED_TRADE)
    exposures: Table = rows_of(EXPOSURE)
    accounts: Table = rows_of(ACCOUNT)  # each where its id says
    holds: Table = rows_of(HOLD)
    transfers: Table = rows_of(TRANSFER_ROW)  # a ring, by number: a transfer overwrites one that is forgotten
    triggers: Table = rows_of(TRIGGER)
    pages: Table = rows_of(PAGE)
    buckets: Table = rows_of(BUCKET)
    bound_low: NDArray[np.int64] = rows_of(np.int64)  # highest `low` of a page's rows, or more
    bound_high: NDArray[np.int64] = rows_of(np.int64)  # lowest `high` of a page's rows, or less
    bound_page: NDArray[np.int32] = rows_of(np.int32)  # which page
    timers: Table = rows_of(TIMER)
    timer_heap: Table = rows_of(TIMER_HEAPED)
    requests: Table = rows_of(REQUEST)
    # compact indexes (storage/compact_index.py): a word is a key's mark and a row
    id_index: NDArray[np.int64] = rows_of(np.int64)  # order or position id -> row of the position, or -row of the order
    seat_index: NDArray[np.int64] = rows_of(np.int64)  # player and match -> seat row
    holding_index: NDArray[np.int64] = rows_of(np.int64)  # seat row and instrument -> holding row
    transfer_index: NDArray[np.int64] = rows_of(np.int64)  # key of an id -> number of a transfer, or - row of a hold
    # indexes: see storage/hash_index.py
    exposure_index: Table = rows_of(INDEX)  # instrument, direction, minute and asset -> exposure row
    request_index: Table = rows_of(INDEX)  # key_low -> request row
    allowed_index: Table = rows_of(INDEX)  # match and instrument -> 1, in matches of only some instruments
    # scratch: not state, not in snapshots
    progress: Table = rows_of(PROGRESS)
    order_plan: Table = rows_of(ORDER_PLAN)
    transfer_plan: Table = rows_of(TRANSFER_PLAN)
    outcomes: Table = rows_of(OUTCOME)  # of the last batch's commands
    spare_outcome: Table = rows_of(OUTCOME)  # where outcomes go that answer nobody
    prefetched: Table = rows_of(PREFETCHED)  # by number of the command; prefetching alone reads it
    saved: Table = rows_of(SAVED_ACCOUNT)  # accounts as they were while a chain is tried, two for each of its transfers
    fired: NDArray[np.int64] = rows_of(np.int64)
    fired_scratch: NDArray[np.int64] = rows_of(np.int64)
    due_seats: NDArray[np.int64] = rows_of(np.int64)  # keys of the seats whose rules are to be evaluated
    due_seats_scratch: NDArray[np.int64] = rows_of(np.int64)


CACHE_LINE: Final = 64


def aligned_zeros(rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of zeros that begins on a cache line, so rows of 64 and 128 bytes lie in one and two lines."""
    size = rows * dtype.itemsize
    room = np.zeros(size + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    return room[start : start + size].view(dtype)


def make_array(name: str, rows: int) -> NDArray[Any]:
    """A fresh table `name` of `rows` rows, all zero, or neutral where zero would mean something."""
    array = aligned_zeros(rows, getattr(Book, name))
    if name == "bound_low":
        array[:] = NEVER_LOW
    elif name == "bound_high":
        array[:] = NEVER_HIGH
    elif name == "candles":
        array["open_at_ns"] = -1
    elif name == "heads":
        array["used"] = 1
    elif name == "accounts":
        array["id"][0] = NOBODY
    elif name == "world":
        array["keys_per_player"] = KEYS_PER_PLAYER
        array["keys_in_all"] = KEYS_IN_ALL
    return for_kernels(array)


def make_book() -> Book:
    """The state before the first entry of the log."""
    rows = dict.fromkeys(Book._fields, SMALLEST)
    rows |= {
        "world": 1,
        "progress": 1,
        "order_plan": 1,
        "transfer_plan": 1,
        "spare_outcome": 1,
        "prefetched": PREFETCH_WINDOW,
        "saved": 2 * MOST_LINKED,
    }
    rows |= {"heads": TABLES_WITH_FREE_LIST}
    rows |= {"instruments": 8, "quotes": 8, "buckets": 16}
    rows |= {"brackets": 8 * BRACKETS_PER_INSTRUMENT, "candles": 8 * len(INTERVALS_S)}
    rows |= {"hours": 8 * HOURS_PER_INSTRUMENT}
    rows |= {"zones": 2, "zone_moments": 2 * MOMENTS_PER_ZONE}
    rows |= {"pages": 8}
    rows |= dict.fromkeys(("triggers", "fired", "fired_scratch"), 8 * PAGE_ROWS)
    book = Book(**{name: make_array(name, count) for name, count in rows.items()})
    book.world["next_id"] = 1
    return book


def grown(array: NDArray[Any], name: str, rows: int) -> NDArray[Any]:
    """A copy of table `name` with `rows` rows, the new ones fresh."""
    larger = make_array(name, rows)
    larger[: len(array)] = array
    return larger


def dtype_on_disk(name: str) -> np.dtype[Any]:
    """The layout of table `name` with the names that its columns have in snapshots."""
    dtype: np.dtype[Any] = getattr(Book, name)
    if dtype.names is None:
        return dtype
    renamed = COLUMNS_ON_DISK.get(name, {})
    return np.dtype([(renamed.get(column, column), *layout) for column, *layout in dtype.descr])
