"""What docs/protocol.md says of ops, fields, channels and messages, and its examples: the words of all other documents.

The page is where people write, and tests hold it against the code and play its examples. `read` takes the words out of
it; what comes out is kept in words.json beside this file, since an installed package has no docs/.
"""

from __future__ import annotations

import inspect
import re
import typing
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from gateway.ops.table import OPS
from gateway.protocol.events import CHANNELS
from gateway.protocol.history import Paged

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "protocol.md"
KEPT: Final = Path(__file__).parent / "words.json"


class Example(Struct, frozen=True):
    """A request, and the reply that it got when the page's examples were played; `who` has asked."""

    who: str
    request: dict[str, Any]
    reply: dict[str, Any]


class OpWords(Struct, frozen=True):
    about: str
    arguments: dict[str, str]
    examples: list[Example]


class ChannelWords(Struct, frozen=True):
    address: str  # its name, such as tick.{symbol}
    tells: str
    who: str
    messages: dict[str, str]  # when each is told, by type


class Words(Struct, frozen=True):
    ops: dict[str, OpWords]
    fields: dict[str, dict[str, str]]  # of Structs, those of arguments too, by their names
    channels: dict[str, ChannelWords]
    kinds: dict[str, str]  # of messages
    pushes: list[dict[str, Any]]  # examples of messages of channels


@cache
def words() -> Words:
    """Those that are kept."""
    return msgspec.json.decode(KEPT.read_bytes(), type=Words)


def read(text: str) -> Words:
    """The words of the page."""
    fields: dict[str, dict[str, str]] = {}
    ops = {name: _op_words(text, name) for name in OPS}
    for name, op in OPS.items():
        _follow(text, _answer_said(section(text, name)), op.result, fields)
        of_arguments = fields.setdefault(op.arguments.__name__, {})
        for field, said in ops[name].arguments.items():
            of_arguments.setdefault(field, said)
    for _, type, data, _, channel in _messages_said(text):
        _follow(text, data, CHANNELS[channel][type], fields)
    return Words(
        ops,
        dict(sorted(fields.items())),
        _channel_words(text),
        {_ticked(kind): plain(said) for kind, said in tables(section(text, "Channels"))[1]},
        [message for _, message in frames(section(text, "Examples")) if "channel" in message],
    )


# The page's parts


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of the same level or a higher one."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if heading is None:
        raise ValueError(f"docs/protocol.md has no section {title!r}")
    rest = text[heading.end() :]
    end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def tables(text: str) -> list[list[list[str]]]:
    """The tables in a text, without their heads."""
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
        for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    ]


def plain(text: str) -> str:
    """Without links, on one line."""
    return " ".join(re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text).split())


def frames(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The messages of fenced blocks: direction and message."""
    found = []
    for block in re.findall(r"^```json[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for direction, message in re.findall(r"^(->|<-) (.*?)(?=^->|^<-|\Z)", block, re.MULTILINE | re.DOTALL):
            found.append((direction, msgspec.json.decode(message)))
    return found


def _ticked(cell: str) -> str:
    return cell.removesuffix("?").strip("`")


def _rows(text: str) -> list[list[str]]:
    return [row for table in tables(text) for row in table]


def _op_words(text: str, name: str) -> OpWords:
    said = section(text, name)
    prose = re.sub(r"^```.*?^```$|^\|.*?$|^Answers with .*?$", "", said, flags=re.MULTILINE | re.DOTALL)
    examples = []
    for who, block in re.findall(r"^```json (\w+)\n(.*?)^```$", said, re.MULTILINE | re.DOTALL):
        (_, request), (_, reply) = frames(f"```json\n{block}```")
        examples.append(Example(who, request, reply))
    arguments = {_ticked(field): plain(about) for field, _, about in _rows(said)}
    paragraphs = [plain(each) for each in re.split(r"\n\s*\n", prose) if each.strip()]
    return OpWords("\n\n".join(paragraphs), {k: v for k, v in arguments.items() if v}, examples)


def _channel_words(text: str) -> dict[str, ChannelWords]:
    said = _messages_said(text)
    found = {}
    for name, tells, who in tables(section(text, "Channels"))[0]:
        kind, *rest = _ticked(name).split(".")
        address = ".".join([kind, *(f"{{{each.lower()}}}" for each in rest)])
        when = {type: plain(about) for _, type, _, about, channel in said if channel == kind}
        for type in CHANNELS[kind]:
            when.setdefault(type, "")
        found[kind] = ChannelWords(address, plain(tells), plain(who), {type: when[type] for type in CHANNELS[kind]})
    return found


def _messages_said(text: str) -> list[tuple[str, str, str, str, str]]:
    """Address, type, data and when, as the page has them; and the channel."""
    own = [("me", _ticked(type), data, when, "me") for type, data, when in _rows(section(text, "Messages of `me`"))]
    other = [
        (_ticked(address), _ticked(type), data, when, _ticked(address).partition(".")[0])
        for address, type, data, when in _rows(section(text, "Messages of the other channels"))
    ]
    return [*own, *other]


# Sections of Shapes, and the Structs that they are of


def _answer_said(said: str) -> str:
    found = re.search(r"^Answers with (.*)\.$", said, re.MULTILINE)
    return found[1] if found else ""


def structs_in(annotation: Any) -> list[Any]:
    """The Structs that a type names, generic ones as they are."""
    shape = typing.get_origin(annotation) or annotation
    if inspect.isclass(shape) and issubclass(shape, Struct):
        return [annotation, *(structs_in(typing.get_args(annotation)[0]) if shape is Paged else [])]
    return [found for argument in typing.get_args(annotation) for found in structs_in(argument)]


def _follow(text: str, said: str, annotation: Any, found: dict[str, dict[str, str]]) -> None:
    """The fields of what stands in the annotation, whose sections `said` links to, and so on within them."""
    structs, linked = structs_in(annotation), re.findall(r"\[([^\]]+)\]\(#[\w-]+\)", said)
    if len(structs) != len(linked):
        raise ValueError(f"docs/protocol.md links {said!r}, where there is {annotation}")
    for struct, title in zip(structs, linked, strict=True):
        origin = typing.get_origin(struct) or struct
        name = origin.__name__
        if name in found:
            continue
        table = _rows(section(text, title[0].upper() + title[1:]))
        found[name] = {_ticked(field): plain(about) for field, _, about in table if about}
        inner = {field.encode_name: field.type for field in msgspec.structs.fields(origin)}
        for field, kind, _ in table:
            _follow(text, kind, inner[_ticked(field)], found)
