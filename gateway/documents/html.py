"""The pages under /docs: of the socket, of errors, and the one that redoc draws. All of it is served by the arena."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterable
from html import escape
from typing import Any, Final

import msgspec

from gateway.documents.asyncapi import WHO
from gateway.documents.schemas import comments_of, name_of
from gateway.documents.types import field_in_words, in_words
from gateway.documents.words import ChannelWords, Example, Words, structs_in
from gateway.ops.table import OPS, AsyncQuery, Command, Op
from gateway.protocol.codes.catalogue import CATALOGUE
from gateway.protocol.errors import CLOSE_MEANINGS, Error
from gateway.protocol.events import CHANNELS

PAGES: Final = {"/docs": "Overview", "/docs/rest": "REST", "/docs/socket": "Socket", "/docs/errors": "Errors"}

_FRAME: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} - tick-arena</title>
<link rel="stylesheet" href="/docs/style.css">
{head}</head>
<body>
<header><strong>tick-arena</strong> <nav>{pages}</nav></header>
{body}
</body>
</html>
"""


def overview() -> str:
    return _frame("/docs", """<main>
<h1>The documents</h1>
<p>All of them are made of the server's own definitions, so they say what it does.</p>
<ul class="cards">
<li><a href="/docs/rest">REST</a> Every route, with its fields and answers.
 For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</li>
<li><a href="/docs/socket">Socket</a> Every op and every message of every channel, with examples.
 For programs: <a href="/asyncapi.json">asyncapi.json</a> (AsyncAPI 3).</li>
<li><a href="/docs/errors">Errors</a> Every code, what brings it about and what to do.
 For programs: <a href="/api/v1/errors">/api/v1/errors</a>.</li>
</ul>
</main>""")  # fmt: skip


def rest() -> str:
    """Where redoc draws /openapi.json."""
    head = '<script defer src="/docs/redoc.standalone.js"></script>\n<script defer src="/docs/rest.js"></script>\n'
    body = '<div id="redoc"><noscript><main>This page is drawn by a script. Without one, read\n' \
        '<a href="/openapi.json">openapi.json</a>.</main></noscript></div>'  # fmt: skip
    return _frame("/docs/rest", body, head)


def errors() -> str:
    groups = list(dict.fromkeys(entry.group for entry in CATALOGUE))
    parts = ["<main>\n<h1>Errors</h1>", _md(
        "A refused request has changed nothing. `retry` says whether to send it again: `never` (the same request will "
        "be refused again), `after` (`retry_after` ms), or `query` (the outcome is not known: ask for the state, or "
        "send a command again with its key). `details` name the field, its value, and what is allowed."
    )]  # fmt: skip
    for group in groups:
        parts.append(f'<h2 id="{_id(group)}">{escape(group)}</h2>')
        parts += [
            f'<section class="code" id="{entry.code}"><h3><a href="#{entry.code}">{entry.code}</a> '
            f'<small>{entry.status}, retry: {entry.retry}</small></h3>\n<p>{_inline(entry.message)}</p>\n'
            f"<dl><dt>Cause</dt><dd>{_inline(entry.cause)}</dd><dt>Cure</dt><dd>{_inline(entry.cure)}</dd></dl></section>"
            for entry in CATALOGUE if entry.group == group
        ]  # fmt: skip
    parts.append('<h2 id="closes">Closes of a socket</h2>')
    rows = [(str(code.value), _inline(said)) for code, said in CLOSE_MEANINGS.items()]
    parts.append(_table(("code", "when"), rows) + "\n</main>")
    menu = _menu([("Groups", [(_id(group), group) for group in groups]), ("", [("closes", "Closes of a socket")])])
    return _frame("/docs/errors", menu + "\n".join(parts))


def socket(words: Words) -> str:
    structs = _structs()
    parts = ["<main>\n<h1>The socket</h1>", _md(
        "WebSocket at `/ws`. One frame is one message: text with the subprotocol `arena.v1+json`, binary with "
        "`arena.v1+msgpack`. Prices, quantities and money are decimal text, never floats; times are ms since 1970 UTC. "
        "A field that is marked ? may be left out."
    ), "<pre>" + escape(
        '-> {"id": 7, "op": "order.cancel", "args": {"order": 12}, "key": "c0ffee-1", "deadline": 1763694000000}\n'
        '<- {"id": 7, "ok": true, "seq": 90211, "at": 1763693999120, "result": {"order": 12, "status": "canceled"}}\n'
        '<- {"channel": "me", "n": 12, "seq": 90211, "at": 1763693999120, "type": "order.canceled", "data": {...}}'
    ) + "</pre>", '<h2 id="ops">Ops</h2>']  # fmt: skip
    parts += [_op(name, op, words) for name, op in OPS.items()]
    parts.append('<h2 id="channels">Channels</h2>')
    parts += [_channel(name, words.channels[name], words.pushes) for name in CHANNELS]
    rows = [(f"<code>{kind}</code>", _inline(said)) for kind, said in words.kinds.items()]
    parts += ['<h2 id="kinds">Kinds of messages</h2>', _table(("kind", ""), rows), '<h2 id="shapes">Shapes</h2>']
    parts += [
        f"{_section(_shape(name), name)}</h3>\n{_fields(struct, words.fields.get(name, {}))}</section>"
        for name, struct in sorted(structs.items())
    ]
    menu = _menu([
        ("Ops", [(_id(name), name) for name in OPS]),
        ("Channels", [(f"channel-{name}", words.channels[name].address) for name in CHANNELS]),
        ("", [("shapes", "Shapes")]),
    ])  # fmt: skip
    return _frame("/docs/socket", menu + "\n".join(parts) + "\n</main>")


def _section(id: str, name: str) -> str:
    """The beginning of one, with its heading."""
    return f'<section id="{id}"><h3><a href="#{id}">{name}</a>'


def _op(name: str, op: Op, words: Words) -> str:
    said = words.ops[name]
    kind = "command" if isinstance(op, Command) else "query of the history" if isinstance(op, AsyncQuery) else "query"
    fields = msgspec.structs.fields(op.arguments)
    return "\n".join([
        f"{_section(_id(name), name)} <small>{kind}, for {WHO[op.who]}</small></h3>",
        _md(said.about),
        _fields(op.arguments, said.arguments) if fields else "<p>No arguments.</p>",
        f"<p>Answers with {_linked(op.result)}.</p>",
        *map(_example, said.examples),
        "</section>",
    ])  # fmt: skip


def _example(example: Example) -> str:
    shown = f"-&gt; {_json(example.request)}\n&lt;- {_json(example.reply)}"
    return f"<details><summary>An example</summary>\n<pre>{shown}</pre></details>"


def _channel(name: str, said: ChannelWords, pushes: Iterable[dict[str, Any]]) -> str:
    rows = [
        (f"<code>{type}</code>", _linked(CHANNELS[name][type]), _inline(when)) for type, when in said.messages.items()
    ]
    told = [f"&lt;- {_json(push)}" for push in pushes if push["channel"].partition(".")[0] == name]
    examples = f"<details><summary>Examples</summary>\n<pre>{chr(10).join(told)}</pre></details>" if told else ""
    return (
        f'<section id="channel-{name}"><h3><a href="#channel-{name}">{escape(said.address)}</a>'
        f" <small>for {escape(said.who)}</small></h3>\n<p>Tells {_inline(said.tells)}.</p>\n"
        f"{_table(('type', 'data', 'when'), rows)}{examples}</section>"
    )


def _structs() -> dict[str, Any]:
    """All that answers and messages are made of, by name."""
    found: dict[str, Any] = {}

    def look_at(annotation: Any) -> None:
        for struct in structs_in(annotation):
            origin = typing.get_origin(struct) or struct
            if origin.__name__ not in found:
                found[origin.__name__] = origin
                for field in msgspec.structs.fields(origin):
                    look_at(field.type)

    for op in OPS.values():
        look_at(op.result)
        for field in msgspec.structs.fields(op.arguments):
            look_at(field.type)
    for types in CHANNELS.values():
        for data in types.values():
            look_at(data)
    look_at(Error)
    return found


def _fields(struct: Any, said: dict[str, str]) -> str:
    comments = comments_of(struct) | said
    rows = [
        (
            f"<code>{field.encode_name}</code>{'' if field.required else '?'}",
            _inline(field_in_words(field, _link), escaped=True),
            _inline(comments.get(field.encode_name, "")),
        )
        for field in msgspec.structs.fields(struct)
    ]
    return _table(("field", "type", ""), rows) if rows else "<p>No fields.</p>"


def _linked(annotation: Any) -> str:
    return _inline(in_words(annotation, _link), escaped=True)


def _link(struct: Any) -> str:
    names = [(typing.get_origin(struct) or struct).__name__, *map(name_of, typing.get_args(struct))]
    names = [name for name in names if name not in ("str", "D", "T")]
    return " of ".join(f'<a href="#{_shape(name)}">{name}</a>' for name in names)


def _frame(path: str, body: str, head: str = "") -> str:
    links = (
        f'<a href="{each}"{" aria-current=page" if each == path else ""}>{title}</a>' for each, title in PAGES.items()
    )
    return _FRAME.format(title=PAGES[path], head=head, pages=" ".join(links), body=body)


def _menu(groups: list[tuple[str, list[tuple[str, str]]]]) -> str:
    parts = []
    for title, entries in groups:
        links = "".join(f'<li><a href="#{id}">{escape(text)}</a></li>' for id, text in entries)
        parts.append((f"<h2>{title}</h2>" if title else "") + f"<ul>{links}</ul>")
    return f'<details class="menu"><summary>Contents</summary>{"".join(parts)}</details>\n'


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _md(text: str) -> str:
    return "\n".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _inline(text: str, escaped: bool = False) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text if escaped else escape(text, quote=False))


def _json(message: Any) -> str:
    return escape(json.dumps(message, ensure_ascii=False), quote=False)


def _shape(name: str) -> str:
    return f"shape-{_id(name)}"


def _id(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())
