"""The pages of the documentation, as the tests see them: sections, fenced blocks, tables, and what they point to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md",
                *(ROOT / "docs").rglob("*.md")])  # fmt: skip


class Block(NamedTuple):
    """A fenced block. `label` is what stands behind its language."""

    language: str
    label: str
    text: str
    line: int


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str = "") -> list[Block]:
    """The fenced blocks of a page, of one language or all."""
    found, text = [], page.read_text()
    for match in re.finditer(r"^```(\w+)? ?([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        block = Block(match[1] or "", match[2], match[3], text.count("\n", 0, match.start()) + 1)
        if not language or block.language == language:
            found.append(block)
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def section(page: Path, title: str) -> str:
    """What stands under a heading, up to the next one of the same level or a higher one."""
    text = page.read_text()
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"{name_of(page)} has no section {title!r}"
    rest = text[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def headings(page: Path, level: int) -> list[str]:
    return re.findall(rf"^#{{{level}}} (.+)$", prose(page), re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in the text, without their heads."""
    found: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        _, line, *lines = table.splitlines()
        assert set(line) <= set("|- :"), table
        found += [[cell.strip() for cell in row.strip("|").split("|")] for row in lines]
    return found


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def files() -> set[str]:
    """What the repository has, folders too."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    found = {name for name in listed if (ROOT / name).exists()}
    return found | {str(parent) for name in found for parent in Path(name).parents}
