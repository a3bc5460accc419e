"""Ops of operators: are the books right? Answered while the arena is at work."""

from __future__ import annotations

import asyncio
from typing import Final

from engine import views
from engine.model.commands import Asset
from engine.model.reasons import Reason
from gateway.presenters.decimals import asset_text
from gateway.protocol.errors import Code, Refused
from gateway.protocol.matches import OfMatch
from gateway.protocol.scalars import Nothing
from gateway.protocol.wallets import Audited, Solvency
from gateway.sessions.caller import Caller
from persistence.audit import audit_input

WITHIN_S: Final = 60.0


async def audit(caller: Caller, nothing: Nothing) -> Audited:
    arena = caller.arena
    try:
        async with asyncio.timeout(WITHIN_S):
            audited = await arena.history.audit(audit_input(arena.state))
    except TimeoutError as error:
        raise Refused(Code.OVERLOADED) from error
    return Audited(*audited)


def solvency(caller: Caller, of: OfMatch) -> Solvency[str]:
    found = views.solvency(caller.arena.state, of.match)
    if found is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    return Solvency(
        found.match,
        Asset(found.asset).name,
        asset_text(found.escrow, found.asset),
        asset_text(found.set_aside, found.asset),
        asset_text(found.refunds, found.asset),
        asset_text(found.prizes, found.asset),
        found.is_solvent,
    )
