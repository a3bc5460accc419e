"""Ops of fixed-time trades: buy, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine.commands import Side
from engine.scale import NS_PER_MS
from gateway import arguments as args
from gateway.arena import Arena
from gateway.instruments import units_of
from gateway.presentation import FixedTradeAnswer, fixed_trades_of
from gateway.records import Outcome, buy_fixed_record
from gateway.requests import Request

if TYPE_CHECKING:
    from gateway.sessions import Session

_DIRECTIONS: Final = {"up": Side.LONG.value, "down": Side.SHORT.value}


class Bought(Struct, frozen=True, gc=False):
    """Result of fixed.buy. `payout` is what a win brings, in percent of the stake; the entry comes on `me`."""

    trade: int
    payout: int
    expires_at: int


def buy(arena: Arena, player: int, trade: args.BuyFixed) -> Request:
    instrument = arena.instruments.named(trade.symbol)
    stake = units_of("stake", trade.stake)
    direction = _DIRECTIONS[trade.direction]
    record = buy_fixed_record(player, trade.account.match, instrument.id, stake, direction, trade.duration)
    return Request(record, _bought)


def _bought(outcome: Outcome) -> Bought:
    """The engine answers with the payout percent where a fill has its price, and with the expiry in `left`."""
    return Bought(outcome.id, outcome.price, outcome.left // NS_PER_MS)


def fixed_list(session: Session, nothing: args.Nothing) -> list[FixedTradeAnswer]:
    """All open ones of the player, match by match."""
    return fixed_trades_of(session.arena.state, session.arena.instruments, session.player)
