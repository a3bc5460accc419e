"""Compile, or load from the cache, all machine code before the first client is let in: a minute, or a second.

What is not in the cache is compiled in as many processes as there are cores. Then a small round is played that calls
all that is called from Python, in an arena of its own. numba tells which kernels it compiles; those that come from the
cache are silent.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import pkgutil
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import Any, Final

import numpy as np
import structlog
from numba.core import event as numba_events
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import engine
from engine import views
from engine.batch.machine import Machine
from engine.jit import signature
from engine.jit.caching import check_cache_directory, drop_stale_caches
from engine.ledger import accounts
from engine.model import scale
from engine.model.commands import (
    Amend,
    Asset,
    Batch,
    BonusAt,
    CancelMatch,
    ColdCommand,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OrderType,
    RegisterPlayer,
    ResetSeat,
    SetReferrals,
    Side,
    StartMatch,
    TimeInForce,
    TopUp,
    encode_cold,
)
from engine.model.signatures import PARAMETERS
from engine.storage import compact_index as compact
from engine.storage import hash_index as index
from engine.trading import quotes as market
from gateway.core.config import Config
from gateway.core.defaults import GameSeed
from gateway.core.records import (
    amend_order_record,
    amend_position_record,
    buy_fixed_record,
    cancel_all_record,
    cancel_order_record,
    close_position_record,
    cold_record,
    place_order_record,
    quote_record,
    records_of,
    with_blob,
    with_key,
)
from gateway.process.seed import seed_commands

log = structlog.get_logger()

COMPILED: Final = "numba:compile"
LOG_EVERY_S: Final = 5.0

OnKernel = Callable[[int, int], None]
"""Told after each kernel how many have been compiled, and how many there are."""


def warm_up(on_kernel: OnKernel = lambda compiled, kernels: None) -> int:
    """Play a small round in an arena of its own; how many kernels had to be compiled for it."""
    progress = _Progress(on_kernel)
    missing = [entry for entry in entries() if not _is_kept(entry)]
    if missing:
        check_cache_directory()
        _compile(missing, progress)
    with numba_events.install_listener(COMPILED, _Listener(progress)):
        for entry in entries():
            entry.compile(signature(entry, PARAMETERS))
        _play()
    return len(progress.compiled)


def _is_kept(entry: Any) -> bool:
    return bool(entry._cache.has(signature(entry, PARAMETERS), cpu_target.target_context.codegen()))


def _compile(missing: list[Dispatcher], progress: _Progress) -> None:
    """Compile entries in as many processes as there are cores, into the cache that all of them have: the longest first,
    and that is those with the most kernels in them."""
    missing.sort(key=lambda entry: (-len(_needs(entry)), _name(entry)))
    processes = min(len(os.sched_getaffinity(0)), len(missing))
    spawned = multiprocessing.get_context("spawn")
    told = spawned.SimpleQueue()
    with ProcessPoolExecutor(processes, spawned, _begin, (told,)) as pool:
        pending = {pool.submit(_compile_one, _name(entry)) for entry in missing}
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            while not told.empty():
                progress(told.get())
            for each in done:
                each.result()


def _needs(entry: Dispatcher) -> set[Dispatcher]:
    """The entry and all kernels in it."""
    found, pending = {entry}, [entry]
    while pending:
        function = pending.pop().py_func
        for name in function.__code__.co_names:
            called = function.__globals__.get(name)
            if isinstance(called, Dispatcher) and called not in found:
                found.add(called)
                pending.append(called)
    return found


def _begin(told: Any) -> None:
    """In a process that compiles: tell of each kernel. It ends soon, and what a compiler makes has few circles."""
    gc.disable()
    numba_events.register(COMPILED, _Listener(told.put))  # type: ignore[no-untyped-call]


def _compile_one(name: str) -> None:
    (entry,) = (entry for entry in entries() if _name(entry) == name)
    entry.compile(signature(entry, PARAMETERS))


def _name(kernel: Any) -> str:
    return f"{kernel.py_func.__module__}.{kernel.__name__}"


def warm_up_showing(console: Console) -> int:
    """`warm_up` with a progress bar on a terminal, else a line now and then; nothing when all is in the cache."""
    if not console.is_terminal:
        compiled = warm_up(_Lines())
    else:
        columns = (TextColumn("Compiling the engine, once"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", visible=False)
            compiled = warm_up(lambda done, kernels: progress.update(task, completed=done, total=kernels, visible=True))
    if compiled:
        drop_stale_caches()
    return compiled


class _Lines:
    """Progress as log lines, a few seconds apart."""

    def __init__(self) -> None:
        self._begun_s = self._told_s = time.monotonic()

    def __call__(self, compiled: int, kernels: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= LOG_EVERY_S:
            self._told_s = now_s
            log.info("compiling kernels", compiled=compiled, of=kernels, seconds=round(now_s - self._begun_s))


class _Progress:
    """Counts the kernels that were compiled, whichever process tells of them, and passes it on."""

    def __init__(self, on_kernel: OnKernel) -> None:
        self.compiled: set[str] = set()
        self._kernels = {_name(kernel) for kernel in _kernels()}
        self._on_kernel = on_kernel

    def __call__(self, name: str) -> None:
        if name in self._kernels and name not in self.compiled:
            self.compiled.add(name)
            self._on_kernel(len(self.compiled), len(self._kernels))


class _Listener(numba_events.Listener):
    """Hears of each kernel that numba has compiled."""

    def __init__(self, on_kernel: Callable[[str], None]) -> None:
        self._on_kernel = on_kernel

    def on_start(self, event: numba_events.Event) -> None:
        """Told when it is done."""

    def on_end(self, event: numba_events.Event) -> None:
        self._on_kernel(_name(event.data["dispatcher"]))


def _kernels() -> set[Dispatcher]:
    found = pkgutil.walk_packages(engine.__path__, "engine.")
    modules = [importlib.import_module(module.name) for module in found]
    return {member for module in modules for member in vars(module).values() if isinstance(member, Dispatcher)}


def entries() -> set[Dispatcher]:
    """The kernels that Python calls: each takes the kernels that it calls into its own code."""
    return {kernel for kernel in _kernels() if not kernel.targetoptions.get("no_cpython_wrapper")}


def _play() -> None:
    """A round in which every kind of command is used, and then everything that is called directly."""
    machine = Machine()
    config = Config()
    of_one = GameSeed("Of one instrument", allowed_symbols=(config.instruments[0].symbol,))
    cold: list[ColdCommand] = [
        *seed_commands(config.instruments, [of_one]),
        *seed_commands(config.instruments[:1], []),  # once more: its open positions get other margins
        RegisterPlayer("warm"),
        ResetSeat(match=1, player=1),
        SetReferrals("DEMO", 1, 1, BonusAt.SIGN_UP),
        FundReferrals("DEMO", 2),
        RegisterPlayer("warmer", referrer=1),
        FundRewards("DEMO", 100 * scale.MONEY),
        TopUp(1, "DEMO", 100 * scale.MONEY),
    ]
    for at_ns, command in enumerate(cold, start=1):
        _apply_cold(machine, at_ns, command)
    hot = [
        quote_record(1, 6_000_000, 6_000_001, 1, 0),
        _order(OrderType.MARKET, 0),
        _order(OrderType.LIMIT, 5_000_000),
        amend_position_record(1, 1, Amend.STOP_LOSS | Amend.MARGIN, 5_900_000, 0, 1, 0),
        amend_order_record(1, 2, Amend.PRICE, 4_000_000, 0, 0, 0),
        cancel_order_record(1, 2),
        cancel_all_record(1, 1),
        close_position_record(1, 1, 0, 100),
        buy_fixed_record(1, 1, 1, 10 * scale.MONEY, Side.LONG, 60, 0),
        buy_fixed_record(1, 0, 1, 10 * scale.MONEY, Side.LONG, 60, Asset.DEMO),
    ]
    book = machine.state.book
    for at_ns, record in enumerate(hot, start=100):
        _apply(machine, at_ns, record, b"")
        views.positions(book, 1, 1)
    game, match = len(machine.state.cold.games) + 1, len(machine.state.cold.matches) + 1
    ending: list[ColdCommand] = [
        CreateGame(
            "Room",
            "",
            1_000 * scale.MONEY,
            1,
            1,
            min_players=2,
            duration_s=60,
            max_daily_drawdown_ppm=100_000,
            currency="USDT",
            entry_fee=1,
            reward_price=10,
        ),
        FundRewards("USDT", 100),
        TopUp(1, "USDT", 100),
        CreateMatch(game, practice=False),
        CreateMatch(game, practice=False),
        JoinMatch(match, 1),
        JoinMatch(match, 1),
        CancelMatch(match + 1, "warm"),
        LeaveMatch(match, 1),
        JoinMatch(match, 1),
        StartMatch(match),
        EndMatch(match, "warm"),
        JoinQueue(game, 1),
        LeaveQueue(game, 1),
    ]
    for at_ns, command in enumerate(ending, start=200):
        _apply_cold(machine, at_ns, command, key=(1, 1) if at_ns in (205, 206) else None)

    machine.try_order(_order(OrderType.MARKET, 0))
    views.match(machine.state, 1)
    views.board(book, 1, 1)
    views.seats_of(machine.state, 1)
    views.orders(book, 1, 1)
    views.takes_quotes(book, 1, 1)
    views.fixed_trades(book, 1, 1)
    views.wallet_trades(book, 1)
    views.career(book, 1)
    market.revalue(book, 1)
    index.rehash(book.request_index, np.zeros_like(book.request_index))
    compact.rehash(book.id_index, np.zeros_like(book.id_index))
    accounts.account_id(1, 1, 1)


def _order(order_type: OrderType, price: int) -> bytes:
    margin = 100 * scale.MONEY
    return place_order_record(
        1, 1, 1, Side.LONG, order_type, TimeInForce.GTC, 10, margin, 0, price, 0, 0, 0, b"", 0, 10_000
    )


def _apply_cold(machine: Machine, at_ns: int, command: ColdCommand, key: tuple[int, int] | None = None) -> None:
    blob = encode_cold(command)
    record = with_key(cold_record(), key, blob) if key else cold_record()
    _apply(machine, at_ns, with_blob(record, len(blob), 0), blob)


def _apply(machine: Machine, at_ns: int, record: bytes, blob: bytes) -> None:
    sequence = int(machine.state.book.world[0]["sequence"]) + 1
    machine.apply(Batch(sequence, at_ns, records_of(record), blob))
