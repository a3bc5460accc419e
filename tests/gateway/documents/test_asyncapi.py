"""/asyncapi.json is AsyncAPI 3, has every op and every message, and its examples are as its schemas say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft7Validator

from gateway.documents.asyncapi import asyncapi
from gateway.documents.words import words
from gateway.ops.table import OPS, Command
from gateway.protocol.events import CHANNELS

DOCUMENT = asyncapi(words())
SCHEMA = Draft7Validator(msgspec.json.decode((Path(__file__).parent / "asyncapi-3.0.0.json").read_bytes()))


def found(ref: dict[str, str]) -> Any:
    """What a reference leads to, itself a reference perhaps."""
    place: Any = DOCUMENT
    for part in ref["$ref"].removeprefix("#/").split("/"):
        place = place[part]
    return found(place) if "$ref" in place else place


def payload(name: str) -> Draft7Validator:
    """Of a message, with the schemas that it refers to."""
    components = {"components": {"schemas": DOCUMENT["components"]["schemas"]}}
    return Draft7Validator(DOCUMENT["components"]["messages"][name]["payload"] | components)


def test_the_document_is_asyncapi_3() -> None:
    assert [error.message for error in SCHEMA.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("wrong", [
    lambda document: document.pop("info"),
    lambda document: document["channels"]["me"].update(messages=[]),
    lambda document: document["operations"]["order.place"].update(action="asks"),
])  # fmt: skip
def test_a_document_that_is_not_is_seen(wrong: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    wrong(document)
    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_an_operation_with_its_reply(name: str) -> None:
    operation = DOCUMENT["operations"][name]
    (request,) = map(found, operation["messages"])
    reply, failure = map(found, operation["reply"]["messages"])
    assert request["payload"]["properties"]["op"] == {"const": name}
    assert ("key" in request["payload"]["properties"]) == isinstance(OPS[name], Command)
    assert {"id", "ok", "seq", "at", "result"} == set(reply["payload"]["required"])
    assert failure["payload"]["properties"]["ok"] == {"const": False}


def test_every_message_of_every_channel_is_there() -> None:
    for channel, types in CHANNELS.items():
        told = [found(message)["name"] for message in DOCUMENT["channels"][channel]["messages"].values()]
        assert told == list(types)
        assert len(DOCUMENT["operations"][f"{channel}.messages"]["messages"]) == len(types)


def test_every_reference_leads_somewhere() -> None:
    def look_at(value: Any) -> int:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert found(value)
                return 1
            return sum(look_at(each) for each in value.values())
        return sum(look_at(each) for each in value) if isinstance(value, list) else 0

    assert look_at(DOCUMENT) > 500


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_examples_of_a_message_are_what_its_schema_says(name: str) -> None:
    for example in DOCUMENT["components"]["messages"][name].get("examples", []):
        payload(name).validate(example["payload"])


def test_an_example_that_is_not_is_seen() -> None:
    (example, *_) = DOCUMENT["components"]["messages"]["order.place.request"]["examples"]
    for name, value in (("leverage", "10"), ("margin", 0.1), ("side", "up"), ("typo", 1)):
        wrong = copy.deepcopy(example["payload"])
        wrong["args"][name] = value
        assert not payload("order.place.request").is_valid(wrong), name
    without = {name: value for name, value in example["payload"]["args"].items() if name != "match"}
    assert not payload("order.place.request").is_valid(example["payload"] | {"args": without})
