"""Balances and what changes them, as clients see them."""

from __future__ import annotations

from gateway.presenters.decimals import asset_text
from gateway.presenters.events import Wallet
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import ASSETS, TRANSFER_CODES
from gateway.protocol.wallets import WalletEvent


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
