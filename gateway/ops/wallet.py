"""Ops of wallets: balances, and money out of nowhere where that is allowed."""

from __future__ import annotations

from engine import views
from engine.model.commands import Asset, ColdCommand, FundRewards, TopUp
from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome
from gateway.ops.history import page
from gateway.presenters.decimals import asset_text, asset_units
from gateway.presenters.names import TRANSFER_CODES
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import OfMatches, Paged, WalletChange
from gateway.protocol.scalars import Nothing
from gateway.protocol.wallets import Balance, Credited, Money
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.submission import Submission, cold_submission
from persistence import rows


def me_wallet(caller: Caller, nothing: Nothing) -> list[Balance[str]]:
    return [
        Balance(Asset(of.asset).name, asset_text(of.balance, of.asset), asset_text(of.held, of.asset), of.version)
        for of in views.wallet(caller.arena.state.book, caller.player)
    ]


async def me_ledger(caller: Caller, of: OfMatches) -> Paged[WalletChange[str]]:
    return await page(caller, rows.WALLET_CHANGES, change_answer, of)


def change_answer(row: rows.WalletChange) -> WalletChange[str]:
    return WalletChange(
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


def top_up(arena: Arena, player: int, of: Money) -> Submission:
    """Up to a limit per player and asset. Raises Refused."""
    if not arena.config.server.development:
        raise Refused(Code.NOT_ALLOWED)
    asset = Asset[of.asset]
    units = asset_units("amount", of.amount, asset)
    command = TopUp(player, of.asset, units, arena.config.players.most_units(asset))
    return crediting(command, of.asset, units, player)


def fund_rewards(arena: Arena, player: int, of: Money) -> Submission:
    units = asset_units("amount", of.amount, Asset[of.asset])
    return crediting(FundRewards(of.asset, units), of.asset, units)


def crediting(command: ColdCommand, asset: str, units: int, player: int = 0) -> Submission:
    """A command that credits so many units of the asset."""

    def credited(outcome: Outcome) -> Credited[str]:
        return Credited(asset, asset_text(units, Asset[asset]))

    return cold_submission(command, credited, player)
