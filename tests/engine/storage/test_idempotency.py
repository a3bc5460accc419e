"""Request keys: the same request takes effect once, however often it comes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.invariants import check
from engine.model.commands import OpenFeed, OrderType, request_key
from engine.model.events import OrderStatus
from engine.model.reasons import Reason
from engine.storage.idempotency import REQUESTS_PER_PLAYER
from tests.harness.arena import LONG, Arena, Outcome
from tests.harness.records import PlaceOrder, Pulse, batch_of


def test_a_key_used_again_returns_the_first_outcome_and_does_nothing(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    first = arena.command(alice._order("BTCUSDT", LONG, OrderType.MARKET, margin=100, leverage=10, key="one"))
    arena.quote("BTCUSDT", 61_000)
    again = arena.command(alice._order("BTCUSDT", LONG, OrderType.MARKET, margin=100, leverage=10, key="one"))
    assert again == first._replace(replayed=True)
    assert arena.events == []
    assert len(alice.positions) == 1
    assert again.price == 60_000


def test_a_key_with_other_arguments_is_refused(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key="one")
    with arena.refuses(Reason.KEY_REUSED):
        alice.opens("BTCUSDT", LONG, margin=101, leverage=10, key="one")
    with arena.refuses(Reason.KEY_REUSED):
        alice.closes(alice.positions[0], key="one")


@pytest.mark.parametrize("player", [-1, 2, 2**40])
def test_a_key_of_nobody_is_not_kept(arena: Arena, player: int) -> None:
    """No player sends such a record; whatever the log says, the engine writes only to rows that it has."""
    arena.player()
    sequence = int(arena.machine.state.book.world["sequence"][0])
    batch = batch_of([Pulse(), OpenFeed("test")], sequence + 1, arena.now_ns)
    batch.records["player"], batch.records["key_low"] = player, 5
    for again in (0, 2):
        applied = arena.machine.apply(batch._replace(first_sequence=sequence + 1 + again))
        assert not applied.outcomes["replayed"].any()
    check(arena.machine.state)


def test_a_refused_request_may_be_tried_again_with_its_key(arena: Arena) -> None:
    alice = arena.player(cash=100)
    with arena.refuses(Reason.FEED_STALE):
        alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key="one")
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key="one")
    assert not arena.outcome.replayed


def test_keys_of_two_players_have_nothing_to_do_with_each_other(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key="one")
    bob.opens("BTCUSDT", LONG, margin=200, leverage=10, key="one")
    assert not arena.outcome.replayed
    assert request_key(alice.id, "one") != request_key(bob.id, "one")


def test_every_kind_of_request_can_have_a_key(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    requests: tuple[Callable[[], Outcome], ...] = (
        lambda: alice.moves(order, price=58_000, key="move"),
        lambda: alice.cancels(order, key="cancel"),
        lambda: alice.cancels_all(key="all"),
        lambda: alice.closes(position, key="close"),
    )
    for request in requests:
        first = request()
        assert request() == first._replace(replayed=True)
    assert alice.seat.trades == 1


def test_a_close_that_waits_is_remembered_as_accepted(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    arena.passes(3)
    alice.closes(position, key="close")
    arena.quote("BTCUSDT", 61_000)
    assert alice.positions == []
    again = alice.closes(position, key="close")
    assert (again.replayed, again.status, again.price) == (True, OrderStatus.ACCEPTED, 0)
    assert again.left == Decimal("0.01666")


def test_a_key_is_kept_for_a_day(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    alice.closes(position, key="close")
    arena.passes("86399.999999999")
    assert alice.closes(position, key="close").replayed
    arena.passes("0.000000001")
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        alice.closes(position, key="close")


@pytest.mark.compiled
def test_a_player_has_4096_keys_and_the_oldest_goes_first(arena: Arena) -> None:
    assert REQUESTS_PER_PLAYER == 4_096
    alice, bob = arena.player(max_positions=10_000), arena.player(max_positions=10_000)
    arena.quote("BTCUSDT", 60_000)
    place = [alice._order("BTCUSDT", LONG, OrderType.LIMIT, price="59000", quantity="0.0001", leverage=100, ioc=True,
                          key=str(number)) for number in range(REQUESTS_PER_PLAYER + 1)]  # fmt: skip
    arena.apply([bob._order("BTCUSDT", LONG, OrderType.MARKET, quantity="0.0001", leverage=100, key="his")])
    arena.apply(list(place[:-1]))

    def replayed(command: PlaceOrder) -> bool:
        return arena.command(command).replayed

    assert replayed(place[0])
    assert not replayed(place[-1])
    assert arena.machine.state.book.players["requests"][alice.id] == REQUESTS_PER_PLAYER
    assert replayed(place[1])
    assert not replayed(place[0]), "the first is forgotten: it counts as new, and pushes out the second"
    assert not replayed(place[1])
    assert replayed(bob._order("BTCUSDT", LONG, OrderType.MARKET, quantity="0.0001", leverage=100, key="his"))


def test_expiry_takes_what_is_old_of_all_players_and_leaves_the_rest(arena: Arena) -> None:
    players = [arena.player() for _ in range(3)]
    for round_ in range(4):
        arena.quote("BTCUSDT", 60_000)
        for player in players:
            player.opens("BTCUSDT", LONG, margin=10, leverage=10, key=f"round {round_}")
        arena.passes(6 * 3600)
    arena.command(Pulse())
    kept = arena.machine.state.book.players["requests"]
    assert [int(kept[player.id]) for player in players] == [3, 3, 3]
