"""An engine and its naive twin that get the same commands: every outcome, event and state must be the same.

Prices are small, few and rough, so that things collide: stops on the touch, margins of a few units, gaps through all,
feeds that go stale, keys that come twice.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from msgspec.structs import replace

from engine import views
from engine.batch.machine import Machine
from engine.competition.games import rules_of_match
from engine.invariants.rows import accounts_of
from engine.model.commands import (
    Anchor,
    Asset,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    Directions,
    Execution,
    FundRewards,
    MarginBracket,
    RegisterPlayer,
    TopUp,
    TotalDrawdown,
    TransferCode,
)
from engine.model.events import Cause, EventKind, FixedResult, Rule, TransferStatus
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S, PPM
from engine.model.tables import SEAT_ACTIVE, SEAT_DISQUALIFIED, SEAT_LOCKED
from tests.differential.random_transfers import FIRST_CODE
from tests.harness.records import Asked, Command, Quote, batch_of, events_of, outcomes_of
from tests.oracle import Match, Oracle, Seat, apply
from tests.oracle.competition.careers import board_of_cups
from tests.oracle.trading.worth import equity_of, floating_profit, net_equity_of

ROUGH = DefineInstrument(
    symbol="ROUGH", name="", base="R", quote="USDT", tick_units=10_000, lot_units=10_000, min_lots=2, max_lots=3_000,
    min_notional=2_000, highest_price=400, max_leverage=100, taker_fee_ppm=700, maker_fee_ppm=300,
    max_spread_ppm=100_000, markup_ticks=0, quote_lifetime_ns=2 * NS_PER_S,
    brackets=(MarginBracket(60_000, 4_000, 100, 0), MarginBracket(150_000, 10_000, 40, 360),
              MarginBracket(0, 50_000, 10, 6_360)),
    fixed_payout_percent=83, fixed_min_stake=7, fixed_max_stake=9_000, fixed_max_s=60, fixed_exposure_cap=12_000,
    fixed_wallets=("DEMO", "USDC"),
)  # fmt: skip
"""A lot is worth one unit of money a tick: every rounding shows. Margin brackets end at 60,000 and 150,000 units."""

HEAVY = replace(ROUGH, symbol="HEAVY", lot_units=70_000, markup_ticks=1, max_lots=500, fixed_exposure_cap=0,
                fixed_wallets=("DEMO",), quote_lifetime_ns=30 * NS_PER_S)  # fmt: skip
"""Seven units a tick, a tick of markup on each side, and quotes that live for longer than a match goes on without."""

INSTRUMENTS = (ROUGH, HEAVY)
SUMS = ("version", "debits_posted", "credits_posted", "debits_pending", "credits_pending")
MATCHES = (1, 2, 3, 4, 5, 6, 7)
NEXT = 3  # the match with a speed bump
SHORT = 4  # the game whose matches end
ROOM = 9  # the game whose matches wait for players
CALLED_OFF, EXTENDED = 10, 11  # the games whose matches do not go on without prices
OWN_CALLED_OFF, OWN_EXTENDED = 12, 13  # and of one instrument alone
SILENCE_NS = 4 * NS_PER_S  # for longer than that
PLAYERS = (1, 2, 3)
ZONE = "Near"  # of time
CHALLENGES = (
    CreateGame("Static", "", 100_000, 8, 60, max_daily_drawdown_ppm=40_000, max_total_drawdown_ppm=100_000,
               day_zone=ZONE, day_start_min=22 * 60 + 30, profit_target_ppm=60_000, min_hold_s=1, allow_hedging=False),
    CreateGame("Trailing", "", 80_003, 8, 60, fees=False, max_daily_drawdown_ppm=80_000, daily_anchor=Anchor.HIGHER,
               max_total_drawdown_ppm=60_000, total_drawdown=TotalDrawdown.TRAILING, max_loss_per_trade_ppm=20_000),
    CreateGame("Locking", "", 90_000, 8, 60, execution=Execution.NEXT, speed_bump_ms=0, daily_anchor=Anchor.EQUITY,
               max_daily_drawdown_ppm=150_000, day_start_min=30, max_total_drawdown_ppm=30_000,
               profit_target_ppm=200_000, total_drawdown=TotalDrawdown.TRAILING_LOCK, max_trades_per_minute=3,
               directions=Directions.LONG_ONLY),
    CreateGame("Trades", "", 100_000, 8, 60, max_loss_per_trade_ppm=10_000, loss_disqualifies=True,
               allowed_symbols=("ROUGH",), profit_target_ppm=100_000),
)  # fmt: skip
"""Games with challenge rules, which put a seat out now and then; their practice seats can start over."""
PAID = (
    CreateGame("Pool", "", 100_000, 8, 60, min_players=2, max_players=3, countdown_s=2, duration_s=15, min_trades=1,
               currency="USDT", entry_fee=100_001, house_fee_ppm=99_999, prize_split=(60, 30, 10)),
    CreateGame("Kept", "", 100_000, 8, 60, min_players=1, max_players=3, countdown_s=1, duration_s=10, min_trades=1,
               currency="DEMO", entry_fee=70_000, house_fee_ppm=50_000, prize_split=(100,), keeps_fees=True),
    CreateGame("Prize", "", 100_000, 8, 60, min_players=2, countdown_s=2, duration_s=15, max_total_drawdown_ppm=50_000,
               currency="USDT", entry_fee=100_000, house_fee_ppm=100_001, reward_price=250_000),
    CreateGame("Free", "", 100_000, 8, 60, duration_s=15, min_trades=1, profit_target_ppm=50_000, target_ends=True,
               currency="DEMO", reward_price=150_000),
    CreateGame("Small", "", 100_000, 8, 60, duration_s=15, currency="USDT", entry_fee=90_000, reward_price=80_000),
)  # fmt: skip
"""Games about money: pools and fixed prizes, some more than the fees bring, and matches in which nobody may win."""
SETUP: list[Command] = [
    DefineZone(ZONE, ((0, 0),)),
    *INSTRUMENTS,
    CreateGame("With fees", "", 100_000, 8, 60),
    CreateMatch(1, True),
    CreateGame("Without", "", 60_000, 2, 100, fees=False),
    RegisterPlayer("1"),
    RegisterPlayer("2"),
    CreateMatch(2, True),
    RegisterPlayer("3"),
    CreateGame("Next quote", "", 100_000, 8, 60, execution=Execution.NEXT, speed_bump_ms=250),
    CreateMatch(3, True),
    CreateGame(
        "Short",
        "",
        100_000,
        8,
        60,
        duration_s=60,
        min_trades=2,
        profit_target_ppm=50_000,
        target_ends=True,
        entry_fee=1_001,
        house_fee_ppm=99_999,
        prize_split=(60, 30, 10),
        cup=30,
        win_exp=70,
        lose_exp=9,
    ),
    *(command for number, game in enumerate(CHALLENGES, 5) for command in (game, CreateMatch(number, True))),
    CreateGame(
        "Room",
        "",
        100_000,
        8,
        60,
        min_players=2,
        max_players=3,
        countdown_s=2,
        duration_s=20,
        max_daily_drawdown_ppm=50_000,
        max_trades_per_minute=3,
        cup=7,
        win_exp=31,
        queue_timeout_s=5,
    ),
    *(
        CreateGame(
            title,
            "",
            100_000,
            8,
            60,
            duration_s=30,
            currency="USDT",
            reward_price=1,
            min_trades=100_000,
            outage_s=SILENCE_NS // NS_PER_S,
            outage_extends=title == "Extended",
            allowed_symbols=symbols,
            max_daily_drawdown_ppm=60_000,
        )
        for symbols in ((), ("ROUGH",))
        for title in ("Called off", "Extended")
    ),
    *PAID,
    *(TopUp(player, asset, 200_000) for player in PLAYERS[:2] for asset in ("USDT", "DEMO")),
    *(FundRewards(asset, 200_000) for asset in ("USDT", "DEMO")),
    FundRewards("USDC", 60),
    *(TopUp(player, "USDC", 90) for player in PLAYERS),
    CreateGame("Nobody plays it", "", 100_000, 8, 60),
]


def kind_of(command: Command) -> str:
    return type(command.command if isinstance(command, Asked) else command).__name__


def game_of(oracle: Oracle, rules: CreateGame) -> int:
    return next(id for id, game in enumerate(oracle.games, 1) if game.rules == rules)


class Twins:
    """An engine and an oracle that get the same commands."""

    def __init__(self) -> None:
        self.machine, self.oracle = Machine(), Oracle()
        self.now_ns = 1_700_000_000 * NS_PER_S
        self.source_sequence = 0
        self.seen: Counter[Any] = Counter()
        self.step(SETUP)
        self.quotes((150, 152), (150, 152))

    def step(self, commands: list[Command], passes_ns: int = 0, compare: bool = True) -> None:
        """Give both the batch; all that comes out must be the same, and so must all that can be seen, if asked for."""
        self.now_ns += passes_ns
        first = self.oracle.sequence + 1
        applied = self.machine.apply(batch_of(commands, first, self.now_ns))
        outcomes, events = apply(self.oracle, commands, self.now_ns)
        for command, ours, theirs in zip(commands, outcomes_of(applied.outcomes), outcomes, strict=True):
            assert ours == theirs, (command, ours, theirs)
            self.seen[kind_of(command), Reason(theirs["reason"]).name] += 1
            if theirs["replayed"]:
                self.seen[kind_of(command), "REPLAYED"] += 1
        told = events_of(applied.events)
        assert told == events, next(pair for pair in itertools.zip_longest(told, events) if pair[0] != pair[1])
        for event in events:
            what = EventKind(event["kind"]).name, Cause(event.get("cause", 0)).name
            self.seen[what] += 1
            self.seen[kind_of(commands[event["sequence"] - first]), *what] += 1
            self.seen[EventKind(event["kind"]).name, Reason(event["reason"]).name] += 1
            if "result" in event:
                self.seen[EventKind(event["kind"]).name, FixedResult(event["result"]).name] += 1
                if event["asset"]:
                    self.seen["wallet", Asset(event["asset"]).name, FixedResult(event["result"]).name] += 1
            if "rule" in event:
                self.seen[EventKind(event["kind"]).name, Rule(event["rule"]).name] += 1
            if event["kind"] == EventKind.WALLET_CHANGED:
                self.seen["WALLET_CHANGED", TransferCode(event["code"]).name] += 1
                self.seen[kind_of(commands[event["sequence"] - first]), TransferCode(event["code"]).name] += 1
            elif "hold_low" in event:
                code = TransferCode(event["code"]).name if event["code"] < FIRST_CODE else "TRANSFER"
                self.seen["TRANSFERRED", TransferStatus(event["status"]).name, code] += 1
        if compare:
            self.compare()

    def status(self, seat: Seat) -> int:
        if seat.out is Rule.NONE:
            return SEAT_ACTIVE
        return SEAT_LOCKED if seat.out is Rule.PROFIT_TARGET else SEAT_DISQUALIFIED

    def target(self, game: CreateGame) -> int | None:
        if not game.profit_target_ppm:
            return None
        return -(-game.starting_balance * (PPM + game.profit_target_ppm) // PPM)

    def won_by_nobody(self) -> list[Match]:
        """Matches about money that are over, were played, and had no winner."""
        over = [match for match in self.oracle.matches.values() if match.paid and not match.open and match.ends_at_ns]
        return [match for match in over if match.seats and not any(seat.prize for seat in match.seats)]

    def quotes(self, *prices: tuple[int, int]) -> None:
        batch: list[Command] = []
        for instrument, (bid, ask) in enumerate(prices, 1):
            self.source_sequence += 1
            batch.append(Quote(instrument, bid, ask, self.source_sequence))
        self.step(batch)

    def compare(self, finished: bool = True) -> None:
        """Accounts, seats, orders, positions and sums of both, field by field; also those of finished matches, or
        not."""
        state, oracle = self.machine.state, self.oracle
        rows = accounts_of(state.book)[["id", *SUMS]].tolist()
        assert sorted(rows) == sorted(
            (id, *(getattr(sums, name) for name in SUMS)) for id, sums in oracle.ledger.accounts.items()
        )
        waiting = {wait.id for wait in oracle.waiting}
        matches = oracle.matches if finished else oracle.running
        for seat in (seat for match in matches.values() for seat in match.seats):
            player, match = seat.player, seat.match
            mine, held = seat.orders, seat.positions
            found = views.seat(state.book, player, match)
            assert found is not None
            game = oracle.matches[match].game
            assert found._replace(joined_at_ns=0) == views.SeatView(
                match, player, equity_of(oracle, seat), seat.cash, sum(order.margin + order.fee for order in mine),
                sum(position.margin for position in held), seat.profit, seat.fees, seat.trades, seat.wins, 0,
                len(mine), len(held), seat.held_trades, seat.max_drawdown, seat.balance_at_ns,
                seat.daily_floor if game.max_daily_drawdown_ppm else None,
                seat.total_floor if game.max_total_drawdown_ppm else None, seat.high_water,
                seat.rank, seat.prize, found.out, self.status(seat), self.target(game),
                max((percent for rule, percent in seat.warned if rule is Rule.DAILY_DRAWDOWN), default=0),
                max((percent for rule, percent in seat.warned if rule is Rule.TOTAL_DRAWDOWN), default=0),
                seat.stakes, Asset[game.currency] if oracle.matches[match].paid else 0,
                net_equity_of(oracle, seat) if game.profit_target_ppm else None,
            )  # fmt: skip
            assert (found.out.rule if found.out else 0) == seat.out
            assert [
                (view.order, view.lots, view.price, view.stop_loss, view.take_profit, view.trailing_ppm, view.margin,
                 view.fee, view.expires_at_ns, view.pending)
                for view in views.orders(state.book, player, match) or ()
            ] == [
                (order.id, order.lots, order.command.price, order.command.stop_loss, order.command.take_profit,
                 order.command.trailing_ppm, order.margin, order.fee, order.command.expires_at_ns,
                 oracle.now_ns < order.counts_from_ns)
                for order in mine
            ]  # fmt: skip
            assert sorted(
                (view.position, view.lots, view.cost, view.margin, view.liquidation, view.stop_loss, view.take_profit,
                 view.trailing, view.profit, view.closing, view.pending)
                for view in views.positions(state.book, player, match) or ()
            ) == sorted(
                (position.id, position.lots, position.cost, position.margin, position.liquidation, position.stop_loss,
                 position.take_profit, position.trailing, floating_profit(oracle, position), position.id in waiting,
                 position.amendments != [])
                for position in held
            )  # fmt: skip
            assert [
                (view.trade, view.direction, view.stake, view.payout_percent, view.entry, view.entry_sequence,
                 view.expires_at_ns)
                for view in views.fixed_trades(state.book, player, match) or ()
            ] == [
                (trade.id, trade.command.direction, trade.command.stake, trade.payout_percent, trade.entry,
                 trade.entry_sequence, trade.expires_at_ns)
                for trade in seat.fixed_trades
            ]  # fmt: skip
        for player, career in enumerate(oracle.careers, 1):
            assert views.career(state.book, player) == views.CareerView(
                career.cups, oracle.season, career.season_cups, career.experience, career.level,
                50 * career.level * (career.level + 1), career.wins, career.matches,
            )  # fmt: skip
        for of_season in (False, True):
            theirs_first = board_of_cups(oracle, of_season)
            found_board = views.cups(state.book, 2, PLAYERS[-1], of_season)
            assert [(standing.player, standing.cups) for standing in found_board.top] == theirs_first[:2]
            ranks = [player for player, _ in theirs_first]
            assert found_board.rank == (ranks.index(PLAYERS[-1]) + 1 if PLAYERS[-1] in ranks else 0)
        for player in PLAYERS:
            assert [(view.trade, view.asset, view.stake, view.entry)
                    for view in views.wallet_trades(state.book, player)] == [
                (trade.id, trade.command.asset, trade.command.stake, trade.entry)
                for trade in oracle.fixed_trades.values() if trade.holds and trade.seat.player == player
            ]  # fmt: skip
        for id, theirs in matches.items():
            assert rules_of_match(state, id) == theirs.game
            row = state.book.matches[id : id + 1]
            sums = [int(row[name][0]) for name in ("initial_funding", "fees_taken", "house_profit", "insurance")]
            assert sums == [theirs.granted, theirs.fees_taken, theirs.market, theirs.insurance]
            shown = views.match(state, id)
            assert shown is not None
            assert views.last_match_message(state.book, id) == theirs.messages
            if id in oracle.running:
                expected = theirs.starts_at_ns, theirs.ends_at_ns, bool(theirs.paused_since_ns)
                assert (shown.starts_at_ns, shown.ends_at_ns, shown.paused) == expected
        assert {
            player: (found.after_ms, int(state.book.timers[found.timer]["due_ns"]) if found.timer else 0)
            for player, found in state.cold.disconnects.items()
        } == {player: (away.after_ms, away.due_ns) for player, away in oracle.disconnects.items()}
        for player in range(1, len(oracle.players) + 1):
            assert views.queues_of(state, player) == [
                views.QueueView(game, list(queue.waiting).index(player) + 1, queue.waiting[player][0])
                for game, queue in oracle.queues.items()
                if player in queue.waiting
            ]
