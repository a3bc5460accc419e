"""A small tournament with a kill; the large one is `python -m bench.tournament`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.books import check_books
from bench.tournament import run_tournament


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_books_are_right_after_a_tournament_with_a_kill(tmp_path: Path) -> None:
    summary = asyncio.run(run_tournament(tmp_path, players=24, matches=10, kills=1, seconds=6, seed=7, market=[]))
    assert summary.errors == []
    books = summary.books
    assert books.closed + books.canceled == books.matches >= 10
    assert books.paid_in.keys() == {"USDT", "DEMO"}
    assert summary.acknowledged > 100

    wrong = check_books(tmp_path / "data", {1: []}, [(1, 1), (2, books.sequence + 1)]).problems
    assert any("was told {}" in problem for problem in wrong)
    assert sum("acknowledged, but not in the log" in problem for problem in wrong) == 2
