"""Ops of wallets: balances, and money out of nowhere where that is allowed."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.commands import Asset, ColdCommand, FundRewards, TopUp
from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome
from gateway.presenters.decimals import asset_text, asset_units
from gateway.presenters.names import TRANSFER_CODES
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission, cold_submission


class BalanceAnswer(Struct, frozen=True):
    """`held` is a part of `balance` that cannot be spent; `version` counts the account's changes."""

    asset: str
    balance: str
    held: str
    version: int


class Credited(Struct, frozen=True):
    asset: str
    amount: str


def me_wallet(session: Session, nothing: args.Nothing) -> list[BalanceAnswer]:
    return [
        BalanceAnswer(Asset(of.asset).name, asset_text(of.balance, of.asset), asset_text(of.held, of.asset), of.version)
        for of in views.wallet(session.arena.state.book, session.player)
    ]


class ChangeAnswer(Struct, frozen=True, omit_defaults=True):
    """A change of an account: message `n` of the private channel."""

    n: int
    seq: int
    at: int
    asset: str
    reason: str
    change: str
    balance: str
    held: str
    version: int
    match: int | None = None


async def me_ledger(session: Session, of: args.Page) -> list[ChangeAnswer]:
    return [
        ChangeAnswer(
            row.message,
            row.sequence,
            row.at_ns // NS_PER_MS,
            Asset(row.asset).name,
            TRANSFER_CODES[row.code],
            asset_text(row.change, row.asset),
            asset_text(row.balance, row.asset),
            asset_text(row.held, row.asset),
            row.version,
            row.match or None,
        )
        for row in await session.arena.history.wallet_changes(session.player, of.limit, of.before)
    ]


def top_up(arena: Arena, player: int, of: args.Money) -> Submission:
    """Up to a limit, so that nobody has an asset to himself. Raises Refused."""
    if not arena.config.server.development:
        raise Refused(Code.NOT_ALLOWED)
    asset = Asset[of.asset]
    units = asset_units("amount", of.amount, asset)
    command = TopUp(player, of.asset, units, arena.config.players.most_units(asset))
    return crediting(command, of.asset, units, player)


def fund_rewards(arena: Arena, player: int, of: args.Money) -> Submission:
    units = asset_units("amount", of.amount, Asset[of.asset])
    return crediting(FundRewards(of.asset, units), of.asset, units)


def crediting(command: ColdCommand, asset: str, units: int, player: int = 0) -> Submission:
    """A command that brings somebody so much of the asset."""

    def credited(outcome: Outcome) -> Credited:
        return Credited(asset, asset_text(units, Asset[asset]))

    return cold_submission(command, credited, player)
