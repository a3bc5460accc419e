"""Ops of fixed-time trades: buy, list."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine import views
from engine.model.commands import Asset, Side
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from engine.views import FixedTradeView, SeatView
from gateway.core.records import Outcome, buy_fixed_record
from gateway.presenters.decimals import asset_text, asset_units, units_of
from gateway.presenters.instruments import Instruments
from gateway.presenters.names import DIRECTIONS, wallet_name
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission

_DIRECTIONS: Final = {"up": Side.LONG.value, "down": Side.SHORT.value}


class Bought(Struct, frozen=True, gc=False):
    """Result of fixed.buy. `payout` is what a win brings, in percent of the stake; the entry comes on `me`."""

    trade: int
    payout: int
    expires_at: int


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


def buy(arena: Arena, player: int, trade: args.BuyFixed) -> Submission:
    instrument = arena.instruments.named(trade.symbol)
    match, wallet = trade.account.match, trade.account.wallet
    if (match is None) == (wallet is None):
        raise Refused(Code.BAD_ARGUMENTS, problem="account is either a match or a wallet")
    asset = Asset[wallet.upper()] if wallet is not None else None
    stake = units_of("stake", trade.stake) if asset is None else asset_units("stake", trade.stake, asset)
    direction = _DIRECTIONS[trade.direction]
    record = buy_fixed_record(
        player, match or 0, instrument.id, stake, direction, trade.duration, asset.value if asset is not None else 0
    )
    return Submission(record, _bought)


def _bought(outcome: Outcome) -> Bought:
    """The engine answers with the payout percent where a fill has its price, and with the expiry in `left`."""
    return Bought(outcome.id, outcome.price, outcome.left // NS_PER_MS)


def fixed_list(session: Session, nothing: args.Nothing) -> list[FixedTradeAnswer]:
    """All open ones of the player, match by match, and then those from wallets."""
    state, player = session.arena.state, session.player
    return fixed_trades_of(state, session.arena.instruments, player, views.seats_of(state, player))


def fixed_trades_of(
    state: State, instruments: Instruments, player: int, seats: list[SeatView]
) -> list[FixedTradeAnswer]:
    """All open ones of the player, who has these seats, match by match, and then those from wallets; earliest first."""
    of_seats = [trade for seat in seats for trade in views.fixed_trades(state.book, player, seat.match) or ()]
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
