"""What an empty arena starts with unless the configuration says otherwise: instruments, games, referrals, the shop.

Used once, when the log is empty; afterwards the log is the truth and admin commands change it.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from gateway.protocol.games import GameSpec
from gateway.protocol.market import BracketSpec, InstrumentSpec
from gateway.protocol.shop import OfferSpec, ReferralTerms


class GameSeed(GameSpec, frozen=True, forbid_unknown_fields=True):
    """A game of an empty arena, and whether a practice match of it is opened."""

    practice: bool = True


class ReferralSeed(ReferralTerms, frozen=True, forbid_unknown_fields=True):
    """The terms of referrals, and how much there is to be paid."""

    funds: str = "10000"


class OfferSeed(OfferSpec, frozen=True, forbid_unknown_fields=True):
    """An offer, and how many of the item the shop has."""

    stock: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


_MAJOR: Final = (  # BTCUSDT and ETHUSDT on Binance USD-M futures, October 2024
    BracketSpec(4_000, 125, "50000"),
    BracketSpec(5_000, 100, "600000"),
    BracketSpec(6_500, 75, "3000000"),
    BracketSpec(10_000, 50, "12000000"),
    BracketSpec(20_000, 25, "70000000"),
    BracketSpec(25_000, 20, "100000000"),
    BracketSpec(50_000, 10, "230000000"),
    BracketSpec(100_000, 5),
)
_MINOR: Final = (
    BracketSpec(5_000, 75, "20000"),
    BracketSpec(6_500, 50, "100000"),
    BracketSpec(10_000, 40, "500000"),
    BracketSpec(20_000, 25, "2000000"),
    BracketSpec(50_000, 10, "10000000"),
    BracketSpec(100_000, 5, "20000000"),
    BracketSpec(125_000, 4),
)

INSTRUMENTS: Final = (
    InstrumentSpec("BTCUSDT", "Bitcoin", "BTC", "0.01", "0.00001", "0.00001", "1000", "1000000", 125, _MAJOR),
    InstrumentSpec("ETHUSDT", "Ethereum", "ETH", "0.01", "0.0001", "0.0001", "10000", "100000", 125, _MAJOR),
    InstrumentSpec("SOLUSDT", "Solana", "SOL", "0.01", "0.001", "0.001", "100000", "10000", 75, _MINOR),
    InstrumentSpec("BNBUSDT", "BNB", "BNB", "0.01", "0.001", "0.001", "100000", "10000", 75, _MINOR),
    InstrumentSpec("XRPUSDT", "XRP", "XRP", "0.0001", "0.1", "0.1", "10000000", "1000", 75, _MINOR),
)
GAMES: Final = (
    GameSeed("Practice", "Trade with play money against live prices, for as long as you like."),
    GameSeed(
        "Challenge practice",
        "Make 10 % without losing 5 % in a day or 10 % in all; start over whenever you like.",
        max_leverage=50,
        execution="next",
        max_trades_per_minute=10,
        max_daily_drawdown_pct="5",
        max_total_drawdown_pct="10",
        total_drawdown="trailing_lock",
        profit_target_pct="10",
    ),
)
OFFERS: Final = (
    OfferSeed("GOLD_COIN", "1", title="Gold coin", stock=100_000),
    OfferSeed("TREASURE_BOX", "5", title="Treasure box", stock=10_000),
)
