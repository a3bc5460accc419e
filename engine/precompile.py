"""Compiles all machine code ahead of time, or loads it from the cache: some twenty seconds, or a second.

What is not in the cache is compiled in as many processes as there are cores. Entries are compiled for the types in
model/signatures.py, so nobody has to call them first. numba reports which kernels it compiles; those that come from the
cache are silent.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import pkgutil
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import Any, Final

from numba.core import event as numba_events
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target

import engine
from engine.jit import signature
from engine.jit.caching import NoCacheFolder, check_cache_directory, drop_stale_caches
from engine.model.signatures import PARAMETERS

__all__ = ["NoCacheFolder", "compile_entries", "entries"]

COMPILED: Final = "numba:compile"

OnKernel = Callable[[int, int], None]
"""Called after each kernel with how many have been compiled, and how many there are."""


def compile_entries(on_kernel: OnKernel = lambda compiled, kernels: None) -> int:
    """Compile what is not in the cache, and load the rest; how many kernels had to be compiled."""
    progress = _Progress(on_kernel)
    missing = [entry for entry in entries() if not _is_kept(entry)]
    if missing:
        check_cache_directory()
        _compile(missing, progress)
    with numba_events.install_listener(COMPILED, _Listener(progress)):
        for entry in entries():
            entry.compile(signature(entry, PARAMETERS))
    if progress.compiled:
        drop_stale_caches()
    return len(progress.compiled)


def _is_kept(entry: Any) -> bool:
    return bool(entry._cache.has(signature(entry, PARAMETERS), cpu_target.target_context.codegen()))


def _compile(missing: list[Dispatcher], progress: _Progress) -> None:
    """Compile entries in as many processes as there are cores, into the cache that all of them have: the longest first,
    and that is those with the most kernels in them."""
    missing.sort(key=lambda entry: (-len(_needs(entry)), _name(entry)))
    processes = min(len(os.sched_getaffinity(0)), len(missing))
    spawned = multiprocessing.get_context("spawn")
    reports = spawned.SimpleQueue()
    with ProcessPoolExecutor(processes, spawned, _start_worker, (reports,)) as pool:
        pending = [pool.submit(_compile_one, _name(entry)) for entry in missing]
        while pending:
            wait(pending, timeout=1, return_when=FIRST_COMPLETED)
            while not reports.empty():
                progress(reports.get())
            for each in pending:
                if each.done():
                    each.result()
            pending = [each for each in pending if not each.done()]


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


def _start_worker(reports: Any) -> None:
    """In a process that compiles: report each kernel. It ends soon, and what a compiler makes has few cycles."""
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    numba_events.register(COMPILED, _Listener(reports.put))  # type: ignore[no-untyped-call]


def _end_with_parent() -> None:
    """A process that nobody gives work any more would wait for ever: whoever was to end it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    try:
        parent.join()
    finally:
        os._exit(1)


def _compile_one(name: str) -> None:
    (entry,) = (entry for entry in entries() if _name(entry) == name)
    entry.compile(signature(entry, PARAMETERS))


def _name(kernel: Any) -> str:
    return f"{kernel.py_func.__module__}.{kernel.__name__}"


class _Progress:
    """Counts the kernels that were compiled, in whichever process, and reports it."""

    def __init__(self, on_kernel: OnKernel) -> None:
        self.compiled: set[str] = set()
        self._kernels = {_name(kernel) for kernel in _kernels()}
        self._on_kernel = on_kernel

    def __call__(self, name: str) -> None:
        if name in self._kernels and name not in self.compiled:
            self.compiled.add(name)
            self._on_kernel(len(self.compiled), len(self._kernels))


class _Listener(numba_events.Listener):
    """Called by numba for each kernel that it has compiled."""

    def __init__(self, on_kernel: Callable[[str], None]) -> None:
        self._on_kernel = on_kernel

    def on_start(self, event: numba_events.Event) -> None:
        """Only the end of a compilation counts."""

    def on_end(self, event: numba_events.Event) -> None:
        self._on_kernel(_name(event.data["dispatcher"]))


def _kernels() -> list[Dispatcher]:
    """All that is compiled, in order of their names."""
    found = pkgutil.walk_packages(engine.__path__, "engine.")
    modules = [importlib.import_module(module.name) for module in found]
    members = [member for module in modules for member in module.__dict__.values()]
    kernels = {_name(member): member for member in members if isinstance(member, Dispatcher)}
    return [kernels[name] for name in sorted(kernels)]


def entries() -> list[Dispatcher]:
    """The kernels that Python calls: each takes the kernels that it calls into its own code."""
    return [kernel for kernel in _kernels() if not kernel.targetoptions.get("no_cpython_wrapper")]
