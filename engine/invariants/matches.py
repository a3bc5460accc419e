"""Matches: their virtual money, their games, their pauses, who waits for them, and what they make of their players."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import count_by, first_rows, live_rows, rules_of, sum_by, walk, where
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING, SEAT_DISQUALIFIED, SEATS


def every_match_sums_to_what_it_granted(state: State) -> list[str]:
    """Cash, reserved, margin and stakes of its seats, and what fees, the market and insurance took, are what was given
    out."""
    book = state.book
    matches, seats = first_rows(book.matches, book.world["matches"][0]), book.seats[live_rows(book, SEATS)]
    kept = seats["cash"] + seats["reserved"] + seats["margin"] + seats["stakes"]
    held = sum_by(len(matches), seats["match"], kept)
    total = held + matches["fees_taken"] + matches["house_profit"] + matches["insurance"]
    return [
        *where(total != matches["initial_funding"], "match {} holds other than it initial_funding"),
        *where(matches["insurance"] > 0, "insurance of match {} is positive"),
        *where(matches["fees_taken"] < 0, "fees of match {} are negative"),
        *where(matches["seats"] != count_by(len(matches), seats["match"]), "match {} miscounts its seats"),
    ]


def matches_play_by_a_version_of_their_game(state: State) -> list[str]:
    """A match pins one of the versions that its game has had: none of them is ever lost."""
    matches, games = first_rows(state.book.matches, state.book.world["matches"][0])[1:], state.cold.games
    pinned = zip(matches["game"].tolist(), matches["game_version"].tolist(), strict=True)
    return [
        f"match {id} plays by version {version} of game {game}"
        for id, (game, version) in enumerate(pinned, 1)
        if not 1 <= version <= len(games[game].versions)
    ]


def pauses_are_counted(state: State) -> list[str]:
    """The world counts the matches that are paused: open ones that have an end, and a rule that pauses them."""
    matches, world = state.book.matches, state.book.world[0]
    paused = matches["paused_since_ns"] != 0
    may_be = (matches["status"] == MATCH_OPEN) & (matches["outage_extends"] == 1) & (matches["ends_at_ns"] != 0)
    late = matches["paused_since_ns"] + matches["outage_ns"] >= world["now_ns"]
    return [
        *where(paused & (~may_be | late), "match {} is paused and has no reason to be"),
        *where((matches["void"] != 0) & (matches["status"] == MATCH_OPEN), "match {} is void and still open"),
        *([f"{paused.sum()} matches are paused, not {world['paused']}"] if paused.sum() != world["paused"] else []),
    ]


def queues_hold_players_of_theirs(state: State) -> list[str]:
    """Who waits is a player, and has no seat in the match that the queue has made last, as long as that waits."""
    book = state.book
    found = []
    for game, queue in state.cold.queues.items():
        if game not in state.cold.games or not 0 <= queue.match <= book.world["matches"][0]:
            found.append(f"the queue of game {game} is nobody's, or of a match that is not")
        strangers = [player for player in queue.waiting if not 1 <= player <= book.world["players"][0]]
        if strangers:
            found.append(f"{strangers} wait for game {game} and are no players")
        match = book.matches[queue.match]
        if match["status"] == MATCH_WAITING:
            seats = walk(int(match["first_seat"]), book.seats["next_in_match"].tolist())
            if twice := set(book.seats["player"][seats].tolist()) & queue.waiting.keys():
                found.append(f"{sorted(twice)} wait for game {game} and sit in match {queue.match}")
    return found


def careers_are_what_matches_made_of_them(state: State) -> list[str]:
    """Matches, wins and experience follow from the seats of finished matches that somebody was fit to win. Cups are
    between none and those that were won; of the season's, there are not more."""
    book = state.book
    careers, seats = book.careers, book.seats[live_rows(book, SEATS)]
    seats = seats[(seats["rank"] > 0) & (book.matches["practice"][seats["match"]] == 0)]
    fit = seats["held_trades"] >= book.matches["min_trades"][seats["match"]]
    fit &= (seats["status"] != SEAT_DISQUALIFIED) & (seats["rank"] == 1)
    seats = seats[np.isin(seats["match"], seats["match"][fit])]
    won = seats["rank"] == 1
    cup, win_exp, lose_exp = (np.zeros(len(book.matches), np.int64) for _ in range(3))
    for id in np.unique(seats["match"]).tolist():
        rules = rules_of(state, id)
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
          for line in where(careers[field] != column, f"{field} of player {{}} is not what the matches made of it")),
        *where((careers["season_cups"] < 0) | (careers["season_cups"] > careers["cups"]) | (careers["cups"] > most),
               "cups of player {} are not between none and those that were won"),
        *where(careers["season_matches"] > careers["matches"], "player {} has more matches in a season than in all"),
        *where((careers["matches"] == 0) != (careers["cups_at_ns"] == 0), "player {} has cups since no time"),
        *where((careers["season_matches"] == 0) != (careers["season_cups_at_ns"] == 0),
               "player {} has cups of the season since no time"),
    ]  # fmt: skip
