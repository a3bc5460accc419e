"""The document at /openapi.json says what the table says, in words that are not Python's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from engine.model.reasons import Reason
from gateway.protocol.errors import Code
from gateway.rest.openapi import document
from gateway.rest.routes import PREFIX, ROUTES, Route
from tests.gateway.rest.browser import Browser

DOCUMENT = document()
TEXT = json.dumps(DOCUMENT)


def operation_of(route: Route) -> Any:
    return DOCUMENT["paths"][PREFIX + route.path][route.method.lower()]


def test_every_route_is_there_and_no_other() -> None:
    said = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert said == {(route.method.lower(), PREFIX + route.path) for route in ROUTES}
    ids = [operation_of(route)["operationId"] for route in ROUTES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_has_its_parameters_its_answer_and_its_problems(route: Route) -> None:
    operation = operation_of(route)
    in_path = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
    assert in_path == re.findall(r"{(\w+)}", route.path)
    assert set(operation["responses"]) >= {str(route.status), "default"}
    assert ("requestBody" in operation) <= route.has_body
    assert (operation.get("security", DOCUMENT["security"])[0] == {}) == route.is_public


def test_all_that_is_referred_to_is_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', TEXT))
    assert named <= set(schemas)
    assert {"PlaceOrder", "Placed", "PagedFill", "Problem"} <= named


def test_a_problem_has_one_of_all_the_codes() -> None:
    codes = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    all_of_them = [code.name for code in Code] + [each.name for each in Reason if each is not Reason.ACCEPTED]
    assert sorted(codes) == sorted(all_of_them)


@pytest.mark.parametrize("python", [r"\\Z", "_str_", "gateway.", "[str]"])
def test_nothing_in_it_is_pythons(python: str) -> None:
    assert python not in TEXT


async def test_it_is_served_and_sent_once_as_long_as_it_stays(ann: Browser) -> None:
    got = await ann.asks("GET", "/openapi.json")
    assert got.body == DOCUMENT
    assert (await ann.asks("GET", "/openapi.json", If_None_Match=got.headers["ETag"])).status == 304
