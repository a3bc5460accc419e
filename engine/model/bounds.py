"""Bounds of what commands may carry: texts, lengths, counts. Plain numbers, so whoever only decodes needs no numpy."""

from __future__ import annotations

from typing import Final

from engine.model.scale import BOUND

HOURS_PER_INSTRUMENT: Final = 14
"""Most windows of weekly trading hours: two a day."""

MOMENTS_PER_ZONE: Final = 256
"""Most changes of a time zone's offset: two or four a year."""
LONGEST_ZONE: Final = 64
"""Name of a time zone."""

HIGHEST_PAYOUT_PERCENT: Final = 1_000
LONGEST_BUMP_MS: Final = 10_000

LONGEST_MATCH_S: Final = 366 * 86_400
LONGEST_COUNTDOWN_S: Final = 7 * 86_400
LONGEST_QUEUE_S: Final = 7 * 86_400
LONGEST_OUTAGE_S: Final = 7 * 86_400
SHORTEST_DISCONNECT_MS: Final = 1_000
LONGEST_DISCONNECT_MS: Final = 86_400_000
"""Bounds of how long a player may be away until his orders are cancelled."""
MOST_READ_RANGES: Final = 100
"""Of notifications, that one command says are read."""
MOST_PLAYERS: Final = 100_000
"""Of a match that waits for players."""

LONGEST_TITLE: Final = 100
LONGEST_DESCRIPTION: Final = 2_000
LONGEST_COVER: Final = 500
MOST_ITEM_REWARDS: Final = 8
"""Kinds of items that the winner of a match gets."""
MOST_OF_AN_ITEM: Final = 1_000_000
MOST_CUPS: Final = 1_000_000
"""That a match is played for; likewise its experience."""
LONGEST_SEASON_NAME: Final = 64

KEYS_PER_PLAYER: Final = 100_000
KEYS_IN_ALL: Final = 10_000_000
"""Request keys that are kept unless an operator says otherwise: 2 GB of them."""
MOST_KEYS: Final = 1 << 30
"""Largest limit of them: rows of a table have 31 bits."""

HIGHEST_PRICE_BOUND: Final = 10**12
"""No instrument's price in ticks may exceed this: estimates multiply it by a ppm."""
HIGHEST_LEVERAGE: Final = 1_000
HIGHEST_FEE_PPM: Final = 100_000
HIGHEST_MAINTENANCE_PPM: Final = 400_000
HIGHEST_STAKE: Final = BOUND // HIGHEST_PAYOUT_PERCENT
SHORTEST_FIXED_S: Final = 5
LONGEST_FIXED_S: Final = 24 * 3600
"""Bounds of the duration of a fixed-time trade."""

HIGHEST_BALANCE: Final = BOUND >> 8
"""That a game starts with; also of a prize that the house pays."""
HIGHEST_ENTRY_FEE: Final = BOUND >> 24
MOST_POSITIONS: Final = 100_000
"""Open orders and positions of a seat."""
