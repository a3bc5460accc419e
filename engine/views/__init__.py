"""Read-only views of the state: plain integers and tuples, which the gateway's presenters turn into answers.

Not used while commands are applied. A view that reads more than a few rows says what it walks.

    market.py    quotes, candles, the next timer
    matches.py   matches, their rules, their solvency
    seats.py     seats, leaderboards
    trades.py    orders, positions, fixed-time trades
    wallets.py   balances, items, the house's stock
    players.py   messages, queues, referrals, careers
"""

from __future__ import annotations

from engine.views.market import (
    CandleView,
    Quote,
    SwitchView,
    candle,
    is_player_locked,
    next_due_ns,
    opens_at_ns,
    quote,
    switches,
    takes_quotes,
    waits_for_quote,
)
from engine.views.matches import MatchView, Rules, SolvencyView, match, matches, solvency
from engine.views.players import (
    CareerView,
    CupsView,
    QueueView,
    ReferralView,
    StandingView,
    career,
    cups,
    last_match_message,
    last_message,
    queues_of,
    referral,
)
from engine.views.seats import (
    BoardView,
    Evidence,
    Ranking,
    SeatView,
    board,
    has_seat,
    next_trade_at_ns,
    ranking,
    seat,
    seats_of,
)
from engine.views.trades import (
    ExposureView,
    FixedTradeView,
    OrderView,
    PositionView,
    exposures,
    fixed_trades,
    instrument_of_order,
    instrument_of_position,
    instrument_of_request,
    is_request_known,
    orders,
    owner_of_trade,
    position,
    positions,
    trade_of_request,
    wallet_trades,
)
from engine.views.wallets import BalanceView, inventory, stock, wallet

__all__ = [
    "BalanceView", "BoardView", "CandleView", "CareerView", "CupsView", "Evidence", "ExposureView", "FixedTradeView",
    "MatchView", "OrderView", "PositionView", "QueueView", "Quote", "Ranking", "ReferralView", "Rules", "SeatView",
    "SolvencyView", "StandingView", "SwitchView", "board", "candle", "career", "cups", "exposures", "fixed_trades",
    "has_seat",
    "instrument_of_order", "instrument_of_position", "instrument_of_request", "inventory", "is_player_locked",
    "is_request_known", "last_match_message", "last_message", "match", "matches", "next_due_ns", "next_trade_at_ns",
    "opens_at_ns", "orders", "owner_of_trade", "position", "positions", "queues_of", "quote", "ranking", "referral",
    "seat", "seats_of", "solvency", "stock", "switches", "takes_quotes", "trade_of_request", "waits_for_quote",
    "wallet", "wallet_trades",
]  # fmt: skip
