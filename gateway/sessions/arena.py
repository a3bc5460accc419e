"""What the ops work with: the engine's door and state, and what the gateway keeps beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from engine.batch.machine import Machine
from engine.model.state import State
from gateway.channels.fanout import Fanout, applied
from gateway.core.clock import Clock
from gateway.core.config import Config
from gateway.core.histograms import Histogram
from gateway.core.limits import Buckets
from gateway.core.sequencer import Sequencer
from gateway.core.tickets import PREFIX, Tickets
from gateway.core.tokens import PLAYER, Identity, Tokens
from gateway.core.turns import Turns
from gateway.identity.keys.management import KeyManagement
from gateway.identity.operators import Action
from gateway.identity.play import Play
from gateway.identity.standing import Standing
from gateway.presenters.boards import Boards
from gateway.presenters.instruments import Instruments
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.operators import ActionsOf, OperatorAction
from gateway.sessions.presence import Presence
from persistence.audit import Audit, AuditInput
from persistence.rows import Candle, ClosedPosition, Order, PlayerList, Row, Standings, Summary, Wanted


class HistoryReader(Protocol):
    """What is looked up in the projection. Lists of a player: newest first."""

    async def reach(self, player: int) -> None:
        """Wait until all that the player has been told of can be looked up."""

    async def candles(
        self, instrument: int, interval_s: int, until_ns: int, limit: int, from_ns: int | None = None
    ) -> list[Candle]:
        """Closed ones that opened before `until_ns`, earliest first: the latest, or the first from `from_ns` on."""

    async def page(self, of: PlayerList[Row], player: int, wanted: Wanted) -> list[Row]: ...

    async def order(self, player: int, order: int | str) -> Order | None:
        """The order of that id, or the latest one that the player has called so; None when he has none."""

    async def unread(self, player: int) -> int:
        """How many notifications."""

    async def closes(self, player: int, position: int) -> list[ClosedPosition]:
        """Of a position, earliest first."""

    async def summary(self, player: int, match: int) -> Summary:
        """Of a match that has been finished, and in which the player has a seat; may wait."""

    async def standings(self, season: int, limit: int, player: int) -> Standings:
        """The best of a season, and the player's rank in it."""

    async def audit(self, taken: AuditInput) -> Audit:
        """Hold the accounts, as they are now, against the journal; may wait."""


class OperatorLog(Protocol):
    """What operators did."""

    def put(self, action: Action) -> None:
        """Write it down soon."""

    async def read(self, of: ActionsOf) -> list[OperatorAction]:
        """The latest, newest first."""


@dataclass
class Arena:
    """What the ops work with; one per process, without behaviour of its own."""

    config: Config
    machine: Machine
    sequencer: Sequencer
    clock: Clock
    instruments: Instruments
    fanout: Fanout
    boards: Boards
    tokens: Tokens
    history: HistoryReader
    actions: OperatorLog
    last_price: Callable[[str], str | None]
    player_buckets: Buckets
    presence: Presence
    code_tries: Buckets
    """How many wrong codes players and addresses may still send."""
    why_no_prices: Callable[[str], str] = lambda symbol: ""
    """Why no prices of an instrument can come; empty: they can."""
    play: Play | None = None
    """Limits that players have set for themselves; None: there are no accounts."""
    keys: KeyManagement | None = None
    """API keys; None: there are no accounts."""
    standing: Standing = field(default_factory=Standing)
    tickets: Tickets = field(default_factory=Tickets)
    turns: Turns = field(default_factory=Turns)
    """Of answers that are long, to be made."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Requests that were refused, by the code of the refusal."""
    decodes: Histogram = field(default_factory=Histogram)
    """Of each message: ns until it was answered, or in the inbox."""

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def applied(self) -> tuple[int, int]:
        """Sequence of the last command applied, and its stamp in ms: what an answer from the state is as of."""
        return applied(self.machine.state)

    def identity(self, token: str, grace_s: int = 0) -> Identity:
        """Who the token, or the one-time ticket, was issued to, also if it expired no longer than `grace_s` ago. Raises
        Refused TOKEN_INVALID.

        A player's token names his registration too: after a backup was restored, his number may be another's.
        """
        is_ticket = token.startswith(PREFIX) and not grace_s
        found = self.tickets.take(token) if is_ticket else self.tokens.identity(token, grace_s)
        if self.standing.bars(found) or (not self.tokens.is_current(found) and not grace_s):
            raise Refused(Code.TOKEN_INVALID)
        if not self.has_registered(found):
            raise Refused(Code.TOKEN_INVALID)
        return found

    def has_registered(self, identity: Identity) -> bool:
        """Is a player's number his, and not another's since a backup was restored?"""
        if identity.role != PLAYER:
            return True
        player = self.state.cold.players.get(identity.player)
        return player is not None and player.registration == identity.registration

    def allows_guests(self) -> bool:
        """May clients without auth see the market, and become players without an account?"""
        return self.config.server.development and self.config.server.allow_guests
