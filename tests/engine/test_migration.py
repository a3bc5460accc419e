"""What the steps from one rules version to the next do: tests/persistence/test_upgrade.py has the rest."""

from __future__ import annotations

import numpy as np

from engine.batch.machine import Machine
from engine.migration import migrated
from engine.model.state import encode_cold_state, sections
from tests.harness.arena import LONG, Arena


def test_a_match_of_one_instrument_that_is_paused_goes_on_with_its_quote(arena: Arena) -> None:
    """Version 1 counted it among those that any quote lets go on."""
    match = arena.contest(600, currency="USDT", entry_fee=1, outage_extends=True, allowed_symbols=("BTCUSDT",))
    arena.passes(100)
    tables = {name: np.asarray(array).copy() for name, array in sections(arena.machine.state).items()}
    assert (tables["world"]["paused"][0], tables["quotes"]["paused"].tolist()[:3]) == (0, [0, 1, 0])
    tables["quotes"]["paused"], tables["world"]["paused"] = 0, 1
    arena.machine = Machine(migrated(tables, encode_cold_state(arena.machine.state.cold), 1, 2))
    arena.quote("ETHUSDT", 3_000)
    assert arena.shown(match).paused
    arena.quote("BTCUSDT", 60_000)
    assert not arena.shown(match).paused


def test_the_ids_of_what_was_open_are_known_for_as_long_as_it_is(arena: Arena) -> None:
    """Version 1 did not say what a key was of, nor how many there may be."""
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    for key in ("open", "closed"):
        alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key=key)
    alice.closes(alice.positions[1])
    tables = {name: np.asarray(array).copy() for name, array in sections(arena.machine.state).items()}
    tables["requests"]["kept_as"] = 0
    tables["world"]["keys_per_player"] = tables["world"]["keys_in_all"] = 0
    arena.machine = Machine(migrated(tables, encode_cold_state(arena.machine.state.cold), 1, 2))
    for key in ("open", "closed"):
        alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key=key)
        assert arena.outcome.replayed
    arena.passes(86_400)
    arena.quote("BTCUSDT", 60_000)
    for key, replayed in (("open", True), ("closed", False)):
        alice.opens("BTCUSDT", LONG, margin=100, leverage=10, key=key)
        assert arena.outcome.replayed == replayed
