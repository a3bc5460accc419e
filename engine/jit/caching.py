"""Where compiled code is kept: with the package, as it was built into it, or in a folder of the user's.

numba's cache watches only the file that a function stands in, so an edit in a callee would leave a stale caller. Here
the folder is named by a hash of all that goes into the code, and of the compiler: an edit anywhere gives a fresh
folder; nothing stale can be loaded. Neither do we let numba choose a folder: it would take one within the sources.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
import numpy
from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from engine.jit.sources import sources_hash

PACKAGED: Final = Path(__file__).parent.parent / "compiled"
"""What `make wheel` compiles for BASELINE: here in a package that was installed, nothing in a folder of sources."""

BASELINE: Final = "x86-64-v3"
"""The processor that it is compiled for, as LLVM names it: Intel's since 2013, AMD's since 2015."""

_HAS_BASELINE: Final = frozenset({
    "avx", "avx2", "bmi", "bmi2", "cx16", "f16c", "fma", "lzcnt", "movbe", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2",
    "ssse3", "xsave",
})  # fmt: skip
"""What such a processor can do, as LLVM names it."""


class NoCacheFolder(Exception):
    """Compiled code can be kept nowhere; the message says what to do."""


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
        probe.unlink()
    except OSError as error:
        raise NoCacheFolder(_nowhere(f"{directory}: {error.strerror}")) from error


def _nowhere(why: str) -> str:
    return f"compiled kernels can be kept nowhere ({why}): name a folder with ARENA_KERNEL_CACHE"


def drop_stale_caches(keep: int = 3) -> None:
    """Delete the cache directories of older sources, all but the newest `keep`."""
    directories = sorted(cache_directory().parent.glob("kernels-*"), key=lambda path: path.stat().st_mtime)
    for directory in directories[:-keep]:
        shutil.rmtree(directory, ignore_errors=True)


def compile_for_packaged() -> None:
    """Have numba compile for BASELINE, so that it takes what the package brings along; not where the package brings
    nothing that fits, the processor is an older one, or somebody has named another."""
    named = numba.config.CPU_NAME is not None or numba.config.CPU_FEATURES is not None  # type: ignore[attr-defined]
    if named or not (PACKAGED / _FOLDER).is_dir():
        return
    can = binding.get_host_cpu_features()
    if all(can.get(feature) for feature in _HAS_BASELINE):
        numba.config.CPU_NAME = BASELINE  # type: ignore[attr-defined]
        numba.config.CPU_FEATURES = ""  # type: ignore[attr-defined]


class KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of a function, in our folders: read from both, written to the user's."""

    def __init__(self, function: Any) -> None:
        self._impl_class = _Files
        super().__init__(function)
        base, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
        self._packaged = _Index(str(PACKAGED / _FOLDER / function.__module__), base, stamp)
        self._cache_file = _Index(self._cache_path, base, stamp)

    def has(self, signature: tuple[Any, ...], codegen: Any) -> bool:
        """Would it be loaded, and not compiled?"""
        key = self._index_key(signature, codegen)
        return key in self._packaged._load_index() or key in self._cache_file._load_index()

    def _load_overload(self, signature: Any, target_context: Any) -> Any:
        data = self._packaged.load(self._index_key(signature, target_context.codegen()))
        if data is not None:
            return self._impl.rebuild(target_context, data)
        return super()._load_overload(signature, target_context)


class _Index(IndexDataCacheFile):  # type: ignore[misc]
    """What the files in one folder have of one function."""

    def _load_index(self) -> dict[Any, str]:
        try:
            return dict(super()._load_index())
        except OSError:  # no folder, or not for us: nothing is there, and whoever writes hears why
            return {}


class _Files(CompileResultCacheImpl):  # type: ignore[misc]
    """Names the files of one function."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Place(function)
        self._filename_base = self.get_filename_base(function.__qualname__, sys.abiflags)


class _Place:
    """What numba calls a locator: the folder of one module's functions."""

    def __init__(self, function: Any) -> None:
        self._py_file = inspect.getfile(function)
        self._module = function.__module__
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        try:
            return str(cache_directory() / self._module)
        except NoCacheFolder:
            return os.devnull  # which nothing is found in, and nothing written to: see ensure_cache_path

    def ensure_cache_path(self) -> None:
        check_cache_directory()
        Path(self.get_cache_path()).mkdir(exist_ok=True)

    def get_source_stamp(self) -> bytes:
        """Of the function's own file: it may be one that does not belong to the engine."""
        return hashlib.sha256(Path(self._py_file).read_bytes()).digest()

    def get_disambiguator(self) -> str:
        return str(self._line)
