"""Ops of operators who want to know whether the books are right, while the arena is at work."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Struct

from engine import views
from engine.model.commands import Asset
from engine.model.reasons import Reason
from gateway.presenters.decimals import asset_text
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.session import Session
from persistence.audit import take

WITHIN_S: Final = 60.0


class AuditAnswer(Struct, frozen=True):
    """So many accounts were recomputed from so many transfers, all up to `sequence`, and `problems` found."""

    sequence: int
    accounts: int
    transfers: int
    problems: list[str]


class SolvencyAnswer(Struct, frozen=True):
    """What a match has in its escrow, what the house has set aside for it, and what it owes: `refunds` when it is
    called off, `prizes` (the house's fee not counted) when it ends as it is."""

    match: int
    asset: str
    escrow: str
    set_aside: str
    refunds: str
    prizes: str
    solvent: bool


async def audit(session: Session, nothing: args.Nothing) -> AuditAnswer:
    arena = session.arena
    try:
        async with asyncio.timeout(WITHIN_S):
            audited = await arena.history.audit(take(arena.state))
    except TimeoutError as error:
        raise Refused(Code.OVERLOADED) from error
    return AuditAnswer(*audited)


def solvency(session: Session, of: args.OfMatch) -> SolvencyAnswer:
    found = views.solvency(session.arena.state, of.match)
    if found is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    return SolvencyAnswer(
        found.match,
        Asset(found.asset).name,
        asset_text(found.escrow, found.asset),
        asset_text(found.set_aside, found.asset),
        asset_text(found.refunds, found.asset),
        asset_text(found.prizes, found.asset),
        found.is_solvent,
    )
