"""The words of docs/protocol.md reach the other documents, and each op has an example that fits it."""

from __future__ import annotations

import msgspec
import pytest

from gateway.documents.words import PAGE, read, words
from gateway.ops.table import OPS
from gateway.protocol.envelopes import Envelope

WORDS = read(PAGE.read_text())


@pytest.mark.parametrize("name", OPS)
def test_an_op_has_an_example_that_fits_it(name: str) -> None:
    """tests/documentation/test_protocol.py plays it and compares the reply."""
    assert WORDS.ops[name].examples
    for example in WORDS.ops[name].examples:
        request = msgspec.json.decode(msgspec.json.encode(example.request), type=Envelope)
        assert request.op == name
        msgspec.convert(example.request["args"], OPS[name].arguments)


def test_words_are_those_of_the_page() -> None:
    assert words() == WORDS, "run: make docs"
    assert WORDS.ops["order.cancel_all"].about == "All that rests in the match. What waits for its quote stays."
    assert WORDS.fields["Placed"]["position"] == "the fields from here on when it filled at once"
    assert WORDS.channels["candle"].address == "candle.{symbol}.{interval}"
    assert "`position.opened` follows" in WORDS.channels["me"].messages["order.filled"]


def test_a_page_that_is_not_as_the_definitions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no section 'order\.place'"):
        read(PAGE.read_text().replace("#### order.place", "#### order.put"))
    with pytest.raises(ValueError, match="where there is"):
        read(PAGE.read_text().replace("Answers with [placed](#placed)", "Answers with text"))
