"""A stake on up or down."""

from __future__ import annotations

from engine.model.commands import Account, Asset, CreateGame, Execution
from engine.model.events import EventKind, FixedResult, OrderStatus, Rule
from engine.model.reasons import Reason
from tests.harness.records import BuyFixed
from tests.oracle.events import tell_fixed
from tests.oracle.ledger.money import PURSES
from tests.oracle.state import BILLION, FixedTrade, Match, Oracle, Outcome, Seat, refuse_if
from tests.oracle.trading.switches import check_that_it_opens
from tests.oracle.trading.waiting import wait_for_quote
from tests.oracle.trading.worth import note_balance

UNITS = {0: 1, Asset.DEMO: 1, Asset.USDT: 100, Asset.USDC: 100}  # of 1e-8 dollars, by what is staked


def buy_fixed(oracle: Oracle, command: BuyFixed) -> Outcome:
    seat, match = seat_to_stake(oracle, command)
    refuse_if(command.instrument not in oracle.markets, Reason.INSTRUMENT_NOT_FOUND)
    market = oracle.markets[command.instrument]
    data = market.data
    check_that_it_opens(oracle, seat, market)
    refuse_if(data.fixed_payout_percent == 0, Reason.FIXED_NOT_OFFERED)
    offered_to = [0, *(Asset[name] for name in data.fixed_wallets)]
    refuse_if(command.asset not in offered_to, Reason.FIXED_NOT_OFFERED)
    refuse_if(command.direction not in (1, -1), Reason.DIRECTION_INVALID)
    allowed = match.game.allowed_symbols
    refuse_if(bool(allowed) and data.symbol not in allowed, Reason.INSTRUMENT_NOT_ALLOWED)
    refuse_if(match.game.directions not in (0, command.direction), Reason.SIDE_NOT_ALLOWED)
    unit = UNITS[command.asset]
    refuse_if(command.stake * unit < data.fixed_min_stake, Reason.STAKE_TOO_LOW)
    refuse_if(command.stake * unit > data.fixed_max_stake, Reason.STAKE_TOO_HIGH)
    wins_nothing = command.stake * data.fixed_payout_percent < 100
    refuse_if(command.asset != 0 and wins_nothing, Reason.STAKE_TOO_LOW)
    offered = data.fixed_min_s <= command.duration_s <= data.fixed_max_s
    bump_ms = match.game.speed_bump_ms if match.takes_next_quote else 0
    refuse_if(not offered or command.duration_s * 1000 <= bump_ms, Reason.DURATION_INVALID)
    expires_at_ns = oracle.now_ns + command.duration_s * BILLION
    refuse_if(0 < match.ends_at_ns < expires_at_ns, Reason.DURATION_INVALID)
    refuse_if(market.is_stale(oracle.now_ns, match), Reason.FEED_STALE)
    refuse_if(command.asset == 0 and command.stake > seat.cash, Reason.CASH_TOO_LOW)
    minute = expires_at_ns // (60 * BILLION)
    staked = sum(
        trade.command.stake for trade in oracle.fixed_trades.values()
        if trade.command.instrument == command.instrument and trade.command.direction == command.direction
        and trade.command.asset == command.asset and trade.expires_at_ns // (60 * BILLION) == minute
    )  # fmt: skip
    cap = data.fixed_exposure_cap
    refuse_if(cap != 0 and (staked + command.stake) * unit > cap, Reason.EXPOSURE_CAP_REACHED)
    trade = FixedTrade(oracle.next_id, seat, command, data.fixed_payout_percent, expires_at_ns, market.quotes)
    if command.asset:
        asset = Asset(command.asset).name
        mine = oracle.money.has(command.player, PURSES[asset], asset)
        refuse_if(command.stake > mine, Reason.INSUFFICIENT_FUNDS)
        refuse_if(trade.payout > oracle.money.has(0, Account.HOUSE_REWARDS, asset), Reason.HOUSE_LIMIT)

    oracle.next_id += 1
    if command.asset:
        trade.holds = oracle.money.stake(command.player, asset, command.stake, trade.payout, trade.id)
    else:
        seat.cash -= command.stake
    oracle.fixed_trades[trade.id] = trade
    seat.fixed_trades.append(trade)
    wait_for_quote(oracle, trade.id, command.instrument, match)
    tell_fixed(oracle, EventKind.FIXED_OPENED, trade)
    return {
        "id": trade.id, "instrument": command.instrument, "status": OrderStatus.ACCEPTED,
        "price": trade.payout_percent, "left": expires_at_ns,
    }  # fmt: skip


def seat_to_stake(oracle: Oracle, command: BuyFixed) -> tuple[Seat, Match]:
    """A wallet's is in a match without rules: of live money one where all takes the quote after a bump."""
    if command.asset:
        refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
        refuse_if(command.match != 0, Reason.MATCH_NOT_FOUND)
        refuse_if(command.asset not in list(Asset), Reason.ASSET_UNKNOWN)
        execution = Execution.LAST if command.asset == Asset.DEMO else Execution.NEXT
        return Seat(command.player, 0, 0), Match(CreateGame("", "", 0, 0, 0, execution=execution))
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    match = oracle.matches[command.match]
    refuse_if(not match.open, Reason.MATCH_NOT_OPEN)
    refuse_if((command.player, command.match) not in oracle.seats, Reason.NOT_JOINED)
    seat = oracle.seats[command.player, command.match]
    refuse_if(seat.out is Rule.PROFIT_TARGET, Reason.SEAT_LOCKED)
    refuse_if(seat.out is not Rule.NONE, Reason.SEAT_DISQUALIFIED)
    return seat, match


def enter(oracle: Oracle, trade: FixedTrade) -> None:
    market = oracle.markets[trade.command.instrument]
    trade.entry, trade.entry_sequence = market.bid + market.ask, market.sequence
    tell_fixed(oracle, EventKind.FIXED_ENTERED, trade)


def settle(oracle: Oracle, trade: FixedTrade) -> None:
    """Its time is up. The last quote before that decides, if two have come and it was fresh when time was up: none
    is in a pause."""
    stake, market = trade.command.stake, oracle.markets[trade.command.instrument]
    last = market.bid + market.ask
    is_paused = not trade.holds and oracle.matches[trade.seat.match].paused_since_ns != 0
    result, reason, profit = FixedResult.REFUNDED, Reason.ACCEPTED, 0
    if market.quotes < trade.quotes_before + 2:
        reason = Reason.QUOTES_TOO_FEW
    elif not trade.entry:
        reason = Reason.ENTRY_MISSED
    elif is_paused or trade.expires_at_ns > market.at_ns + market.data.quote_lifetime_ns:
        reason = Reason.FEED_STALE
    elif last == trade.entry:
        result = FixedResult.DRAW
    elif (last > trade.entry) == (trade.command.direction == 1):
        result, profit = FixedResult.WON, trade.payout
    else:
        result, profit = FixedResult.LOST, -stake
    end_fixed(oracle, trade, result, reason, profit)


def end_fixed(oracle: Oracle, trade: FixedTrade, result: FixedResult, reason: Reason, profit: int) -> None:
    seat, market = trade.seat, oracle.markets[trade.command.instrument]
    if trade.holds:
        oracle.money.settle_stake(trade.holds, profit)
    else:
        seat.cash += trade.command.stake + profit
        seat.profit += profit
        oracle.matches[seat.match].market -= profit
    del oracle.fixed_trades[trade.id]
    seat.fixed_trades.remove(trade)
    oracle.waiting = [wait for wait in oracle.waiting if wait.id != trade.id]
    if profit and not trade.holds:
        note_balance(oracle, seat)
    tell_fixed(
        oracle, EventKind.FIXED_SETTLED, trade, reason=reason, result=int(result), exit=market.bid + market.ask,
        exit_sequence=market.sequence, profit=profit,
    )  # fmt: skip
