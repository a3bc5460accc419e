"""Checks of the data folder of a stopped arena: is everything there that was acknowledged, and is it sound?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from bench.process import arena
from engine.model.commands import Kind
from persistence.disk import Folder
from persistence.segments import entries

CHECKS_WITHIN_S: Final = 3_600.0


def verify(data: Path) -> dict[str, Any] | str:
    """The JSON result of `arena verify`; its error output, as text, if it fails."""
    done = arena("verify", "--data", str(data), "--json")
    if done.returncode:
        return f"{done.stdout} {done.stderr}".strip()
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def missing_commands(data: Path, lines: list[dict[str, int]]) -> tuple[list[dict[str, int]], int]:
    """Acknowledged requests that are not commands of that player in the log; and how many commands that has."""
    players: dict[int, int] = {}
    count = 0
    for entry in entries(Folder(data / "log")):
        records = entry.batch.records
        count += len(records)
        for place in ((records["kind"] != Kind.QUOTE) & (records["kind"] != Kind.PULSE)).nonzero()[0].tolist():
            players[entry.batch.first_sequence + place] = int(records[place]["player"])
    return [line for line in lines if players.get(line["seq"]) != line["player"]], count


def told(command: str, data: Path) -> tuple[dict[str, Any], str]:
    """The JSON answer of a command that checks the folder, and its error output if it failed."""
    done = arena(command, "--data", str(data), "--json", timeout_s=CHECKS_WITHIN_S)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        answer = {}
    return answer, f"arena {command}: {done.stdout} {done.stderr}".strip()[-500:] if done.returncode else ""
