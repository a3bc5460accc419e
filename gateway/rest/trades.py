"""Fixed-time trades in the words of their path: modes for wallets, and the names that other front ends use."""

from __future__ import annotations

from typing import Final, Literal

from gateway.protocol.errors import Code, Refused
from gateway.protocol.fixed_trades import BuyFixed, FixedAccount
from gateway.protocol.history import FixedTradesOf
from gateway.protocol.identity.keys import ExternalId
from gateway.protocol.scalars import Amount, Arguments, Direction, Id, OpenId, Small, Symbol, WalletName


class PlaceTrade(Arguments, frozen=True):
    """Body of POST trades. It is staked from the seat in a `match`, or by `mode` from a wallet: DEMO of play money,
    LIVE of USDT."""

    symbol: Symbol
    direction: Literal["UP", "DOWN"]
    stakeUsd: Amount
    expirySeconds: Small
    mode: Literal["DEMO", "LIVE"] | None = None
    match: Id | None = None


class PartnerTrade(Arguments, frozen=True):
    """Body of POST partner/trades: as of POST trades, for a user of the partner, who is made if there is none."""

    externalUserId: ExternalId
    symbol: Symbol
    direction: Literal["UP", "DOWN"]
    stakeUsd: Amount
    expirySeconds: Small
    mode: Literal["DEMO", "LIVE"] | None = None
    match: OpenId | None = None


class OfExternalUser(Arguments, frozen=True):
    externalUserId: ExternalId


class TradesOfExternalUser(FixedTradesOf, frozen=True, kw_only=True):
    externalUserId: ExternalId


_WALLETS: Final[dict[str, WalletName]] = {"DEMO": "demo", "LIVE": "usdt"}
_DIRECTIONS: Final[dict[str, Direction]] = {"UP": "up", "DOWN": "down"}


def stake_of(trade: PlaceTrade) -> BuyFixed:
    """Arguments of fixed.buy. Raises Refused."""
    if (trade.mode is None) == (trade.match is None):
        raise Refused(Code.BAD_ARGUMENTS, field="mode", problem="give either mode or match")
    account = FixedAccount(trade.match, _WALLETS[trade.mode] if trade.mode is not None else None)
    return BuyFixed(trade.symbol, _DIRECTIONS[trade.direction], trade.stakeUsd, trade.expirySeconds, account)
