"""The examples of docs/trading.md and docs/money.md are scenarios, and play out as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.pages import ROOT, Block, blocks
from tests.harness.arena import Arena
from tests.scenarios.test_scenarios import Scenario

EXAMPLES = [
    pytest.param(block, id=f"{name}:{block.line}")
    for name in ("trading.md", "money.md") for block in blocks(ROOT / "docs" / name, "scenario")
]  # fmt: skip


@pytest.mark.parametrize("block", EXAMPLES)
def test_the_example_plays_out_as_written(arena: Arena, tmp_path: Path, block: Block) -> None:
    path = tmp_path / f"from line {block.line}.txt"
    path.write_text(block.text)
    Scenario(arena, path).play()


def test_there_are_examples_of_each_chapter() -> None:
    assert len(EXAMPLES) > 15
