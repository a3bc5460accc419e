"""The schema of the projection as SQL, and parts of it for the steps from one version to the next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from engine.model.events import EventKind

SCHEMA: Final = Path(__file__).with_name("schema.sql").read_text()


def statements_for(*names: str) -> str:
    """The statements of the schema that make these tables and indexes. A later version that changes one of them has to
    keep the text as it was, for the step that made it."""
    statements = [re.sub(r"(?m)^--.*\n", "", each).strip() for each in re.split(r";[^;\n]*\n", SCHEMA)]
    return ";\n".join(each for each in statements if each.split(" ")[2:3] and each.split(" ")[2] in names)


ORDERS_FROM_FILLS: Final = (
    "INSERT INTO orders SELECT player, id, match, instrument, side, order_type, leverage, client_order_id, sequence,"
    f" at_ns, message, message, sequence, at_ns, {EventKind.POSITION_OPENED.value}, 0, lots, 0, margin, fee, stop_loss,"
    " take_profit, 0, price FROM fills"
)
"""What is known of the orders of a time before they had a table: those that filled."""
