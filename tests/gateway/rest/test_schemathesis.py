"""Anything that fits the document, and much that does not: no request makes the server fail, and no answer is other
than the document says. With ARENA_THOROUGH five times as long."""

from __future__ import annotations

import asyncio
import secrets
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
from tests.harness.people import PASSWORD, config_of, open_site

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
SCHEMA = schemathesis.openapi.from_dict(document())
FOUND: list[Any] = list(SCHEMA.get_all_operations())
OPERATIONS = [found.ok() for found in FOUND]
FITS, DOES_NOT_FIT = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [(each, FITS) for each in OPERATIONS] + [
    (each, DOES_NOT_FIT) for each in OPERATIONS if each.body or any(each.iter_parameters())
]


Began = tuple[str, str, asyncio.AbstractEventLoop, asyncio.Event]


class Arena(NamedTuple):
    url: str
    admin: str
    session: requests.Session

    def token_for(self, path: str) -> str:
        """An operator's, or that of a new player, who has not yet shut himself out or logged out."""
        if "/admin/" in path:
            return self.admin
        account = {"username": f"u{secrets.token_hex(8)}", "password": PASSWORD}
        answer = self.session.post(f"{self.url}/api/v1/auth/register", json=account, timeout=10)
        token: str = answer.json()["access_token"]
        return token


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """A whole one, with accounts, on a loop of its own."""
    began: Future[Began] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(tmp_path_factory.mktemp("arena"), began)), daemon=True)
    thread.start()
    url, admin, loop, ends = began.result(60)
    with requests.Session() as session:
        yield Arena(url, admin, session)
    loop.call_soon_threadsafe(ends.set)
    thread.join(30)


async def _serve(directory: Path, began: Future[Began]) -> None:
    config = msgspec.structs.replace(config_of(directory, {"development": True}), limits=ROOMY)
    ends = asyncio.Event()
    async with open_site(config) as site:
        began.set_result((site.url, site.app.arena.tokens.issue(0, ADMIN), asyncio.get_running_loop(), ends))
        await ends.wait()


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda part: getattr(part, "label", None))
def test_every_answer_is_one_that_the_document_has(arena: Arena, operation: Any, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {arena.token_for(operation.path)}"}

    @examples(6)
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(base_url=arena.url, session=arena.session, headers=headers, checks=CHECKS)

    check()
