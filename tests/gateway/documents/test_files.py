"""What is checked in is what would be made; pages are whole, and need nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.documents.files import BY_HAND, checked_in, site, write_to
from gateway.documents.markdown import with_tables
from gateway.documents.serving import SITE
from gateway.documents.typescript import DECLARATIONS
from gateway.documents.words import PAGE, words
from gateway.ops.table import OPS
from gateway.protocol.errors import Code
from tests.documentation.pages import ROOT

MADE = site(words())
KEPT = checked_in()
PAGES = [name for name in MADE if name.endswith(".html")]
EMPTY = {"meta", "link", "br"}


class Elements(HTMLParser):
    """What a page has, and whether every element ends."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.leads_to: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.leads_to.append(value or "")
            assert name not in ("style", "onclick"), "the policy of the pages forbids it"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_what_is_checked_in_is_what_would_be_made(path: Path) -> None:
    assert path.read_text() == KEPT[path], "the definitions have changed: make docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(name: str) -> None:
    page = Elements(MADE[name])
    assert len(page.ids) == len(set(page.ids))
    for target in page.leads_to:
        assert target.startswith(("#", "/docs", "/openapi.json", "/asyncapi.json", "/api/v1/errors")), target
        assert not target.startswith("#") or target[1:] in page.ids, target
    assert "<script>" not in MADE[name]


def test_the_pages_have_every_op_and_every_code() -> None:
    socket, errors = Elements(MADE["socket.html"]), Elements(MADE["errors.html"])
    assert {re.sub(r"\W+", "-", name) for name in OPS} <= set(socket.ids)
    assert set(Code.__members__) <= set(errors.ids)


def test_a_table_of_the_page_is_made_anew() -> None:
    page = PAGE.read_text()
    wrong = page.replace("| [ping](#ping) | all | query | 1 |\n", "").replace(
        "| 1007 | a text frame", "| 1007 | a frame"
    )
    assert wrong != page
    assert with_tables(wrong) == page
    with pytest.raises(ValueError, match="no place for the table 'ops'"):
        with_tables(page.replace("<!-- made by make docs: ops -->", ""))


def test_all_of_it_is_written_to_a_folder(tmp_path: Path) -> None:
    written = write_to(tmp_path / "new" / "folder")
    assert {path.name for path in written} == {*MADE, *BY_HAND, "errors.md", "arena.d.ts"}
    for path in written:
        elsewhere = {"errors.md": ROOT / "docs" / "errors.md", "arena.d.ts": DECLARATIONS}
        assert path.read_text() == elsewhere.get(path.name, SITE / path.name).read_text()


def test_the_folder_of_the_pages_has_nothing_else() -> None:
    assert {path.name for path in SITE.iterdir()} == {*MADE, *BY_HAND}
