"""A running arena has the pages, and what they ask for; a policy keeps everything else out."""

from __future__ import annotations

from pathlib import Path

from gateway.documents.files import BY_HAND, site
from gateway.documents.serving import CLIENT, FILES, SITE
from gateway.documents.words import words
from gateway.protocol.codes.catalogue import CATALOGUE
from tests.harness.people import config_of, open_site

ELSEWHERE = {"openapi.json"}
"""Made of the routes by who serves them."""


def test_all_that_is_made_is_served() -> None:
    assert {*FILES.values()} | ELSEWHERE == {*site(words()), *BY_HAND}


async def test_a_running_arena_has_the_documents(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as arena:
        for path, name in FILES.items():
            async with arena.http.get(arena.url + path) as response:
                assert response.status == 200, path
                assert await response.read() == (SITE / name).read_bytes()
                policy = response.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'")
                assert "http" not in policy
                assert ("script-src" in policy) == (path == "/docs/rest")
                tag = response.headers["ETag"]
            async with arena.http.get(arena.url + path, headers={"If-None-Match": tag}) as response:
                assert response.status == 304, path

        async with arena.http.get(f"{arena.url}/openapi.json") as response:
            assert (await response.json())["openapi"] == "3.1.0"
        async with arena.http.get(f"{arena.url}/api/v1/errors") as response:
            told = {entry["code"]: entry for entry in (await response.json())["items"]}
        assert told.keys() == {entry.code for entry in CATALOGUE}
        assert told["MARKET_CLOSED"]["cure"] == "come back at opens_at of the details"
        async with arena.http.get(f"{arena.url}/docs/../serving.py") as response:
            assert response.status == 404


async def test_a_browser_gets_the_javascript_client_from_a_running_arena(tmp_path: Path) -> None:
    origin = "https://play.example"
    async with open_site(config_of(tmp_path, {"allowed_origins": (origin,)})) as arena:
        for name, type in (("arena.mjs", "text/javascript"), ("arena.d.mts", "text/plain")):
            async with arena.http.get(f"{arena.url}/client/{name}", headers={"Origin": origin}) as response:
                assert (response.status, response.content_type) == (200, type)
                assert await response.read() == (CLIENT / name).read_bytes()
                assert response.headers["Cache-Control"] == "no-cache"
                assert response.headers["Access-Control-Allow-Origin"] == origin
                assert response.headers["Vary"] == "Origin"
                known = {"If-None-Match": response.headers["ETag"]}
            async with arena.http.get(f"{arena.url}/client/{name}", headers=known) as response:
                assert response.status == 304
