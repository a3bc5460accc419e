"""Whatever the words of a record are, the engine answers it, and all invariants hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.invariants import check
from engine.model.commands import COMMAND, Batch, Kind
from engine.model.reasons import Reason
from tests.harness.arena import LONG, SHORT, Arena
from tests.harness.fuzzing import examples
from tests.harness.records import LAYOUTS

DTYPES: dict[int, np.dtype[Any]] = {int(kind): layout for kind, layout in LAYOUTS.values()}
WORDS = (
    st.integers(-2, 12)
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([100, 10**8, 5_000_000, 6_000_000, 7_000_000, 2**31, 2**62, -(2**63), 2**63 - 1])
)
LIKELY = {"player": st.sampled_from([1, 1, 2]), "match": st.sampled_from([1, 1, 0]), "instrument": st.just(1)}
"""So that not all is refused for the same reason."""


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A record of a hot kind, or of none, each of its words anything."""
    kind = draw(st.sampled_from([*DTYPES, Kind.PULSE, Kind.CANCEL_ALL, 0, 99]))
    record = np.zeros(1, DTYPES.get(kind, COMMAND))
    for name in record.dtype.names or ():
        column = record[name].reshape(-1)
        least, most = np.iinfo(column.dtype).min, np.iinfo(column.dtype).max
        for place in range(len(column)):
            word = draw(LIKELY[name] | WORDS if name in LIKELY else WORDS)
            column[place] = min(max(word, least), most)
    record["kind"] = kind
    return record.tobytes()


@given(st.lists(records(), min_size=1, max_size=12), st.integers(0, 10**10))
@examples(25)
def test_any_record_is_answered(batch: list[bytes], passes_ns: int) -> None:
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    for side in (LONG, SHORT):
        ann.opens("BTCUSDT", side, margin=100, leverage=10)
        ann.limit("BTCUSDT", side, 60_000 - side * 1_000, margin=100, leverage=10)
    state = arena.machine.state
    sequence = int(state.book.world["sequence"][0])
    commands = np.frombuffer(b"".join(batch), COMMAND)
    applied = arena.machine.apply(Batch(sequence + 1, arena.now_ns + passes_ns, commands, b""))
    assert {Reason(reason) for reason in applied.outcomes["reason"]} <= set(Reason)
    assert int(state.book.world["sequence"][0]) == sequence + len(batch)
    check(state)
