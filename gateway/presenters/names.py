"""How clients call what the engine numbers: sides, statuses, causes, reasons."""

from __future__ import annotations

from typing import Final

from engine.model.commands import Anchor, Asset, Directions, OrderType, Scope, Side, Switch, TotalDrawdown, TransferCode
from engine.model.events import Cause, FixedResult, OrderStatus, Rule
from engine.model.reasons import Reason
from engine.model.tables import (
    MATCH_ARCHIVED,
    MATCH_CANCELED,
    MATCH_CLOSED,
    MATCH_OPEN,
    MATCH_WAITING,
    SEAT_ACTIVE,
    SEAT_DISQUALIFIED,
    SEAT_LOCKED,
)
from gateway.protocol import fixed_trades, scalars

SIDES: Final[dict[int, scalars.Side]] = {Side.LONG.value: "long", Side.SHORT.value: "short"}
DIRECTIONS: Final[dict[int, scalars.Direction]] = {Side.LONG.value: "up", Side.SHORT.value: "down"}
ORDER_TYPES: Final[dict[int, scalars.OrderType]] = {
    OrderType.MARKET.value: "market",
    OrderType.LIMIT.value: "limit",
    OrderType.STOP.value: "stop",
}
RESULTS: Final[dict[int, fixed_trades.FixedResult]] = {
    FixedResult.WON.value: "won",
    FixedResult.LOST.value: "lost",
    FixedResult.DRAW.value: "draw",
    FixedResult.REFUNDED.value: "refunded",
}
MATCH_STATUSES: Final[dict[int, scalars.MatchStatus]] = {
    MATCH_WAITING: "waiting",
    MATCH_OPEN: "open",
    MATCH_CLOSED: "closed",
    MATCH_CANCELED: "canceled",
    MATCH_ARCHIVED: "archived",
}
SEAT_STATUSES: Final[dict[int, scalars.SeatStatus]] = {
    SEAT_ACTIVE: "playing",
    SEAT_LOCKED: "locked",
    SEAT_DISQUALIFIED: "disqualified",
}
DIRECTION_LIMITS: Final[dict[int, scalars.DirectionsName]] = {
    Directions.BOTH.value: "both",
    Directions.LONG_ONLY.value: "long_only",
    Directions.SHORT_ONLY.value: "short_only",
}
ANCHORS: Final[dict[int, scalars.AnchorName]] = {
    Anchor.BALANCE.value: "balance",
    Anchor.EQUITY.value: "equity",
    Anchor.HIGHER.value: "higher",
}
TOTAL_DRAWDOWNS: Final[dict[int, scalars.TotalDrawdownName]] = {
    TotalDrawdown.STATIC.value: "static",
    TotalDrawdown.TRAILING.value: "trailing",
    TotalDrawdown.TRAILING_LOCK.value: "trailing_lock",
}

STATUSES: Final = {status.value: status.name.lower() for status in OrderStatus}
CAUSES: Final = {cause.value: cause.name.lower() for cause in Cause}
ASSETS: Final = {asset.value: asset.name for asset in Asset}
TRANSFER_CODES: Final = {code.value: code.name.lower() for code in TransferCode}
SCOPES: Final = {scope.value: scope.name.lower() for scope in Scope}
SWITCHES: Final = {switch.value: switch.name.lower() for switch in Switch}
RULES: Final = {rule.value: rule.name.lower() for rule in Rule}
REASONS: Final = {reason.value: reason.name for reason in Reason}

_NO_CLIENT_ORDER_ID: Final = bytes(40)


def wallet_name(asset: int) -> str | None:
    """The wallet of an asset, as clients call it; None: it is a seat's money."""
    return Asset(asset).name.lower() if asset else None


def client_order_id_text(raw: bytes) -> str | None:
    """The text that the engine carried; None when there was none."""
    return None if raw == _NO_CLIENT_ORDER_ID else raw.rstrip(b"\0").decode("ascii")


def disqualified_by(rule: int) -> str | None:
    """The rule that has disqualified a seat, of the Rule that has ended its play; reaching the target is none."""
    return RULES[rule] if rule not in (Rule.NONE, Rule.PROFIT_TARGET) else None
