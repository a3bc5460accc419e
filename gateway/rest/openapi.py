"""The OpenAPI 3.1 document of /openapi.json: made of the table of routes, the Structs and the codes, and of nothing
else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from gateway.core.versions import package_version
from gateway.ops.table import OPS, Command
from gateway.protocol.codes.catalogue import CATALOGUE
from gateway.protocol.errors import Problem
from gateway.rest.requests import CSV, FORMAT, FORMATS
from gateway.rest.responses import NEXT_HEADER
from gateway.rest.routes import PREFIX, ROUTES, Cache, Route

_REFS: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"{(\w+)}")


def document() -> dict[str, Any]:
    """The whole document, as what JSON is made of."""
    shapes = [shape for route in ROUTES for shape in (route.shape, route.result) if shape is not None]
    schemas, components = msgspec.json.schema_components([*shapes, Problem], ref_template=_REFS)
    of_shape = dict(zip(map(repr, [*shapes, Problem]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        operation = _operation(route, of_shape, components)
        paths.setdefault("/" + (PREFIX + route.path).strip("/"), {})[route.method.lower()] = operation
    components["Problem"]["properties"]["code"] = {"type": "string", "enum": [each.code for each in CATALOGUE]}
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "tick-arena",
            "version": package_version(),
            "description": "A trading game. The same ops as over the WebSocket, with the same arguments and answers.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: _portable(schema) for name, schema in components.items()},
            "responses": {"Problem": _problem()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "security": [{"token": []}, {"key": []}],
    }
    return _renamed(whole, components)


def _renamed(whole: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """With names that say what a thing is, and not how Python has it."""
    names = {name: _name(name) for name in components}
    assert len(set(names.values())) == len(names), "two things would have one name"
    text = msgspec.json.encode(whole).decode()
    for name, plain in sorted(names.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(f'"{_REFS.format(name=name)}"', f'"{_REFS.format(name=plain)}"')
    found: dict[str, Any] = msgspec.json.decode(text)
    found["components"]["schemas"] = {names[name]: each for name, each in found["components"]["schemas"].items()}
    return found


def _name(name: str) -> str:
    """`Page_gateway.protocol.history.Fill_str__` is a PageFill."""
    return re.sub(r"(\w+\.)+|_str_|_", "", name.replace("_gateway", "_ gateway")).replace(" ", "")


def _operation(route: Route, of_shape: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    shape = route.shape
    assert shape is not None
    fields = components[of_shape[repr(shape)]["$ref"].rpartition("/")[2]]
    in_path = _PARAMETER.findall(route.path)
    parameters = [_parameter(name, "path", fields, True) for name in in_path]
    rest = [name for name in fields["properties"] if name not in in_path]
    operation: dict[str, Any] = {
        "operationId": route.op or f"{route.method.lower()}.{route.path.replace('/', '.')}",
        "tags": [(route.op or route.path.replace("/", ".")).partition(".")[0]],
        "summary": _summary(route),
    }
    if route.has_body:
        body = _without(fields, in_path)
        if rest:
            operation["requestBody"] = {
                "required": bool(body.get("required")),
                "content": {"application/json": {"schema": _portable(body) if in_path else of_shape[repr(shape)]}},
            }
    else:
        required = fields.get("required", [])
        parameters += [_parameter(name, "query", fields, name in required) for name in rest]
    if route.item is not None:
        parameters.append({"name": FORMAT, "in": "query", "schema": _FORMAT})
    if route.op and isinstance(OPS[route.op], Command):
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": _KEY})
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = _responses(route, of_shape)
    if route.is_public:
        operation["security"] = [{}, {"token": []}]
    return operation


_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 36}


_FORMAT: Final = {"type": "string", "enum": list(FORMATS), "default": FORMATS[0]}


def _summary(route: Route) -> str:
    if not route.op:
        return route.path
    op = OPS[route.op]
    return f"{route.op}: for {op.who.name.lower().replace('_', ' ')}"


def _parameter(name: str, place: str, fields: dict[str, Any], is_required: bool) -> dict[str, Any]:
    schema = _portable(fields["properties"][name])
    return {"name": name, "in": place, "required": is_required, "schema": _without_null(schema)}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is left out, and never null."""
    kept: dict[str, Any] = {name: value for name, value in schema.items() if name != "default" or value is not None}
    if "anyOf" not in kept:
        return kept
    choices = [each for each in kept["anyOf"] if each != {"type": "null"}]
    del kept["anyOf"]
    return kept | (choices[0] if len(choices) == 1 else {"anyOf": choices})


def _without(fields: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The object without the fields that the path has."""
    body = dict(fields)
    body["properties"] = {name: schema for name, schema in fields["properties"].items() if name not in names}
    body["required"] = [name for name in fields.get("required", []) if name not in names]
    return body


def _responses(route: Route, of_shape: dict[str, Any]) -> dict[str, Any]:
    result = of_shape[repr(route.result)] if route.result is not None else None
    found: dict[str, Any] = {"default": {"$ref": "#/components/responses/Problem"}}
    if result is None or route.may_be_empty:
        found["204"] = {"description": "done"}
    if result is not None:
        content = {"application/json": {"schema": _listed(result)}}
        headers = _HEADERS
        if route.item is not None:
            content[CSV] = {"schema": {"type": "string"}}
            headers = _HEADERS | {NEXT_HEADER: _TEXT}
        found[str(route.status)] = {"description": "the answer", "content": content, "headers": headers}
    if route.cache is not Cache.NEVER:
        found["304"] = {"description": "it is as If-None-Match says"}
    return found


_TEXT: Final = {"schema": {"type": "string"}}
_HEADERS: Final = {"X-Request-Id": _TEXT, "Cache-Control": _TEXT}


def _listed(result: dict[str, Any]) -> dict[str, Any]:
    """A list as it goes out."""
    whole: dict[str, Any] = _portable(result)
    if result.get("type") != "array":
        return whole
    return {
        "type": "object",
        "properties": {"items": whole, "next": {"type": "null"}},
        "required": ["items", "next"],
    }


def _problem() -> dict[str, Any]:
    schema = {"$ref": _REFS.format(name="Problem")}
    return {
        "description": "It is refused, or it failed; the code says why.",
        "content": {"application/problem+json": {"schema": schema}},
    }


def _portable(schema: Any) -> Any:
    r"""A schema whose patterns every reader knows (what Python calls \Z is $ elsewhere), its descriptions in a line."""
    if isinstance(schema, dict):
        return {
            name: _TEXTS[name](value) if name in _TEXTS and isinstance(value, str) else _portable(value)
            for name, value in schema.items()
        }
    return [_portable(each) for each in schema] if isinstance(schema, list) else schema


_TEXTS: Final[dict[str, Callable[[str], str]]] = {
    "pattern": lambda text: text.replace(r"\Z", "$"),
    "description": lambda text: " ".join(text.split()),
    "title": lambda text: re.sub(r"\[.*\]", "", text),
}
