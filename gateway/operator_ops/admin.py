"""Ops of operators: instruments, games, matches and kill switches. Each is a command in the log, like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec.structs import replace

from engine.model import commands
from engine.model.commands import encode_cold
from engine.model.reasons import Reason
from gateway.core.records import Outcome, cold_record
from gateway.core.sequencer import Urgency
from gateway.presenters.specs import SpecError, create_game_of, define_instrument_of, define_zones_of
from gateway.protocol.careers import StartSeason
from gateway.protocol.errors import Code, Refused
from gateway.protocol.games import ActivateGame, GameSpec, GameUpdate, OfGame
from gateway.protocol.market import Defined, InstrumentSpec, SetSwitch, SettleInstrument
from gateway.protocol.matches import CancelMatch, CreateMatch, EndMatch, OfMatch
from gateway.protocol.scalars import Made
from gateway.sessions.arena import Arena
from gateway.sessions.submission import Submission, cold_submission

SWITCHES: Final = ("enabled", "locked", "halted", "close_only")
"""Those of an instrument's data that only admin.set_switch turns."""

KEPT: Final = {"tick_size": "tick_units", "lot_size": "lot_units", "quote": "quote"}
"""Keys of an instrument that stay as they are, and the fields of its command."""


def define_instrument(arena: Arena, player: int, data: InstrumentSpec) -> Submission:
    """A new one, or other data for one that there is: its switches stay as they are."""
    with spec_errors_refused():
        defined = define_instrument_of(data)
        _tell_zone(arena, data.zone)
        known = arena.instruments.by_symbol.get(data.symbol)
        if known is not None:
            current = arena.state.cold.instruments[known.id]
            for key, field in KEPT.items():
                if getattr(defined, field) != getattr(current, field):
                    problem = "an instrument keeps what its positions are stated in"
                    raise Refused(Reason.INSTRUMENT_INVALID, field=key, value=getattr(data, key), problem=problem)
            defined = replace(defined, **{switch: getattr(current, switch) for switch in SWITCHES})
        return cold_submission(defined, lambda outcome: Defined(outcome.id, arena.why_no_prices(data.symbol) or None))


def create_game(arena: Arena, player: int, data: GameSpec) -> Submission:
    with spec_errors_refused():
        game = create_game_of(data)
        _tell_zone(arena, data.day_zone)
        return cold_submission(game, made)


def update_game(arena: Arena, player: int, data: GameUpdate) -> Submission:
    with spec_errors_refused():
        game = create_game_of(data)
        _tell_zone(arena, data.day_zone)
        return cold_submission(commands.UpdateGame(data.game, game), made)


def delete_game(arena: Arena, player: int, of: OfGame) -> Submission:
    return cold_submission(commands.DeleteGame(of.game), made)


def activate_game(arena: Arena, player: int, of: ActivateGame) -> Submission:
    return cold_submission(commands.SetGameActive(of.game, of.active), made)


def start_season(arena: Arena, player: int, of: StartSeason) -> Submission:
    return cold_submission(commands.StartSeason(of.name), made)


def create_match(arena: Arena, player: int, of: CreateMatch) -> Submission:
    """With a code that only who joins says: the log and its copies do not have it."""
    code = arena.tokens.hidden(of.code) if of.code else ""
    return cold_submission(commands.CreateMatch(of.game, of.practice, code), made)


def start_match(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.StartMatch(of.match), made)


def cancel_match(arena: Arena, player: int, of: CancelMatch) -> Submission:
    return cold_submission(commands.CancelMatch(of.match, of.reason), made)


def archive_match(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.ArchiveMatch(of.match), made)


def end_match(arena: Arena, player: int, of: EndMatch) -> Submission:
    logged = arena.sequencer.sequence
    if of.evidence is not None and of.evidence > logged:
        raise Refused(Code.BAD_ARGUMENTS, field="evidence", problem=f"nothing has this sequence; the last is {logged}")
    return cold_submission(commands.EndMatch(of.match, of.reason, of.void, of.evidence or 0), made)


def settle_instrument(arena: Arena, player: int, of: SettleInstrument) -> Submission:
    instrument = arena.instruments.named(of.symbol)
    price = instrument.ticks("price", of.price)
    return cold_submission(commands.SettleInstrument(instrument.id, price, of.reason), made)


def set_switch(arena: Arena, player: int, of: SetSwitch) -> Submission:
    named = [scope for scope in ("symbol", "match", "player") if getattr(of, scope) is not None]
    if len(named) > 1:
        raise Refused(Code.BAD_ARGUMENTS, problem="give one of symbol, match and player, or none: the whole arena")
    scope, id = "arena", 0
    if of.symbol is not None:
        scope, id = "instrument", arena.instruments.named(of.symbol).id
    elif named:
        scope, id = named[0], getattr(of, named[0])
    return cold_submission(commands.SetSwitch(scope, id, of.switch, of.on, of.reason), made)


def _tell_zone(arena: Arena, name: str) -> None:
    """Let the engine know the zone, if it does not yet, before the command that needs it."""
    for command in define_zones_of([name]):
        if all(zone.name != command.name for zone in arena.state.cold.zones.values()):
            arena.sequencer.submit(cold_record(), _unheard, Urgency.OPERATOR, encode_cold(command))


def _unheard(outcome: Outcome, at_ns: int) -> None:
    """Nobody has asked for it by itself."""


def made(outcome: Outcome) -> Made:
    return Made(outcome.id)


@contextmanager
def spec_errors_refused() -> Iterator[None]:
    """What cannot be made of an operator's data is refused with what is wrong about it."""
    try:
        yield
    except SpecError as error:
        details: dict[str, Any] = {"field": error.key} if error.key else {}
        raise Refused(error.reason or Code.BAD_ARGUMENTS, **details, problem=str(error)) from error
