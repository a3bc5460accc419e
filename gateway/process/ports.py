"""The ports of an arena, and what is served on them: one for everybody and, if it is configured, one for operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.core.config import Config
from gateway.core.metrics import Metrics
from gateway.documents.serving import routes as document_routes
from gateway.identity.identities import Identities
from gateway.identity.sessions import Client
from gateway.process.supervision import Supervisor
from gateway.rest.application import Rest
from gateway.rest.auth import AuthRoutes, client_of
from gateway.rest.compat.table import compat_routes
from gateway.rest.operators import Readiness
from gateway.rest.partners import PartnerRoutes
from gateway.rest.passkeys import PasskeyRoutes
from gateway.rest.people import PeopleRoutes
from gateway.sessions.arena import Arena
from gateway.transport.addresses import Addresses
from gateway.transport.connections import Connections
from gateway.transport.listener import MOST_OF_OPERATORS, Listener, most_connections
from gateway.transport.websocket import Sockets

PUBLIC: Final = "listener"
OPERATORS: Final = "operators"


class Ports:
    """`public` and `operators` are the numbers of the ports; 0: it is not open."""

    def __init__(self, config: Config, supervisor: Supervisor, metrics: Metrics) -> None:
        self.public = self.operators = 0
        self.listeners: dict[str, Listener] = {}
        """By name, PUBLIC or OPERATORS."""
        self._config = config
        self._supervisor = supervisor
        self._metrics = metrics
        self._runners: list[web.AppRunner] = []
        metrics.counters(
            "connections_turned_away",
            "Connections that were ended before they were WebSockets, by port",
            "port",
            lambda: {name: listener.turned_away for name, listener in self.listeners.items()},
        )

    async def open(
        self, arena: Arena, identities: Identities, connections: Connections, readiness: Callable[[], Readiness]
    ) -> None:
        """Listen to all that come. Raises OSError when a port cannot be had."""
        server = self._config.server
        addresses = Addresses(server)
        rest = Rest(arena, self._metrics, readiness, addresses)

        def client(request: web.Request) -> Client:
            address = addresses.of(request)
            return client_of(request, address, addresses.is_exempt(address))

        auth = AuthRoutes(arena, identities, client)
        people = PeopleRoutes(arena, identities, client)
        passkeys = PasskeyRoutes(arena, identities, client)
        partners = PartnerRoutes(arena, identities)
        handlers = auth.handlers() | people.handlers() | passkeys.handlers() | partners.handlers()
        more = [*compat_routes(arena, identities, client), *document_routes()]
        application = rest.application(Sockets(arena, connections, addresses), handlers, more)
        most = most_connections()
        self.public = await self._listen(application, PUBLIC, server.host, server.port, addresses, most)
        if server.operators_listen:
            application = rest.operators_application()
            host, port = server.operators_address()
            self.operators = await self._listen(application, OPERATORS, host, port, None, MOST_OF_OPERATORS)

    async def _listen(
        self, application: web.Application, name: str, host: str, port: int, addresses: Addresses | None, most: int
    ) -> int:
        """The number of the port, which the system draws where the configuration says 0."""
        runner = web.AppRunner(application, shutdown_timeout=self._config.server.shutdown_s)
        await runner.setup()
        assert runner.server is not None
        self._runners.append(runner)
        listener = Listener(runner.server, self._config.limits, addresses, most)
        await listener.listen(host, port)
        self.listeners[name] = listener
        self._supervisor.start(name, listener.run)
        return listener.port

    async def close(self) -> None:
        """Listen no more, and let the requests end that are being answered."""
        for name, listener in self.listeners.items():
            await self._supervisor.end(name)
            listener.close()
        for runner in self._runners:
            await runner.cleanup()
