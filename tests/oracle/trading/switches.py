"""What stops opens: kill switches and trading hours."""

from __future__ import annotations

from msgspec.structs import replace

from engine.model.commands import Scope, SetSwitch, Switch
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.state import Market, Oracle, Outcome, Refused, Seat, refuse_if


def set_switch(oracle: Oracle, command: SetSwitch) -> Outcome:
    refuse_if(command.reason.strip() == "", Reason.SWITCH_INVALID)
    id, on = command.id, command.on
    match command.scope, command.switch:
        case "arena", "locked":
            refuse_if(id != 0, Reason.SWITCH_INVALID)
            oracle.locked = on
        case "arena", "close_only":
            refuse_if(id != 0, Reason.SWITCH_INVALID)
            oracle.close_only = on
        case "instrument", ("locked" | "halted" | "close_only") as switch:
            refuse_if(id not in oracle.markets, Reason.SWITCH_INVALID)
            oracle.markets[id].data = replace(oracle.markets[id].data, **{switch: on})
        case "match", "locked":
            refuse_if(id not in oracle.matches, Reason.SWITCH_INVALID)
            oracle.matches[id].locked = on
        case "player", "locked":
            refuse_if(not 1 <= id <= len(oracle.players), Reason.SWITCH_INVALID)
            oracle.locked_players = oracle.locked_players | {id} if on else oracle.locked_players - {id}
        case _:
            raise Refused(Reason.SWITCH_INVALID)
    of = {command.scope: id} if id else {}
    oracle.emit(
        EventKind.SWITCH_CHANGED, **of, id=id, scope=int(Scope[command.scope.upper()]),
        switch=int(Switch[command.switch.upper()]), on=int(on),
    )  # fmt: skip
    return {"id": id}


def check_that_it_opens(oracle: Oracle, seat: Seat, market: Market) -> None:
    """Nothing stands against an open by this seat in this market: no switch, and not the hour."""
    data = market.data
    refuse_if(oracle.locked, Reason.TRADING_LOCKED)
    refuse_if(oracle.close_only, Reason.ARENA_CLOSE_ONLY)
    refuse_if(not data.enabled, Reason.INSTRUMENT_DISABLED)
    refuse_if(data.halted, Reason.INSTRUMENT_HALTED)
    refuse_if(data.locked, Reason.INSTRUMENT_LOCKED)
    refuse_if(data.close_only, Reason.INSTRUMENT_CLOSE_ONLY)
    refuse_if(not market.is_open(oracle.now_ns), Reason.MARKET_CLOSED)
    refuse_if(seat.match in oracle.matches and oracle.matches[seat.match].locked, Reason.MATCH_LOCKED)
    refuse_if(seat.player in oracle.locked_players, Reason.PLAYER_LOCKED)
