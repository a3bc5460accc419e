"""Input as nobody should send it: any bytes, any JSON, and what was right before something happened to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

THOROUGH = os.environ.get("ARENA_THOROUGH") == "1"
"""Five times the examples, as .ci/run has it."""


def examples(count: int) -> settings:
    """So many of them, or more when there is time."""
    return settings(max_examples=5 * count if THOROUGH else count, suppress_health_check=list(HealthCheck))


texts = st.text(max_size=20) | st.sampled_from(
    ["", "0", "-0", "1e9", "NaN", "9" * 40, "0." + "0" * 40, "\0", "BTCUSDT"]
)
numbers = st.integers() | st.sampled_from([0, -1, 1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64])
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

NESTED = [opening * 20_000 for opening in (b"[", b'{"a":', b'{"x":[', b"\x91", b"\x81\xa1a", b"\xdc\x00\x01")]
"""Deeper than any decoder goes, in JSON and in msgpack."""


@st.composite
def damaged(draw: st.DrawFn, right: Sequence[bytes]) -> bytes:
    """One of what is right, with a few of its bytes changed, lost, doubled, or more of them put between."""
    data = draw(st.sampled_from(right))
    for _ in range(draw(st.integers(1, 4))):
        first, last = sorted(draw(st.integers(0, len(data))) for _ in range(2))
        between = draw(st.sampled_from([b"", data[first:last] * 2, *NESTED]) | st.binary(max_size=8))
        data = data[:first] + between + data[last if draw(st.booleans()) else first :]
    return data


def any_bytes(right: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Whatever may arrive where one of these should."""
    return st.binary(max_size=200) | damaged(right) | st.sampled_from(NESTED)
