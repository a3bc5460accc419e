"""Every reason for which the engine says no, grouped by noun. The names are the error codes that clients see.

A reason states a fact about the command or the state, and a refused command has changed nothing. The sentence beside
it is the message that goes with the code; `retry` in a reply is "never" unless the reason is in RETRY_LATER.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Reason(IntEnum):
    """Why a command was refused; ACCEPTED is the absence of a reason. Numbers are in the log: never renumber."""

    ACCEPTED = 0

    # requests
    KEY_REUSED = 1
    COMMAND_UNKNOWN = 2
    KEYS_EXHAUSTED = 3
    KEY_LIMITS_INVALID = 4

    # players, matches, seats
    MATCH_NOT_FOUND = 11
    MATCH_NOT_OPEN = 12
    MATCH_NOT_PRACTICE = 13
    GAME_NOT_FOUND = 14
    GAME_INVALID = 15
    NOT_JOINED = 16
    SEAT_NOT_FLAT = 17
    MATCH_LOCKED = 18
    PLAYER_LOCKED = 19
    SEAT_LOCKED = 20
    SEAT_DISQUALIFIED = 21
    MATCH_ENDLESS = 22
    ALREADY_JOINED = 23
    MATCH_FULL = 24
    MATCH_NOT_WAITING = 120
    MATCH_EMPTY = 121
    MATCH_NOT_OVER = 122
    CODE_WRONG = 123
    PLAYER_NOT_FOUND = 25
    GAME_NOT_ACTIVE = 150
    SEASON_INVALID = 151
    NOTIFICATION_NOT_FOUND = 152

    # instruments and quotes
    INSTRUMENT_NOT_FOUND = 30
    INSTRUMENT_INVALID = 31
    INSTRUMENT_DISABLED = 32
    INSTRUMENT_LOCKED = 33
    INSTRUMENT_HALTED = 34
    INSTRUMENT_CLOSE_ONLY = 35
    FEED_STALE = 36
    QUOTE_NOT_USABLE = 37
    MARKET_CLOSED = 38
    INSTRUMENT_NOT_HALTED = 39
    INSTRUMENT_SETTLED = 40
    ZONE_INVALID = 41
    ZONE_NOT_FOUND = 42

    # orders
    ORDER_NOT_FOUND = 50
    SIDE_INVALID = 51
    TYPE_INVALID = 52
    TIME_IN_FORCE_INVALID = 53
    SIZE_INVALID = 54
    SIZE_ZERO = 55
    QUANTITY_TOO_LOW = 56
    QUANTITY_TOO_HIGH = 57
    NOTIONAL_TOO_LOW = 58
    EXPOSURE_TOO_HIGH = 59
    LEVERAGE_INVALID = 60
    LEVERAGE_TOO_HIGH = 61
    PRICE_INVALID = 62
    EXPIRY_INVALID = 63
    CASH_TOO_LOW = 64
    TOO_MANY_POSITIONS = 65
    WOULD_LIQUIDATE_NOW = 66
    WOULD_TRIGGER_NOW = 67
    SLIPPAGE_INVALID = 68
    SLIPPAGE_TOO_HIGH = 69
    ORDER_EXECUTING = 70
    INSTRUMENT_NOT_ALLOWED = 71
    SIDE_NOT_ALLOWED = 72
    TOO_MANY_TRADES = 73
    TRAILING_STOP_INVALID = 74
    WOULD_FILL_NOW = 75
    HEDGING_NOT_ALLOWED = 76
    DISCONNECT_DELAY_INVALID = 77
    DISCONNECT_NOT_SET = 78
    DISCONNECTED = 79

    # positions
    POSITION_NOT_FOUND = 80
    PERCENT_INVALID = 81
    POSITION_CLOSING = 82
    MARGIN_INVALID = 83
    MARGIN_TOO_LOW = 84

    # the whole arena
    TRADING_LOCKED = 100
    ARENA_CLOSE_ONLY = 101
    SWITCH_INVALID = 102

    # fixed-time trades
    FIXED_NOT_OFFERED = 110
    DIRECTION_INVALID = 111
    STAKE_TOO_LOW = 112
    STAKE_TOO_HIGH = 113
    DURATION_INVALID = 114
    EXPOSURE_CAP_REACHED = 115
    QUOTES_TOO_FEW = 116
    ENTRY_MISSED = 117
    HOUSE_LIMIT = 170

    # the ledger
    TRANSFER_INVALID = 130
    DIFFERENT_TRANSFER_SAME_ID = 131
    ACCOUNT_NOT_FOUND = 132
    ASSET_UNKNOWN = 142
    SAME_ACCOUNT = 133
    ASSETS_DIFFER = 134
    AMOUNT_INVALID = 135
    INSUFFICIENT_FUNDS = 136
    VERSION_CONFLICT = 137
    HOLD_NOT_FOUND = 138
    HOLD_RESOLVED = 139
    HOLD_EXPIRED = 140
    LINK_FAILED = 141

    # queues, and matches that are called off
    ALREADY_QUEUED = 160
    NOT_QUEUED = 161
    QUEUE_NOT_OFFERED = 162
    QUEUE_TIMED_OUT = 163
    OUTAGE = 164
    CALLED_OFF = 165
    QUEUE_FULL = 166
    GAME_CHANGED = 167
    # referrals and the store
    REFERRAL_CODE_UNKNOWN = 175
    REFERRALS_INVALID = 176
    ITEM_UNKNOWN = 177
    OFFER_INVALID = 178
    OFFER_NOT_FOUND = 179
    OFFER_NOT_ACTIVE = 180
    COUNT_INVALID = 181
    OUT_OF_STOCK = 182
    TOP_UP_LIMIT = 183


MESSAGES: dict[Reason, str] = {
    Reason.ACCEPTED: "accepted",
    Reason.KEY_REUSED: "this key was used before with other arguments; use a new key for a new request",
    Reason.COMMAND_UNKNOWN: "the engine does not know this command",
    Reason.KEYS_EXHAUSTED: "too many keys of yours are remembered, each for a day; leave the key out, or wait",
    Reason.KEY_LIMITS_INVALID: "a limit of request keys is positive, and within bounds",
    Reason.MATCH_NOT_FOUND: "there is no such match",
    Reason.MATCH_NOT_OPEN: "the match is not open for trading",
    Reason.MATCH_NOT_PRACTICE: "only a practice match allows this",
    Reason.GAME_NOT_FOUND: "there is no such game",
    Reason.GAME_INVALID: "the game's rules are out of bounds",
    Reason.NOT_JOINED: "the player has no seat in this match",
    Reason.SEAT_NOT_FLAT: "close all positions and cancel all orders first",
    Reason.MATCH_ENDLESS: "only a practice match has no end: the game needs a duration",
    Reason.ALREADY_JOINED: "the player has a seat in this match already",
    Reason.MATCH_FULL: "the match seats no more players",
    Reason.MATCH_NOT_WAITING: "the match does not wait for players: it has begun, or is over",
    Reason.MATCH_EMPTY: "nobody has joined the match",
    Reason.MATCH_NOT_OVER: "the match is not over",
    Reason.CODE_WRONG: "the match is private, and this is not its code",
    Reason.PLAYER_NOT_FOUND: "there is no such player",
    Reason.GAME_NOT_ACTIVE: "no new matches of this game are made for now",
    Reason.SEASON_INVALID: "a season needs a name, of at most 64 characters",
    Reason.NOTIFICATION_NOT_FOUND: "the player has not been told of so many things; or too many were named at once",
    Reason.SEAT_LOCKED: "the seat has reached the profit target and trades no more",
    Reason.SEAT_DISQUALIFIED: "the seat is disqualified; the match says by which rule",
    Reason.MATCH_LOCKED: "no new positions in this match for now",
    Reason.PLAYER_LOCKED: "the player may open no new positions",
    Reason.INSTRUMENT_NOT_FOUND: "there is no such instrument",
    Reason.INSTRUMENT_INVALID: "the instrument's data are out of bounds",
    Reason.INSTRUMENT_DISABLED: "the instrument is not traded",
    Reason.INSTRUMENT_LOCKED: "no new positions in this instrument for now",
    Reason.INSTRUMENT_HALTED: "the instrument is halted: no price is taken and nothing fills",
    Reason.INSTRUMENT_CLOSE_ONLY: "positions in this instrument can only be closed",
    Reason.FEED_STALE: "the last quote is too old to open on; wait for the next one",
    Reason.QUOTE_NOT_USABLE: "the quote is crossed, too wide, out of bounds or not newer than the last",
    Reason.MARKET_CLOSED: "the instrument is outside its trading hours",
    Reason.INSTRUMENT_NOT_HALTED: "only a halted instrument is settled: halt it first, so that nothing fills meanwhile",
    Reason.INSTRUMENT_SETTLED: "an operator has settled the instrument",
    Reason.ZONE_INVALID: "a time zone needs a name, and moments in order, each with less than a day ahead of UTC",
    Reason.ZONE_NOT_FOUND: "there is no such time zone",
    Reason.ORDER_NOT_FOUND: "the player has no such open order",
    Reason.SIDE_INVALID: "side must be long or short",
    Reason.TYPE_INVALID: "this type of order is not offered",
    Reason.TIME_IN_FORCE_INVALID: "this time in force does not go with this type of order",
    Reason.SIZE_INVALID: "give a positive margin or a positive quantity, and only one of them",
    Reason.SIZE_ZERO: "the size buys not even one lot",
    Reason.QUANTITY_TOO_LOW: "the quantity is below the instrument's minimum",
    Reason.QUANTITY_TOO_HIGH: "the quantity is above the instrument's maximum",
    Reason.NOTIONAL_TOO_LOW: "the notional is below the instrument's minimum",
    Reason.EXPOSURE_TOO_HIGH: "the seat's summed notional would be out of bounds",
    Reason.LEVERAGE_INVALID: "leverage must be a whole number of at least 1",
    Reason.LEVERAGE_TOO_HIGH: "the leverage is above what the match, the instrument or its margin bracket allows",
    Reason.PRICE_INVALID: "the price is missing, out of bounds, or not for this type of order",
    Reason.EXPIRY_INVALID: "expires_at must lie ahead, and a new order has one with time in force gtd only",
    Reason.CASH_TOO_LOW: "the seat's free cash does not cover margin and fee, or the stake",
    Reason.TOO_MANY_POSITIONS: "the match's limit of open orders and positions is reached",
    Reason.WOULD_LIQUIDATE_NOW: "the position would be liquidated at once",
    Reason.WOULD_TRIGGER_NOW: "the stop order, stop loss or take profit is on the wrong side of the price",
    Reason.SLIPPAGE_INVALID: "max_slippage goes with market orders, from 1 to 1,000,000 ppm",
    Reason.SLIPPAGE_TOO_HIGH: "the price has moved further than max_slippage since the order was accepted",
    Reason.ORDER_EXECUTING: "the order waits for its quote and can be neither cancelled nor amended",
    Reason.INSTRUMENT_NOT_ALLOWED: "the game does not allow this instrument",
    Reason.SIDE_NOT_ALLOWED: "the game allows the other direction only",
    Reason.TOO_MANY_TRADES: "the game's limit of trades a minute is reached",
    Reason.TRAILING_STOP_INVALID: "a trailing stop is given in ppm, 1 to 999999, and without a stop loss",
    Reason.WOULD_FILL_NOW: "the limit order would fill at once at this price; cancel it and place a new one",
    Reason.HEDGING_NOT_ALLOWED: "the seat has a position or order of the other side here; end that first",
    Reason.DISCONNECT_DELAY_INVALID: "after_ms is 0, or from a second to a day",
    Reason.DISCONNECT_NOT_SET: "the player has not asked for orders to be cancelled when he is away",
    Reason.DISCONNECTED: "the player was away for as long as he had set for it",
    Reason.POSITION_NOT_FOUND: "the player has no such open position",
    Reason.PERCENT_INVALID: "percent must be a whole number from 1 to 100",
    Reason.POSITION_CLOSING: "the position already waits to be closed",
    Reason.MARGIN_INVALID: "give an amount of margin to add or to take back, within bounds",
    Reason.MARGIN_TOO_LOW: "margin is taken back only down to what the position's leverage asks for",
    Reason.TRADING_LOCKED: "no new positions in the whole arena for now",
    Reason.ARENA_CLOSE_ONLY: "positions can only be closed, in the whole arena",
    Reason.SWITCH_INVALID: "there is no such switch or nothing to switch, or no reason is given",
    Reason.FIXED_NOT_OFFERED: "no fixed-time trades are offered in this instrument",
    Reason.DIRECTION_INVALID: "direction must be up or down",
    Reason.STAKE_TOO_LOW: "the stake is below the instrument's minimum",
    Reason.STAKE_TOO_HIGH: "the stake is above the instrument's maximum",
    Reason.DURATION_INVALID: "the duration is not offered, no longer than the speed bump, or beyond the match's end",
    Reason.EXPOSURE_CAP_REACHED: "too much is staked on this direction and minute already; stake less, or on another",
    Reason.QUOTES_TOO_FEW: "fewer than two quotes came before the trade expired",
    Reason.ENTRY_MISSED: "no quote to enter at came before the trade expired",
    Reason.HOUSE_LIMIT: "the house has not enough set aside to pay this trade if it wins; stake less, or later",
    Reason.TRANSFER_INVALID: "the transfer has no id, or flags or fields that do not go together",
    Reason.DIFFERENT_TRANSFER_SAME_ID: "this id was used before for another transfer",
    Reason.ACCOUNT_NOT_FOUND: "there is no such account",
    Reason.ASSET_UNKNOWN: "there is no such asset",
    Reason.SAME_ACCOUNT: "a transfer needs two accounts",
    Reason.ASSETS_DIFFER: "the two accounts are of different assets",
    Reason.AMOUNT_INVALID: "the amount must be positive, within bounds, and no more than is held",
    Reason.INSUFFICIENT_FUNDS: "the account has less than that, what it holds for other transfers not counted",
    Reason.VERSION_CONFLICT: "the account has changed since it was seen; look again",
    Reason.HOLD_NOT_FOUND: "there is no such hold",
    Reason.HOLD_RESOLVED: "the hold was posted or voided already",
    Reason.HOLD_EXPIRED: "the hold's time was up, and what it held was given back",
    Reason.LINK_FAILED: "another transfer of the chain was refused, or the chain does not end in its batch",
    Reason.ALREADY_QUEUED: "the player waits in this queue already",
    Reason.NOT_QUEUED: "the player does not wait in this queue",
    Reason.QUEUE_NOT_OFFERED: "the game has no queue: its matches do not wait for players",
    Reason.QUEUE_TIMED_OUT: "too few players came while the queue lets one wait",
    Reason.OUTAGE: "no prices came for longer than the game lets a paid match go on without",
    Reason.CALLED_OFF: "an operator has called the match off",
    Reason.QUEUE_FULL: "too many wait already: the house cannot pay the prize of their match at the moment",
    Reason.GAME_CHANGED: "the game costs or pays something else now, or has no queue any more; look, and come again",
    Reason.REFERRAL_CODE_UNKNOWN: "this is nobody's referral code; correct it, or sign up without one",
    Reason.REFERRALS_INVALID: "the bonuses for referrals are out of bounds",
    Reason.ITEM_UNKNOWN: "there is no such item",
    Reason.OFFER_INVALID: "an offer has a price within bounds, in live money: neither in demo money nor in items",
    Reason.OFFER_NOT_FOUND: "the store does not offer this item",
    Reason.OFFER_NOT_ACTIVE: "the store does not sell this item at the moment",
    Reason.COUNT_INVALID: "the count must be positive, and its price within bounds",
    Reason.OUT_OF_STOCK: "the store has fewer than that left",
    Reason.TOP_UP_LIMIT: "so much of the asset cannot be topped up; what came in otherwise counts, too",
}

RETRY_LATER: frozenset[Reason] = frozenset({
    Reason.FEED_STALE, Reason.INSTRUMENT_HALTED, Reason.INSTRUMENT_LOCKED, Reason.MARKET_CLOSED, Reason.MATCH_LOCKED,
    Reason.QUEUE_FULL, Reason.TOO_MANY_TRADES, Reason.TRADING_LOCKED,
})  # fmt: skip
"""Reasons that pass by themselves: the same request may succeed after a while."""
