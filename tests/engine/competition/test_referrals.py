"""Sign-up and referrals: demo money for everybody, and a bonus to two when one has brought the other."""

from __future__ import annotations

from typing import Any

import pytest

from engine import views
from engine.ledger.accounts import find_account
from engine.ledger.balances import available
from engine.ledger.funding import MAX_FUNDED
from engine.model.commands import (
    Account,
    Asset,
    BonusAt,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundReferrals,
    JoinMatch,
    LeaveMatch,
    RegisterPlayer,
    SetReferrals,
    TopUp,
    TransferCode,
    of_players,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.harness.arena import Arena

DEMO_GRANT = 10_000 * 10**8


def balance(arena: Arena, owner: int, code: Account, asset: Asset = Asset.BT) -> int:
    book = arena.machine.state.book
    return int(available(book, find_account(book, owner, code, asset)))


def has(arena: Arena, player: int, asset: Asset = Asset.BT) -> int:
    return balance(arena, player, of_players(asset), asset)


def house(arena: Arena, asset: Asset = Asset.BT) -> int:
    return balance(arena, 0, Account.HOUSE_REFERRALS, asset)


def terms(arena: Arena, referrer: int = 20, referred: int = 10, funds: int = 100, **changes: Any) -> None:
    """Bonuses in BT, and so much that they may be paid from."""
    offered: dict[str, Any] = {"asset": "BT", "referrer_bonus": referrer, "referred_bonus": referred}
    arena.command(SetReferrals(**offered | changes))
    if funds:
        arena.command(FundReferrals("BT", funds))


def signs_up(arena: Arena, referrer: int = 0) -> int:
    """A new player, who has 100 units of USDT."""
    player = arena.command(RegisterPlayer("new", referrer=referrer)).id
    arena.command(TopUp(player, "USDT", 100))
    return player


def match_of(arena: Arena, **rules: Any) -> int:
    """One that costs 10 units of USDT."""
    paid: dict[str, Any] = {"currency": "USDT", "entry_fee": 10, "prize_split": (100,)}
    game = CreateGame("Cup", "", 10_000 * 10**8, 10, 100, duration_s=60, **paid | rules)
    return arena.command(CreateMatch(arena.command(game).id, practice=False)).id


def plays(arena: Arena, *players: int, **rules: Any) -> None:
    """A match from its beginning to its end."""
    match = match_of(arena, **rules)
    for player in players:
        arena.command(JoinMatch(match, player))
    arena.command(EndMatch(match, "over"))


# Signing up


def test_a_new_player_is_granted_demo_money(arena: Arena) -> None:
    ann = arena.command(RegisterPlayer("ann", DEMO_GRANT)).id
    assert has(arena, ann, Asset.DEMO) == DEMO_GRANT
    (told,) = [event for event in arena.events if event["kind"] == EventKind.WALLET_CHANGED]
    assert (told["player"], told["change"], told["code"]) == (ann, DEMO_GRANT, TransferCode.GRANT)
    assert balance(arena, 0, Account.WORLD, Asset.DEMO) == -DEMO_GRANT


def test_a_grant_that_cannot_be_counted_is_left_out_and_the_player_comes_in(arena: Arena) -> None:
    ann = arena.command(RegisterPlayer("ann", MAX_FUNDED)).id
    bob = arena.command(RegisterPlayer("bob", 1)).id
    assert (has(arena, ann, Asset.DEMO), has(arena, bob, Asset.DEMO)) == (MAX_FUNDED, 0)


@pytest.mark.parametrize("referrer", [1, 2, -1, 1 << 62])
def test_nobody_is_referred_by_nobody_or_by_himself(arena: Arena, referrer: int) -> None:
    """The first player would be number 1."""
    terms(arena, at=BonusAt.SIGN_UP)
    with arena.refuses(Reason.REFERRAL_CODE_UNKNOWN):
        arena.command(RegisterPlayer("ann", DEMO_GRANT, referrer))


# The bonus


def test_both_have_a_bonus_when_the_new_player_has_finished_a_paid_match(arena: Arena) -> None:
    terms(arena)
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (0, 0, 100)
    plays(arena, bob)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (20, 10, 70)
    told = [event for event in arena.events if event["kind"] == EventKind.WALLET_CHANGED and event["asset"] == Asset.BT]
    assert [(event["player"], event["change"], event["code"]) for event in told] == [
        (ann, 20, TransferCode.REFERRAL), (bob, 10, TransferCode.REFERRAL),
    ]  # fmt: skip


def test_it_is_paid_once_however_many_matches_follow(arena: Arena) -> None:
    terms(arena)
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    plays(arena, ann, bob)
    plays(arena, ann, bob)
    assert (has(arena, ann), has(arena, bob)) == (20, 10)


def test_two_first_matches_that_end_at_once_pay_once(arena: Arena) -> None:
    terms(arena)
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    for match in (match_of(arena), match_of(arena)):
        arena.command(JoinMatch(match, bob))
    arena.passes(60)
    ends = [event for event in arena.events if event["kind"] == EventKind.MATCH_FINISHED and event["player"] == bob]
    assert len(ends) == 2
    assert (has(arena, ann), has(arena, bob)) == (20, 10)


def test_a_match_that_is_over_is_not_finished_again(arena: Arena) -> None:
    terms(arena)
    bob = signs_up(arena, referrer=signs_up(arena))
    match = match_of(arena)
    arena.command(JoinMatch(match, bob))
    arena.command(EndMatch(match, "over"))
    with arena.refuses(Reason.MATCH_NOT_OPEN):
        arena.command(EndMatch(match, "over"))
    assert has(arena, bob) == 10


@pytest.mark.parametrize(
    "rules",
    [
        {"currency": "", "entry_fee": 10},
        {"currency": "DEMO"},
        {"entry_fee": 0},
        {"min_trades": 1},  # nobody is fit to win, and fees come back
    ],
    ids=str,
)
def test_a_match_that_cost_no_live_money_pays_no_bonus(arena: Arena, rules: dict[str, Any]) -> None:
    terms(arena)
    ann = signs_up(arena)
    bob = arena.command(RegisterPlayer("bob", demo_grant=100, referrer=ann)).id
    arena.command(TopUp(bob, "USDT", 10))
    plays(arena, bob, **rules)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (0, 0, 100)


def test_a_fee_that_the_house_keeps_was_paid(arena: Arena) -> None:
    terms(arena)
    bob = signs_up(arena, referrer=signs_up(arena))
    plays(arena, bob, min_trades=1, keeps_fees=True)
    assert has(arena, bob) == 10


def test_leaving_and_a_practice_match_pay_no_bonus(arena: Arena) -> None:
    terms(arena)
    bob = signs_up(arena, referrer=signs_up(arena))
    match = match_of(arena, min_players=2)
    arena.command(JoinMatch(match, bob))
    arena.command(LeaveMatch(match, bob))
    game = CreateGame("Cup", "", 10**8, 1, 1, currency="USDT", entry_fee=10, prize_split=(100,))
    practice = arena.command(CreateMatch(arena.command(game).id, practice=True)).id
    arena.command(EndMatch(practice, "over"))
    assert (has(arena, bob), house(arena), has(arena, bob, Asset.USDT)) == (0, 100, 100)


def test_who_was_not_referred_brings_nothing(arena: Arena) -> None:
    terms(arena)
    ann = signs_up(arena)
    plays(arena, ann, signs_up(arena))
    assert (has(arena, ann), house(arena)) == (0, 100)


def test_each_of_those_referred_counts(arena: Arena) -> None:
    terms(arena)
    ann = signs_up(arena)
    brought = [signs_up(arena, referrer=ann) for _ in range(3)]
    grandchild = signs_up(arena, referrer=brought[0])
    plays(arena, *brought[:2])
    plays(arena, grandchild)
    assert [has(arena, player) for player in (ann, *brought, grandchild)] == [40, 30, 10, 0, 10]
    assert views.referral(arena.machine.state, ann) == views.ReferralView(3, {Asset.BT: 40})
    assert views.referral(arena.machine.state, brought[0]) == views.ReferralView(1, {Asset.BT: 20})
    assert views.referral(arena.machine.state, grandchild) == views.ReferralView(0, {})


# The house


def test_both_or_none_and_a_house_that_has_money_again_pays_with_the_next_match(arena: Arena) -> None:
    terms(arena, funds=29)
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    plays(arena, bob)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (0, 0, 29)
    arena.command(FundReferrals("BT", 1))
    plays(arena, bob)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (20, 10, 0)


def test_where_there_is_money_for_one_bonus_one_is_paid(arena: Arena) -> None:
    terms(arena, funds=30)
    ann = signs_up(arena)
    bob, cat = signs_up(arena, referrer=ann), signs_up(arena, referrer=ann)
    plays(arena, bob, cat)
    assert (has(arena, ann), has(arena, bob) + has(arena, cat), house(arena)) == (20, 10, 0)


def test_at_sign_up_an_empty_house_refuses_the_bonus_and_not_the_player(arena: Arena) -> None:
    terms(arena, funds=30, at=BonusAt.SIGN_UP)
    ann = signs_up(arena)
    bob, cat = signs_up(arena, referrer=ann), signs_up(arena, referrer=ann)
    assert [has(arena, player) for player in (ann, bob, cat)] == [20, 10, 0]
    arena.command(FundReferrals("BT", 30))
    plays(arena, bob, cat)
    assert [has(arena, player) for player in (ann, bob, cat)] == [20, 10, 0]


def test_other_terms_do_not_pay_twice(arena: Arena) -> None:
    terms(arena, at=BonusAt.SIGN_UP)
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    terms(arena, funds=0, asset="USDT")
    arena.command(FundReferrals("USDT", 100))
    plays(arena, bob)
    assert (has(arena, ann), has(arena, bob), house(arena, Asset.USDT)) == (20, 10, 100)


def test_without_terms_there_is_no_bonus_and_new_ones_hold_for_who_has_not_been_paid_for(arena: Arena) -> None:
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    plays(arena, bob)
    terms(arena, referrer=0, referred=5)
    plays(arena, bob)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (0, 5, 95)
    terms(arena, referrer=0, referred=0)
    cat = signs_up(arena, referrer=ann)
    plays(arena, cat)
    assert (has(arena, cat), views.referral(arena.machine.state, ann)) == (0, views.ReferralView(2, {}))


def test_a_bonus_can_be_an_item(arena: Arena) -> None:
    terms(arena, 2, 1, funds=0, asset="TREASURE_BOX")
    arena.command(FundReferrals("TREASURE_BOX", 3))
    ann = signs_up(arena)
    bob = signs_up(arena, referrer=ann)
    plays(arena, bob)
    assert (has(arena, ann, Asset.TREASURE_BOX), has(arena, bob, Asset.TREASURE_BOX)) == (2, 1)
