"""Every op with any arguments, from strangers, players and operators: what is refused has changed nothing.

Arguments are made from the Structs of the ops (tests/harness/arguments.py). The clock stands still, so that no timer is
due between two looks at the state. Of the engine's state a refusal that the engine has made moves the sequence of the
log, and may make room for more rows, which is made before a batch is looked at; nothing else: keys of idempotency are
kept for what is accepted only. A time zone that a game or an instrument names is told to the engine before it, and
stays known when that is refused: nothing points to it. Outside of the engine it may count: the limits of messages and
of wrong codes, refusals by code, the log of what operators do.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.invariants import check
from engine.model.state import State, encode_cold_state, sections
from gateway.core.clock import Clock
from gateway.core.tokens import PLAYER
from gateway.ops.table import OPS
from gateway.protocol.codecs import JSON, MSGPACK, Codec
from gateway.sessions.caller import BY_ROLE
from persistence import rows
from tests.harness.arguments import arguments_of
from tests.harness.fuzzing import examples
from tests.harness.gateway import ROOMY, Client, Gateway, Nothing, open_gateway

NOW_NS = 1_790_000_000 * 10**9
STRANGER = "stranger"
ZONES = ("zones", "zone_moments")
ORDER = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "10", "leverage": 5}


class History(Nothing):
    """Knows of every match that it was over at once."""

    async def summary(self, player: int, match: int) -> rows.Summary:
        finished = rows.FinishedMatch(1, 1, NOW_NS, match, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
        return rows.Summary(finished, None, None, [])


class Request(NamedTuple):
    who: str
    codec: Codec
    message: dict[str, Any]


def requests(op: str) -> st.SearchStrategy[Request]:
    """Of those who may use the op, more often than of the others."""
    allowed = [role for role, uses in BY_ROLE.items() if OPS[op].who in uses]
    rest = st.fixed_dictionaries(
        {"id": st.integers(1, 9), "op": st.just(op), "args": arguments_of(OPS[op].arguments)},
        optional={
            "key": st.sampled_from(["k", "k", "l", "", "k" * 37, 7]),
            "deadline": st.sampled_from([0, 1, NOW_NS // 10**6, 9_000_000_000_000, -1, 2**63]),
        },
    )
    who = st.sampled_from(allowed) | st.sampled_from(allowed) | st.sampled_from([STRANGER, *BY_ROLE])
    return st.builds(Request, who, st.sampled_from([JSON, MSGPACK]), rest)


def state_of(state: State) -> dict[str, bytes]:
    """All that `state_hash` is made of, but for the sequence of the log and the zones that are known."""
    tables = {name: table for name, table in sections(state).items() if name not in ZONES}
    tables["world"] = tables["world"].copy()
    tables["world"]["sequence"] = 0
    return {"cold": encode_cold_state(replace(state.cold, zones={}))} | {
        name: table.tobytes() for name, table in tables.items()
    }


def changes(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """The tables that are not as they were; room for more rows is no change."""
    return [name for name in before if not after[name].startswith(before[name])]


class Visitors:
    """A connection for each role and codec, made anew when the arena has closed it."""

    def __init__(self, gateway: Gateway, player: Client) -> None:
        self._gateway = gateway
        self._player = player.session.player
        self._clients: dict[tuple[str, str], Client] = {}

    async def client(self, who: str, codec: Codec) -> Client:
        client = self._clients.get((who, codec.name))
        if client is None or client.session.closed:
            client = self._clients[who, codec.name] = self._gateway.guest(codec)
            if who != STRANGER:
                player = self._player if who == PLAYER else 0
                await client.result("auth", {"token": self._gateway.arena.tokens.issue(player, who)})
        return client


async def asks(gateway: Gateway, client: Client, request: Request) -> None:
    """Send it; what it is answered is no INTERNAL, and if it is refused, the state is as it was."""
    try:
        data = request.codec.encode(request.message)
    except OverflowError:  # there are no integers that large in msgpack
        return
    told, before = len(client.messages()), state_of(gateway.machine.state)
    client.sends(data)
    await gateway.settles()
    replies = [message for message in client.messages()[told:] if "channel" not in message]
    assert len(replies) == 1 or client.session.closed, replies
    for reply in replies:
        if not reply["ok"]:
            assert reply["error"]["code"] != "INTERNAL", reply
            assert changes(before, state_of(gateway.machine.state)) == [], reply


async def answers_all(asked: list[Request]) -> None:
    gateway = await open_gateway(ROOMY, clock=Clock(0, lambda: NOW_NS, lambda: 0))
    gateway.arena.history = History()
    ann = await gateway.player()
    await ann.result("order.place", ORDER)
    await ann.result("order.place", {**ORDER, "type": "limit", "price": "50000", "client_order_id": "a"})
    visitors = Visitors(gateway, ann)
    for request in asked:
        await asks(gateway, await visitors.client(request.who, request.codec), request)
    assert not gateway.task.done()
    check(gateway.machine.state)
    await gateway.stops()


@pytest.mark.parametrize("op", sorted(OPS))
def test_what_is_refused_has_changed_nothing(op: str, caplog: pytest.LogCaptureFixture) -> None:
    @given(st.lists(requests(op), min_size=1, max_size=6))
    @settings(examples(3), phases=(Phase.reuse, Phase.generate))  # a failure has six requests at most
    def run(asked: list[Request]) -> None:
        asyncio.run(answers_all(asked))

    with capture_logs() as lines, caplog.at_level(logging.ERROR):
        run()
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert caplog.records == []
