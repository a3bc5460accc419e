"""Pages of a player's lists, from the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.model.scale import NS_PER_MS
from gateway.protocol.history import Page, Paged
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from persistence import rows

T = TypeVar("T")


async def own_page(
    caller: Caller,
    list_: rows.PlayerList[rows.Row],
    make: Callable[[rows.Row], T],
    of: Page,
    kinds: tuple[int, ...] = (),
) -> Paged[T]:
    """`page` of the caller's own list."""
    return await page(caller.arena, caller.player, list_, make, of, kinds)


async def page(
    arena: Arena,
    player: int,
    list_: rows.PlayerList[rows.Row],
    make: Callable[[rows.Row], T],
    of: Page,
    kinds: tuple[int, ...] = (),
) -> Paged[T]:
    """A page of the player's list, and the cursor of the next one. Raises Refused SYMBOL_UNKNOWN."""
    wanted = wanted_rows(arena, of, kinds)
    await arena.history.reach(player)
    found = await arena.history.page(list_, player, wanted._replace(limit=of.limit + 1))
    shown = found[: of.limit]
    return Paged(
        await arena.turns.make(make, shown), getattr(shown[-1], list_.cursor) if len(found) > of.limit else None
    )


def wanted_rows(arena: Arena, of: Page, kinds: tuple[int, ...] = ()) -> rows.Wanted:
    """What the filters let through. Raises Refused SYMBOL_UNKNOWN."""
    symbol, mode = getattr(of, "symbol", None), getattr(of, "mode", None)
    return rows.Wanted(
        of.limit,
        of.before,
        getattr(of, "match", None) or 0,
        arena.instruments.named(symbol).id if symbol is not None else 0,
        (of.from_ or 0) * NS_PER_MS,
        of.to * NS_PER_MS if of.to is not None else rows.NEWEST,
        mode or "",
        tuple(id for id, match in arena.state.cold.matches.items() if match.practice) if mode else (),
        kinds,
        getattr(of, "unread", False),
    )
