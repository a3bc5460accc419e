"""AsyncAPI 3 of the socket: /asyncapi.json.

The channel `socket` has what is asked and answered, a message per op and per answer. The others are those that one
subscribes to, over the same connection; the address of such a channel is its name.
"""

from __future__ import annotations

import re
from typing import Any, Final, get_args

import msgspec

from gateway.core.versions import PROTOCOL_VERSION
from gateway.documents.schemas import Schema, key_of, schema_of, schemas_of
from gateway.documents.words import ChannelWords, Words
from gateway.ops.table import OPS, Command, Op
from gateway.protocol.codes.catalogue import CATALOGUE
from gateway.protocol.envelopes import Envelope, Push, Reply
from gateway.protocol.errors import Error, Retry
from gateway.protocol.events import CHANNELS, data_type
from gateway.protocol.scalars import MessageId
from gateway.sessions.caller import For

SUBPROTOCOLS: Final = ("arena.v1+json", "arena.v1+msgpack")


WHO: Final = {
    For.ALL: "everybody, before auth too",
    For.MARKET: "everybody where guests are allowed, else who is signed in",
    For.SIGNED_IN: "players and operators",
    For.PLAYERS: "players",
    For.KEY_HOLDERS: "players and partners",
    For.SUPPORT: "operators",
    For.FINANCE: "operators of the roles finance and admin",
    For.ADMINS: "operators of the role admin",
}
PARAMETERS: Final = {
    "symbol": "Of an instrument, such as BTCUSDT.",
    "interval": "Of the candles, such as 1m.",
    "id": "Of a match.",
}


def asyncapi(words: Words) -> dict[str, Any]:
    """The document."""
    shapes = [shape for op in OPS.values() for shape in (op.arguments, op.result)]
    shapes += [data_type(channel, type, str) for channel, types in CHANNELS.items() for type in types]
    roots, components = schemas_of([*shapes, Error], words.fields)
    asked = {f"{name}.request": _request(name, op, roots, words) for name, op in OPS.items()}
    answered = {f"{name}.reply": _reply(name, op, roots, words) for name, op in OPS.items()}
    messages = {**asked, **answered, "failure": _failure(roots)}
    channels: dict[str, Any] = {
        "socket": {
            "address": "/ws",
            "title": "Requests and replies",
            "description": "One frame is one message. Everything, the messages of channels too, comes over it.",
            "messages": {name: _ref("components", "messages", name) for name in messages},
            "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        }
    }
    operations = {name: _operation(name, op, words) for name, op in OPS.items()}
    for channel, types in CHANNELS.items():
        told = {f"{channel}.{type}": _push(channel, type, roots, words) for type in types}
        messages |= told
        channels[channel] = _channel(words.channels[channel], list(told))
        operations[f"{channel}.messages"] = {
            "action": "send",
            "title": words.channels[channel].address,
            "channel": _ref("channels", channel),
            "messages": [_ref("channels", channel, "messages", name) for name in told],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tick-arena: the socket",
            "version": str(PROTOCOL_VERSION),
            "description": "WebSocket at /ws, with the subprotocol " + " (text frames, also when none is asked for) or "
            .join(SUBPROTOCOLS) + " (binary frames, the same shapes). Decimals are text, times ms since 1970 UTC.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "arena": {
                "host": "{host}",
                "protocol": "wss",
                "description": "This arena; ws:// where it is reached without TLS.",
                "variables": {"host": {"default": "127.0.0.1:8080", "description": "As in the address of this page."}},
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {name: _draft_7(schema) for name, schema in components.items()},
        },
    }  # fmt: skip


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)}


def _operation(name: str, op: Op, words: Words) -> dict[str, Any]:
    return {
        "action": "receive",
        "summary": f"{name}: a {'command' if isinstance(op, Command) else 'query'}, for {WHO[op.who]}",
        "description": words.ops[name].about,
        "channel": _ref("channels", "socket"),
        "messages": [_ref("channels", "socket", "messages", f"{name}.request")],
        "reply": {
            "channel": _ref("channels", "socket"),
            "messages": [_ref("channels", "socket", "messages", each) for each in (f"{name}.reply", "failure")],
        },
    }


def _request(name: str, op: Op, roots: dict[str, Schema], words: Words) -> dict[str, Any]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(Envelope)}
    properties = {each: schema_of(fields[each].type) for each in ("id", "op", "key", "deadline")}
    properties["op"] = {"const": name}
    properties["args"] = roots[key_of(op.arguments)]
    if not isinstance(op, Command):
        del properties["key"]
    required = ["id", "op"]
    if any(field.required for field in msgspec.structs.fields(op.arguments)):
        required.append("args")
    payload = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return _message(name, f"Asks for {name}.", payload, [example.request for example in words.ops[name].examples])


def _reply(name: str, op: Op, roots: dict[str, Schema], words: Words) -> dict[str, Any]:
    payload = _outside(Reply, ok={"const": True}, result=roots[key_of(op.result)])
    told = [example.reply for example in words.ops[name].examples if example.reply["ok"]]
    return _message(name, f"The answer of {name}.", payload, told)


def _failure(roots: dict[str, Schema]) -> dict[str, Any]:
    codes = [entry.code for entry in CATALOGUE]
    error = {
        "allOf": [
            roots[key_of(Error)],
            {"properties": {"code": {"enum": codes}, "retry": {"enum": list(get_args(Retry))}}},
        ]
    }
    properties = {"id": schema_of(MessageId | None), "ok": {"const": False}, "error": error}
    payload = {"type": "object", "properties": properties, "required": ["id", "ok", "error"]}
    return _message("failure", "Why a request was refused.", payload, [])


def _push(channel: str, type: str, roots: dict[str, Schema], words: Words) -> dict[str, Any]:
    address = words.channels[channel].address
    data = {"anyOf": [roots[key_of(data_type(channel, type, str))], {"type": "object", "maxProperties": 0}]}
    kinds = "; ".join(f"{kind}: {said}" for kind, said in words.kinds.items())
    payload = _outside(
        Push,
        channel={"type": "string", "description": address},
        type={"const": type},
        kind={"enum": list(words.kinds), "description": kinds},
        data=data,
    )
    told = [
        message
        for message in words.pushes
        if message["channel"].partition(".")[0] == channel and message["type"] == type
    ]
    return _message(type, f"{type}, of {address}", payload, told)


def _outside(struct: Any, **known: Schema) -> Schema:
    """The schema of an envelope, with what is known of its fields here."""
    fields = msgspec.structs.fields(struct)
    properties = {field.encode_name: known.get(field.encode_name) or schema_of(field.type) for field in fields}
    required = [field.encode_name for field in fields if field.required]
    return {"type": "object", "properties": properties, "required": required}


def _message(name: str, summary: str, payload: Schema, examples: list[Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "title": name, "summary": summary, "payload": _draft_7(payload)}
    if examples:
        made["examples"] = [{"payload": example} for example in examples]
    return made


def _channel(said: ChannelWords, messages: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "address": said.address,
        "title": said.address,
        "description": f"Tells {said.tells}. Who may listen: {said.who}. Subscribe to it over the socket.",
        "messages": {name: _ref("components", "messages", name) for name in messages},
    }
    if parameters := re.findall(r"{(\w+)}", said.address):
        made["parameters"] = {name: {"description": PARAMETERS[name]} for name in parameters}
    return made


def _draft_7(schema: Any) -> Any:
    """Tuples as AsyncAPI's dialect of JSON Schema has them."""
    if isinstance(schema, list):
        return [_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _draft_7(value) for key, value in schema.items()}
    if "prefixItems" in made and isinstance(made["prefixItems"], list):
        made["items"] = made.pop("prefixItems")
    return made
