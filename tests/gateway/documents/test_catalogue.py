"""Every error code has its cause and its cure."""

from __future__ import annotations

from engine.model.reasons import MESSAGES, Reason
from gateway.protocol.codes.catalogue import CATALOGUE
from gateway.protocol.codes.of_engine import ENGINE
from gateway.protocol.codes.of_gateway import GATEWAY
from gateway.protocol.errors import Code, error_of_reason


def test_no_code_is_without_cause_and_cure() -> None:
    """A new one is added to of_gateway.py or of_engine.py, and then: make docs."""
    assert {code for group in GATEWAY.values() for code in group} == set(Code.__members__)
    reasons = {reason.name for reason in Reason if reason is not Reason.ACCEPTED}
    assert {code for group in ENGINE.values() for code in group} == reasons


def test_a_code_has_one_place() -> None:
    codes = [entry.code for entry in CATALOGUE]
    assert len(codes) == len(set(codes))
    assert not set(GATEWAY) & set(ENGINE)


def test_what_is_said_says_something() -> None:
    for entry in CATALOGUE:
        for text in (entry.message, entry.cause, entry.cure):
            assert text.strip() == text, entry.code
            assert len(text) > 5, entry.code
            assert not text.endswith("."), entry.code
        assert entry.cause != entry.message, entry.code
        assert entry.cure != entry.cause, entry.code


def test_an_entry_says_what_an_answer_says() -> None:
    by_code = {entry.code: entry for entry in CATALOGUE}
    stale, overloaded = by_code["FEED_STALE"], by_code["OVERLOADED"]
    assert (stale.retry, stale.status) == ("after", 409)
    assert stale.message == MESSAGES[Reason.FEED_STALE] == error_of_reason(Reason.FEED_STALE).message
    assert (overloaded.retry, overloaded.status) == ("after", 503)
    assert by_code["ORDER_NOT_FOUND"].status == 404
