"""JSON Schema of what travels, made of the Structs: for OpenAPI, AsyncAPI and the pages.

A schema has the name of its Struct, its docstring, and for each field what docs/protocol.md says of it, or else the
comment behind it. Decimals are text.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

Schema = dict[str, Any]
Fields = Mapping[str, Mapping[str, str]]

COMPONENTS: Final = "#/components/schemas/"

_COMMENTED: Final = re.compile(r"^    (\w+): [^#\n]*# ([^\n]+)$", re.MULTILINE)


def schemas_of(shapes: Iterable[Any], said: Fields) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The schema of each shape, by `key_of`, and the components that they refer to, by name and in the order of their
    names. Of a type that is generic, give the one whose decimals are text. `said` is what docs/protocol.md says of
    fields, by the names of Struct and field."""
    unique = list({key_of(shape): shape for shape in shapes}.values())
    structs = _structs_in(unique)
    roots, components = msgspec.json.schema_components([*structs, *unique], ref_template=COMPONENTS + "{name}")
    keys = [root["$ref"].removeprefix(COMPONENTS) for root in roots[: len(structs)]]
    names = {key: name_of(struct) for key, struct in zip(keys, structs, strict=True)}
    if len(set(names.values())) != len(names):
        raise ValueError(f"two Structs have one name: {sorted(names.values())}")
    for key, struct in zip(keys, structs, strict=True):
        _describe(components[key], comments_of(struct) | dict(said.get(_origin(struct).__name__, {})))
    named = {names[key]: {**_portable(schema, names), "title": names[key]} for key, schema in components.items()}
    by_key = {key_of(shape): _portable(root, names) for shape, root in zip(unique, roots[len(structs) :], strict=True)}
    return by_key, dict(sorted(named.items()))


def key_of(shape: Any) -> str:
    """What tells shapes apart."""
    return repr(shape)


def schema_of(shape: Any) -> Schema:
    """Of a shape that has no Struct in it."""
    made: Schema = _portable(msgspec.json.schema(shape), {})
    return made


def name_of(struct: Any) -> str:
    """Placed[str] is Placed, Paged[Fill[str]] is PagedFill."""
    inner = (name_of(argument) for argument in typing.get_args(struct) if argument is not str)
    return str(_origin(struct).__name__) + "".join(inner)


@cache
def comments_of(struct: Any) -> dict[str, str]:
    """What stands behind the fields of a Struct, its bases' too."""
    found: dict[str, str] = {}
    for base in reversed(_origin(struct).__mro__):
        if base.__module__.startswith("gateway."):
            found |= dict(_COMMENTED.findall(inspect.getsource(base)))
    return found


def as_json(document: Any, levels: int = 3) -> str:
    """A document as it is kept and compared: each thing on a line of its own, such as a schema or a message."""
    return _lines(document, levels, "") + "\n"


def _lines(value: Any, levels: int, indent: str) -> str:
    if not isinstance(value, dict) or not value or not levels:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    lines = (f"{inner}{json.dumps(key)}: {_lines(each, levels - 1, inner)}" for key, each in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _structs_in(shapes: Iterable[Any]) -> list[Any]:
    """Every Struct in the shapes, those within others too."""
    found: dict[Any, None] = {}

    def look_at(shape: msgspec.inspect.Type) -> None:
        if isinstance(shape, msgspec.inspect.StructType):
            if shape.cls in found:
                return
            found[shape.cls] = None
            for field in shape.fields:
                look_at(field.type)
        for name in ("item_type", "item_types", "types", "key_type", "value_type", "type"):
            inner = getattr(shape, name, None)
            for each in inner if isinstance(inner, tuple) else (inner,):
                if isinstance(each, msgspec.inspect.Type):
                    look_at(each)

    for shape in shapes:
        look_at(msgspec.inspect.type_info(shape))
    return list(found)


def _origin(struct: Any) -> Any:
    return typing.get_origin(struct) or struct


def _describe(schema: Schema, comments: dict[str, str]) -> None:
    for name, comment in comments.items():
        if name in schema.get("properties", {}):
            field = schema["properties"][name]
            # What stands beside a reference is lost on some readers.
            schema["properties"][name] = (
                {"allOf": [field], "description": comment} if "$ref" in field else {**field, "description": comment}
            )


def _portable(schema: Any, names: dict[str, str]) -> Any:
    """Names as ours, text without its indentation, and patterns as every language reads them."""
    if isinstance(schema, list):
        return [_portable(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _portable(value, names) for key, value in schema.items()}
    if isinstance(ref := made.get("$ref"), str):
        made["$ref"] = COMPONENTS + names[ref.removeprefix(COMPONENTS)]
    if isinstance(pattern := made.get("pattern"), str):
        made["pattern"] = pattern.replace(r"\Z", "$")
    if isinstance(text := made.get("description"), str):
        made["description"] = inspect.cleandoc(text)
    return made
