"""Ops of wallets: balances, and money out of nowhere where that is allowed."""

from __future__ import annotations

from engine.model.commands import Asset, ColdCommand, FundRewards, TopUp
from gateway.core.records import Outcome
from gateway.presenters.decimals import asset_text, asset_units
from gateway.presenters.wallets import balance_answers, change_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import OfMatches, Paged, WalletChange
from gateway.protocol.scalars import Nothing
from gateway.protocol.wallets import Balance, Credited, Money
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.pages import own_page
from gateway.sessions.submission import Submission, cold_submission
from persistence import rows


def me_wallet(caller: Caller, nothing: Nothing) -> list[Balance[str]]:
    return balance_answers(caller.arena.state, caller.player)


async def me_ledger(caller: Caller, of: OfMatches) -> Paged[WalletChange[str]]:
    return await own_page(caller, rows.WALLET_CHANGES, change_answer, of)


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
