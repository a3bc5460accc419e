"""A blob of the log is a cold command, or msgspec's error says that it is none."""

from __future__ import annotations

import typing

import msgspec
from hypothesis import given

from engine.model.commands import (
    ColdCommand,
    CreateGame,
    CreateMatch,
    JoinQueue,
    OpenFeed,
    RegisterPlayer,
    SetReferrals,
    SetSwitch,
    decode_cold,
    encode_cold,
)
from tests.harness.arena import BTC
from tests.harness.fuzzing import any_bytes, examples

COMMANDS: list[ColdCommand] = [
    BTC, CreateGame("Cup", "of gold", 100, 1, 1, item_rewards=(("GOLD_COIN", 3),)), CreateMatch(1, practice=True),
    RegisterPlayer("Ann", referrer=7), SetSwitch("match", 1, "locked", True, "why"), JoinQueue(1, 1),
    OpenFeed("test"), SetReferrals("BT", 2, 1),
]  # fmt: skip


@given(any_bytes([encode_cold(command) for command in COMMANDS]))
@examples(400)
def test_bytes_are_a_command_or_none(blob: bytes) -> None:
    try:
        command = decode_cold(blob)
    except msgspec.MsgspecError:
        return
    assert isinstance(command, typing.get_args(ColdCommand))
    assert decode_cold(encode_cold(command)) == command
