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
    FundRewards,
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
from engine.model.scale import NS_PER_S
from tests.harness.arena import LONG, Arena, Player

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
    """One that costs 10 units of USDT, one of which the house takes."""
    paid: dict[str, Any] = {"currency": "USDT", "entry_fee": 10, "prize_split": (100,), "house_fee_ppm": 100_000}
    game = CreateGame("Cup", "", 10_000 * 10**8, 10, 100, duration_s=60, **paid | rules)
    return arena.command(CreateMatch(arena.command(game).id, practice=False)).id


def joins(arena: Arena, match: int, *players: int) -> None:
    for player in players:
        arena.command(JoinMatch(match, player))


def trades(arena: Arena, match: int, *players: int) -> None:
    """Each opens a position and closes it."""
    arena.quote("BTCUSDT", 60_000)
    for player in players:
        seat = Player(arena, player, match)
        seat.closes(seat.opens("BTCUSDT", LONG, margin=100, leverage=10))


def plays(arena: Arena, *players: int, stranger: bool = True, **rules: Any) -> None:
    """A match from its beginning to its end, in which all trade; with somebody whom nobody has referred."""
    match = match_of(arena, **rules)
    if stranger:
        players = (*players, signs_up(arena))
    joins(arena, match, *players)
    trades(arena, match, *players)
    arena.passes(60)


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
    bob, stranger = signs_up(arena, referrer=ann), signs_up(arena)
    for match in (match_of(arena), match_of(arena)):
        joins(arena, match, bob, stranger)
        trades(arena, match, bob, stranger)
    arena.passes(60)
    ends = [event for event in arena.events if event["kind"] == EventKind.MATCH_FINISHED and event["player"] == bob]
    assert len(ends) == 2
    assert (has(arena, ann), has(arena, bob)) == (20, 10)


@pytest.mark.parametrize("rules", [
    {"currency": "", "entry_fee": 10},
    {"currency": "DEMO"},
    {"entry_fee": 0},
    {"min_trades": 2},  # nobody is fit to win, and fees come back
    {"min_trades": 2, "keeps_fees": True},
    {"min_hold_s": 1, "min_trades": 0},
    {"house_fee_ppm": 0},
    {"prize_split": (), "house_fee_ppm": 0, "reward_price": 20},  # all that comes in
], ids=str)  # fmt: skip
def test_a_match_that_cost_no_live_money_pays_no_bonus(arena: Arena, rules: dict[str, Any]) -> None:
    terms(arena)
    ann = signs_up(arena)
    bob, stranger = (arena.command(RegisterPlayer("x", demo_grant=100, referrer=by)).id for by in (ann, 0))
    for player in (bob, stranger):
        arena.command(TopUp(player, "USDT", 10))
    arena.command(FundRewards("USDT", 100))
    plays(arena, bob, stranger, stranger=False, **rules)
    assert (has(arena, ann), has(arena, bob), house(arena)) == (0, 0, 100)


def test_what_the_house_has_kept_decides_and_the_operator_says_how_much(arena: Arena) -> None:
    """Of a prize of 15 and two fees of 10 each, that is a quarter."""
    prize: dict[str, Any] = {"prize_split": (), "house_fee_ppm": 0, "reward_price": 15}
    terms(arena, min_house_fee_ppm=250_001)
    arena.command(FundRewards("USDT", 100))
    bob = signs_up(arena, referrer=signs_up(arena))
    plays(arena, bob, **prize)
    assert has(arena, bob) == 0
    terms(arena, funds=0, min_house_fee_ppm=250_000)
    plays(arena, bob, **prize)
    assert has(arena, bob) == 10
    terms(arena, funds=0, min_house_fee_ppm=0)
    cat = signs_up(arena, referrer=bob)
    plays(arena, cat, house_fee_ppm=0)
    assert has(arena, cat) == 10


def test_a_match_that_was_not_played_out_pays_no_bonus(arena: Arena) -> None:
    """An operator ends it, or calls it off."""
    terms(arena)
    bob, stranger = signs_up(arena, referrer=signs_up(arena)), signs_up(arena)
    for void in (False, True):
        match = match_of(arena)
        joins(arena, match, bob, stranger)
        trades(arena, match, bob, stranger)
        arena.command(EndMatch(match, "over", void=void))
    assert (has(arena, bob), house(arena)) == (0, 100)


def test_a_match_that_ends_because_the_target_is_reached_was_played_out(arena: Arena) -> None:
    terms(arena)
    bob, stranger = signs_up(arena, referrer=signs_up(arena)), signs_up(arena)
    match = match_of(arena, profit_target_ppm=1_000, target_ends=True)
    joins(arena, match, bob, stranger)
    trades(arena, match, bob, stranger)
    Player(arena, bob, match).opens("BTCUSDT", LONG, margin=100, leverage=100)
    arena.quote("BTCUSDT", 61_000)
    assert has(arena, bob) == 10


def test_alone_or_among_relations_there_is_no_bonus(arena: Arena) -> None:
    """Who referred whom, and who were referred by the same one, may be one person's accounts."""
    terms(arena, funds=1_000)
    ann = signs_up(arena)
    bob, cat = signs_up(arena, referrer=ann), signs_up(arena, referrer=ann)
    dan = signs_up(arena, referrer=bob)
    for players in ((bob,), (bob, ann), (bob, cat), (bob, dan), (ann, bob, cat)):
        plays(arena, *players, stranger=False)
        assert [has(arena, player) for player in (ann, bob, cat, dan)] == [0, 0, 0, 0], players
    plays(arena, cat, dan, stranger=False)
    assert [has(arena, player) for player in (ann, bob, cat, dan)] == [20, 20, 10, 10], "Dan is no relation of Cat's"


def test_who_does_not_trade_makes_no_match_and_gets_no_bonus(arena: Arena) -> None:
    terms(arena)
    bob, idle = signs_up(arena, referrer=signs_up(arena)), signs_up(arena)
    for traders in ((bob,), (idle,)):
        match = match_of(arena)
        joins(arena, match, bob, idle)
        trades(arena, match, *traders)
        arena.passes(60)
    assert (has(arena, bob), house(arena)) == (0, 100)


def test_a_referrer_has_so_many_bonuses_in_a_day(arena: Arena) -> None:
    """The third comes with a match of the next day, UTC."""
    terms(arena, funds=1_000, most_per_day=2)
    ann = signs_up(arena)
    brought = [signs_up(arena, referrer=ann) for _ in range(3)]
    plays(arena, *brought)
    assert sorted(has(arena, player) for player in (ann, *brought)) == [0, 10, 10, 40]
    plays(arena, *brought)
    assert has(arena, ann) == 40
    arena.passes(-(arena.now_ns // NS_PER_S) % 86_400)
    plays(arena, *brought)
    assert [has(arena, player) for player in (ann, *brought)] == [60, 10, 10, 10]


def test_so_many_a_day_also_at_sign_up_and_none_is_any_number(arena: Arena) -> None:
    terms(arena, funds=1_000, most_per_day=1, at=BonusAt.SIGN_UP)
    ann = signs_up(arena)
    brought = [signs_up(arena, referrer=ann) for _ in range(2)]
    assert [has(arena, player) for player in (ann, *brought)] == [20, 10, 0]
    terms(arena, funds=0, most_per_day=0, at=BonusAt.SIGN_UP)
    brought = [signs_up(arena, referrer=ann) for _ in range(12)]
    assert has(arena, ann) == 20 + 12 * 20


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
