"""The table of routes: whole, without doubles, and of the same shapes as the ops."""

from __future__ import annotations

import re

import msgspec
import pytest

from gateway.ops.table import OPS, SocketQuery
from gateway.rest.routes import ROUTELESS, ROUTES, Route
from tests.documentation.pages import ROOT, rows, section

PAGE = ROOT / "docs" / "protocol.md"


def test_every_op_has_a_route_or_a_reason_why_it_has_none() -> None:
    routed = {route.op for route in ROUTES if route.op}
    assert routed | set(ROUTELESS) == set(OPS)
    assert routed & set(ROUTELESS) == set()


def test_what_is_about_a_connection_has_no_route() -> None:
    assert [name for name, op in OPS.items() if isinstance(op, SocketQuery) and name not in ROUTELESS] == []


def test_no_two_routes_are_the_same() -> None:
    named = [(route.method, re.sub(r"{\w+}", "{}", route.path)) for route in ROUTES]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_takes_what_its_path_names(route: Route) -> None:
    assert bool(route.op) != bool(route.handler)
    assert route.shape is not None
    assert (route.result is None) == (route.status == 204)
    fields = {field.encode_name for field in msgspec.structs.fields(route.shape)}
    assert set(re.findall(r"{(\w+)}", route.path)) <= fields


def test_the_page_says_what_the_table_does() -> None:
    said = {request: (status, what) for request, status, what in rows(section(PAGE, "Routes"))}
    assert list(said) == [f"`{route.method} {route.path}`" for route in ROUTES]
    for route, (status, what) in zip(ROUTES, said.values(), strict=True):
        assert int(status) == route.status
        assert not route.op or what.startswith(f"[{route.op}](")
    for op, reason in ROUTELESS.items():
        assert f"`{op}`: {reason}" in section(PAGE, "Routes").replace("\n", " ")
