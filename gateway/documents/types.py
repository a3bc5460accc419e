"""Types of fields in words: text, int, decimal, a list of something. As the pages for people have them."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from gateway.documents.schemas import name_of
from gateway.protocol.scalars import Amount, Milliseconds

Link = Callable[[Any], str]
"""Of a Struct: how the page names it."""

_PLAIN: Final = {int: "int", str: "text", bool: "bool", float: "number", Any: "any", Raw: "any"}


def in_words(annotation: Any, link: Link = name_of) -> str:
    """A type in words. What may be null is so because it may be left out, and is not told of."""
    if annotation == Milliseconds:
        return "time"
    if annotation == Amount or isinstance(annotation, TypeVar):
        return "decimal"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return in_words(arguments[0], link)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return _either([each for each in arguments if each is not types.NoneType], link)
    if origin in (list, tuple):
        return f"list of {in_words(arguments[0], link)}"
    if origin is dict:
        return f"object of {in_words(arguments[1], link)}"
    if isinstance(origin or annotation, type) and issubclass(origin or annotation, Struct):
        return link(annotation)
    raise TypeError(f"no words for {annotation}")


def _either(choices: list[Any], link: Link) -> str:
    without = [choice for choice in choices if typing.get_origin(choice) is not typing.Annotated]
    if set(without) == {int, str}:
        return "decimal"
    return " or ".join(dict.fromkeys(in_words(choice, link) for choice in choices))


def field_in_words(field: msgspec.structs.FieldInfo, link: Link = name_of) -> str:
    """The same of a field, whose name tells more of a whole number."""
    said = in_words(field.type, link)
    name = field.encode_name
    is_time = name in ("at", "until", "from", "to") or name.endswith("_at")
    return "time" if said == "int" and is_time else said
