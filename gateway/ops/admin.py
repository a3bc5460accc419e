"""Ops of operators: instruments, games, matches and kill switches. Each is a command in the log, like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from engine.model.commands import (
    ArchiveMatch,
    CancelMatch,
    CreateMatch,
    DeleteGame,
    EndMatch,
    SetGameActive,
    SetSwitch,
    StartMatch,
    StartSeason,
    UpdateGame,
)
from gateway.core.records import Outcome
from gateway.core.seed import GameData, GameUpdate, InstrumentSeed, SeedError, create_game_of, define_instrument_of
from gateway.ops.arena import Arena
from gateway.ops.requests import Request, cold_request
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused

SWITCHES: Final = ("enabled", "locked", "halted", "close_only")
"""Those of an instrument's data that only admin.set_switch turns."""


class Made(Struct, frozen=True):
    """The id of what was made or changed; of a switch, of what it is of: 0 for the arena."""

    id: int


def define_instrument(arena: Arena, player: int, data: InstrumentSeed) -> Request:
    """A new one, or other data for one that there is: its switches stay as they are."""
    with seed_errors_refused():
        defined = define_instrument_of(data)
        known = arena.instruments.by_symbol.get(data.symbol)
        if known is not None:
            data_now = arena.state.cold.instruments[known.id]
            defined = replace(defined, **{switch: getattr(data_now, switch) for switch in SWITCHES})
        return cold_request(defined, made)


def create_game(arena: Arena, player: int, data: GameData) -> Request:
    with seed_errors_refused():
        return cold_request(create_game_of(data), made)


def update_game(arena: Arena, player: int, data: GameUpdate) -> Request:
    with seed_errors_refused():
        return cold_request(UpdateGame(data.game, create_game_of(data)), made)


def delete_game(arena: Arena, player: int, of: args.OfGame) -> Request:
    return cold_request(DeleteGame(of.game), made)


def activate_game(arena: Arena, player: int, of: args.ActivateGame) -> Request:
    return cold_request(SetGameActive(of.game, of.active), made)


def start_season(arena: Arena, player: int, of: args.StartSeason) -> Request:
    return cold_request(StartSeason(of.name), made)


def create_match(arena: Arena, player: int, of: args.CreateMatch) -> Request:
    return cold_request(CreateMatch(of.game, of.practice, of.code), made)


def start_match(arena: Arena, player: int, of: args.OfMatch) -> Request:
    return cold_request(StartMatch(of.match), made)


def cancel_match(arena: Arena, player: int, of: args.CancelMatch) -> Request:
    return cold_request(CancelMatch(of.match, of.reason), made)


def archive_match(arena: Arena, player: int, of: args.OfMatch) -> Request:
    return cold_request(ArchiveMatch(of.match), made)


def end_match(arena: Arena, player: int, of: args.EndMatch) -> Request:
    return cold_request(EndMatch(of.match, of.reason, of.void), made)


def set_switch(arena: Arena, player: int, of: args.SetSwitch) -> Request:
    named = [scope for scope in ("symbol", "match", "player") if getattr(of, scope) is not None]
    if len(named) > 1:
        raise Refused(Code.BAD_ARGUMENTS, problem="give one of symbol, match and player, or none: the whole arena")
    scope, id = "arena", 0
    if of.symbol is not None:
        scope, id = "instrument", arena.instruments.named(of.symbol).id
    elif named:
        scope, id = named[0], getattr(of, named[0])
    return cold_request(SetSwitch(scope, id, of.switch, of.on, of.reason), made)


def made(outcome: Outcome) -> Made:
    return Made(outcome.id)


@contextmanager
def seed_errors_refused() -> Iterator[None]:
    """What cannot be made of an operator's data is refused with what is wrong about it."""
    try:
        yield
    except SeedError as error:
        raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error
