"""docs/errors.md: the catalogue of error codes."""

from __future__ import annotations

from typing import Final

from gateway.protocol.codes.catalogue import CATALOGUE, ErrorCode

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
