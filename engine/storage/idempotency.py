"""Request keys: an accepted command with a key is remembered with its outcome, and the same request gets it again.

Kept for REQUEST_LIFETIME_NS or as one of its player's last REQUESTS_PER_PLAYER, whichever ends first. Refused
commands are not remembered: they changed nothing, so they may be tried again.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.model.scale import DAY_NS
from engine.model.tables import REQUESTS, Book, Row
from engine.storage.free_rows import release, take
from engine.storage.hash_index import find, insert, remove

REQUEST_LIFETIME_NS: Final = DAY_NS
REQUESTS_PER_PLAYER: Final = 4096


@entry
def find_request(book: Book, command: Row) -> int:
    """Row of the remembered request with the command's key; 0 when there is none."""
    return find(book.request_index, command.key_low)


@entry
def is_same_request(book: Book, row: int, command: Row) -> bool:
    """Did the request in the row have the same arguments?"""
    request = book.requests[row]
    return request.key_high == command.key_high and request.arguments_hash == command.arguments_hash


@entry
def remember(book: Book, command: Row, outcome: Row) -> None:
    """Keep the outcome of an accepted command under its key."""
    world = book.world[0]
    player = book.players[command.player]
    if player.requests == REQUESTS_PER_PLAYER:
        forget(book, player.request_oldest)
    row = take(book.requests, book.heads[REQUESTS])
    request = book.requests[row]
    request.key_low = command.key_low
    request.key_high = command.key_high
    request.arguments_hash = command.arguments_hash
    request.accepted_at_ns = world.now_ns
    request.player = command.player
    _copy(request.outcome, outcome)
    insert(book.request_index, command.key_low, row)

    request.next_of_player = 0
    if player.requests == 0:
        player.request_oldest = row
    else:
        book.requests[player.request_newest].next_of_player = row
    player.request_newest = row
    player.requests += 1

    request.newer = 0
    request.older = world.requests_newest
    if world.requests_newest != 0:
        book.requests[world.requests_newest].newer = row
    else:
        world.requests_oldest = row
    world.requests_newest = row


@kernel
def forget(book: Book, row: int) -> None:
    """Drop the request, which must be its player's oldest."""
    world = book.world[0]
    request = book.requests[row]
    player = book.players[request.player]
    player.request_oldest = request.next_of_player
    player.requests -= 1
    if player.requests == 0:
        player.request_newest = 0
    if request.older != 0:
        book.requests[request.older].newer = request.newer
    else:
        world.requests_oldest = request.newer
    if request.newer != 0:
        book.requests[request.newer].older = request.older
    else:
        world.requests_newest = request.older
    remove(book.request_index, request.key_low)
    release(book.requests, book.heads[REQUESTS], row)


@kernel
def forget_expired_requests(book: Book) -> None:
    """Drop every request that has outlived REQUEST_LIFETIME_NS."""
    world = book.world[0]
    while (
        world.requests_oldest != 0
        and book.requests[world.requests_oldest].accepted_at_ns + REQUEST_LIFETIME_NS <= world.now_ns
    ):
        forget(book, world.requests_oldest)


@entry
def replay(book: Book, row: int, outcome: Row) -> None:
    """Answer with the outcome of the request in the row."""
    _copy(outcome, book.requests[row].outcome)
    outcome.replayed = 1


@kernel
def _copy(kept: Row, outcome: Row) -> None:
    kept.reason = outcome.reason
    kept.status = outcome.status
    kept.replayed = outcome.replayed
    kept.instrument = outcome.instrument
    kept.id = outcome.id
    kept.price = outcome.price
    kept.fee = outcome.fee
    kept.profit = outcome.profit
    kept.liquidation = outcome.liquidation
    kept.left = outcome.left
    kept.sequence = outcome.sequence
