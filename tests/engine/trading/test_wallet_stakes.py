"""Fixed-time trades from wallets: what is held while they run, who is paid, and that they are good for no theft."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.ledger.accounts import find_account
from engine.ledger.balances import available
from engine.model.commands import (
    ASSET_DECIMALS,
    STAKE_ASSETS,
    Account,
    Asset,
    CreateMatch,
    EndMatch,
    FundRewards,
    JoinMatch,
    SetSwitch,
    TopUp,
    TransferCode,
    Transferring,
    of_players,
)
from engine.model.events import EventKind, FixedResult, TransferStatus
from engine.model.reasons import Reason
from engine.model.scale import MONEY_DECIMALS, NS_PER_S, parse_decimal
from engine.trading.wallet_stakes import units_per_native
from persistence import projection
from persistence.audit import audit, audit_input
from tests.harness.arena import LONG, SHORT, Arena, Number, Player, amount, money
from tests.harness.kernels import for_python
from tests.harness.records import BuyFixed, Pulse, Quote, Transfer

LIVE = (Asset.USDT, Asset.USDC)
DEMO, USDT = Asset.DEMO, Asset.USDT


class Wallet:
    """A player's account of an asset, and the house's, in whole ones."""

    def __init__(self, arena: Arena, owner: int, asset: Asset) -> None:
        self.arena, self.owner, self.asset = arena, owner, asset

    def _account(self, name: str) -> int:
        book = self.arena.machine.state.book
        code = of_players(self.asset) if self.owner else Account.HOUSE_REWARDS
        row = int(find_account(book, self.owner, code, self.asset))
        account = book.accounts[row]
        if name == "free":
            return int(available(book, row))
        return int(account["credits_posted"] - account["debits_posted"] if name == "balance" else account[name])

    @property
    def free(self) -> Decimal:
        return amount(self._account("free"), self.asset)

    @property
    def balance(self) -> Decimal:
        return amount(self._account("balance"), self.asset)

    @property
    def held(self) -> Decimal:
        return amount(self._account("debits_pending"), self.asset)


def units(asset: Asset, of: Number) -> int:
    return parse_decimal(str(of), ASSET_DECIMALS[asset])


def offered(arena: Arena, *assets: Asset) -> None:
    """Stakes from these wallets are taken in both instruments, and the house has 1,000 of each."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        arena.change(symbol, fixed_wallets=tuple(asset.name for asset in assets))
    for asset in assets:
        arena.command(FundRewards(asset.name, units(asset, 1_000)))


def rich(arena: Arena, *assets: Asset, whole: Number = 200) -> Player:
    """A player who has so much of each."""
    player = arena.player()
    for asset in assets:
        arena.command(TopUp(player.id, asset.name, units(asset, whole)))
    return player


@pytest.fixture
def ann(arena: Arena) -> Player:
    """Ann has 200 of demo money and of USDT, the house 1,000 of each, and bitcoin is quoted 59,999.99 / 60,000."""
    offered(arena, DEMO, USDT)
    player = rich(arena, DEMO, USDT)
    arena.quote("BTCUSDT", 60_000)
    return player


@pytest.fixture
def house(arena: Arena) -> Wallet:
    return Wallet(arena, 0, DEMO)


def enters(arena: Arena, price: Number = 60_000) -> None:
    """The bump of a live trade is over, and its quote comes."""
    arena.passes("0.25")
    arena.quote("BTCUSDT", price)


def expires(arena: Arena, seconds: int, price: Number) -> None:
    """The time of what was bought for so many seconds, and has entered, is up; the last quote is a second old."""
    arena.passes(seconds - Decimal("1.25"))
    arena.quote("BTCUSDT", price)
    arena.passes(1)


@pytest.mark.parametrize("asset", STAKE_ASSETS)
@pytest.mark.parametrize(("direction", "price", "result", "change"), [
    (LONG, 60_001, FixedResult.WON, 80),
    (LONG, 59_999, FixedResult.LOST, -100),
    (LONG, 60_000, FixedResult.DRAW, 0),
    (SHORT, 60_001, FixedResult.LOST, -100),
    (SHORT, 59_999, FixedResult.WON, 80),
    (SHORT, 60_000, FixedResult.DRAW, 0),
])  # fmt: skip
def test_what_the_player_wins_the_house_loses_and_the_other_way_round(
    arena: Arena, asset: Asset, direction: int, price: int, result: FixedResult, change: int
) -> None:
    offered(arena, asset)
    ann = rich(arena, asset)
    wallet, house = Wallet(arena, ann.id, asset), Wallet(arena, 0, asset)
    arena.quote("BTCUSDT", 60_000)
    trade = ann.buys("BTCUSDT", direction, 100, 30, wallet=asset)
    assert (wallet.balance, wallet.held, wallet.free) == (200, 100, 100)
    assert (house.balance, house.held, house.free) == (1_000, 80, 920)
    assert (ann.wallet_trades, ann.fixed_trades) == ([trade], [])
    enters(arena)
    expires(arena, 30, price)
    settled = ann.last(EventKind.FIXED_SETTLED)
    assert (settled.result, settled.stake, settled.profit) == (result, 100, change)
    assert settled.cash == 200 + change
    assert (wallet.balance, wallet.held) == (200 + change, 0)
    assert (house.balance, house.held) == (1_000 - change, 0)
    assert ann.wallet_trades == []
    assert (ann.cash, ann.profit) == (10_000, 0), "the seat has nothing to do with it"


def test_the_journal_and_the_player_are_told_of_both_holds(arena: Arena, ann: Player) -> None:
    trade = ann.buys("BTCUSDT", LONG, 100, 30, wallet=USDT)
    held = [event for event in arena.events if event["kind"] == EventKind.TRANSFERRED]
    assert [(event["code"], event["status"], event["amount"], event["reference"]) for event in held] == [
        (TransferCode.STAKE, TransferStatus.PENDING, units(USDT, 100), trade),
        (TransferCode.PAYOUT, TransferStatus.PENDING, units(USDT, 80), trade),
    ]
    assert (held[0]["debit"], held[0]["credit"]) == (held[1]["credit"], held[1]["debit"])
    told = [EventKind(event["kind"]) for event in arena.events]
    assert told == [EventKind.TRANSFERRED, EventKind.TRANSFERRED, EventKind.WALLET_CHANGED, EventKind.FIXED_OPENED]
    wallet, opened = arena.events[2:]
    assert (wallet["player"], wallet["asset"]) == (ann.id, USDT)
    assert (wallet["change"], wallet["code"]) == (0, TransferCode.STAKE)
    assert (wallet["balance"], wallet["held"]) == (units(USDT, 200), units(USDT, 100))
    assert (opened["match"], opened["asset"], opened["cash"]) == (0, USDT, units(USDT, 100))
    assert opened["message"] == wallet["message"] + 1

    enters(arena)
    expires(arena, 30, 60_001)
    ended = [event for event in arena.events if event["kind"] == EventKind.TRANSFERRED]
    assert [(event["code"], event["status"], event["amount"], event["held"]) for event in ended] == [
        (TransferCode.STAKE, TransferStatus.VOIDED, units(USDT, 100), units(USDT, 100)),
        (TransferCode.PAYOUT, TransferStatus.HOLD_POSTED, units(USDT, 80), units(USDT, 80)),
    ]
    wallet = next(event for event in arena.events if event["kind"] == EventKind.WALLET_CHANGED)
    assert (wallet["change"], wallet["code"]) == (units(USDT, 80), TransferCode.PAYOUT)
    assert (wallet["balance"], wallet["held"]) == (units(USDT, 280), 0)
    book = arena.machine.state.book
    row = int(find_account(book, ann.id, Account.PLAYER_CASH, USDT))
    assert wallet["version"] == int(book.accounts[row]["version"])


def test_what_is_lost_is_told_as_a_stake_that_is_gone(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=DEMO)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(1)
    wallet = next(event for event in arena.events if event["kind"] == EventKind.WALLET_CHANGED)
    assert (wallet["change"], wallet["code"], wallet["held"]) == (units(DEMO, -100), TransferCode.STAKE, 0)


@pytest.mark.parametrize("asset", [DEMO, USDT])
def test_a_live_trade_enters_after_a_bump_and_a_demo_one_at_the_next_quote(
    arena: Arena, ann: Player, asset: Asset
) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=asset)
    arena.passes("0.249")
    arena.quote("BTCUSDT", 60_100)
    assert bool(arena.happened(EventKind.FIXED_ENTERED)) == (asset is DEMO)
    arena.passes("0.001")
    arena.quote("BTCUSDT", 60_200)
    price = 60_100 if asset is DEMO else 60_200
    assert ann.last(EventKind.FIXED_ENTERED).entry == price - Decimal("0.005")


@pytest.mark.parametrize(("reason", "quotes", "fresh"), [
    (Reason.QUOTES_TOO_FEW, 1, True),
    (Reason.ENTRY_MISSED, 0, True),
    (Reason.FEED_STALE, 2, False),
])  # fmt: skip
def test_without_the_quotes_to_settle_it_by_both_holds_go_back(
    arena: Arena, ann: Player, reason: Reason, quotes: int, fresh: bool
) -> None:
    wallet, house = Wallet(arena, ann.id, USDT), Wallet(arena, 0, USDT)
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=USDT)
    if reason is Reason.ENTRY_MISSED:
        for price in (60_001, 60_002):
            arena.quote("BTCUSDT", price)
    arena.passes(29 if fresh else 1)
    for _ in range(quotes):
        arena.quote("BTCUSDT", 61_000)
    arena.passes(1 if fresh else 29)
    settled = ann.last(EventKind.FIXED_SETTLED)
    assert (settled.result, settled.reason, settled.profit) == (FixedResult.REFUNDED, reason, 0)
    assert (wallet.balance, wallet.held, house.balance, house.held) == (200, 0, 1_000, 0)


def test_demo_money_is_never_live(arena: Arena, ann: Player) -> None:
    live, demo = Wallet(arena, ann.id, USDT), Wallet(arena, ann.id, DEMO)
    live_house, demo_house = Wallet(arena, 0, USDT), Wallet(arena, 0, DEMO)
    ann.buys("BTCUSDT", LONG, 200, 30, wallet=DEMO)
    enters(arena)
    expires(arena, 30, 61_000)
    assert (demo.balance, demo_house.balance) == (360, 840)
    assert (live.balance, live_house.balance) == (200, 1_000)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        ann.buys("BTCUSDT", LONG, 201, 30, wallet=USDT)
    arena.change("BTCUSDT", fixed_wallets=("DEMO",))
    with arena.refuses(Reason.FIXED_NOT_OFFERED):
        ann.buys("BTCUSDT", LONG, 100, 30, wallet=USDT)
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=DEMO)


def test_the_house_risks_no_more_than_it_has(arena: Arena, ann: Player, house: Wallet) -> None:
    arena.command(TopUp(ann.id, "DEMO", units(DEMO, 10_000)))
    ann.buys("BTCUSDT", LONG, 1_000, 30, wallet=DEMO)
    assert house.free == 200
    with arena.refuses(Reason.HOUSE_LIMIT):
        ann.buys("BTCUSDT", SHORT, "250.00000002", 30, wallet=DEMO)
    ann.buys("BTCUSDT", SHORT, "250.00000001", 30, wallet=DEMO)
    assert house.free == 0
    arena.quote("ETHUSDT", 3_000)
    with arena.refuses(Reason.HOUSE_LIMIT):
        ann.buys("ETHUSDT", LONG, 1, 30, wallet=DEMO)


def test_a_house_that_was_never_funded_takes_no_stake(arena: Arena) -> None:
    arena.change("BTCUSDT", fixed_wallets=("USDC",))
    ann = rich(arena, Asset.USDC)
    arena.quote("BTCUSDT", 60_000)
    with arena.refuses(Reason.HOUSE_LIMIT):
        ann.buys("BTCUSDT", LONG, 1, 30, wallet=Asset.USDC)


def test_what_another_trade_or_hold_has_is_not_there_to_be_staked(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 150, 30, wallet=USDT)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        ann.buys("BTCUSDT", SHORT, "50.000001", 30, wallet=USDT)
    cash, fees = arena.account(ann.id, Account.PLAYER_CASH), arena.account(0, Account.HOUSE_FEES)
    arena.command(Transfer(1, cash, fees, units(USDT, 20), flags=Transferring.PENDING))
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        ann.buys("BTCUSDT", SHORT, "30.000001", 30, wallet=USDT)
    ann.buys("BTCUSDT", SHORT, 30, 30, wallet=USDT)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(Transfer(2, cash, fees, 1))


def test_what_may_be_won_is_not_there_to_be_staked_before_it_is_won(arena: Arena, ann: Player) -> None:
    ann.buys("BTCUSDT", LONG, 200, 30, wallet=DEMO)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        ann.buys("BTCUSDT", LONG, 1, 30, wallet=DEMO)


@pytest.mark.parametrize("asset", STAKE_ASSETS)
def test_the_terms_of_the_instrument_hold_for_each_wallet_in_its_own_unit(arena: Arena, asset: Asset) -> None:
    """A minimum of 1.00000050 rounds up, a maximum of 150.00000050 down, to what the asset can count."""
    offered(arena, asset)
    arena.change("BTCUSDT", fixed_min_stake=money("1.0000005"), fixed_max_stake=money("150.0000005"))
    ann = rich(arena, asset)
    arena.quote("BTCUSDT", 60_000)
    one = Decimal(1).scaleb(-ASSET_DECIMALS[asset])
    low, high = Decimal("1.0000005"), Decimal("150.0000005")
    if asset in LIVE:
        low, high = Decimal("1.000001"), Decimal("150")
    with arena.refuses(Reason.STAKE_TOO_LOW):
        ann.buys("BTCUSDT", LONG, low - one, 30, wallet=asset)
    with arena.refuses(Reason.STAKE_TOO_HIGH):
        ann.buys("BTCUSDT", LONG, high + one, 30, wallet=asset)
    ann.buys("BTCUSDT", LONG, low, 30, wallet=asset)
    ann.buys("BTCUSDT", LONG, high, 30, wallet=asset)


def test_units_are_those_of_the_assets() -> None:
    for asset in STAKE_ASSETS:
        assert for_python(units_per_native)(asset.value) == 10 ** (MONEY_DECIMALS - ASSET_DECIMALS[asset])
    assert for_python(units_per_native)(0) == 1


def test_a_payout_rounds_down_and_one_of_nothing_is_no_trade(arena: Arena) -> None:
    offered(arena, USDT)
    arena.change("BTCUSDT", fixed_min_stake=1)
    ann, house = rich(arena, USDT), Wallet(arena, 0, USDT)
    arena.quote("BTCUSDT", 60_000)
    with arena.refuses(Reason.STAKE_TOO_LOW):
        ann.buys("BTCUSDT", LONG, "0.000001", 30, wallet=USDT)
    ann.buys("BTCUSDT", LONG, "0.000002", 30, wallet=USDT)
    assert house.held == Decimal("0.000001")


def test_the_cap_is_on_each_asset_apart_and_on_seats_apart_from_all(arena: Arena, ann: Player) -> None:
    arena.change("BTCUSDT", fixed_exposure_cap=money(100))
    to_the_minute = 60 - arena.now_ns // NS_PER_S % 60
    bob = rich(arena, DEMO, USDT)
    for wallet in (None, DEMO, USDT):
        ann.buys("BTCUSDT", LONG, 60, to_the_minute - 1, wallet=wallet)
        with arena.refuses(Reason.EXPOSURE_CAP_REACHED):
            bob.buys("BTCUSDT", LONG, "40.000001", to_the_minute - 1, wallet=wallet)
        bob.buys("BTCUSDT", LONG, 40, to_the_minute - 1, wallet=wallet)
        bob.buys("BTCUSDT", SHORT, 100, to_the_minute - 1, wallet=wallet)


def test_the_same_request_again_stakes_once(arena: Arena, ann: Player) -> None:
    trade = ann.buys("BTCUSDT", LONG, 100, 30, key="once", wallet=DEMO)
    assert ann.buys("BTCUSDT", LONG, 100, 30, key="once", wallet=DEMO) == trade
    assert arena.outcome
    assert arena.outcome.replayed
    assert Wallet(arena, ann.id, DEMO).held == 100
    with arena.refuses(Reason.KEY_REUSED):
        ann.buys("BTCUSDT", LONG, 100, 30, key="once", wallet=USDT)


@pytest.mark.parametrize(("switch", "reason"), [
    (SetSwitch("arena", 0, "locked", True, "why"), Reason.TRADING_LOCKED),
    (SetSwitch("arena", 0, "close_only", True, "why"), Reason.ARENA_CLOSE_ONLY),
    (SetSwitch("instrument", 1, "locked", True, "why"), Reason.INSTRUMENT_LOCKED),
    (SetSwitch("instrument", 1, "halted", True, "why"), Reason.INSTRUMENT_HALTED),
    (SetSwitch("instrument", 1, "close_only", True, "why"), Reason.INSTRUMENT_CLOSE_ONLY),
    (SetSwitch("player", 1, "locked", True, "why"), Reason.PLAYER_LOCKED),
])  # fmt: skip
def test_switches_stop_new_trades_and_leave_open_ones(
    arena: Arena, ann: Player, switch: SetSwitch, reason: Reason
) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=DEMO)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(29)
    arena.quote("BTCUSDT", 60_001)
    arena.command(switch)
    with arena.refuses(reason):
        ann.buys("BTCUSDT", LONG, 10, 30, wallet=DEMO)
    arena.passes(1)
    assert Wallet(arena, ann.id, DEMO).balance == 280


def test_outside_trading_hours_nothing_is_staked(arena: Arena, ann: Player) -> None:
    arena.change("BTCUSDT", hours=((0, 60),))
    with arena.refuses(Reason.MARKET_CLOSED):
        ann.buys("BTCUSDT", LONG, 10, 30, wallet=DEMO)


def test_a_trade_is_in_no_match_and_ends_with_none(arena: Arena, ann: Player) -> None:
    contest = arena.contest(60)
    arena.command(JoinMatch(contest, ann.id))
    ann.buys("BTCUSDT", LONG, 100, 3_600, wallet=DEMO)
    arena.command(EndMatch(contest, "enough"))
    arena.command(EndMatch(ann.match, "enough"))
    assert len(ann.wallet_trades) == 1
    ann.buys("BTCUSDT", LONG, 50, 30, wallet=DEMO)


def test_a_player_needs_no_seat(arena: Arena, ann: Player) -> None:
    arena.command(EndMatch(ann.match, "enough"))
    bob = rich(arena, DEMO)
    assert bob.buys("BTCUSDT", LONG, 100, 30, wallet=DEMO) in bob.wallet_trades


@pytest.mark.parametrize("events", [11, 12, 40])
def test_each_is_settled_once_however_small_the_buffer_of_events_is(arena: Arena, events: int) -> None:
    offered(arena, DEMO, USDT)
    players = [rich(arena, DEMO, USDT) for _ in range(4)]
    arena.quote("BTCUSDT", 60_000)
    arena.has_room_for_events(events)
    arena.apply([BuyFixed(player.id, 0, 1, LONG if n % 2 else SHORT, units(asset, 1 + n), 30, None, asset)
                 for n in range(6) for player in players for asset in (DEMO, USDT)])  # fmt: skip
    enters(arena)
    arena.passes("28.75")
    arena.quote("BTCUSDT", 60_001)
    arena.now_ns += NS_PER_S
    arena.apply([Pulse(), Quote(1, 100, 101, 10**6)])
    settled = arena.happened(EventKind.FIXED_SETTLED)
    assert [one.id for one in settled] == list(range(1, 49))
    won, lost = Decimal("0.8") * (2 + 4 + 6), 1 + 3 + 5
    for asset in (DEMO, USDT):
        assert {Wallet(arena, player.id, asset).balance for player in players} == {200 + won - lost}
        assert Wallet(arena, 0, asset).balance == 1_000 - 4 * (won - lost)
    assert all(player.wallet_trades == [] for player in players)
    arena.passes(3_600)
    assert len(arena.happened(EventKind.FIXED_SETTLED)) == 48


def test_the_journal_of_many_trades_agrees_with_the_engine(arena: Arena, tmp_path: Path) -> None:
    told = []
    apply = arena.machine.apply

    def listening(batch: Any) -> Any:
        applied = apply(batch)
        told.append(applied.events.copy())
        return applied

    arena.machine.apply = listening  # type: ignore[method-assign]
    offered(arena, *STAKE_ASSETS)
    players = [rich(arena, *STAKE_ASSETS) for _ in range(3)]
    for price in (60_000, 60_100, 60_050, 60_050, 60_020):
        arena.quote("BTCUSDT", price)
        for number, player in enumerate(players):
            for asset in STAKE_ASSETS:
                player.buys("BTCUSDT", LONG if number else SHORT, 1 + number, 5 + number, wallet=asset)
        arena.passes(1)
    running = len(players[2].wallet_trades)
    assert running
    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, bytes(16), 99, told)
    assert audit(audit_input(arena.machine.state), connection).problems == []
    rows = connection.execute("SELECT asset, sum(profit), count(*) FROM fixed_trades GROUP BY asset").fetchall()
    assert [asset for asset, _, _ in rows] == sorted(STAKE_ASSETS)
    for asset, profit, _ in rows:
        assert Wallet(arena, 0, asset).balance == 1_000 - amount(profit, asset)
    connection.close()


# Attempts to steal


@pytest.mark.parametrize(("stake", "reason"), [
    (0, Reason.STAKE_TOO_LOW),
    (-1, Reason.STAKE_TOO_LOW),
    (-(1 << 63), Reason.STAKE_TOO_LOW),
    ((1 << 63) - 1, Reason.STAKE_TOO_HIGH),
    (1 << 62, Reason.STAKE_TOO_HIGH),
])  # fmt: skip
@pytest.mark.parametrize("asset", [DEMO, USDT])
def test_no_stake_is_below_nothing_or_beyond_all(
    arena: Arena, ann: Player, asset: Asset, stake: int, reason: Reason
) -> None:
    with arena.refuses(reason):
        arena.command(BuyFixed(ann.id, 0, 1, LONG, stake, 30, None, asset))


@pytest.mark.parametrize(("asset", "reason"), [
    (-1, Reason.ASSET_UNKNOWN),
    (8, Reason.ASSET_UNKNOWN),
    (64, Reason.ASSET_UNKNOWN),
    (256 + DEMO, Reason.ASSET_UNKNOWN),
    ((1 << 62) + DEMO, Reason.ASSET_UNKNOWN),
    (-(1 << 63), Reason.ASSET_UNKNOWN),
    (Asset.SOL, Reason.FIXED_NOT_OFFERED),
    (Asset.BT, Reason.FIXED_NOT_OFFERED),
    (Asset.GOLD_COIN, Reason.FIXED_NOT_OFFERED),
    (Asset.TREASURE_BOX, Reason.FIXED_NOT_OFFERED),
    (Asset.USDC, Reason.FIXED_NOT_OFFERED),
])  # fmt: skip
def test_only_what_is_offered_can_be_staked(arena: Arena, ann: Player, asset: int, reason: Reason) -> None:
    for other in Asset:
        arena.command(TopUp(ann.id, other.name, 10**12))
        arena.command(FundRewards(other.name, 10**12))
    with arena.refuses(reason):
        arena.command(BuyFixed(ann.id, 0, 1, LONG, money(10), 30, None, asset))


@pytest.mark.parametrize("names", [("SOL",), ("DEMO", "GOLD_COIN"), ("DOGE",), ("",), ("demo",)])
def test_only_assets_worth_a_dollar_can_be_offered(arena: Arena, names: tuple[str, ...]) -> None:
    with arena.refuses(Reason.INSTRUMENT_INVALID):
        arena.change("BTCUSDT", fixed_wallets=names)


@pytest.mark.parametrize("player", [0, -1, 99, 1 << 40])
def test_nobody_stakes_who_is_not_there(arena: Arena, ann: Player, player: int) -> None:
    """Player 0 would be the house."""
    with arena.refuses(Reason.PLAYER_NOT_FOUND):
        arena.command(BuyFixed(player, 0, 1, LONG, money(10), 30, None, DEMO))


def test_a_wallet_is_in_no_match(arena: Arena, ann: Player) -> None:
    game = arena.machine.state.cold.matches[ann.match].game
    other = arena.command(CreateMatch(game, practice=True)).id
    for match in (ann.match, other, 99, -1):
        with arena.refuses(Reason.MATCH_NOT_FOUND):
            arena.command(BuyFixed(ann.id, match, 1, LONG, money(10), 30, None, DEMO))
    with arena.refuses(Reason.MATCH_NOT_FOUND):
        arena.command(BuyFixed(ann.id, 0, 1, LONG, money(10), 30))


def test_the_money_is_the_players_own(arena: Arena, ann: Player) -> None:
    """Bob has no account, and no field of the command names another's."""
    bob = arena.player()
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        bob.buys("BTCUSDT", LONG, 10, 30, wallet=DEMO)
    assert Wallet(arena, ann.id, DEMO).held == 0


@pytest.mark.parametrize("flags", [Transferring.POST, Transferring.VOID])
def test_the_holds_of_a_trade_have_no_id_by_which_they_could_be_resolved(arena: Arena, ann: Player, flags: int) -> None:
    ann.buys("BTCUSDT", LONG, 100, 30, wallet=USDT)
    for hold in (0, 1, 2):
        with arena.refuses(Reason.HOLD_NOT_FOUND):
            arena.command(Transfer(7, hold=hold, amount=1 if flags == Transferring.POST else 0, flags=flags))
