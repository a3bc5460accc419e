"""Queues: who wants to play waits until enough do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine import views
from engine.batch.machine import Machine
from engine.competition import queues
from engine.invariants import check
from engine.model.commands import (
    CancelMatch,
    CreateGame,
    CreateMatch,
    DeleteGame,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    RegisterPlayer,
    SetGameActive,
    StartMatch,
    UpdateGame,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.model.state import encode_cold_state, sections, state_from
from engine.model.tables import MATCH_OPEN, MATCH_WAITING, OPENED_AT_ONCE
from tests.engine.competition.test_joining import status
from tests.engine.competition.test_paid_matches import FIXED, USDT, cash, escrow, game, rewards, rich
from tests.harness.arena import START_NS, Arena, Player
from tests.harness.records import content


def queue(arena: Arena, **rules: Any) -> int:
    """A game for two or three, that begins ten seconds after the second has come."""
    of = {"min_players": 2, "max_players": 3, "countdown_s": 10, "duration_s": 60, "fees": False} | rules
    return arena.command(CreateGame("Quick", "", 10_000 * 10**8, 100, 100, **of)).id


def paid(arena: Arena, **rules: Any) -> int:
    return arena.command(game(**{"min_players": 2, "max_players": 3, "countdown_s": 10} | rules)).id


def players(arena: Arena, count: int) -> list[int]:
    return [arena.command(RegisterPlayer("Player")).id for _ in range(count)]


def comes(arena: Arena, game: int, *who: int) -> None:
    for player in who:
        arena.command(JoinQueue(game, player))


def waiting(arena: Arena, game: int) -> list[int]:
    return list(arena.machine.state.cold.queues[game].waiting)


def last_match(arena: Arena) -> int:
    return int(arena.machine.state.book.world[0]["matches"])


def seated(arena: Arena, match: int | None = None) -> list[int]:
    """Who sits in the match, or in the last one: who joined first first."""
    wanted = last_match(arena) if match is None else match
    found = [(event["sequence"], event["player"]) for event in arena.history
             if event["kind"] == EventKind.SEAT_OPENED and event["match"] == wanted]  # fmt: skip
    return [player for _, player in found]


def told(arena: Arena, player: int) -> list[tuple[EventKind, int]]:
    """(kind, reason) of what the last command told the player."""
    return [(EventKind(event["kind"]), event["reason"]) for event in arena.events if event["player"] == player]


def test_the_second_makes_the_match_and_the_countdown_begins(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena), players(arena, 2)
    comes(arena, quick, ann)
    (joined,) = [event for event in arena.events if event["kind"] == EventKind.QUEUE_JOINED]
    assert (joined["player"], joined["game"], joined["until_ns"]) == (ann, quick, START_NS + 300 * NS_PER_S)
    assert (waiting(arena, quick), last_match(arena)) == ([ann], 0)
    comes(arena, quick, bob)
    assert told(arena, ann) == [(EventKind.MATCH_CREATED, 0), (EventKind.SEAT_OPENED, 0)]
    assert told(arena, bob) == [(EventKind.QUEUE_JOINED, 0), (EventKind.MATCH_CREATED, 0), (EventKind.SEAT_OPENED, 0)]
    match = last_match(arena)
    assert (seated(arena), waiting(arena, quick), status(arena, match)) == ([ann, bob], [], MATCH_WAITING)
    arena.passes(10)
    assert status(arena, match) == MATCH_OPEN


def test_who_comes_while_the_match_waits_is_seated_at_once_and_the_last_one_starts_it(arena: Arena) -> None:
    quick, (ann, bob, carol, dave) = queue(arena), players(arena, 4)
    comes(arena, quick, ann, bob)
    match = last_match(arena)
    comes(arena, quick, carol)
    assert (seated(arena), status(arena, match)) == ([ann, bob, carol], MATCH_OPEN)
    comes(arena, quick, dave)
    assert (last_match(arena), waiting(arena, quick)) == (match, [dave])


def test_the_next_match_is_made_when_the_last_one_has_begun(arena: Arena) -> None:
    quick, (ann, bob, carol, dave) = queue(arena), players(arena, 4)
    comes(arena, quick, ann, bob)
    arena.passes(10)
    comes(arena, quick, carol, dave)
    assert (last_match(arena), seated(arena, 1), seated(arena, 2)) == (2, [ann, bob], [carol, dave])


def test_a_seat_that_was_given_back_is_the_next_ones(arena: Arena) -> None:
    quick, (ann, bob, carol) = queue(arena, countdown_s=60), players(arena, 3)
    comes(arena, quick, ann, bob)
    arena.command(LeaveMatch(1, ann))
    comes(arena, quick, carol)
    arena.command(LeaveMatch(1, carol))
    comes(arena, quick, ann)
    assert (last_match(arena), arena.shown(1).seats) == (1, 2)


def test_who_sits_in_the_match_that_waits_does_not_queue_for_it(arena: Arena) -> None:
    quick, (ann, bob, carol) = queue(arena), players(arena, 3)
    comes(arena, quick, ann, bob)
    with arena.refuses(Reason.ALREADY_JOINED):
        comes(arena, quick, ann)
    arena.passes(10)
    comes(arena, quick, ann, carol)  # for another one: the first has begun
    assert seated(arena, 2) == [ann, carol]


def test_after_a_match_was_called_off_another_is_made(arena: Arena) -> None:
    quick, (ann, bob, carol) = queue(arena), players(arena, 3)
    comes(arena, quick, ann, bob)
    arena.command(CancelMatch(1, "rain"))
    comes(arena, quick, ann)
    assert (last_match(arena), waiting(arena, quick)) == (1, [ann])
    comes(arena, quick, carol)
    assert seated(arena, 2) == [ann, carol]


def test_a_match_that_an_operator_made_is_left_alone(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena), players(arena, 2)
    made = arena.command(CreateMatch(quick, practice=False)).id
    comes(arena, quick, ann, bob)
    assert (seated(arena, made), seated(arena, made + 1)) == ([], [ann, bob])


def test_leaving_the_queue(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena), players(arena, 2)
    comes(arena, quick, ann)
    arena.command(LeaveQueue(quick, ann))
    assert told(arena, ann) == [(EventKind.QUEUE_LEFT, 0)]
    with arena.refuses(Reason.NOT_QUEUED):
        arena.command(LeaveQueue(quick, ann))
    comes(arena, quick, bob)
    assert waiting(arena, quick) == [bob]
    arena.passes(299)
    comes(arena, quick, ann)
    assert seated(arena) == [bob, ann]


def test_nobody_waits_longer_than_the_game_says(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena, min_players=3, queue_timeout_s=30), players(arena, 2)
    comes(arena, quick, ann)
    arena.passes(10)
    comes(arena, quick, bob)
    arena.passes("19.999999999")
    assert waiting(arena, quick) == [ann, bob]
    arena.passes("0.000000001")
    assert told(arena, ann) == [(EventKind.QUEUE_LEFT, Reason.QUEUE_TIMED_OUT)]
    assert waiting(arena, quick) == [bob]
    arena.passes(10)
    assert waiting(arena, quick) == []


def test_who_comes_in_the_batch_in_which_the_time_is_up_comes_too_late(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena, queue_timeout_s=30), players(arena, 2)
    comes(arena, quick, ann)
    arena.now_ns += 30 * NS_PER_S
    comes(arena, quick, bob)
    assert (last_match(arena), waiting(arena, quick)) == (0, [bob])


def test_without_a_timeout_one_waits_for_ever(arena: Arena) -> None:
    quick, (ann, bob) = queue(arena, queue_timeout_s=0), players(arena, 2)
    comes(arena, quick, ann)
    arena.passes(10**8)
    comes(arena, quick, bob)
    assert seated(arena) == [ann, bob]


def test_a_player_waits_in_several_queues_and_a_seat_from_one_leaves_the_others(arena: Arena) -> None:
    quick, slow, (ann, bob) = queue(arena), queue(arena), players(arena, 2)
    comes(arena, quick, ann)
    comes(arena, slow, ann)
    with arena.refuses(Reason.ALREADY_QUEUED):
        comes(arena, slow, ann)
    comes(arena, quick, bob)
    assert (waiting(arena, quick), waiting(arena, slow)) == ([], [ann])
    assert views.queues_of(arena.machine.state, ann) == [views.QueueView(slow, 1, START_NS + 300 * NS_PER_S)]


# Money


def test_the_fee_is_taken_with_the_seat_and_not_before(arena: Arena) -> None:
    cup, (ann, bob) = paid(arena), [rich(arena) for _ in range(2)]
    comes(arena, cup, ann)
    assert cash(arena, ann) == 100 * USDT
    comes(arena, cup, bob)
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, 1)) == (90 * USDT, 90 * USDT, 20 * USDT)


def test_who_cannot_pay_when_it_is_time_drops_out_and_the_next_one_takes_the_place(arena: Arena) -> None:
    """Ann has money for one seat and waits in two queues."""
    cup, other = paid(arena, min_players=3, max_players=0), paid(arena)
    ann, bob, carol, dave = (rich(arena, 10 * USDT), *(rich(arena) for _ in range(3)))
    comes(arena, cup, ann, bob)
    comes(arena, other, ann, dave)
    assert (seated(arena, 1), cash(arena, ann)) == ([ann, dave], 0)
    comes(arena, cup, carol)
    assert told(arena, ann) == [(EventKind.QUEUE_LEFT, Reason.INSUFFICIENT_FUNDS)]
    assert (waiting(arena, cup), last_match(arena), cash(arena, bob)) == ([bob, carol], 1, 100 * USDT)
    comes(arena, cup, dave)
    assert seated(arena, 2) == [bob, carol, dave]
    arena.passes(70)


def test_who_cannot_pay_does_not_even_wait(arena: Arena) -> None:
    cup, poor = paid(arena), rich(arena, 10 * USDT - 1)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        comes(arena, cup, poor)


def test_without_funds_for_the_prize_they_wait_on_and_it_is_tried_with_the_next_one(arena: Arena) -> None:
    cup, (ann, bob, carol) = paid(arena, **FIXED), [rich(arena) for _ in range(3)]
    comes(arena, cup, ann, bob)
    assert (waiting(arena, cup), last_match(arena), cash(arena, ann)) == ([ann, bob], 0, 100 * USDT)
    arena.command(FundRewards("USDT", 15 * USDT))
    assert waiting(arena, cup) == [ann, bob]
    comes(arena, cup, carol)
    assert (seated(arena), rewards(arena), escrow(arena, 1)) == ([ann, bob, carol], 0, 30 * USDT)


def test_more_wait_than_a_match_takes(arena: Arena) -> None:
    """No prize could be paid for a while; then two matches are made of five who wait for two seats, and one waits."""
    cup = paid(arena, **FIXED, max_players=2)
    waited = [rich(arena) for _ in range(5)]
    comes(arena, cup, *waited[:4])
    arena.command(FundRewards("USDT", 100 * USDT))
    comes(arena, cup, waited[4])
    assert (seated(arena, 1), seated(arena, 2), waiting(arena, cup)) == (waited[:2], waited[2:4], waited[4:])
    assert (status(arena, 1), status(arena, 2)) == (MATCH_OPEN, MATCH_OPEN)


def test_when_money_runs_out_between_two_matches_the_rest_waits(arena: Arena) -> None:
    cup = paid(arena, **FIXED, max_players=2)
    waited = [rich(arena) for _ in range(5)]
    comes(arena, cup, *waited[:4])
    arena.command(FundRewards("USDT", 29 * USDT))
    comes(arena, cup, waited[4])
    assert (seated(arena, 1), last_match(arena), waiting(arena, cup)) == (waited[:2], 1, waited[2:])


def test_while_the_house_cannot_pay_only_so_many_wait(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one who comes would be one more to be looked at when the next one comes. When the house can pay, the queue
    is never long: the next one takes a seat, and so do the others."""
    monkeypatch.setattr(queues, "MAX_QUEUE_UNFUNDED", 4)
    cup = paid(arena, **FIXED, max_players=2)
    waited = [rich(arena) for _ in range(6)]
    comes(arena, cup, *waited[:4])
    with arena.refuses(Reason.QUEUE_FULL):
        comes(arena, cup, waited[4])
    arena.command(LeaveQueue(cup, waited[0]))
    comes(arena, cup, waited[4])
    arena.command(FundRewards("USDT", 100 * USDT))
    comes(arena, cup, waited[5])
    assert (last_match(arena), waiting(arena, cup)) == (2, [waited[5]])


def test_as_many_may_wait_as_their_match_needs(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "MAX_QUEUE_UNFUNDED", 1)
    cup = paid(arena, **FIXED)
    waited = [rich(arena) for _ in range(3)]
    comes(arena, cup, *waited[:2])
    with arena.refuses(Reason.QUEUE_FULL):
        comes(arena, cup, waited[2])


def test_while_the_house_cannot_pay_nobody_is_asked_for_money(arena: Arena) -> None:
    """Ann could not pay any more when Carol comes, but it is not time to: when it is, she has her money again."""
    cup, other = paid(arena, **FIXED), paid(arena)
    ann, bob, carol, dave = (rich(arena, 10 * USDT), *(rich(arena) for _ in range(3)))
    comes(arena, cup, ann, bob)
    match = arena.command(CreateMatch(other, practice=False)).id
    arena.command(JoinMatch(match, ann))
    comes(arena, cup, carol)
    assert waiting(arena, cup) == [ann, bob, carol]
    arena.command(LeaveMatch(match, ann))
    arena.command(FundRewards("USDT", 100 * USDT))
    comes(arena, cup, dave)
    assert seated(arena) == [ann, bob, carol]


@pytest.mark.parametrize("change", [
    {"entry_fee": 90 * USDT}, {"currency": "USDC"}, {"house_fee_ppm": 500_000}, {"prize_split": (60, 40)},
    {"keeps_fees": True}, {"min_players": 0, "max_players": 0, "countdown_s": 0}, {"duration_s": 0},
    {"item_rewards": (("GOLD_COIN", 1),)},
], ids=str)  # fmt: skip
def test_who_waits_does_not_pay_another_price_than_he_saw(arena: Arena, change: dict[str, Any]) -> None:
    cup, (ann, bob) = paid(arena, min_players=3), [rich(arena) for _ in range(2)]
    comes(arena, cup, ann, bob)
    rules = arena.machine.state.cold.games[cup].rules
    arena.command(UpdateGame(cup, replace(rules, **change)))
    assert told(arena, ann) == told(arena, bob) == [(EventKind.QUEUE_LEFT, Reason.GAME_CHANGED)]
    assert (waiting(arena, cup), cash(arena, ann)) == ([], 100 * USDT)


def test_a_game_that_changes_in_other_ways_keeps_its_queue(arena: Arena) -> None:
    cup, (ann, bob, carol) = paid(arena, min_players=3), [rich(arena) for _ in range(3)]
    comes(arena, cup, ann, bob)
    rules = arena.machine.state.cold.games[cup].rules
    arena.command(UpdateGame(cup, replace(rules, title="Cup of cups", max_leverage=10, min_players=2)))
    assert waiting(arena, cup) == [ann, bob]
    comes(arena, cup, carol)
    assert seated(arena) == [ann, bob, carol]


def test_nobody_waits_for_a_game_that_is_gone(arena: Arena) -> None:
    cup, (ann, bob) = paid(arena), [rich(arena) for _ in range(2)]
    comes(arena, cup, ann)
    arena.command(SetGameActive(cup, active=False))
    assert waiting(arena, cup) == [ann]
    arena.command(DeleteGame(cup))
    assert told(arena, ann) == [(EventKind.QUEUE_LEFT, Reason.GAME_NOT_FOUND)]
    arena.command(DeleteGame(paid(arena)))  # nobody ever waited for that one
    with arena.refuses(Reason.GAME_NOT_FOUND):
        comes(arena, cup, bob)
    arena.passes(1_000)


def test_a_fee_comes_back_to_who_leaves_the_match_of_a_queue(arena: Arena) -> None:
    cup, (ann, bob) = paid(arena), [rich(arena) for _ in range(2)]
    comes(arena, cup, ann, bob)
    arena.command(LeaveMatch(1, ann))
    assert (cash(arena, ann), escrow(arena, 1)) == (100 * USDT, 10 * USDT)


# Refusals, and what else


@pytest.mark.parametrize(("rules", "reason"), [
    ({"min_players": 0, "max_players": 0, "countdown_s": 0}, Reason.QUEUE_NOT_OFFERED),
    ({"duration_s": 0}, Reason.MATCH_ENDLESS),
], ids=str)  # fmt: skip
def test_a_game_without_matches_that_wait_has_no_queue(arena: Arena, rules: dict[str, int], reason: Reason) -> None:
    none, (ann,) = queue(arena, **rules), players(arena, 1)
    with arena.refuses(reason):
        comes(arena, none, ann)


def test_strangers_do_not_queue(arena: Arena) -> None:
    quick = queue(arena)
    with arena.refuses(Reason.PLAYER_NOT_FOUND):
        comes(arena, quick, 1)
    (ann,) = players(arena, 1)
    with arena.refuses(Reason.GAME_NOT_FOUND):
        comes(arena, quick + 1, ann)
    with arena.refuses(Reason.NOT_QUEUED):
        arena.command(LeaveQueue(quick + 1, ann))


def test_a_game_whose_queue_is_out_of_bounds_is_refused(arena: Arena) -> None:
    for seconds in (-1, 7 * 86_400 + 1):
        with arena.refuses(Reason.GAME_INVALID):
            queue(arena, queue_timeout_s=seconds)
    queue(arena, queue_timeout_s=7 * 86_400)


def test_a_game_for_one_begins_with_the_first(arena: Arena) -> None:
    alone, (ann,) = queue(arena, min_players=1, max_players=1), players(arena, 1)
    comes(arena, alone, ann)
    assert (seated(arena), status(arena, 1)) == ([ann], MATCH_OPEN)


def test_many_players_in_one_batch_are_seated_in_the_order_in_which_they_came(arena: Arena) -> None:
    arena.has_room_for_events(16)
    quick, many = queue(arena, min_players=7, max_players=7), players(arena, 40)
    arena.apply([JoinQueue(quick, player) for player in reversed(many)])
    for number in range(5):
        assert seated(arena, number + 1) == many[::-1][7 * number : 7 * number + 7]
        assert status(arena, number + 1) == MATCH_OPEN
    assert waiting(arena, quick) == many[4::-1]


def test_a_queue_is_saved_with_all_that_waits(arena: Arena) -> None:
    quick, (ann, bob, carol) = queue(arena, min_players=3), players(arena, 3)
    comes(arena, quick, bob, ann)
    state = arena.machine.state
    machine = Machine(state_from({name: array.copy() for name, array in sections(state).items()},
                                 encode_cold_state(state.cold)))  # fmt: skip
    comes(arena, quick, carol)
    expected = content(arena.machine.state)
    arena.machine = machine
    comes(arena, quick, carol)
    assert content(machine.state) == expected
    assert seated(arena)[-3:] == [bob, ann, carol]


def test_a_match_from_the_queue_is_played_like_any_other(arena: Arena) -> None:
    cup, (ann, bob) = paid(arena), [rich(arena) for _ in range(2)]
    comes(arena, cup, ann, bob)
    arena.command(StartMatch(1))
    with arena.refuses(Reason.MATCH_NOT_WAITING):
        arena.command(JoinMatch(1, ann))
    arena.passes(60)
    assert Player(arena, ann, 1).seat.rank == 1
    assert escrow(arena, 1) == 0


@pytest.mark.compiled
def test_all_who_waited_for_the_house_are_seated_at_once_each_in_a_match_with_an_escrow(arena: Arena) -> None:
    """More accounts than any other command opens."""
    many = players(arena, 2 * OPENED_AT_ONCE + 2)
    alone = queue(arena, min_players=1, max_players=1, countdown_s=0, currency="USDT", reward_price=1_000_000)
    comes(arena, alone, *many[:-1])
    assert waiting(arena, alone) == many[:-1]
    arena.command(FundRewards("USDT", 10**12))
    accounts = len(arena.machine.state.book.accounts)
    comes(arena, alone, many[-1])
    assert len(arena.machine.state.book.accounts) > accounts
    assert waiting(arena, alone) == []
    assert [seated(arena, number) for number in range(1, len(many) + 1)] == [[player] for player in many]
    check(arena.machine.state)
