"""Ops of fixed-time trades: buy, list."""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import views
from engine.model.commands import Asset, Side
from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome, buy_fixed_record
from gateway.presenters.decimals import asset_units, units_of
from gateway.presenters.fixed_trades import fixed_trades_of
from gateway.presenters.instruments import Instrument
from gateway.protocol.errors import Code, Error, Refused
from gateway.protocol.fixed_trades import BuyFixed, FixedBought, FixedTrade
from gateway.protocol.scalars import Nothing
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.refusals import Attempt, refusal
from gateway.sessions.submission import Submission

_DIRECTIONS: Final = {"up": Side.LONG.value, "down": Side.SHORT.value}


def buy(arena: Arena, player: int, trade: BuyFixed) -> Submission:
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
    return Submission(record, _bought, explain=partial(_refusal, arena, player, instrument, trade))


def _refusal(arena: Arena, player: int, instrument: Instrument, trade: BuyFixed, reason: int) -> Error:
    match = trade.account.match or 0
    return refusal(Attempt(arena.state, arena.clock.stamp_ns(), player, match, instrument, trade), reason)


def _bought(outcome: Outcome) -> FixedBought:
    """The engine answers with the payout percent where a fill has its price, and with the expiry in `left`."""
    return FixedBought(outcome.id, outcome.price, outcome.left // NS_PER_MS)


def fixed_list(caller: Caller, nothing: Nothing) -> list[FixedTrade[str]]:
    """All open ones of the player, match by match, and then those from wallets."""
    state, player = caller.arena.state, caller.player
    return fixed_trades_of(state, caller.arena.instruments, player, views.seats_of(state, player))
