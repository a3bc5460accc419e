"""What an API key needs to use an op. The table is the whole set: an op that is not in it is a fault, and a test says
so. A channel needs a scope of its own, too."""

from __future__ import annotations

from typing import Final

ANY: Final = ""
"""Every key will do."""
CLOSED: Final = None
"""No key will do: only who has signed in."""
MARKETS: Final = "read:markets"
ACCOUNT: Final = "read:account"
ORDERS: Final = "trade:orders"
FIXED: Final = "trade:fixed"
WITHDRAW: Final = "withdraw"

_BY_SCOPE: Final[dict[str | None, tuple[str, ...]]] = {
    ANY: ("auth", "ping", "time", "subscribe", "unsubscribe", "resume"),
    MARKETS: (
        "instruments", "quote", "tickers", "candles", "game.list", "game.get", "board.cups", "match.list", "match.get",
        "match.board", "store.list",
    ),
    ACCOUNT: (
        "me.get", "me.wallet", "me.ledger", "me.matches", "me.trades", "me.fills", "me.fixed", "me.notifications",
        "me.read", "me.keys.usage", "match.summary",
        "order.list", "order.get", "order.history", "position.list", "fixed.list",
        "inventory.list", "referral.get",
    ),
    ORDERS: (
        "match.join", "match.leave", "match.reset", "queue.join", "queue.leave", "order.place", "order.amend",
        "order.cancel", "order.cancel_all", "order.test", "cancel_on_disconnect", "position.close", "position.amend",
    ),
    FIXED: ("fixed.buy",),
    WITHDRAW: (),
    CLOSED: (
        "renew", "auth.ticket", "wallet.top_up", "wallet.purchase", "me.keys.create", "me.keys.list", "me.keys.update",
        "me.keys.revoke",
    ),
}  # fmt: skip

SCOPES: Final = {op: scope for scope, ops in _BY_SCOPE.items() for op in ops}
"""By op."""


def scope_of(op: str) -> str | None:
    """What operators use is closed to keys: nobody of them has one."""
    return CLOSED if op.startswith("admin.") else SCOPES[op]


def scope_of_channel(name: str) -> str:
    return ACCOUNT if name == "me" else ANY if name == "sys" else MARKETS
