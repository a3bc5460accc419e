"""Ops of operators: what operators did."""

from __future__ import annotations

from gateway.protocol.history import Paged
from gateway.protocol.identity.operators import ActionsOf, OperatorAction
from gateway.sessions.caller import Caller


async def log(caller: Caller, of: ActionsOf) -> Paged[OperatorAction]:
    found = await caller.arena.actions.read(of)
    return Paged(found, found[-1].action if len(found) == of.limit else None)
