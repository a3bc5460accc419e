"""Fixed-time trades as clients see them: those that are open, and their events."""

from __future__ import annotations

from engine import views
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from engine.views import FixedTradeView, SeatView
from gateway.presenters.decimals import asset_text
from gateway.presenters.events import Fixed
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import DIRECTIONS, REASONS, RESULTS, wallet_name
from gateway.protocol.fixed_trades import FixedEvent, FixedTrade


def fixed_trades_of(
    state: State, instruments: Instruments, player: int, seats: list[SeatView]
) -> list[FixedTrade[str]]:
    """All open ones of the player, who has these seats, match by match, and then those from wallets; earliest first."""
    of_seats = [trade for seat in seats for trade in views.fixed_trades(state.book, player, seat.match) or ()]
    return [fixed_trade_answer(instruments, trade) for trade in of_seats + views.wallet_trades(state.book, player)]


def fixed_trade_answer(instruments: Instruments, trade: FixedTradeView) -> FixedTrade[str]:
    instrument = instruments.by_id[trade.instrument]
    return FixedTrade(
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


def fixed_event(fixed: Fixed, instrument: Instrument | None) -> FixedEvent[str]:
    assert instrument is not None
    settled = fixed.result != 0
    return FixedEvent(
        fixed.id,
        instrument.symbol,
        DIRECTIONS[fixed.direction],
        asset_text(fixed.stake, fixed.asset),
        fixed.payout_percent,
        fixed.expires_at_ns // NS_PER_MS,
        asset_text(fixed.cash, fixed.asset),
        instrument.middle_text(fixed.entry) if fixed.entry else None,
        fixed.entry_sequence or None,
        RESULTS[fixed.result] if settled else None,
        instrument.middle_text(fixed.exit) if settled else None,
        fixed.exit_sequence if settled else None,
        asset_text(fixed.profit, fixed.asset) if settled else None,
        asset_text(fixed.stake + fixed.profit, fixed.asset) if settled else None,
        REASONS[fixed.reason] if fixed.reason else None,
        fixed.match or None,
        wallet_name(fixed.asset),
    )
