"""docs/protocol.md says what the code does: ops, arguments, fields, messages, codes, limits. Its examples run."""

from __future__ import annotations

import ast
import re
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.commands import TransferCode
from engine.model.events import Cause
from engine.model.reasons import MESSAGES, Reason
from gateway.core.config import Limits
from gateway.core.intervals import INTERVALS
from gateway.ops.table import OPS, AsyncQuery, Command
from gateway.presenters.messages import PRIVATE
from gateway.protocol.envelopes import Envelope
from gateway.protocol.errors import CLOSE_MEANINGS, Close, Error
from gateway.protocol.events import CHANNELS
from gateway.protocol.history import Paged
from tests.documentation.arena import frames_of, stage
from tests.documentation.pages import ROOT, Block, anchor, blocks, headings, rows, section

PAGE = ROOT / "docs" / "protocol.md"
EXAMPLES = [block for block in blocks(PAGE, "json") if block.label]
SHAPES = {anchor(title): rows(section(PAGE, title)) for title in headings(PAGE, 3)}
FIELDS_OF_CONFIG = ("admin.define_instrument", "admin.create_game", "admin.update_game")
"""Their arguments are explained in config.toml."""


def ticked(cell: str) -> str:
    return cell.removesuffix("?").strip("`")


def fields_said(table: list[list[str]]) -> dict[str, bool]:
    """The fields of a table, and whether each must be there."""
    return {ticked(name): not name.endswith("?") for name, *_ in table}


def fields_of(shape: type) -> dict[str, bool]:
    return {field.encode_name: field.required for field in msgspec.structs.fields(shape)}


def structs_in(annotation: Any) -> list[type]:
    shape = typing.get_origin(annotation) or annotation
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return [shape, *(structs_in(typing.get_args(annotation)[0]) if shape is Paged else [])]
    return [found for argument in typing.get_args(annotation) for found in structs_in(argument)]


def check_shape(said: str, annotation: Any, where: str) -> None:
    """`said` names the section with the fields of what stands in the annotation, and so on within it."""
    structs = structs_in(annotation)
    linked = re.findall(r"\(#([\w-]+)\)", said)
    assert len(structs) == len(linked), f"{where}: {said}"
    for shape, title in zip(structs, linked, strict=True):
        table = SHAPES[title]
        assert fields_said(table) == fields_of(shape), f"{where}: {title}"
        inner = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
        for name, kind, *_ in table:
            check_shape(kind, inner[ticked(name)], f"{where}.{ticked(name)}")


def test_the_table_of_ops_is_that_of_the_code() -> None:
    table = rows(section(PAGE, "Ops"))[: len(OPS)]
    said = {re.sub(r"\[(.+)\]\(.*\)", r"\1", name): tuple(cells) for name, *cells in table}
    assert list(said) == list(OPS)
    for name, op in OPS.items():
        kind = (
            op.urgency.name.lower() if isinstance(op, Command) else "history" if isinstance(op, AsyncQuery) else "query"
        )
        assert said[name] == (op.who.name.lower(), kind, str(getattr(op, "cost", 1))), name


def test_every_op_has_its_section_and_no_other() -> None:
    assert sorted(headings(PAGE, 4)) == sorted(OPS)


@pytest.mark.parametrize("name", OPS)
def test_the_arguments_of_an_op_are_those_that_it_takes(name: str) -> None:
    if name not in FIELDS_OF_CONFIG:
        assert fields_said(rows(section(PAGE, name))) == fields_of(OPS[name].arguments)


@pytest.mark.parametrize("name", OPS)
def test_the_answer_of_an_op_has_the_fields_that_are_said(name: str) -> None:
    said = re.search(r"^Answers with (.*)\.$", section(PAGE, name), re.MULTILINE)
    assert said
    check_shape(said[1], OPS[name].result, name)


def test_the_envelope_and_errors_have_the_fields_that_are_said() -> None:
    request, error = rows(section(PAGE, "Messages"))[2:7], rows(section(PAGE, "Errors"))[:5]
    assert fields_said(request) == fields_of(Envelope)
    assert fields_said(error) == fields_of(Error)


def test_the_limits_are_those_of_the_configuration() -> None:
    said = {ticked(name): float(default) for name, default, _ in rows(section(PAGE, "Limits"))}
    assert said == {field.name: field.default for field in msgspec.structs.fields(Limits)}


def test_the_messages_of_me_are_those_of_the_code() -> None:
    table = rows(section(PAGE, "Messages of `me`"))
    assert {ticked(type) for type, *_ in table} == set(CHANNELS["me"])
    for type, data, _ in table:
        check_shape(data, CHANNELS["me"][ticked(type)], type)


def test_the_messages_of_other_channels_are_those_of_the_code() -> None:
    """Whatever in the gateway is named like a type of message is one, unless it is an op."""
    table = rows(section(PAGE, "Messages of the other channels"))
    said = {ticked(type) for _, type, *_ in table}
    named = re.compile(
        r"(?:order|position|seat|match|queue|player|wallet|fixed|room|instrument|switch|season)\.[a-z_]+"
    )
    texts = {
        node.value for path in (ROOT / "gateway").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.fullmatch(node.value)
    }  # fmt: skip
    private = {private.name for private in PRIVATE.values()}
    assert texts - set(OPS) - private <= said
    assert {type for type in said if "." in type} <= texts
    others = {(kind, type) for kind, types in CHANNELS.items() for type in types if kind != "me"}
    shown = {(ticked(channel).partition(".")[0], ticked(type)) for channel, type, *_ in table}
    assert shown | {("tick", "tick"), ("ticker", "ticker"), ("candle", "candle"), ("board", "board")} == others
    for channel, type, data, _ in table:
        check_shape(data, CHANNELS[ticked(channel).partition(".")[0]][ticked(type)], channel)


def test_the_intervals_and_channels_are_those_of_the_code() -> None:
    (said,) = [about for name, _, about in rows(section(PAGE, "candles")) if ticked(name) == "interval"]
    assert re.findall(r"`(\w+)`", said) == list(INTERVALS)
    names = {ticked(name).partition(".")[0] for name, *_ in rows(section(PAGE, "Channels"))[:7]}
    assert names == {"me", "tick", "ticker", "candle", "match", "board", "sys"}
    for name in names:
        assert ticked(f"`{name}`") in (ROOT / "gateway" / "ops" / "subscriptions.py").read_text()


def test_the_close_codes_are_those_of_the_code() -> None:
    """And each is used by something in the gateway."""
    said = {int(code): meaning for code, meaning in rows(section(PAGE, "Close codes"))}
    assert said == {code.value: meaning for code, meaning in CLOSE_MEANINGS.items()}
    assert set(CLOSE_MEANINGS) == set(Close)
    sources = [path.read_text() for path in (ROOT / "gateway").rglob("*.py") if path.name != "errors.py"]
    assert set(re.findall(r"Close\.([A-Z_]+)", "".join(sources))) >= set(Close.__members__)


def alike(said: Any, was: Any, where: str) -> None:
    """Of the same shape: the same fields, and values of the same kind; of a list the first element is shown."""
    if isinstance(said, dict):
        assert isinstance(was, dict), where
        assert said.keys() == was.keys(), where
        for key, value in said.items():
            alike(value, was[key], f"{where}.{key}")
    elif isinstance(said, list):
        assert isinstance(was, list), where
        assert bool(said) == bool(was), where
        for one, other in zip(said, was, strict=False):
            alike(one, other, where)
    elif isinstance(said, str) and re.fullmatch(r"-?\d+(\.\d+)?", said):
        assert isinstance(was, str), where
        assert re.fullmatch(r"-?\d+(\.\d+)?", was), where
        # Nothing is "0", whatever the unit, and what a trade brought depends on which way the price went.
        decimals = [len(each.partition(".")[2]) for each in (said, was)]
        assert "0" in (said, was) or decimals[0] == decimals[1], f"{where}: decimals"
    else:
        assert type(said) is type(was), f"{where}: {said!r}, but {was!r}"


def test_examples_that_differ_are_seen() -> None:
    for said, was in (
        ({"a": 1}, {"a": 1, "b": 2}), ({"a": 1}, {"a": "1"}), ([{"a": 1}], []), ({"a": "1.0"}, {"a": "1.00"}),
        ({"a": "1.0"}, {"a": "x"}), ({"a": None}, {"a": 1}), ({"a": True}, {"a": 1}),
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            alike(said, was, "example")


async def test_the_examples_are_answered_as_they_say(tmp_path: Path) -> None:
    """Each request is sent, in order, and the reply compared with the one shown; then the messages of channels."""
    asked = set()
    async with stage(tmp_path) as arena:
        for block in EXAMPLES:
            where = f"protocol.md:{block.line}"
            frames = frames_of(block.text)
            if frames[0][0] == "->":
                (_, message), (_, reply) = frames
                asked.add(message["op"])
                if message["op"] == "auth":
                    message = message | {"args": {"token": arena.tokens[block.label]}}
                alike(reply, await arena.asks(block.label, message), where)
            else:
                check_pushes(block, arena.clients[block.label].messages(), where)
    assert asked == set(OPS)


def check_pushes(block: Block, was: list[dict[str, Any]], where: str) -> None:
    for _, message in frames_of(block.text):
        outside = ("channel", "type", "kind")
        found = [each for each in was if all(each.get(key) == message.get(key) for key in outside)]
        assert found, f"{where}: nobody was told {message['type']}"
        problems = []
        for each in found:
            try:
                alike(message, each, where)
                break
            except AssertionError as problem:
                problems.append(problem)
        else:
            raise problems[0]


def test_frames_without_an_arena_are_messages() -> None:
    """The first example shows the envelope: it decodes as one."""
    (block,) = [block for block in blocks(PAGE, "json") if not block.label]
    frames = frames_of(block.text)
    request = msgspec.json.decode(msgspec.json.encode(frames[0][1]), type=Envelope)
    msgspec.convert(frames[0][1]["args"], OPS[request.op].arguments)
    assert all(direction == "<-" for direction, _ in frames[1:])
    msgspec.convert(frames[2][1]["error"], Error, strict=True)
    assert Reason[frames[2][1]["error"]["code"]] in MESSAGES


def test_causes_and_reasons_of_changes_are_those_of_the_code() -> None:
    text = section(PAGE, "Messages of `me`").replace("\n", " ")
    causes, reasons = re.findall(r"</a>\s*(The `\w+` of .*?)(?=<a id|$)", text)
    said_causes, said_reasons = (re.findall(r"`(\w+)`", said)[1:] for said in (causes, reasons))
    assert set(said_causes) == {cause.name.lower() for cause in Cause if cause is not Cause.NONE}
    assert set(said_reasons) == {code.name.lower() for code in TransferCode}
