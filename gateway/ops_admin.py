"""Ops of operators: instruments, games, matches and kill switches. Each is a command in the log, like any other."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from engine.commands import (
    ArchiveMatch,
    CancelMatch,
    ColdCommand,
    CreateMatch,
    DeleteGame,
    EndMatch,
    SetGameActive,
    SetSwitch,
    StartMatch,
    StartSeason,
    UpdateGame,
    encode_cold,
)
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Code, Refused
from gateway.records import Outcome, cold_record
from gateway.requests import Request
from gateway.seed import GameData, GameUpdate, InstrumentSeed, SeedError, create_game_of, define_instrument_of

SWITCHES: Final = ("enabled", "locked", "halted", "close_only")
"""Those of an instrument's data that only admin.set_switch turns."""


class Made(Struct, frozen=True):
    """The id of what was made or changed; of a switch, of what it is of: 0 for the arena."""

    id: int


def define_instrument(arena: Arena, player: int, data: InstrumentSeed) -> Request:
    """A new one, or other data for one that there is: its switches stay as they are."""
    try:
        defined = define_instrument_of(data)
        known = arena.instruments.by_symbol.get(data.symbol)
        if known is not None:
            data_now = arena.state.cold.instruments[known.id]
            defined = replace(defined, **{switch: getattr(data_now, switch) for switch in SWITCHES})
        return _request(defined)
    except SeedError as error:
        raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error


def create_game(arena: Arena, player: int, data: GameData) -> Request:
    try:
        return _request(create_game_of(data))
    except SeedError as error:
        raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error


def update_game(arena: Arena, player: int, data: GameUpdate) -> Request:
    try:
        return _request(UpdateGame(data.game, create_game_of(data)))
    except SeedError as error:
        raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error


def delete_game(arena: Arena, player: int, of: args.OfGame) -> Request:
    return _request(DeleteGame(of.game))


def activate_game(arena: Arena, player: int, of: args.ActivateGame) -> Request:
    return _request(SetGameActive(of.game, of.active))


def start_season(arena: Arena, player: int, of: args.StartSeason) -> Request:
    return _request(StartSeason(of.name))


def create_match(arena: Arena, player: int, of: args.CreateMatch) -> Request:
    return _request(CreateMatch(of.game, of.practice, of.code))


def start_match(arena: Arena, player: int, of: args.OfMatch) -> Request:
    return _request(StartMatch(of.match))


def cancel_match(arena: Arena, player: int, of: args.CancelMatch) -> Request:
    return _request(CancelMatch(of.match, of.reason))


def archive_match(arena: Arena, player: int, of: args.OfMatch) -> Request:
    return _request(ArchiveMatch(of.match))


def end_match(arena: Arena, player: int, of: args.EndMatch) -> Request:
    return _request(EndMatch(of.match, of.reason, of.void))


def set_switch(arena: Arena, player: int, of: args.SetSwitch) -> Request:
    named = [scope for scope in ("symbol", "match", "player") if getattr(of, scope) is not None]
    if len(named) > 1:
        raise Refused(Code.BAD_ARGUMENTS, problem="give one of symbol, match and player, or none: the whole arena")
    scope, id = "arena", 0
    if of.symbol is not None:
        scope, id = "instrument", arena.instruments.named(of.symbol).id
    elif named:
        scope, id = named[0], getattr(of, named[0])
    return _request(SetSwitch(scope, id, of.switch, of.on, of.reason))


def _request(command: ColdCommand) -> Request:
    """Raises Refused OUT_OF_RANGE when a number in it has more than 64 bits."""
    try:
        return Request(cold_record(), _made, blob=encode_cold(command))
    except OverflowError as error:
        raise Refused(Code.OUT_OF_RANGE, problem="a number has more than 64 bits") from error


def _made(outcome: Outcome) -> Made:
    return Made(outcome.id)
