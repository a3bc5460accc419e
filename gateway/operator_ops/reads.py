"""Ops of operators that only look: players and their accounts, what is open, limits."""

from __future__ import annotations

from itertools import islice

import msgspec

from engine import views
from engine.model.reasons import Reason
from engine.model.state import State
from gateway.presenters.decimals import money_text
from gateway.presenters.instruments import Instruments
from gateway.presenters.names import SIDES
from gateway.presenters.seats import seat_answer
from gateway.presenters.wallets import balance_answers, change_answer
from gateway.protocol.errors import Refused
from gateway.protocol.history import Paged, WalletChange
from gateway.protocol.identity.reads import (
    ArenaLimits,
    Exposure,
    LedgerOf,
    OfPlayer,
    PlayerEntry,
    PlayerRecord,
    PlayersOf,
)
from gateway.protocol.market import SwitchEvent
from gateway.protocol.scalars import Nothing
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.pages import page
from persistence import rows


def players(caller: Caller, of: PlayersOf) -> Paged[PlayerEntry]:
    """The latest first. Walks all players when few have such a name."""
    state = caller.arena.state
    search = (of.search or "").casefold()
    found = (
        player
        for player in reversed(state.cold.players)
        if player < of.before and (search in state.cold.players[player].name.casefold() or search == str(player))
    )
    shown = list(islice(found, of.limit + 1))
    entries = [_entry(caller.arena, player) for player in shown[: of.limit]]
    return Paged(entries, entries[-1].player if len(shown) > of.limit else None)


def _entry(arena: Arena, player: int) -> PlayerEntry:
    return PlayerEntry(
        player,
        arena.state.cold.players[player].name,
        arena.presence.connections(player),
        views.is_player_locked(arena.state.book, player),
    )


def player(caller: Caller, of: OfPlayer) -> PlayerRecord[str]:
    arena = caller.arena
    _check_player(arena.state, of.player)
    entry = _entry(arena, of.player)
    return PlayerRecord(
        entry.player,
        entry.name,
        entry.connections,
        entry.locked,
        [seat_answer(arena.instruments, seat) for seat in views.seats_of(arena.state, of.player)],
        balance_answers(arena.state, of.player),
    )


async def ledger(caller: Caller, of: LedgerOf) -> Paged[WalletChange[str]]:
    _check_player(caller.arena.state, of.player)
    return await page(caller.arena, of.player, rows.WALLET_CHANGES, change_answer, of)


def exposure(caller: Caller, nothing: Nothing) -> list[Exposure[str]]:
    return exposures_of(caller.arena.instruments, caller.arena.state)


def exposures_of(instruments: Instruments, state: State) -> list[Exposure[str]]:
    found = []
    for view in views.exposures(state):
        instrument = instruments.by_id[view.instrument]
        found.append(
            Exposure(
                instrument.symbol,
                SIDES[view.side],
                view.positions,
                instrument.quantity_text(view.lots),
                money_text(view.notional),
                money_text(view.margin),
                money_text(view.profit),
            )
        )
    return found


def limits(caller: Caller, nothing: Nothing) -> ArenaLimits:
    arena = caller.arena
    symbols = arena.instruments.by_id
    return ArenaLimits(
        msgspec.structs.asdict(arena.config.limits),
        [
            SwitchEvent(
                scope,
                switch,
                True,
                symbols[id].symbol if scope == "instrument" else None,
                id if scope == "match" else None,
            )
            for scope, id, switch in views.switches(arena.state.book)
        ],
    )


def _check_player(state: State, player: int) -> None:
    if player not in state.cold.players:
        raise Refused(Reason.PLAYER_NOT_FOUND)
