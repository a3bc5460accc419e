"""What an exchange lists: symbols with their tick and step sizes, in the shape of Binance's exchangeInfo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from engine.model.scale import MONEY_DECIMALS, format_decimal

QUOTE_ASSETS: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR")


class Listing(msgspec.Struct, frozen=True):
    """A symbol as listed. Sizes and prices are in units of 1e-8; `start_price` is where a simulation begins."""

    symbol: str
    base: str
    quote: str
    tick_size: int
    step_size: int
    start_price: int = 0


_LISTED = (
    #        symbol     base   quote   tick size  step size  start price
    Listing("BTCUSDT", "BTC", "USDT", 1_000_000, 1_000, 61_837_63000000),
    Listing("ETHUSDT", "ETH", "USDT", 1_000_000, 10_000, 2_683_80000000),
    Listing("SOLUSDT", "SOL", "USDT", 1_000_000, 100_000, 153_42000000),
    Listing("BNBUSDT", "BNB", "USDT", 1_000_000, 100_000, 512_60000000),
    Listing("XRPUSDT", "XRP", "USDT", 10_000, 10_000_000, 61280000),
)
LISTINGS: Final = {listing.symbol: listing for listing in _LISTED}
"""The symbols that are simulated unless others are asked for, priced as in August 2024."""


def listing_of(symbol: str) -> Listing:
    """The listing of a symbol; of one that is not in the table, with the finest sizes that Binance's text can say."""
    known = LISTINGS.get(symbol)
    if known is not None:
        return known
    quote = next((asset for asset in QUOTE_ASSETS if symbol.endswith(asset) and symbol != asset), "")
    return Listing(symbol, symbol.removesuffix(quote), quote, tick_size=1, step_size=1)


def exchange_info(listings: Iterable[Listing], server_time_ms: int) -> dict[str, Any]:
    """The answer to GET /api/v3/exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": server_time_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol_info(listing) for listing in listings],
    }


def _symbol_info(listing: Listing) -> dict[str, Any]:
    tick_size = format_decimal(listing.tick_size, MONEY_DECIMALS)
    step_size = format_decimal(listing.step_size, MONEY_DECIMALS)
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": MONEY_DECIMALS,
        "quoteAsset": listing.quote,
        "quotePrecision": MONEY_DECIMALS,
        "quoteAssetPrecision": MONEY_DECIMALS,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick_size,
                "maxPrice": "1000000.00000000",
                "tickSize": tick_size,
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": step_size,
                "maxQty": "9000000.00000000",
                "stepSize": step_size,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }
