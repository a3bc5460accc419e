"""`arena token` for players and operators, beside an arena that runs."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from gateway.cli.data_folder import token
from gateway.cli.failure import Failure
from gateway.process.app import App
from tests.gateway.transport.test_sockets import Web, ask, config_of, running


async def accepted(app: App, http: aiohttp.ClientSession, token: str) -> dict[str, int | str]:
    """Who the arena says that the token is of."""
    ws = await Web(app, http).socket()
    answer = (await ask(ws, "auth", {"token": token.strip()}))["result"]
    return {key: answer[key] for key in ("player", "role")}


async def test_a_players_token_is_for_his_registration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether he is in a snapshot or has signed up since."""
    async with aiohttp.ClientSession() as http:
        async with running(config_of(tmp_path)) as app:
            await Web(app, http).guest(name="ann")
        async with running(config_of(tmp_path)) as app:
            await Web(app, http).guest(name="bob")
            for player in (1, 2):
                capsys.readouterr()
                assert token(player=player, data=tmp_path) == 0
                assert await accepted(app, http, capsys.readouterr().out) == {"player": player, "role": "player"}
            with pytest.raises(Failure, match="no player 3"):
                token(player=3, data=tmp_path)
            assert token(admin=True, data=tmp_path) == 0
            assert await accepted(app, http, capsys.readouterr().out) == {"player": 0, "role": "admin"}
