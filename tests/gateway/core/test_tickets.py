"""One-time tickets: once, soon, and only so many."""

from __future__ import annotations

import pytest

from gateway.core.tickets import LIFETIME_S, MOST_OF_ONE, Tickets
from gateway.core.tokens import ADMIN, Identity
from gateway.protocol.errors import Code, Refused
from tests.harness.gateway import open_gateway

ANN = Identity(1, "session", "player", 2**40, 7)
BOSS = Identity(0, "boss", ADMIN, 2**40)


def refuses(tickets: Tickets, ticket: str) -> None:
    with pytest.raises(Refused) as refused:
        tickets.take(ticket)
    assert refused.value.code is Code.TOKEN_INVALID


def test_a_ticket_is_taken_once() -> None:
    tickets = Tickets()
    ticket, other = tickets.issue(ANN), tickets.issue(BOSS)
    assert tickets.take(ticket) == ANN
    refuses(tickets, ticket)
    refuses(tickets, "tk_")
    assert tickets.take(other) == BOSS
    assert len(tickets) == 0


def test_a_ticket_that_is_late_is_void_and_forgotten() -> None:
    now_s = [0.0]
    tickets = Tickets(lambda: now_s[0])
    first = tickets.issue(ANN)
    now_s[0] = LIFETIME_S - 0.001
    second = tickets.issue(ANN)
    now_s[0] = LIFETIME_S
    refuses(tickets, first)
    assert len(tickets) == 1
    assert tickets.take(second) == ANN


def test_one_owner_has_only_so_many_and_takes_none_from_others() -> None:
    tickets = Tickets()
    theirs = tickets.issue(BOSS)
    mine = [tickets.issue(ANN) for _ in range(MOST_OF_ONE + 1)]
    refuses(tickets, mine[0])
    assert [tickets.take(ticket) for ticket in mine[1:]] == [ANN] * MOST_OF_ONE
    assert tickets.take(theirs) == BOSS


async def test_a_ticket_opens_one_connection_of_the_same_session() -> None:
    gateway = await open_gateway()
    ann = await gateway.player()
    given = await ann.result("auth.ticket")
    assert given["expires_in"] == LIFETIME_S
    other, late = gateway.guest(), gateway.guest()
    identity = await other.result("auth", {"token": given["ticket"]})
    assert ann.session.identity is not None
    assert (identity["player"], identity["session"]) == (ann.session.player, ann.session.identity.session)
    assert await late.error("auth", {"token": given["ticket"]}) == "TOKEN_INVALID"
    assert await late.error("auth.ticket") == "NOT_AUTHENTICATED"
    await gateway.stops()
