"""How clients call what the engine numbers: sides, statuses, causes, reasons."""

from __future__ import annotations

from typing import Final

from engine.model.commands import Asset, OrderType, Scope, Side, Switch, TransferCode
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

SIDES: Final = {side.value: side.name.lower() for side in Side}
DIRECTIONS: Final = {Side.LONG.value: "up", Side.SHORT.value: "down"}
ORDER_TYPES: Final = {kind.value: kind.name.lower() for kind in OrderType}
STATUSES: Final = {status.value: status.name.lower() for status in OrderStatus}
CAUSES: Final = {cause.value: cause.name.lower() for cause in Cause}
ASSETS: Final = {asset.value: asset.name for asset in Asset}
TRANSFER_CODES: Final = {code.value: code.name.lower() for code in TransferCode}
SCOPES: Final = {scope.value: scope.name.lower() for scope in Scope}
SWITCHES: Final = {switch.value: switch.name.lower() for switch in Switch}
RULES: Final = {rule.value: rule.name.lower() for rule in Rule}
RESULTS: Final = {result.value: result.name.lower() for result in FixedResult}
REASONS: Final = {reason.value: reason.name for reason in Reason}
MATCH_STATUSES: Final = {
    MATCH_WAITING: "waiting",
    MATCH_OPEN: "open",
    MATCH_CLOSED: "closed",
    MATCH_CANCELED: "canceled",
    MATCH_ARCHIVED: "archived",
}
SEAT_STATUSES: Final = {SEAT_ACTIVE: "playing", SEAT_LOCKED: "locked", SEAT_DISQUALIFIED: "disqualified"}

_NO_CLIENT_ORDER_ID: Final = bytes(40)


def wallet_name(asset: int) -> str | None:
    """The wallet of an asset, as clients call it; None: it is a seat's money."""
    return Asset(asset).name.lower() if asset else None


def client_order_id_text(raw: bytes) -> str | None:
    """The text that the engine carried; None when there was none."""
    return None if raw == _NO_CLIENT_ORDER_ID else raw.rstrip(b"\0").decode("ascii")
