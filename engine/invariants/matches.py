"""Matches: virtual money, game versions, pauses, queues, careers."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import count_by, live_rows, report, rows_up_to, rules_of_match, sum_by, walk
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING, SEAT_DISQUALIFIED, SEATS


def match_money_is_conserved(state: State) -> list[str]:
    """Cash, reserved, margin and stakes of its seats, plus fees, house profit and insurance, equal the initial
    funding."""
    book = state.book
    matches, seats = rows_up_to(book.matches, book.world["matches"][0]), book.seats[live_rows(book, SEATS)]
    kept = seats["cash"] + seats["reserved"] + seats["margin"] + seats["stakes"]
    held = sum_by(len(matches), seats["match"], kept)
    total = held + matches["fees_taken"] + matches["house_profit"] + matches["insurance"]
    return [
        *report(total != matches["initial_funding"], "money of match {} is not its initial funding"),
        *report(matches["insurance"] > 0, "insurance of match {} is positive"),
        *report(matches["fees_taken"] < 0, "fees of match {} are negative"),
        *report(matches["seats"] != count_by(len(matches), seats["match"]), "match {} miscounts its seats"),
    ]


def game_versions_exist(state: State) -> list[str]:
    """The game version of every match exists."""
    matches, games = rows_up_to(state.book.matches, state.book.world["matches"][0])[1:], state.cold.games
    pinned = zip(matches["game"].tolist(), matches["game_version"].tolist(), strict=True)
    return [
        f"match {id} plays by version {version} of game {game}"
        for id, (game, version) in enumerate(pinned, 1)
        if not 1 <= version <= len(games[game].versions)
    ]


def paused_matches_are_counted(state: State) -> list[str]:
    """world.paused counts the paused matches of all instruments, quotes.paused those of some; they are open, have an
    end, and a game that extends them."""
    book = state.book
    matches, world = book.matches, book.world[0]
    paused = matches["paused_since_ns"] != 0
    may_be = (matches["status"] == MATCH_OPEN) & (matches["outage_extends"] == 1) & (matches["ends_at_ns"] != 0)
    late = matches["paused_since_ns"] + matches["outage_ns"] >= world["now_ns"]
    free = np.count_nonzero(paused & (matches["restricted"] == 0))
    keys = book.allowed_index["key"][book.allowed_index["row"] != 0]
    of_instrument = np.bincount(keys[paused[keys >> 20]] & 0xFFFFF, minlength=len(book.quotes))
    return [
        *report(paused & (~may_be | late), "match {} is paused without a cause"),
        *report((matches["void"] != 0) & (matches["status"] == MATCH_OPEN), "match {} is void and still open"),
        *([f"{free} matches are paused, not {world['paused']}"] if free != world["paused"] else []),
        *report(of_instrument != book.quotes["paused"], "paused matches of instrument {} are miscounted"),
    ]


def queues_are_valid(state: State) -> list[str]:
    """Whoever waits is a registered player without a seat in the queue's current match."""
    book = state.book
    found = []
    for game, queue in state.cold.queues.items():
        if game not in state.cold.games or not 0 <= queue.match <= book.world["matches"][0]:
            found.append(f"the queue of game {game} has no such game or match")
        strangers = [player for player in queue.waiting if not 1 <= player <= book.world["players"][0]]
        if strangers:
            found.append(f"{strangers} wait for game {game} and are not players")
        match = book.matches[queue.match]
        if match["status"] == MATCH_WAITING:
            seats = walk(int(match["first_seat"]), book.seats["next_in_match"].tolist())
            if twice := set(book.seats["player"][seats].tolist()) & queue.waiting.keys():
                found.append(f"{sorted(twice)} wait for game {game} and have seats in match {queue.match}")
    return found


def careers_match_finished_matches(state: State) -> list[str]:
    """Matches, wins and experience follow from finished matches with an eligible winner. Cups are between 0 and all
    cups won; season cups are at most those."""
    book = state.book
    careers, seats = book.careers, book.seats[live_rows(book, SEATS)]
    seats = seats[(seats["rank"] > 0) & (book.matches["practice"][seats["match"]] == 0)]
    eligible = seats["held_trades"] >= book.matches["min_trades"][seats["match"]]
    eligible &= (seats["status"] != SEAT_DISQUALIFIED) & (seats["rank"] == 1)
    seats = seats[np.isin(seats["match"], seats["match"][eligible])]
    won = seats["rank"] == 1
    cup, win_exp, lose_exp = (np.zeros(len(book.matches), np.int64) for _ in range(3))
    for id in np.unique(seats["match"]).tolist():
        rules = rules_of_match(state, id)
        cup[id], win_exp[id], lose_exp[id] = rules.cup, rules.win_exp, rules.lose_exp
    experience = np.where(won, win_exp[seats["match"]], lose_exp[seats["match"]])
    size, winners = len(careers), seats[won]
    expected = {
        "matches": count_by(size, seats["player"]),
        "wins": count_by(size, winners["player"]),
        "experience": sum_by(size, seats["player"], experience),
    }
    most = sum_by(size, winners["player"], cup[winners["match"]])
    return [
        *(line for field, column in expected.items()
          for line in report(careers[field] != column, f"{field} of player {{}} are not those of the matches")),
        *report((careers["season_cups"] < 0) | (careers["season_cups"] > careers["cups"]) | (careers["cups"] > most),
                "cups of player {} are out of bounds"),
        *report(careers["season_matches"] > careers["matches"], "player {} has more matches in a season than in all"),
        *report((careers["matches"] == 0) != (careers["cups_at_ns"] == 0), "cups_at_ns of player {} is wrong"),
        *report((careers["season_matches"] == 0) != (careers["season_cups_at_ns"] == 0),
                "season_cups_at_ns of player {} is wrong"),
    ]  # fmt: skip
