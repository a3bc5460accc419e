"""Anything that fits the document, and much that does not: no request makes the server fail, and no answer is other
than the document says. With ARENA_THOROUGH five times as long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import given
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.core.config import Limits
from gateway.core.tokens import ADMIN
from gateway.rest.openapi import document
from tests.harness.fuzzing import examples
from tests.harness.people import config_of, open_site

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
MANY = 1_000_000
ROOMY = Limits(
    messages_per_s=MANY,
    messages_burst=MANY,
    player_messages_per_s=MANY,
    player_messages_burst=MANY,
    requests_per_address_per_s=MANY,
    guests_per_address_per_minute=MANY,
    refuse_opens_after_ms=60_000,
    refuse_most_after_ms=60_000,
)
LOGOUT = "/api/v1/auth/logout"
"""It ends the session with which all else is asked."""

SCHEMA = schemathesis.openapi.from_dict(document())
FOUND: list[Any] = list(SCHEMA.get_all_operations())
OPERATIONS = [found.ok() for found in FOUND if found.ok().path != LOGOUT]
FITS, DOES_NOT_FIT = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [(each, FITS) for each in OPERATIONS] + [
    (each, DOES_NOT_FIT) for each in OPERATIONS if each.body or any(each.iter_parameters())
]


class Arena(NamedTuple):
    url: str
    player: str
    admin: str
    session: requests.Session

    def token_for(self, path: str) -> str:
        return self.admin if "/admin/" in path else self.player


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """A whole one, with accounts, on a loop of its own."""
    began: Future[tuple[str, str, str]] = Future()
    loop = asyncio.new_event_loop()
    ends = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(tmp_path_factory.mktemp("arena"), began, ends)), daemon=True
    )
    thread.start()
    with requests.Session() as session:
        yield Arena(*began.result(60), session)
    loop.call_soon_threadsafe(ends.set)
    thread.join(30)
    loop.close()


async def _serve(directory: Path, began: Future[tuple[str, str, str]], ends: asyncio.Event) -> None:
    config = msgspec.structs.replace(config_of(directory, {"development": True}), limits=ROOMY)
    async with open_site(config) as site:
        ann = await site.person().registers("ann_example")
        began.set_result((site.url, ann.token, site.app.arena.tokens.issue(0, ADMIN)))
        await ends.wait()


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda part: getattr(part, "label", None))
def test_every_answer_is_one_that_the_document_has(arena: Arena, operation: Any, mode: GenerationMode) -> None:
    @examples(8)
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        headers = {"Authorization": f"Bearer {arena.token_for(operation.path)}"}
        case.call_and_validate(base_url=arena.url, session=arena.session, headers=headers, checks=CHECKS)

    check()
