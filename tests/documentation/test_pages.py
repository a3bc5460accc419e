"""Every page: the files, sections, commands and settings that it names are there."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import msgspec
import pytest

from bench.process import arena
from gateway.core.config import ConfigError, parse_config
from gateway.protocol.games import GameSpec
from tests.architecture.test_floors import FLOORS
from tests.documentation.pages import PAGES, ROOT, Block, anchor, blocks, files, headings, name_of, prose, rows, section

NAMED = re.compile(
    r"`((?:engine|gateway|persistence|tests|bench|docs|\.ci)/[\w./*-]*|[\w-]+\.(?:toml|md|txt)|Makefile|LICENSE)`"
)
"""A file or folder of the repository, as texts name it."""


def each(language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{name_of(page)}:{block.line}") for page in PAGES for block in blocks(page, language)
    ]


def commands() -> list[tuple[str, str]]:
    """Every command that a page shows, and where: in console blocks, indented, or in backticks."""
    found = []
    for page in PAGES:
        shown = [line for block in blocks(page, "console") for line in block.text.splitlines()]
        shown += re.findall(r"^ {4}((?:arena|make|git clone) .+)$", prose(page), re.MULTILINE)
        shown += re.findall(r"`((?:arena|make) [^`]+)`", prose(page))
        found += [(name_of(page), line) for line in shown]
    return found


@cache
def help_of(*command: str) -> str:
    return arena(*command, "--help").stdout


def problem_with(command: str) -> str:
    """What is wrong with a command that is shown; empty: nothing."""
    words = [word for word in shlex.split(command, comments=True) if not re.fullmatch(r"[A-Z_]+=\S+", word)]
    program = words[0].removeprefix(".venv/bin/")
    if program == "arena":
        known: list[str] = []
        for word in words[1:]:
            if re.search(rf"^ *(?:│ )?{re.escape(word)}  ", help_of(*known), re.MULTILINE):
                known.append(word)
            else:
                break
        if not known and not words[1].startswith("--"):
            return "there is no such command"
        if known == ["bench"] and len(words) > 2:
            return "there is no such bench"
        options = {word for word in words if word.startswith("--")} - {"--help"}
        return ", ".join(option for option in options if option not in help_of(*known))
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return ", ".join(word for word in words[1:] if word not in targets)
    if program == "pytest":
        paths = [word for word in words[1:] if "/" in word]
        return ", ".join(path for path in paths if not (ROOT / path).exists())
    return "" if program in ("git", "rsync", "kill") else "nobody knows this program"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    there = files()
    missing = [name for name in NAMED.findall(prose(page)) if not is_there(name, there)]
    assert missing == []


def is_there(name: str, there: set[str]) -> bool:
    return name.rstrip("/") in there or ("*" in name and any(ROOT.glob(name)))


def test_a_file_that_is_not_there_is_seen() -> None:
    names = NAMED.findall("`engine/model/tables.py` `engine/nothing.py` `tests/scenarios/*.txt` `docs/*.rst`")
    assert [name for name in names if not is_there(name, files())] == ["engine/nothing.py", "docs/*.rst"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    there = files()
    for target in sorted(set(re.findall(r"\]\(([^)]+)\)", prose(page)))):
        if target.startswith("https://"):
            continue
        path, _, place = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert str(linked.relative_to(ROOT)) in there, target
        assert not place or place in places(linked), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_two_sections_of_a_page_have_the_same_address(page: Path) -> None:
    addresses = [anchor(title) for level in range(1, 5) for title in headings(page, level)]
    assert sorted({address for address in addresses if addresses.count(address) > 1}) == []


@cache
def places(page: Path) -> set[str]:
    """What a link can lead to within a page."""
    titles = {anchor(title) for level in range(1, 5) for title in headings(page, level)}
    return titles | set(re.findall(r'<a id="([\w-]+)">', page.read_text()))


@pytest.mark.parametrize(("page", "command"), commands())
def test_the_commands_that_a_page_shows_can_be_given(page: str, command: str) -> None:
    assert problem_with(command) == ""


@pytest.mark.parametrize("command", [
    "arena sevre", "arena serve --prot 80", "make tset", ".venv/bin/pytest tests/rules", "arena bench engin", "curl x",
])  # fmt: skip
def test_a_command_that_is_wrong_is_seen(command: str) -> None:
    assert problem_with(command) != ""


@pytest.mark.parametrize("block", each("toml"))
def test_the_settings_that_a_page_shows_can_be_set(block: Block) -> None:
    parse_config(block.text)


def test_a_setting_that_is_wrong_is_seen() -> None:
    with pytest.raises(ConfigError):
        parse_config("[server]\nprot = 1")


def test_every_decision_is_listed_once_and_has_a_number_of_its_own() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert len({name[:4] for name in records}) == len(records)
    listed = re.findall(r"\[(\d{4})\]\((\S+)\) \| (.+) \|", (folder / "README.md").read_text())
    assert [name for _, name, _ in listed] == records
    for number, name, title in listed:
        text = (folder / name).read_text()
        assert text.startswith(f"# {number}. {title}\n"), name
        assert len(text.splitlines()) <= 60, f"{name} is longer than a page"


def test_the_floors_are_those_of_the_code() -> None:
    said = [
        cells[0].strip("`").rstrip("/").removesuffix(".py")
        for cells in rows(section(ROOT / "docs" / "architecture.md", "Floors"))
    ]
    for part, packages in FLOORS.items():
        assert [name for name in said if name.startswith(f"{part}/")] == [f"{part}/{package}" for package in packages]


def test_the_repository_says_nothing_of_where_it_was_made() -> None:
    """No path of a machine, in no page."""
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root|Users)/", page.read_text()), name_of(page)


def test_what_is_shown_in_python_is_python() -> None:
    for page in PAGES:
        for block in blocks(page, "python"):
            compile(block.text, f"{name_of(page)}:{block.line}", "exec")


def test_the_exit_codes_are_those_of_the_code() -> None:
    sources = "\n".join(path.read_text() for part in ("gateway", "persistence") for path in (ROOT / part).rglob("*.py"))
    used = set(re.findall(r"^EXIT_\w+(?:: Final)? = (\d+)$", sources, re.MULTILINE))
    said = {code for code, _ in rows(section(ROOT / "docs" / "durability.md", "Exit codes"))}
    assert used
    assert said == used | {"0", "130"}


def test_the_challenge_rules_are_settings_of_games() -> None:
    table = rows(section(ROOT / "docs" / "trading.md", "Challenge rules"))
    named = {name for rule, _ in table for name in re.findall(r"`(\w+)`", rule)}
    settings = {field.name for field in msgspec.structs.fields(GameSpec)}
    assert len(named) > 8
    assert named <= settings


def test_the_tests_that_a_table_names_are_there() -> None:
    """Each part of the arena is broken by a test."""
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)", sources, re.MULTILINE))
    for part, *_, broken_by in rows(section(ROOT / "docs" / "durability.md", "Supervision")):
        named = set(re.findall(r"`(test_\w+)`", broken_by))
        assert named, f"no test breaks {part}"
        assert named <= there, named - there
