"""Request keys: the same request takes effect once, however often it comes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.invariants import check
from engine.model.commands import FundRewards, OpenFeed, OrderType, SetKeyLimits, TopUp, request_key
from engine.model.events import OrderStatus
from engine.model.reasons import Reason
from engine.storage.idempotency import KEYS_FOR_EVERYBODY
from tests.harness.arena import LONG, Arena, Outcome, Player
from tests.harness.records import Asked, PlaceOrder, Pulse, batch_of


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


def limit_of(player: Player, key: str) -> PlaceOrder:
    """An order that rests, or the same one again."""
    return player._order("BTCUSDT", LONG, OrderType.LIMIT, price=59_000, margin=100, leverage=10, key=key)


def ask(arena: Arena, player: Player, key: int) -> Outcome:
    """A request that opens nothing: a unit of money."""
    return arena.command(Asked(TopUp(player.id, "USDT", 1), player.id, f"money {key}"))


def test_the_id_of_a_resting_order_stays_known_whatever_else_is_asked(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    first = arena.command(limit_of(alice, "only-one"))
    arena.apply([Asked(TopUp(alice.id, "USDT", 1), alice.id, str(number)) for number in range(4_100)])
    assert arena.command(limit_of(alice, "only-one")) == first._replace(replayed=True)
    assert arena.command(Asked(TopUp(alice.id, "USDT", 1), alice.id, "0")).replayed
    assert len(alice.orders) == 1


def test_the_id_of_an_order_stays_known_for_as_long_as_it_or_its_position_is_open(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    first = arena.command(limit_of(alice, "long"))
    arena.passes(30 * 3_600)
    assert arena.command(limit_of(alice, "long")) == first._replace(replayed=True)
    arena.quote("BTCUSDT", 59_000)
    for _ in range(3):
        arena.passes(30 * 3_600)
        assert arena.command(limit_of(alice, "long")).replayed
    arena.quote("BTCUSDT", 60_000)
    alice.closes(alice.positions[0])
    arena.passes(30 * 3_600)
    arena.quote("BTCUSDT", 60_000)
    assert not arena.command(limit_of(alice, "long")).replayed


def test_an_order_that_is_over_keeps_its_id_for_the_day(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.cancels(arena.command(limit_of(alice, "once")).id)
    arena.passes("86399.999999999")
    assert arena.command(limit_of(alice, "once")).replayed
    arena.passes("0.000000001")
    arena.quote("BTCUSDT", 60_000)
    assert not arena.command(limit_of(alice, "once")).replayed


def test_with_too_many_keys_nothing_new_opens_and_all_that_is_open_can_be_closed(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    arena.command(SetKeyLimits(per_player=2, in_all=1_000_000))
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key="position")
    order = arena.command(limit_of(alice, "order")).id
    with arena.refuses(Reason.KEYS_EXHAUSTED):
        arena.command(limit_of(alice, "one more"))
    with arena.refuses(Reason.KEYS_EXHAUSTED):
        ask(arena, alice, 1)
    assert arena.command(limit_of(alice, "order")).replayed
    assert not arena.command(limit_of(bob, "his")).replayed
    assert alice.opens("BTCUSDT", LONG, margin=100, leverage=10), "without a key"
    alice.moves(order, price=58_000, key="move")
    alice.amends(position, stop_loss=50_000, key="stop")
    alice.cancels(order, key="cancel")
    alice.closes(position, key="close")
    assert alice.closes(position, key="close").replayed
    arena.passes(86_400)
    assert not ask(arena, alice, 1).replayed


def test_of_closes_and_cancels_the_oldest_make_room_and_nothing_else_does(arena: Arena) -> None:
    alice = arena.player()
    arena.command(SetKeyLimits(per_player=2, in_all=1_000_000))
    arena.quote("BTCUSDT", 60_000)
    positions = [alice.opens("BTCUSDT", LONG, margin=100, leverage=10) for _ in range(3)]
    ask(arena, alice, 1)
    for number, position in enumerate(positions):
        alice.closes(position, key=str(number))
    assert alice.closes(positions[2], key="2").replayed
    assert alice.closes(positions[1], key="1").replayed
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        alice.closes(positions[0], key="0")
    assert ask(arena, alice, 1).replayed
    arena.command(SetKeyLimits(per_player=1, in_all=1_000_000))
    alice.cancels_all(key="all")
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        alice.closes(positions[2], key="2")


def test_when_all_players_have_too_many_each_still_has_some(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    arena.command(SetKeyLimits(per_player=100_000, in_all=10))
    arena.apply([Asked(TopUp(alice.id, "USDT", 1), alice.id, str(number)) for number in range(KEYS_FOR_EVERYBODY)])
    with arena.refuses(Reason.KEYS_EXHAUSTED):
        ask(arena, alice, 1)
    assert not ask(arena, bob, 1).replayed
    assert ask(arena, bob, 1).replayed


def test_operators_always_have_keys(arena: Arena) -> None:
    arena.command(SetKeyLimits(per_player=1, in_all=1))
    for key in ("1", "2"):
        assert not arena.command(Asked(FundRewards("USDT", 1), 0, key)).replayed
        assert arena.command(Asked(FundRewards("USDT", 1), 0, key)).replayed


def test_expiry_takes_what_is_old_of_all_players_and_leaves_the_rest(arena: Arena) -> None:
    players = [arena.player() for _ in range(3)]
    for round_ in range(4):
        arena.quote("BTCUSDT", 60_000)
        for player in players:
            player.opens("BTCUSDT", LONG, margin=10, leverage=10, key=f"round {round_}")
        arena.passes(6 * 3600)
    arena.command(Pulse())
    kept = arena.machine.state.book.players["requests"]
    assert [int(kept[player.id]) for player in players] == [4, 4, 4], "all of them are open"
    arena.quote("BTCUSDT", 60_000)
    for player in players:
        for position in player.positions:
            player.closes(position)
    arena.passes(12 * 3600)
    assert [int(kept[player.id]) for player in players] == [2, 2, 2], "one is younger, one was open after a day"
