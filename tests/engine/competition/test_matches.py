"""Games, matches, players and their seats."""

from __future__ import annotations

from decimal import Decimal

from engine import views
from engine.model.commands import CreateGame, CreateMatch, Execution, RegisterPlayer
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from engine.model.tables import MATCH_OPEN
from tests.harness.arena import LONG, SHORT, Arena, Player
from tests.harness.records import batch_of, content


def test_a_player_gets_a_seat_in_every_open_practice_match(arena: Arena) -> None:
    first, second = arena.match(cash=100), arena.match(cash=200)
    alice = arena.player(cash=100)
    seats = views.seats_of(arena.machine.state, alice.id)
    assert [(seat.match, seat.cash) for seat in seats] == [(first, 100 * 10**8), (second, 200 * 10**8)]
    assert [event["kind"] for event in arena.events] == [
        EventKind.PLAYER_REGISTERED, EventKind.SEAT_OPENED, EventKind.SEAT_OPENED,
    ]  # fmt: skip


def test_a_new_practice_match_seats_every_player_there_is(arena: Arena) -> None:
    players = [arena.player(cash=100) for _ in range(3)]
    match = arena.match(cash=300)
    assert arena.shown(match).seats == 3
    assert all(Player(arena, player.id, match).cash == 300 for player in players)


def test_a_match_keeps_the_rules_that_its_game_had(arena: Arena) -> None:
    rules = {"execution": Execution.NEXT, "speed_bump_ms": 40}
    match = arena.match(cash=50, max_positions=3, max_leverage=7, fees=True, **rules)
    shown = views.match(arena.machine.state, match)
    none = views.Rules((), 0, 0, 0, 0, 0, 0, 0, 0, 0, False, 0, False, True)
    assert shown == views.MatchView(
        match, 1, MATCH_OPEN, True, True, True, 40 * NS_PER_MS, 50 * 10**8, 3, 7, 0, 0, 0, arena.now_ns, 0, none,
        1, 0, False, False,
    )  # fmt: skip


def test_seats_of_a_player_are_apart(arena: Arena) -> None:
    other = arena.match(cash=500)
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=50, leverage=10)
    assert Player(arena, alice.id, other).equity == 500
    with arena.refuses(Reason.CASH_TOO_LOW):
        alice.opens("BTCUSDT", LONG, margin=60, leverage=10)


def test_a_seat_starts_over_with_the_starting_balance(arena: Arena) -> None:
    alice = arena.player(cash=100, fees=True)
    arena.quote("BTCUSDT", 60_000)
    alice.closes(alice.opens("BTCUSDT", LONG, margin=50, leverage=10))
    assert alice.cash < 100
    alice.resets()
    assert alice.seat[3:15] == (100 * 10**8, 0, 0, 0, 0, 0, 0, alice.seat.joined_at_ns, 0, 0, 0, 0)
    assert [event["kind"] for event in arena.events] == [EventKind.SEAT_RESET]
    assert arena.events[0]["cash"] == 100 * 10**8


def test_a_seat_that_has_won_gives_its_winnings_back_when_reset(arena: Arena) -> None:
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=50, leverage=10)
    arena.quote("BTCUSDT", 66_000)
    alice.closes(position)
    assert alice.cash > 140
    alice.resets()
    assert alice.cash == 100


def test_only_a_flat_seat_is_reset(arena: Arena) -> None:
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=30, leverage=10)
    with arena.refuses(Reason.SEAT_NOT_FLAT):
        alice.resets()
    alice.closes(position)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=30, leverage=10)
    with arena.refuses(Reason.SEAT_NOT_FLAT):
        alice.resets()
    alice.cancels(order)
    alice.resets()


def test_the_board_ranks_by_equity_then_trades_then_who_joined_first(arena: Arena) -> None:
    alice, bob, carol, dave = (arena.player(cash=1_000) for _ in range(4))
    arena.quote("BTCUSDT", 59_999, 60_000)
    carol.opens("BTCUSDT", SHORT, quantity="0.01", leverage=10)
    position = bob.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    arena.quote("BTCUSDT", 60_000, 60_001)
    bob.closes(position)
    board = views.board(arena.machine.state.book, alice.match, 3, player=carol.id)
    assert [seat.player for seat in board.top] == [bob.id, alice.id, dave.id]
    assert (board.seats, board.rank) == (4, 4)
    assert carol.equity == Decimal("999.98")


def test_a_game_at_its_bounds_is_taken_and_beyond_is_refused(arena: Arena) -> None:
    good = CreateGame("Game", "", 1 << 52, 100_000, 1_000)
    arena.command(good)
    for field, bad in (("starting_balance", (1 << 52) + 1), ("starting_balance", 0), ("max_positions", 0),
                       ("max_positions", 100_001), ("max_leverage", 0), ("max_leverage", 1_001)):  # fmt: skip
        values = {name: getattr(good, name) for name in good.__struct_fields__} | {field: bad}
        with arena.refuses(Reason.GAME_INVALID):
            arena.command(CreateGame(**values))


def test_a_match_grants_what_it_has_to_however_many_join(arena: Arena) -> None:
    arena.command(CreateMatch(arena.command(CreateGame("Game", "", 1 << 52, 1, 1)).id, True))
    arena.apply([RegisterPlayer("")] * 2_100)
    assert (arena.machine.state.book.matches["initial_funding"] >= 0).all()


def test_a_match_seats_more_players_than_the_event_buffer_holds(arena: Arena) -> None:
    """With the real buffer it takes 16,384 players; the next practice match then ends the process, and every replay."""
    arena.has_room_for_events(16)
    arena.command(CreateGame("Game", "", 100, 1, 1))
    for _ in range(17):
        arena.command(RegisterPlayer(""))
    arena.command(CreateMatch(1, practice=True))
    assert len(arena.events) == 18


def test_batches_may_be_empty(arena: Arena) -> None:
    before = content(arena.machine.state)
    arena.machine.apply(batch_of([], 1 + before["world"]["sequence"], arena.now_ns))
    assert content(arena.machine.state) == before
