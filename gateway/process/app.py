"""The whole arena in one process: built, served, and stopped in order.

start   recover -> warm the kernels -> seed when the log is empty -> market -> listen
stop    listen no more -> notify clients -> finish what waits -> close sockets -> market -> snapshot, log, projection
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import structlog

from engine.batch.machine import Applied
from engine.model.commands import Batch, ColdCommand, encode_cold
from engine.model.reasons import Reason
from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, parse_decimal
from engine.precompile import NoCacheFolder, compile_entries
from engine.views import quote, waits_for_quote
from gateway.channels.fanout import Fanout
from gateway.channels.message import Message
from gateway.channels.publisher import Publisher
from gateway.channels.recent import Recent
from gateway.channels.rooms import keep_replayed, send_rooms
from gateway.core.clock import Clock, ClockRefused, check_wall_clock
from gateway.core.config import Config, ConfigError
from gateway.core.limits import Buckets
from gateway.core.metrics import Metrics
from gateway.core.records import Outcome, cold_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.core.signing_keys import SecretUnusable, keys_in, secret_in
from gateway.core.tokens import Tokens
from gateway.identity.database import IdentityUnusable
from gateway.identity.identities import Identities
from gateway.identity.standing import Standing
from gateway.market.prices import Prices
from gateway.market.sources import MarketData, start_market
from gateway.notify.mail import Carrier
from gateway.ops.market import ticker_of
from gateway.presenters.boards import Boards
from gateway.presenters.instruments import Instruments
from gateway.presenters.specs import SpecError
from gateway.process.data_folder import DataFolder, open_data_folder
from gateway.process.differences import warn_of_differences
from gateway.process.health import Health
from gateway.process.memory import map_large_arrays, tune_gc
from gateway.process.ports import Ports
from gateway.process.seed import house_commands, seed_commands, told_commands
from gateway.process.supervision import Supervisor, Work
from gateway.protocol.errors import Close
from gateway.protocol.scalars import Empty
from gateway.rest.operators import Check
from gateway.sessions.arena import Arena
from gateway.sessions.presence import Presence
from gateway.transport.connections import Connections
from persistence.data_lock import DataFolderInUse
from persistence.log import EXIT_LOG_FAILED, LogBehind, LogFailed
from persistence.recovery import HistoriesDiffer
from persistence.segments import LogCorrupt, RulesDiffer

log = structlog.get_logger()

REFUSALS: Final = (
    ConfigError, SpecError, ClockRefused, SecretUnusable, IdentityUnusable,
    DataFolderInUse, LogCorrupt, LogBehind, RulesDiffer, HistoriesDiffer, NoCacheFolder,
)  # fmt: skip
"""Why an arena does not start. Each says in its message what is wrong."""

FANOUT: Final = "fan-out"
ROOMS: Final = "rooms"
WATCH_FOLDER_EVERY_S: Final = 0.5


async def serve(
    config: Config, on_ready: Callable[[int], None] = lambda port: None, stop: asyncio.Event | None = None
) -> int:
    """Run an arena until SIGTERM, SIGINT or `stop`; the exit code of the process. `on_ready` is called with the port.

    Raises, before anything is served, one of REFUSALS or LogFailed.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError, NotImplementedError):  # not in the main thread: then only `stop` stops it
            loop.add_signal_handler(number, stop.set)
    map_large_arrays()
    app = await App.start(config)
    tune_gc()
    try:
        on_ready(app.port)
        await app.run(stop)
        await app.stop()
    except LogFailed as error:
        log.critical("the log failed: nothing of the last batch was acknowledged", error=str(error))
        await app.abandon()
        return EXIT_LOG_FAILED
    except BaseException:
        await app.abandon()
        raise
    return 0


class App:
    """A running arena. `arena` is what the ops see of it; `port` is where it listens."""

    def __init__(self, config: Config, folder: DataFolder, recent: Recent, carrier: Carrier | None = None) -> None:
        limits = config.limits
        self.config = config
        self.folder = folder
        self.metrics = Metrics()
        self.connections = Connections(limits)
        self.instruments = Instruments()
        state = folder.machine.state
        self.instruments.refresh(state.cold)
        self.prices = Prices(
            self.instruments,
            lambda instrument: waits_for_quote(state.book, instrument),
            lambda instrument: quote(state.book, instrument, 0)[:2],
            min_top_notional=parse_decimal(config.market.min_top_notional, MONEY_DECIMALS),
            confirm_every_ns=config.market.confirm_every_ms * NS_PER_MS,
            jump_ppm=lambda symbol: config.market.jump_ppm_of.get(symbol, config.market.jump_ppm),
        )
        fanout = Fanout(self.instruments, self.prices.last_price, self._instrument_changed, recent)
        boards = Boards(state, limits.board_rows, limits.board_every_ms)
        last_ns = max(folder.log.last_at_ns, int(state.book.world[0]["now_ns"]))
        clock = Clock(last_ns, ahead_s=config.data.clock_ahead_s)
        self.publisher = Publisher(state, self.instruments, boards, fanout, clock.stamp_ns)
        sequencer = Sequencer(
            folder.machine,
            folder.log.append_async,
            clock,
            limits,
            {
                FANOUT: fanout.publish,
                ROOMS: self._send_rooms,
                "history": folder.put,
                "play": self._count_play,
                "flush": self._flush,
            },
            self._failed,
        )
        self.prices.sequencer = sequencer
        directory = Path(config.data.directory)
        tokens = Tokens(secret_in(directory), config.server.token_lifetime_s, keys=keys_in(directory))
        standing = Standing()
        self.identities = Identities(config, tokens, standing, sequencer, state, carrier)
        self.arena = Arena(
            config=config,
            machine=folder.machine,
            sequencer=sequencer,
            clock=clock,
            instruments=self.instruments,
            fanout=fanout,
            boards=boards,
            tokens=tokens,
            standing=standing,
            actions=self.identities.actions,
            play=self.identities.play,
            keys=self.identities.keys,
            presence=Presence(state, sequencer, limits),
            history=folder.history,
            last_price=self.prices.last_price,
            why_no_prices=self._why_no_prices,
            player_buckets=Buckets(limits.player_messages_per_s, limits.player_messages_burst),
            code_tries=Buckets(limits.wrong_codes_per_minute, limits.wrong_codes_per_minute, per_s=60),
        )
        self.supervisor = Supervisor()
        self.ports = Ports(config, self.supervisor, self.metrics)
        folder.on_failure = self.supervisor.failed
        self.health = Health(
            self.arena,
            folder,
            self.connections,
            self.prices,
            self.supervisor,
            lambda: self._market,
        )
        self._sequencing: asyncio.Task[None] | None = None
        self._market: MarketData | None = None

    @property
    def port(self) -> int:
        return self.ports.public

    @classmethod
    async def start(cls, config: Config, carrier: Carrier | None = None) -> App:
        """Recover, warm up, seed, connect to the market, listen. `carrier` takes letters in place of the one that is
        configured."""
        begun_s = time.perf_counter()
        recent = Recent(config.limits.resume_kept)
        folder = await open_data_folder(
            config.data, lambda machine, events: keep_replayed(machine.state, recent, events)
        )
        try:
            now_ns = int(folder.machine.state.book.world[0]["now_ns"])
            if not config.data.accept_clock:
                check_wall_clock(now_ns, time.time_ns(), config.data.clock_behind_s, config.data.clock_ahead_s)
            app = cls(config, folder, recent, carrier)
        except BaseException:
            await folder.abandon()
            raise
        try:
            compile_entries()
            log.info("kernels warm", seconds=round(time.perf_counter() - begun_s, 1))
            await app._begin()
        except BaseException:
            await app.abandon()
            raise
        log.info("arena open", host=config.server.host, port=app.port, market=config.market.source)
        return app

    async def _begin(self) -> None:
        sequencer = self.arena.sequencer
        seeded = self._seed() if sequencer.sequence == 0 else []
        if sequencer.sequence:
            warn_of_differences(self.arena.state, self.config)
        for instrument in self.instruments.by_id:
            self.prices.watch(instrument)
        self._sequencing = asyncio.create_task(sequencer.run(), name="sequencer")
        for outcome in seeded:
            await self._seeded(outcome)
        for command in told_commands(self.arena.state, self.config.limits):
            await self._seeded(self._submit(command))
        followed = [symbol for symbol in self.instruments.by_symbol if self._is_followed(symbol)]
        symbols = dict.fromkeys((*self.config.market.symbols, *followed))
        self._market = await start_market(self.config.market, list(symbols), self.prices)
        self.health.pulse.begin()
        for name, work in self._works(self._market).items():
            self.supervisor.start(name, work)
        self.arena.presence.begin()
        await self.identities.accounts.begin()
        await self.identities.play.begin()
        await self._look_at_folder()
        self.health.measure(self.metrics)
        await self.ports.open(self.arena, self.identities, self.connections, self.health.readiness)

    def _works(self, market: MarketData) -> dict[str, Work]:
        """All that goes on beside the sequencer, by name: a failure of it ends nothing."""
        limits = self.config.limits
        return {
            "connections": self.connections.run,
            "candles": lambda: self.publisher.publish_candles(limits.candle_every_ms),
            "boards": lambda: self.publisher.publish_boards(limits.board_every_ms),
            "tickers": lambda: self.publisher.publish_tickers(limits.ticker_every_ms, partial(ticker_of, self.arena)),
            "folder": self._watch_folder,
            "files": self.health.watch_files,
            "pulse": self.health.pulse.run,
            **self.identities.works(self.arena.presence.is_here),
            **market.works,
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises what ended the sequencer: nothing can go on without it."""
        assert self._sequencing is not None
        stopping = asyncio.create_task(stop.wait(), name="stop")
        either: set[asyncio.Task[Any]] = {stopping, self._sequencing}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._sequencing.done():
            self._sequencing.result()
            raise AssertionError("the sequencer ended by itself")

    async def stop(self) -> None:
        """Stop in order: nothing that was accepted is left unanswered."""
        log.info("arena stopping")
        arena = self.arena
        seq, at_ms = arena.applied
        arena.fanout.sys.send(Message(seq, at_ms, "shutdown", Empty()))
        arena.sequencer.stop()
        if self._sequencing is not None:
            await self._sequencing
        self.connections.close_all(Close.GOING_AWAY, "the server is going away")
        await self.ports.close()
        await self._stop_works()
        await self.identities.stop()
        await self.folder.close()
        log.info("arena stopped", sequence=arena.sequencer.sequence)

    async def abandon(self) -> None:
        """After a failure, also one of `stop`: cut every socket at once, send no answers, and let the process end."""
        for connection in list(self.connections.open):
            connection.abort()
        if self._sequencing is not None:
            self._sequencing.cancel()
            await asyncio.wait([self._sequencing])
        try:
            await self._stop_works()
            await self.ports.close()
        finally:
            self.identities.close()
            await self.folder.abandon()

    def checks(self) -> dict[str, Check]:
        """What must be right before clients should come, and whether it is."""
        return self.health.checks()

    # Parts

    def _seed(self) -> list[asyncio.Future[Outcome]]:
        """Submit the commands that create what is configured, to be one batch; their outcomes."""
        config = self.config
        seeds = chain(seed_commands(config.instruments, config.games), house_commands(config.referrals, config.offers))
        return [self._submit(command) for command in seeds]

    def _submit(self, command: ColdCommand) -> asyncio.Future[Outcome]:
        """Submit a command of the operator; its outcome."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def answer(outcome: Outcome, at_ns: int) -> None:
            done.set_result(outcome)

        self.arena.sequencer.submit(cold_record(), answer, Urgency.OPERATOR, encode_cold(command))
        return done

    async def _seeded(self, outcome: asyncio.Future[Outcome]) -> None:
        """Wait for a seed's outcome, or for the end of the sequencer if that comes first."""
        sequencer = self._sequencing
        assert sequencer is not None
        either: set[asyncio.Future[Any]] = {outcome, sequencer}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not outcome.done():
            sequencer.result()
        reason = Reason(outcome.result().reason)
        if reason is not Reason.ACCEPTED:
            raise SpecError(f"the engine refuses the seed: {reason.name}")

    def _instrument_changed(self, instrument: int) -> None:
        self.instruments.refresh(self.folder.machine.state.cold)
        self.prices.watch(instrument)
        symbol = self.instruments.by_id[instrument].symbol
        if self._market is not None and self._is_followed(symbol):
            self._market.follow(symbol)

    def _is_followed(self, symbol: str) -> bool:
        """Is the instrument to have prices? If it was defined at run time, yes; else as the configuration says."""
        config = self.config
        return symbol in config.market.symbols or symbol not in {spec.symbol for spec in config.instruments}

    def _why_no_prices(self, symbol: str) -> str:
        if not self._is_followed(symbol):
            return f"market.symbols of the configuration leaves {symbol} out: add it there and start again"
        return self._market.why_no_prices(symbol) if self._market is not None else ""

    def _send_rooms(self, batch: Batch, applied: Applied) -> None:
        send_rooms(self.arena.state, self.arena.fanout, applied)

    def _failed(self, part: str, error: Exception) -> None:
        """An answer or a consumer of a batch failed, which is a fault of ours. What is applied stands."""
        self.supervisor.failed(part, error)
        if part in (FANOUT, ROOMS):
            self.connections.close_all(Close.INTERNAL_ERROR, "events were lost: subscribe again")

    def _count_play(self, batch: Batch, applied: Applied) -> None:
        self.identities.play.count(batch, applied)

    def _flush(self, batch: Batch, applied: Applied) -> None:
        self.connections.flush()

    async def _watch_folder(self) -> None:
        """Look at the data folder again and again, until cancelled."""
        while True:
            await self._look_at_folder()
            await asyncio.sleep(WATCH_FOLDER_EVERY_S)

    async def _look_at_folder(self) -> None:
        """Is there room for the log, and does the projection keep up? If not, what opens risk is refused."""
        folder = self.folder
        await folder.look_at_disk()
        lags = "the projection lags behind" if folder.projection.full else ""
        self.arena.sequencer.risk_refused = folder.disk_problem or lags

    async def _stop_works(self) -> None:
        self.health.pulse.end()
        await self.supervisor.stop()
        if self._market is not None:
            await self._market.stop()
