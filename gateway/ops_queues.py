"""Ops of queues: a player wants a seat in the next match of a game, or not any more. `me` tells what comes of it."""

from __future__ import annotations

from msgspec import Struct

from engine.commands import ColdCommand, JoinQueue, LeaveQueue, encode_cold
from gateway import arguments as args
from gateway.arena import Arena
from gateway.records import Outcome, cold_record
from gateway.requests import Request


class Queued(Struct, frozen=True):
    """Whose queue the player has joined or left."""

    game: int


def queue_join(arena: Arena, player: int, of: args.OfGame) -> Request:
    return _request(player, JoinQueue(of.game, player))


def queue_leave(arena: Arena, player: int, of: args.OfGame) -> Request:
    return _request(player, LeaveQueue(of.game, player))


def _request(player: int, command: ColdCommand) -> Request:
    return Request(cold_record(player), _queued, blob=encode_cold(command))


def _queued(outcome: Outcome) -> Queued:
    return Queued(outcome.id)
