"""Balances and what changes them, as clients see them."""

from __future__ import annotations

from engine import views
from engine.model.commands import Asset
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.presenters.decimals import asset_text
from gateway.presenters.events import Wallet
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import ASSETS, TRANSFER_CODES
from gateway.protocol.history import WalletChange
from gateway.protocol.wallets import Balance, WalletEvent
from persistence import rows


def wallet_event(event: Wallet, instrument: Instrument | None) -> WalletEvent[str]:
    return WalletEvent(
        ASSETS[event.asset],
        TRANSFER_CODES[event.code],
        asset_text(event.change, event.asset),
        asset_text(event.balance, event.asset),
        asset_text(event.held, event.asset),
        event.version,
        event.match or None,
    )


def change_answer(row: rows.WalletChange) -> WalletChange[str]:
    return WalletChange(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        Asset(row.asset).name,
        TRANSFER_CODES[row.code],
        asset_text(row.change, row.asset),
        asset_text(row.balance, row.asset),
        asset_text(row.held, row.asset),
        row.version,
        row.match or None,
    )


def balance_answers(state: State, player: int) -> list[Balance[str]]:
    return [
        Balance(Asset(of.asset).name, asset_text(of.balance, of.asset), asset_text(of.held, of.asset), of.version)
        for of in views.wallet(state.book, player)
    ]
