"""Whose a player's number is, looked up in a data folder in which an arena may be working.

Nothing is locked and nothing written. The newest snapshot mostly has it; else the log after that is replayed, and a
player whose registration is in the batch that is being written is not there yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.batch.machine import RULES_VERSION, Machine
from engine.model.commands import RegisterPlayer
from persistence.recovery import open_folders
from persistence.segments import LogCorrupt, entries
from persistence.snapshot import load_newest

ATTEMPTS: Final = 5
"""An arena at work seals segments and deletes snapshots under the reader's eyes."""


def registered_player(directory: Path, player: int) -> RegisterPlayer | None:
    """The registration of the player with that number; None: there is none. Raises OSError, LogCorrupt, RulesDiffer."""
    for attempt in range(ATTEMPTS):
        try:
            return _registered_player(directory, player)
        except (OSError, LogCorrupt):
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def _registered_player(directory: Path, player: int) -> RegisterPlayer | None:
    folders = open_folders(directory, reading=True)
    snapshot, _ = load_newest(folders.snapshots, folders.bases, rules_version=RULES_VERSION)
    machine = Machine(snapshot.state if snapshot else None)
    start = snapshot.header.sequence + 1 if snapshot else 1
    if player not in machine.state.cold.players:
        for entry in entries(folders.log, start, RULES_VERSION):
            machine.apply(entry.batch)
            if player in machine.state.cold.players:
                break
    return machine.state.cold.players.get(player)
