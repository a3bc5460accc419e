"""Rows of the projection as clients see them."""

from __future__ import annotations

from engine import views
from engine.model.commands import Asset
from engine.model.events import Rule
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.instruments import Instruments
from gateway.presenters.names import CAUSES, DIRECTIONS, REASONS, RESULTS, SIDES, disqualified_by, wallet_name
from gateway.presenters.positions import entry_price_text
from gateway.protocol.history import ClosedTrade, FinishedMatch, SettledTrade, TradeResult
from persistence import queries


def finished_answer(state: State, row: queries.FinishedMatch) -> FinishedMatch[str]:
    match = views.match(state, row.match)
    assert match is not None, "matches are never forgotten"
    return FinishedMatch(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        state.cold.games[match.game].version(match.game_version).title,
        row.rank,
        row.seats,
        money_text(row.starting_balance),
        money_text(row.balance),
        money_text(row.profit),
        money_text(row.fees),
        money_text(row.profit - row.fees),
        money_text(row.max_drawdown),
        row.trades,
        row.wins,
        asset_text(row.prize, row.asset),
        Asset(row.asset).name if row.asset else None,
        disqualified_by(row.rule),
        row.rule == Rule.PROFIT_TARGET,
    )


def result_answer(instruments: Instruments, row: queries.TradeResult | None) -> TradeResult[str] | None:
    if row is None:
        return None
    symbol, net = instruments.by_id[row.instrument].symbol, money_text(row.result)
    if row.fixed:
        return TradeResult(symbol, DIRECTIONS[row.side], net, trade=row.id)
    return TradeResult(symbol, SIDES[row.side], net, position=row.id)


def trade_answer(instruments: Instruments, row: queries.ClosedPosition) -> ClosedTrade[str]:
    instrument = instruments.by_id[row.instrument]
    return ClosedTrade(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        row.id,
        instrument.symbol,
        SIDES[row.side],
        CAUSES[row.cause],
        row.leverage,
        instrument.quantity_text(row.lots),
        entry_price_text(instrument, row.cost, row.lots),
        instrument.price_text(row.price),
        money_text(row.margin),
        money_text(row.profit),
        money_text(row.fee),
        instrument.quantity_text(row.left),
    )


def settled_answer(instruments: Instruments, row: queries.FixedTrade) -> SettledTrade[str]:
    instrument = instruments.by_id[row.instrument]
    return SettledTrade(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.id,
        instrument.symbol,
        DIRECTIONS[row.direction],
        asset_text(row.stake, row.asset),
        row.payout_percent,
        row.expires_at_ns // NS_PER_MS,
        RESULTS[row.result],
        asset_text(row.profit, row.asset),
        asset_text(row.stake + row.profit, row.asset),
        instrument.middle_text(row.exit),
        row.exit_sequence,
        instrument.middle_text(row.entry) if row.entry else None,
        row.entry_sequence or None,
        REASONS[row.reason] if row.reason else None,
        row.match or None,
        wallet_name(row.asset),
    )
