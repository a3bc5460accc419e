"""Where compiled code is kept: in the installed package, or in the user's cache folder.

numba's cache checks only the file that defines a function, so an edit in a callee would leave a stale caller. Here the
folder is named by a hash of all sources that compiled code depends on, and of the versions of the compiler: an edit
gives a new folder. numba's own choice of a folder would be one within the sources.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import platform
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
import numpy
from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from engine.jit.sources import sources_hash

PACKAGED: Final = Path(__file__).parent.parent / "compiled"
"""Code that `make wheel` compiled for each of BASELINES: only an installed package has it."""

_V3: Final = frozenset({
    "avx", "avx2", "bmi", "bmi2", "cx16", "f16c", "fma", "lzcnt", "movbe", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2",
    "ssse3", "xsave",
})  # fmt: skip

BASELINES: Final = {
    "x86-64-v4": _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": _V3,
}
"""The processors that packages have code for, best first, by LLVM's name; and what a processor must have for it.

v4 has vectors of 512 bits: without them a tick costs a quarter more. v3 is Intel since 2013, AMD since 2015."""


class NoCacheFolder(Exception):
    """No folder for compiled code; the message says what to do."""


def _key() -> str:
    versions = f"{numba.__version__} {llvmlite.__version__} {numpy.__version__} {sys.version_info[:2]}"
    machine = f"{platform.system()} {platform.machine()}"
    return hashlib.blake2b(f"{versions} {machine} {sources_hash()}".encode(), digest_size=8).hexdigest()


_FOLDER: Final = f"kernels-{_key()}"


def cache_directory() -> Path:
    """Where compiled kernels are kept: $ARENA_KERNEL_CACHE, or tick-arena under the user's cache folder."""
    named = os.environ.get("ARENA_KERNEL_CACHE")
    if named:
        return Path(named).absolute() / _FOLDER
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise NoCacheFolder(_nowhere("there is no home folder")) from error
    return base / "tick-arena" / _FOLDER


def check_cache_directory() -> None:
    """Raise NoCacheFolder unless files can be made there."""
    directory = cache_directory()
    probe = directory / f"probe.{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise NoCacheFolder(_nowhere(f"{directory}: {error.strerror}")) from error


def _nowhere(why: str) -> str:
    return f"compiled kernels can be kept nowhere ({why}): name a folder with ARENA_KERNEL_CACHE"


def drop_stale_caches(keep: int = 3) -> None:
    """Delete the cache directories of older sources, all but the newest `keep`."""
    with suppress(FileNotFoundError):  # another process has just deleted one of them
        directories = sorted(cache_directory().parent.glob("kernels-*"), key=lambda path: path.stat().st_mtime)
        for directory in directories[:-keep]:
            shutil.rmtree(directory, ignore_errors=True)


def baseline_of(features: Mapping[str, bool]) -> str | None:
    """The best of BASELINES for a processor with these features, which are named as LLVM does."""
    return next((name for name, needed in BASELINES.items() if all(map(features.get, needed))), None)


def target_packaged_processor() -> None:
    """Have numba compile for a baseline, so that it loads the package's code; unless the package has none for these
    sources, the processor is below all baselines, or numba's configuration names a processor."""
    named = numba.config.CPU_NAME is not None or numba.config.CPU_FEATURES is not None  # type: ignore[attr-defined]
    if named or not (PACKAGED / _FOLDER).is_dir():
        return
    baseline = baseline_of(binding.get_host_cpu_features())
    if baseline is not None:
        numba.config.CPU_NAME = baseline  # type: ignore[attr-defined]
        numba.config.CPU_FEATURES = ""  # type: ignore[attr-defined]


class KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function: read from the package and from the user's folder, written to the latter."""

    def __init__(self, function: Any) -> None:
        self._impl_class = _CacheFiles
        super().__init__(function)
        base, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
        self._packaged = _FunctionIndex(str(PACKAGED / _FOLDER / function.__module__), base, stamp)
        self._cache_file = _FunctionIndex(self._cache_path, base, stamp)

    def has(self, signature: tuple[Any, ...], codegen: Any) -> bool:
        """Is code for the signature in the cache?"""
        key = self._index_key(signature, codegen)
        return key in self._packaged._load_index() or key in self._cache_file._load_index()

    def _load_overload(self, signature: Any, target_context: Any) -> Any:
        data = self._packaged.load(self._index_key(signature, target_context.codegen()))
        if data is not None:
            return self._impl.rebuild(target_context, data)
        return super()._load_overload(signature, target_context)


class _FunctionIndex(IndexDataCacheFile):  # type: ignore[misc]
    """Index of one function's compiled code in one folder."""

    def _load_index(self) -> dict[Any, str]:
        try:
            return dict(super()._load_index())
        except (OSError, EOFError, pickle.UnpicklingError):  # no folder, no permission, or a file cut short by a crash
            return {}

    def _load_data(self, name: str) -> Any:
        try:
            return super()._load_data(name)
        except (EOFError, pickle.UnpicklingError) as error:
            raise FileNotFoundError(name) from error  # which numba takes for "not cached"


class _CacheFiles(CompileResultCacheImpl):  # type: ignore[misc]
    """Names the files of one function."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _CacheLocator(function)
        self._filename_base = self.get_filename_base(function.__qualname__, sys.abiflags)


class _CacheLocator:
    """numba's locator: the cache folder of one module."""

    def __init__(self, function: Any) -> None:
        self._py_file = inspect.getfile(function)
        self._module = function.__module__
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        try:
            return str(cache_directory() / self._module)
        except NoCacheFolder:
            return os.devnull  # nothing can be found or written there: see ensure_cache_path

    def ensure_cache_path(self) -> None:
        check_cache_directory()
        Path(self.get_cache_path()).mkdir(exist_ok=True)

    def get_source_stamp(self) -> bytes:
        """Hash of the function's own file, which may be outside of the engine, as in tests."""
        return hashlib.sha256(Path(self._py_file).read_bytes()).digest()

    def get_disambiguator(self) -> str:
        return str(self._line)
