"""What fields are made of: ids, names, amounts, times.

Prices, quantities and money go in as `Amount`: a decimal string or an integer, never a float. In answers and events
they are of the type parameter `D`: text as the server encodes them, Decimal as the client decodes them. Bounds here
only keep numbers inside the engine's columns; whether they make sense is the engine's to say, with a reason of its own.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

D = TypeVar("D")
"""Type of decimals: str on the server, Decimal on the client."""

Amount = int | str
MessageId = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
Id = Annotated[int, Meta(ge=0, le=2**53)]
OpenId = Annotated[int, Meta(ge=1, le=2**53)]
"""Of a position or an order."""
Small = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
"""Since the epoch."""
Symbol = Annotated[str, Meta(min_length=1, max_length=32)]
Interval = Annotated[str, Meta(max_length=8)]
Key = Annotated[str, Meta(min_length=1, max_length=36)]
"""Of idempotency."""
_CLIENT_ORDER_ID = r"[A-Za-z0-9._:/-]{1,36}\Z"
ClientOrderId = Annotated[str, Meta(pattern=f"^{_CLIENT_ORDER_ID}")]
OrderRef = OpenId | Annotated[str, Meta(pattern=f"^client:{_CLIENT_ORDER_ID}")]
"""An order, and the position that it opens: by their id, or by the client's id of the order, as "client:..."."""
JoinCode = Annotated[str, Meta(max_length=64)]
"""Of a private match."""
Why = Annotated[str, Meta(min_length=1, max_length=200)]
"""An operator's reason, for whoever reads the log."""

AssetName = Literal["USDT", "USDC", "SOL", "BT", "DEMO", "GOLD_COIN", "TREASURE_BOX"]
ItemName = Literal["GOLD_COIN", "TREASURE_BOX"]
WalletName = Literal["demo", "usdt", "usdc", "sol", "bt"]
Side = Literal["long", "short"]
Direction = Literal["up", "down"]
OrderType = Literal["market", "limit", "stop"]
TimeInForce = Literal["gtc", "gtd", "ioc"]
MatchStatus = Literal["waiting", "open", "closed", "canceled", "archived"]
OrderStatus = Literal["accepted", "filled", "canceled", "expired", "refused"]
SeatMode = Literal["practice", "match"]
"""Of what was traded in a practice match, or in another one."""
TradeMode = Literal["practice", "match", "demo", "live"]
"""And of what was staked from a wallet: play money, or real money."""
SeatStatus = Literal["playing", "locked", "disqualified"]
"""Locked: it has reached the profit target."""
ExecutionName = Literal["last", "next"]
DirectionsName = Literal["both", "long_only", "short_only"]
AnchorName = Literal["balance", "equity", "higher"]
TotalDrawdownName = Literal["static", "trailing", "trailing_lock"]
LossPerTrade = Literal["close", "disqualify"]
ProfitTarget = Literal["locks", "ends"]
OutageName = Literal["void", "extend"]


class Arguments(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base of what ops take: unknown fields are refused, so a typo never passes silently."""


class Nothing(Arguments, frozen=True):
    """No arguments."""


class Empty(Struct, frozen=True):
    """No result, or no data."""


class Made(Struct, frozen=True):
    """The id of what an operator made or changed; of a switch, of what it is of: 0 for the arena."""

    id: int
