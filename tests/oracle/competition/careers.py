"""What finished matches make of their players, and seasons."""

from __future__ import annotations

from engine.model.commands import StartSeason
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.state import Oracle, Outcome, Seat, refuse_if

PROGRESS = (
    "cups", "change", "cups_at_ns", "season_cups", "season_cups_at_ns", "season_matches", "experience", "gained",
    "level", "level_before", "matches", "wins",
)  # fmt: skip


def start_season(oracle: Oracle, command: StartSeason) -> Outcome:
    refuse_if(not 1 <= len(command.name.strip()) <= len(command.name) <= 64, Reason.SEASON_INVALID)
    oracle.season += 1
    for career in oracle.careers:
        career.season_cups = career.season_cups_at_ns = career.season_matches = 0
    oracle.emit(EventKind.SEASON_STARTED, season=oracle.season, **dict.fromkeys(PROGRESS, 0))
    return {"id": oracle.season}


def progress(oracle: Oracle, seat: Seat, cups: int, experience: int) -> None:
    """The winner gains cups; who loses some has none at worst. Everybody gains experience."""
    career = oracle.careers[seat.player - 1]
    cups_before, season_cups_before, level_before = career.cups, career.season_cups, career.level
    career.cups = max(0, career.cups + cups)
    career.season_cups = max(0, career.season_cups + cups)
    if career.cups != cups_before or career.matches == 0:
        career.cups_at_ns = oracle.now_ns
    if career.season_cups != season_cups_before or career.season_matches == 0:
        career.season_cups_at_ns = oracle.now_ns
    career.experience += experience
    career.matches += 1
    career.season_matches += 1
    career.wins += seat.rank == 1
    oracle.emit(
        EventKind.PLAYER_PROGRESSED, seat.player, seat.match, season=oracle.season, cups=career.cups,
        change=career.cups - cups_before, cups_at_ns=career.cups_at_ns, season_cups=career.season_cups,
        season_cups_at_ns=career.season_cups_at_ns, season_matches=career.season_matches,
        experience=career.experience, gained=experience, level=career.level, level_before=level_before,
        matches=career.matches, wins=career.wins,
    )  # fmt: skip


def board_of_cups(oracle: Oracle, of_season: bool) -> list[tuple[int, int]]:
    """(player, cups) of all who have finished a match, the best first."""
    entries = [
        (-career.season_cups, career.season_cups_at_ns, player) if of_season
        else (-career.cups, career.cups_at_ns, player)
        for player, career in enumerate(oracle.careers, 1)
        if (career.season_matches if of_season else career.matches)
    ]  # fmt: skip
    return [(player, -cups) for cups, _, player in sorted(entries)]
