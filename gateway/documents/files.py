"""The files that documents are kept in, and what has to be in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from gateway.documents import html
from gateway.documents.asyncapi import asyncapi
from gateway.documents.markdown import errors_page, with_tables
from gateway.documents.schemas import as_json
from gateway.documents.serving import SITE
from gateway.documents.typescript import DECLARATIONS, typescript
from gateway.documents.words import KEPT, PAGE, Words, read, words
from gateway.rest.openapi import document as openapi

BY_HAND: Final = ("style.css", "rest.js", "redoc.standalone.js", "redoc.LICENSE.txt")
"""Of what the arena serves, the files that are not made."""


def site(words: Words) -> dict[str, str]:
    """What is made, by its name in the folder."""
    return {
        "index.html": html.overview(),
        "rest.html": html.rest(),
        "socket.html": html.socket(words),
        "errors.html": html.errors(),
        "openapi.json": as_json(openapi()),
        "asyncapi.json": as_json(asyncapi(words)),
    }


def checked_in() -> dict[Path, str]:
    """All that is made and is in the repository."""
    page = with_tables(PAGE.read_text())
    said = read(page)
    return {
        PAGE: page,
        KEPT: as_json(msgspec.to_builtins(said)),
        PAGE.parent / "errors.md": errors_page(),
        DECLARATIONS: typescript(),
        **{SITE / name: text for name, text in site(said).items()},
    }


def write_to(folder: Path) -> list[Path]:
    """Write all documents into a folder; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = site(words()) | {name: (SITE / name).read_text() for name in BY_HAND}
    texts |= {"errors.md": errors_page(), "arena.d.ts": typescript()}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]
