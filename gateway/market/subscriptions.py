"""What a client of the market server may ask over its socket, and the answers. No I/O.

SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, and SET_PROPERTY and GET_PROPERTY of `combined`, as documented under
"Live Subscribing/Unsubscribing to streams" in Binance's WebSocket stream pages, with the errors listed there.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.protocol.codecs import DecodeFailure

MAX_STREAMS: Final = 1024
METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

UNKNOWN_PROPERTY: Final = 0
INVALID_VALUE: Final = 1
INVALID_REQUEST: Final = 2
INVALID_JSON: Final = 3


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Subscriptions:
    """The streams of one client, in the order asked for, and whether they come in combined frames."""

    def __init__(self, streams: list[str], *, combined: bool) -> None:
        self.streams = dict.fromkeys(streams)
        self.combined = combined

    def answer(self, text: str | bytes) -> bytes:
        """Do what a request says; its answer."""
        request_id: Any = None
        try:
            try:
                request = msgspec.json.decode(text)
            except DecodeFailure as error:
                raise Refused(INVALID_JSON, f"Invalid JSON: {error}") from error
            if not isinstance(request, dict):
                raise Refused(INVALID_REQUEST, "Invalid request: expected a JSON object")
            request_id = _id_of(request)
            result = self._do(request)
        except Refused as refused:
            return msgspec.json.encode({"error": {"code": refused.code, "msg": refused.message}, "id": request_id})
        return msgspec.json.encode({"result": result, "id": request_id})

    def _do(self, request: dict[str, Any]) -> Any:
        method = request.get("method")
        params = request.get("params", [])
        if method not in METHODS:
            raise Refused(
                INVALID_REQUEST, f"Invalid request: unknown variant {method}, expected one of {', '.join(METHODS)}"
            )
        if not isinstance(params, list):
            raise Refused(INVALID_REQUEST, "Invalid request: params must be an array")

        if method == "SUBSCRIBE":
            wanted = _streams_in(params)
            if len(self.streams.keys() | wanted) > MAX_STREAMS:
                raise Refused(INVALID_REQUEST, "Invalid request: too many parameters")
            self.streams.update(dict.fromkeys(wanted))
            return None
        if method == "UNSUBSCRIBE":
            for stream in _streams_in(params):
                self.streams.pop(stream, None)
            return None
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.streams)
        return self._property(method, params)

    def _property(self, method: str, params: list[Any]) -> bool | None:
        if not params or not isinstance(params[0], str):
            raise Refused(INVALID_REQUEST, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise Refused(UNKNOWN_PROPERTY, "Unknown property")
        if method == "GET_PROPERTY":
            return self.combined
        if len(params) != 2 or not isinstance(params[1], bool):
            raise Refused(INVALID_VALUE, "Invalid value type: expected Boolean")
        self.combined = params[1]
        return None


def _id_of(request: dict[str, Any]) -> int | str | None:
    request_id = request.get("id")
    number = isinstance(request_id, int) and not isinstance(request_id, bool) and request_id >= 0
    if number or request_id is None or (isinstance(request_id, str) and len(request_id) <= 36):
        return request_id
    raise Refused(INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _streams_in(params: list[Any]) -> list[str]:
    if not params or not all(isinstance(stream, str) and "@" in stream for stream in params):
        raise Refused(INVALID_REQUEST, "Invalid request: invalid stream")
    return params
