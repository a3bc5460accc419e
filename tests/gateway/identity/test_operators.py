"""What operators may do, by role, and that it is written down."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import users
from gateway.core.tokens import ADMIN
from gateway.identity.action_log import ActionLog, action_of
from gateway.identity.database import Database
from gateway.identity.operators import Action
from gateway.protocol.identity.operators import ActionsOf
from gateway.protocol.matches import CreateMatch
from tests.harness.people import PASSWORD, Person, Site, asked, config_of, open_site


async def operator(site: Site, name: str, role: str, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    users.create(name, role=role, data=Path(site.app.config.data.directory))
    return await site.person().enters("auth/login", username=name, password=PASSWORD)


async def test_operators_do_what_is_for_their_role_and_it_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, dict[str, Any]] = {}
    fund, end = {"asset": "USDT", "amount": "5"}, {"match": 999, "reason": "a test"}
    async with open_site(config_of(tmp_path)) as site:
        for role in ("support", "finance", "admin"):
            socket, _ = await (await operator(site, f"an-{role}", role, monkeypatch)).socket()
            answers[role] = {
                op: await asked(socket, op, args)
                for op, args in (("admin.audit", {}), ("admin.fund_rewards", fund), ("admin.end_match", end))
            }
        said = {
            role: [answer["ok"] or answer["error"]["code"] for answer in found.values()]
            for role, found in answers.items()
        }
        assert said == {
            "support": [True, "ROLE_FORBIDDEN", "ROLE_FORBIDDEN"],
            "finance": [True, True, "ROLE_FORBIDDEN"],
            "admin": [True, True, "MATCH_NOT_FOUND"],
        }
        assert answers["support"]["admin.end_match"]["error"]["details"]["allowed"] == ["admin"]
        token = site.app.arena.tokens.issue(0, ADMIN, session="t_1")
        assert not (await asked((await site.person().socket(token))[0], "admin.end_match", end))["ok"]
    # Also after a restart, and to who only reads.
    async with open_site(config_of(tmp_path)) as site:
        reader = await site.person().enters("auth/login", username="an-support", password=PASSWORD)
        socket, _ = await reader.socket()
        page = (await asked(socket, "admin.log", {"limit": 4}))["result"]
        assert [(each["who"], each["op"], each["why"], each["outcome"]) for each in page["items"]] == [
            ("session t_1", "admin.end_match", "a test", "MATCH_NOT_FOUND"),
            ("an-admin", "admin.end_match", "a test", "MATCH_NOT_FOUND"),
            ("an-admin", "admin.fund_rewards", "", "ok"),
            (page["items"][3]["who"], "user.create", "", "ok"),
        ]
        assert page["items"][2]["args"] == fund
        assert page["items"][2]["seq"] == answers["admin"]["admin.fund_rewards"]["seq"]
        only = (await asked(socket, "admin.log", {"who": "an-finance", "before": page["next"]}))["result"]
        assert [each["op"] for each in only["items"]] == ["admin.fund_rewards"]
        assert only["next"] is None


async def test_an_action_is_written_once_whoever_writes(tmp_path: Path) -> None:
    database = Database(tmp_path / "identity.sqlite")
    log = ActionLog(database)
    for number in range(250):
        log.put(Action(number, 0, "s_x", "admin", "admin.stock", "{}", "", "ok"))
    writing = asyncio.create_task(log.write())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, log.write(), log.read(ActionsOf()), log.write(), return_exceptions=True)
    found = await log.read(ActionsOf(limit=500))
    assert [each.at for each in found] == list(range(249, -1, -1))
    database.close()


def test_no_secret_is_written_down() -> None:
    action = action_of(None, "admin.create_match", CreateMatch(1, code="sesame"), "ok", 0)
    assert "sesame" not in action.arguments
    assert '"code":"***"' in action.arguments
