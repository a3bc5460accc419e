"""docs/errors.md, and the tables of docs/protocol.md that say nothing but what is in the code."""

from __future__ import annotations

from typing import Final

from gateway.ops.table import OPS, AsyncQuery, Command, Op
from gateway.protocol.codes.catalogue import CATALOGUE, ErrorCode
from gateway.protocol.errors import CLOSE_MEANINGS

_HEAD: Final = """# Error codes

Every code with its cause and its cure: `make docs` makes this page of the tables in `gateway/protocol/codes/`. An arena
has it at `/docs/errors` and, for programs, at `/api/v1/errors`.

A refused request has changed nothing. `me` names some codes of the engine too: as the `reason` why an order was refused
at its fill or a stake came back. What `retry` means, and what else is in an error, is in
[protocol.md](protocol.md#errors). *HTTP* is the status of an answer over HTTP.
"""


def errors_page() -> str:
    parts = [_HEAD]
    for group in dict.fromkeys(entry.group for entry in CATALOGUE):
        parts.append(f"## {group}\n\n| code | HTTP | retry | means | cause | cure |\n|---|---|---|---|---|---|\n")
        parts[-1] += "".join(_row(entry) for entry in CATALOGUE if entry.group == group)
    return "\n".join(parts)


def _row(entry: ErrorCode) -> str:
    cells = (f"`{entry.code}`", str(entry.status), entry.retry, entry.message, entry.cause, entry.cure)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def with_tables(page: str) -> str:
    """The page, with what stands between its marks made anew."""
    for name, table in (("ops", _ops()), ("closes", _closes())):
        begin = f"<!-- made by make docs: {name} -->\n\n"
        before, _, rest = page.partition(begin)
        _, end, after = rest.partition("\n<!-- end -->")
        if not end:
            raise ValueError(f"docs/protocol.md has no place for the table {name!r}")
        page = before + begin + table + end + after
    return page


def _ops() -> str:
    lines = [f"| {' | '.join(_op(name, op))} |\n" for name, op in OPS.items()]
    return "| op | who | kind | costs |\n|---|---|---|---|\n" + "".join(lines)


def _op(name: str, op: Op) -> tuple[str, ...]:
    kind = "history" if isinstance(op, AsyncQuery) else "query"
    kind = op.urgency.name.lower() if isinstance(op, Command) else kind
    return f"[{name}](#{name.replace('.', '')})", op.who.name.lower(), kind, str(getattr(op, "cost", 1))


def _closes() -> str:
    return "| code | when |\n|---|---|\n" + "".join(f"| {code} | {said} |\n" for code, said in CLOSE_MEANINGS.items())
