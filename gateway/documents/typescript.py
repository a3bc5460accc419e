"""TypeScript's types of all that clients and the server say to each other: arena.d.mts beside the JavaScript client.

`make docs` writes it anew; a test fails when it is not what the definitions say. A type
has the name of its Struct, and the comment of a field is the one in the Struct. Decimals are text.
"""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any, Final

from msgspec import inspect as shapes

from engine.model.reasons import Reason
from gateway.documents.schemas import comments_of
from gateway.ops.table import OPS, Command
from gateway.protocol.errors import Code, Error
from gateway.protocol.events import CHANNELS, data_type
from gateway.protocol.identity.accounts import Login, Register, SignedIn
from gateway.protocol.session import Guest

DECLARATIONS: Final = Path(__file__).parent.parent / "client" / "javascript" / "arena.d.mts"

_CLIENT: Final = """\
export type Side = PlaceOrder["side"];

/** What an op takes, where it takes nothing without which it cannot be asked for. */
type GivenTo<Op extends keyof Ops> = {} extends Ops[Op]["args"] ? [args?: Ops[Op]["args"]] : [args: Ops[Op]["args"]];

export interface RequestOptions {
  /** Of idempotency; a command gets one if none is given. */
  key?: string;
  /** By the arena's clock, in ms since the epoch. */
  deadline?: number;
  timeoutMs?: number;
}

export interface Reply<Result> {
  seq: number;
  at: number;
  result: Result;
  replayed: boolean;
}

export interface Status {
  state: "lost" | "connected" | "ended";
  code: number | string | null;
  error: ArenaError | null;
}

export interface ArenaOptions {
  reconnect?: boolean;
  retry?: boolean;
  timeoutMs?: number;
  eventsKept?: number;
  onStatus?: (status: Status) => void;
  WebSocket?: new (url: string, protocols: string[]) => unknown;
}

/** One connection of one player, that stays up. */
export declare class Arena {
  constructor(url?: string, options?: ArenaOptions);
  readonly url: string;
  player: number;
  token: string | null;
  refreshToken: string | null;
  matches: number[];
  channels: string[];
  reconnects: number;
  eventsDropped: number;
  unexpected: number;
  connect(): Promise<this>;
  close(): void;
  guest(name?: string, options?: { referralCode?: string }): Promise<Guest>;
  register(account: Register): Promise<SignedIn>;
  login(account: Login): Promise<SignedIn>;
  refresh(refreshToken: string): Promise<SignedIn>;
  auth(token: string): Promise<Authenticated>;
  call<Op extends keyof Ops>(
    op: Op, ...given: [...GivenTo<Op>, options?: RequestOptions]
  ): Promise<Ops[Op]["result"]>;
  request<Op extends keyof Ops>(
    op: Op, ...given: [...GivenTo<Op>, options?: RequestOptions]
  ): Promise<Reply<Ops[Op]["result"]>>;
  post(path: string, body?: object): Promise<unknown>;
  subscribe(...channels: string[]): Promise<string[]>;
  unsubscribe(...channels: string[]): Promise<string[]>;
  events(): AsyncGenerator<ArenaEvent, void, void>;
}

export declare class ArenaError extends Error {}

export declare class Refused extends ArenaError {
  constructor(error: ErrorBody);
  readonly code: ErrorCode;
  readonly retry: "never" | "after" | "query";
  readonly retryAfter: number | null;
  readonly details: Record<string, unknown>;
}

export declare class Unreachable extends ArenaError {}

export declare class Disconnected extends ArenaError {
  constructor(code: number | null);
  readonly code: number | null;
}

export declare class Garbled extends ArenaError {}

export declare class Unanswered extends ArenaError {
  constructor(op: string, key?: string);
  readonly op: string;
  readonly key: string | null;
}

/** Ops that change something, and so are sent with a key. */
export declare const COMMANDS: Set<string>;

/** An idempotency key that nobody has used. */
export declare function newKey(): string;
"""
"""What arena.mjs has."""

_SPECIAL: Final = {"Error": "ErrorBody"}
"""Names that mean something else in JavaScript."""


def typescript() -> str:
    """The text of arena.d.mts."""
    types = _Types()
    ops = [
        f'  "{name}": {{ args: {types.of(op.arguments)}; result: {types.of(op.result)};'
        f" command: {str(isinstance(op, Command)).lower()} }};"
        for name, op in OPS.items()
    ]
    events = [
        f"  | Message<{_channel(channel)}, {_text(type)}, {types.of(data_type(channel, type, str))}>"
        for channel, messages in CHANNELS.items()
        for type in messages
    ]
    for extra in (Guest, Register, Login, SignedIn, Error):
        types.of(extra)
    codes = [f"  | {_text(name)}" for name in (*Code.__members__, *Reason.__members__) if name != "OK"]
    parts = [
        "/**\n * The types of the JavaScript client, generated from the server's definitions by\n"
        " * gateway/documents/typescript.py. Decimals are text; times are ms since 1970 UTC.\n */",
        "/** Every op: what it takes, what it answers, and whether it changes something. */\n"
        "export interface Ops {\n" + "\n".join(ops) + "\n}",
        _MESSAGE + "\n\n/** Any message of any channel. */\nexport type ArenaEvent =\n" + "\n".join(events)
        + "\n  | Message<string, \"refused\", ErrorBody>;",
        "export type ErrorCode =\n" + "\n".join(codes) + ";",
        *types.declarations.values(),
        _CLIENT.rstrip(),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


_MESSAGE: Final = """\
export interface Message<Channel, Type, Data> {
  channel: Channel;
  /** Counts the channel's messages without gaps. */
  n: number;
  seq: number;
  at: number;
  type: Type;
  /** Of a message of the kind "ended", and of a candle or ticker that nothing is known of yet, it is empty. */
  data: Data;
  kind?: "snapshot" | "conflated" | "ended";
  place?: number;
}"""


def _channel(channel: str) -> str:
    return _text(channel) if channel in ("me", "sys") else f"`{channel}.${{string}}`"


def _text(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


class _Types:
    """Expressions for types; `declarations` has what they name, in the order in which it was met."""

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}

    def of(self, shape: Any) -> str:
        """TypeScript for a type of Python."""
        return self._expression(shapes.type_info(shape))

    def _expression(self, type: shapes.Type) -> str:
        match type:
            case shapes.IntType() | shapes.FloatType():
                return "number"
            case shapes.StrType():
                return "string"
            case shapes.BoolType():
                return "boolean"
            case shapes.NoneType():
                return "null"
            case shapes.LiteralType():
                return " | ".join(map(_text, type.values))
            case shapes.UnionType():
                return " | ".join(dict.fromkeys(map(self._expression, type.types)))
            case shapes.ListType() | shapes.VarTupleType():
                item = self._expression(type.item_type)
                return f"({item})[]" if " " in item else f"{item}[]"
            case shapes.DictType():
                return f"Record<string, {self._expression(type.value_type)}>"
            case shapes.StructType():
                return self._named(type)
            case shapes.AnyType() | shapes.RawType():
                return "unknown"
        raise TypeError(f"no TypeScript for {type}")

    def _named(self, type: shapes.StructType) -> str:
        name = _name(type.cls)
        if name not in self.declarations:
            self.declarations[name] = ""  # it may hold itself
            self.declarations[name] = self._declare(name, type)
        return name

    def _declare(self, name: str, type: shapes.StructType) -> str:
        origin = typing.get_origin(type.cls) or type.cls
        told = comments_of(origin)
        said = inspect.cleandoc(origin.__dict__.get("__doc__") or "")
        head = f"/** {said.replace(chr(10), chr(10) + ' * ')} */\n" if said else ""
        if type.array_like:
            items = ", ".join(f"{field.encode_name}: {self._expression(field.type)}" for field in type.fields)
            return f"{head}export type {name} = [{items}];"
        omits = origin.__struct_config__.omit_defaults or type.forbid_unknown_fields
        lines = []
        for field in type.fields:
            optional = omits and not field.required
            if comment := told.get(field.name):
                lines.append(f"  /** {comment} */")
            lines.append(f"  {field.encode_name}{'?' * optional}: {self._value(field.type, optional)};")
        return f"{head}export interface {name} {{\n" + "\n".join(lines) + "\n}"

    def _value(self, type: shapes.Type, optional: bool) -> str:
        """Of what may be left out, null says the same."""
        if optional and isinstance(type, shapes.UnionType):
            kept = [choice for choice in type.types if not isinstance(choice, shapes.NoneType)]
            return " | ".join(dict.fromkeys(map(self._expression, kept)))
        return self._expression(type)


def _name(cls: Any) -> str:
    """Placed[str] is Placed, Paged[Fill[str]] is PagedFill."""
    origin = typing.get_origin(cls) or cls
    inner = "".join(_name(argument) for argument in typing.get_args(cls) if argument is not str)
    name: str = origin.__name__
    return _SPECIAL.get(name, name) + inner
