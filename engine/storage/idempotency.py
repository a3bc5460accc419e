"""Request keys: an accepted command with a key is remembered with its outcome, and the same request gets it again.

Refused commands are not remembered: they changed nothing, so they may be tried again. The others are for
REQUEST_LIFETIME_NS, and no other request pushes them out, with two exceptions. The key of an order stays known beyond
that while the order, or the position that it has opened, is open: a repeated order must never open a second one. Of
what releases risk a player has the latest `world.keys_per_player`; that many of the others, and new ones are refused
then. So memory has a bound, and closing and cancelling never stop.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.model.commands import Kind
from engine.model.scale import DAY_NS
from engine.model.tables import REQUESTS, Book, Row
from engine.storage.compact_index import find_open
from engine.storage.free_rows import release, take
from engine.storage.hash_index import find, insert, remove

REQUEST_LIFETIME_NS: Final = DAY_NS

KEYS_FOR_EVERYBODY: Final = 4096
"""So many keys any player may have, also when all players together have `world.keys_in_all`."""

KEPT: Final = 0
"""REQUEST.kept_as: for its lifetime."""
KEPT_AS_ORDER: Final = 1
"""And while its order or position is open."""
KEPT_AS_RELEASE: Final = 2
"""Or until its player has too many of this kind."""


@kernel
def kept_as(kind: int) -> int:
    """How the key of a hot command of that kind is kept."""
    if kind == Kind.PLACE_ORDER.value:
        return KEPT_AS_ORDER
    if (
        kind == Kind.CLOSE_POSITION.value
        or kind == Kind.CANCEL_ORDER.value
        or kind == Kind.CANCEL_ALL.value
        or kind == Kind.AMEND_POSITION.value
        or kind == Kind.AMEND_ORDER.value
    ):
        return KEPT_AS_RELEASE
    return KEPT


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
def may_remember(book: Book, player: int, kept: int) -> bool:
    """May one more key of the player be kept so? What releases risk always may, and so may all of operators (0)."""
    if player == 0 or kept == KEPT_AS_RELEASE:
        return True
    world = book.world[0]
    requests = book.players[player].requests
    if book.heads[REQUESTS].live >= world.keys_in_all and requests >= KEYS_FOR_EVERYBODY:
        return False
    return requests < world.keys_per_player


@entry
def remember(book: Book, command: Row, outcome: Row, kept: int) -> None:
    """Keep the outcome of an accepted command under its key."""
    player = book.players[command.player]
    if kept == KEPT_AS_RELEASE:
        while player.releases >= book.world[0].keys_per_player:
            forget(book, player.oldest_release)
    row = take(book.requests, book.heads[REQUESTS])
    request = book.requests[row]
    request.key_low = command.key_low
    request.key_high = command.key_high
    request.arguments_hash = command.arguments_hash
    request.player = command.player
    request.kept_as = kept
    _copy(request.outcome, outcome)
    insert(book.request_index, command.key_low, row)

    request.next_release = 0
    if kept == KEPT_AS_RELEASE:
        if player.releases == 0:
            player.oldest_release = row
        else:
            book.requests[player.newest_release].next_release = row
        player.newest_release = row
        player.releases += 1
    else:
        player.requests += 1
    _link_newest(book, row)


@kernel
def forget(book: Book, row: int) -> None:
    """Drop the request; one that releases must be its player's oldest of them."""
    request = book.requests[row]
    player = book.players[request.player]
    if request.kept_as == KEPT_AS_RELEASE:
        player.oldest_release = request.next_release
        player.releases -= 1
        if player.releases == 0:
            player.newest_release = 0
    else:
        player.requests -= 1
    _unlink(book, row)
    remove(book.request_index, request.key_low)
    release(book.requests, book.heads[REQUESTS], row)


@kernel
def forget_expired_requests(book: Book) -> None:
    """Drop every request that has outlived REQUEST_LIFETIME_NS; one whose order or position is open lives as long
    again. A look at each of these, once in its lifetime."""
    world = book.world[0]
    while (
        world.requests_oldest != 0
        and book.requests[world.requests_oldest].accepted_at_ns + REQUEST_LIFETIME_NS <= world.now_ns
    ):
        row = world.requests_oldest
        request = book.requests[row]
        if request.kept_as == KEPT_AS_ORDER and find_open(book, request.outcome.id) != 0:
            _unlink(book, row)
            _link_newest(book, row)
        else:
            forget(book, row)


@entry
def replay(book: Book, row: int, outcome: Row) -> None:
    """Answer with the outcome of the request in the row."""
    _copy(outcome, book.requests[row].outcome)
    outcome.replayed = 1


@kernel
def _link_newest(book: Book, row: int) -> None:
    """Put the request at the end of the list of all: its lifetime begins now."""
    world = book.world[0]
    request = book.requests[row]
    request.accepted_at_ns = world.now_ns
    request.newer = 0
    request.older = world.requests_newest
    if world.requests_newest != 0:
        book.requests[world.requests_newest].newer = row
    else:
        world.requests_oldest = row
    world.requests_newest = row


@kernel
def _unlink(book: Book, row: int) -> None:
    """Take the request out of the list of all."""
    world = book.world[0]
    request = book.requests[row]
    if request.older != 0:
        book.requests[request.older].newer = request.newer
    else:
        world.requests_oldest = request.newer
    if request.newer != 0:
        book.requests[request.newer].older = request.older
    else:
        world.requests_newest = request.older


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
