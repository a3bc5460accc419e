"""What the sources use of others' private parts is there, and all of it is listed here.

numba and aiohttp promise nothing about these names, so pyproject.toml caps both versions. Before a cap is lifted, this
says what has changed and what it was used for.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from numba.core.compiler import Flags
from numba.core.options import DefaultOptions

from tests.architecture.sources import ALL, ROOT, name_of, tree


class Private(NamedTuple):
    """A name that its owner may change without a word."""

    module: str
    name: str
    """`Class.attribute`, `Class.attribute=` for one that instances are given, or "" for the module itself."""
    used_in: str
    used_for: str
    takes: tuple[str, ...] = ()
    """Arguments that it is called with, or that what overrides it is called with."""


_COMPILER, _BUNDLES = "engine.jit.compiler", "engine.jit.bundles"
_INLINE = "code for kernels stops at LLVM's intermediate code"
_CACHING = "engine.jit.caching"
_FOLDERS = "folders of ours, named by what is in them"
_STREAM = "the market connection's own read loop"

PRIVATE = (
    # numba: how kernels are compiled
    Private("numba.core.codegen", "JITCodeLibrary._optimize_functions", _COMPILER, _INLINE, ("self", "ll_module")),
    Private("numba.core.codegen", "JITCodeLibrary.finalize", _COMPILER, _INLINE, ("self",)),
    Private("numba.core.codegen", "JITCodeLibrary._raise_if_finalized", _COMPILER, _INLINE, ("self",)),
    Private("numba.core.codegen", "JITCodeLibrary._finalize_dynamic_globals", _COMPILER, _INLINE, ("self",)),
    Private("numba.core.codegen", "JITCodeLibrary._verify_declare_only_symbols", _COMPILER, "nothing is called that is "
            "not there", ("self",)),
    Private("numba.core.codegen", "JITCodeLibrary._codegen=", _COMPILER, _INLINE),
    Private("numba.core.codegen", "JITCodeLibrary._final_module=", _COMPILER, _INLINE),
    Private("numba.core.codegen", "JITCodeLibrary._finalized=", _COMPILER, _INLINE),
    Private("numba.core.codegen", "JITCodeLibrary._linking_libraries=", _COMPILER, "an entry takes in all of it"),
    Private("numba.core.codegen", "CPUCodegen._function_pass_manager", _COMPILER, _INLINE),
    Private("numba.core.codegen", "CPUCodegen._data_layout=", _COMPILER, _INLINE),
    Private("numba.core.typed_passes", "NativeLowering._name", _COMPILER, "passes of ours have names of their own"),
    Private("numba.core.typed_passes", "NativeLowering.lowering_class", _COMPILER, "rare kernels are marked noinline"),
    Private("numba.core.typed_passes", "NopythonTypeInference.run_pass", _COMPILER, "what was resolved is remembered",
            ("self", "state")),
    Private("numba.core.untyped_passes", "TranslateByteCode", _COMPILER, "those of numba's passes that kernels need"),
    Private("numba.core.typing.context", "BaseContext.resolve_function_type", _COMPILER,
            "what was resolved is remembered", ("self", "func", "args", "kws")),
    Private("numba.core.lowering", "Lower.setup_function", _COMPILER, "rare kernels are marked noinline",
            ("self", "fndesc")),
    Private("numba.core.compiler", "CompilerBase.define_pipelines", _COMPILER, "the passes are ours", ("self",)),
    Private("numba.core.compiler_machinery", "PassManager.finalize", _COMPILER, "the passes are ours"),
    Private("numba.core.compiler_machinery", "register_pass", _COMPILER, "the passes are ours",
            ("mutates_CFG", "analysis_only")),
    Private("numba.core", "ir.SetItem", _COMPILER, "an index never counts from the end"),
    Private("numba.core", "types.IntEnumMember", _COMPILER, "all integers are the same to a kernel"),
    Private("numba.core", "cgutils.add_global_variable", _BUNDLES, "names of attributes are kept"),
    Private("numba.core", "cgutils.get_item_pointer", "engine.jit.intrinsics", "addresses to prefetch"),
    Private("numba.core.dispatcher", "Dispatcher.get_call_template", "engine.jit", "all integers are the same",
            ("self", "args", "kws")),
    Private("numba.core.dispatcher", "Dispatcher.get_overload", "engine.jit", "kernels call an entry as a kernel",
            ("self", "sig")),
    Private("numba.core.dispatcher", "Dispatcher._cache=", "engine.jit", "compiled code is kept in our folders"),
    Private("numba.core.dispatcher", "Dispatcher", "engine.precompile", "kernels are found in their modules"),
    Private("numba.core.registry", "cpu_target", "engine.precompile", "is it in the cache for this processor"),
    Private("numba.core.event", "Listener.on_end", "engine.precompile", "progress of compiling",
            ("self", "event")),
    Private("numba.core.options", "TargetOptions", "engine.jit", "the options _nrt, forceinline, no_cfunc_wrapper"),
    # numba: where compiled code is kept
    Private("numba.core.caching", "FunctionCache._impl_class", _CACHING, _FOLDERS),
    Private("numba.core.caching", "FunctionCache._impl=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "FunctionCache._cache_path=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "FunctionCache._cache_file=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "FunctionCache._index_key", _CACHING, _FOLDERS, ("self", "sig", "codegen")),
    Private("numba.core.caching", "FunctionCache._load_overload", _CACHING, _FOLDERS,
            ("self", "sig", "target_context")),
    Private("numba.core.caching", "CompileResultCacheImpl._lineno=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "CompileResultCacheImpl._locator=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "CompileResultCacheImpl._filename_base=", _CACHING, _FOLDERS),
    Private("numba.core.caching", "CompileResultCacheImpl.get_filename_base", _CACHING, _FOLDERS,
            ("self", "fullname", "abiflags")),
    Private("numba.core.caching", "IndexDataCacheFile._load_index", _CACHING, _FOLDERS, ("self",)),
    Private("numba.core.caching", "IndexDataCacheFile._load_data", _CACHING, "a file that a crash cut short is no file",
            ("self", "name")),
    # numba: how arrays are handed to compiled code
    Private("numba.core.imputils", "lower_getattr_generic", _BUNDLES, "arrays are made when they are asked for"),
    Private("numba.core.pythonapi", "PythonAPI._get_function", _BUNDLES, "PyUnicode_InternFromString is called",
            ("fnty", "name")),
    Private("numba.core.cgutils", "_StructProxy._getvalue", _BUNDLES, "arrays are made without Python", ("self",)),
    Private("numba.np.arrayobj", "populate_array", _BUNDLES, "arrays are made without Python",
            ("array", "data", "shape", "strides", "itemsize", "meminfo")),
    Private("llvmlite.ir", "FunctionType", _BUNDLES, "PyUnicode_InternFromString is called"),
    # aiohttp: frames are read and written without its WebSocketResponse
    Private("aiohttp.web_response", "StreamResponse._length_check", "gateway.transport.websocket",
            "a handshake has no length"),
    # python-binance: it connects, and we read
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._read_loop", "gateway.market.connection",
            _STREAM, ("self",)),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._handle_message", "gateway.market.connection",
            _STREAM, ("self", "evt")),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._get_reconnect_wait",
            "gateway.market.connection", _STREAM, ("self", "attempts")),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._handle_read_loop=",
            "gateway.market.connection", _STREAM),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._log=", "gateway.market.connection",
            "it would log each failed attempt, as we do"),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._url=", "gateway.market.connection",
            "what the log names"),
    Private("binance.ws.reconnecting_websocket", "ReconnectingWebsocket._path=", "gateway.market.connection",
            "the streams of the next connection"),
    Private("binance.async_client", "AsyncClient._get", "gateway.market.exchange", "exchangeInfo of some symbols",
            ("self", "path")),
    # aiosqlite
    Private("aiosqlite", "Connection._thread=", "persistence.projector", "the thread must not keep a process alive"),
    Private("aiosqlite", "Connection._conn=", "persistence.projector", "one call of a thread for many statements"),
    Private("aiosqlite", "Connection._execute", "persistence.projector", "one call of a thread for many statements",
            ("self", "fn")),
)  # fmt: skip


def found(private: Private) -> Any:
    """The thing; None for what instances are given. Raises AssertionError where it is not."""
    place: Any = importlib.import_module(private.module)
    *path, last = private.name.split(".")
    for part in path:
        place = getattr(place, part)
    if last.endswith("="):
        sources = "".join(inspect.getsource(base) for base in place.__mro__ if "__module__" in vars(base))
        assert re.search(rf"self\.{last[:-1]}\b.*=", sources), f"{place} has no {last[:-1]}"
        return None
    return getattr(place, last)


@pytest.mark.parametrize("private", PRIVATE, ids=lambda private: f"{private.module}.{private.name}")
def test_it_is_there(private: Private) -> None:
    lost = f"{private.used_in} needs {private.module}.{private.name}: {private.used_for}"
    try:
        thing = found(private)
    except (ImportError, AttributeError, AssertionError) as error:
        pytest.fail(f"{lost}; {error}", pytrace=False)
    if private.takes:
        assert set(private.takes) <= set(inspect.signature(thing).parameters), lost


@pytest.mark.parametrize("name", ["_nrt", "no_cpython_wrapper", "no_cfunc_wrapper", "forceinline"])
def test_options_that_no_manual_names_are_options_still(name: str) -> None:
    """engine.jit compiles with them. `no_compile`, which it sets later, is a flag only."""
    assert hasattr(DefaultOptions, name)
    assert {name.lstrip("_"), "no_compile"} <= Flags.options.keys()


@pytest.mark.parametrize("package", ["numba", "aiohttp"])
def test_its_version_is_capped(package: str) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [one for one in wanted if re.match(rf"{package}>=[\d.]+,<[\d.]+$", one)], package


# Is all of it in the list?

LISTED = {private.name.rpartition(".")[2].rstrip("=") for private in PRIVATE}
DOCUMENTED = {"_asdict", "_fields", "_make", "_replace", "_exit"}
"""In spite of their names: of named tuples, and of os."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def names_made_in(path: Path) -> Iterator[str]:
    """What the file defines, assigns or spells out."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Constant(value=str(name)):
                yield name


def test_private_attributes_that_we_did_not_make_are_listed() -> None:
    ours = {name for path in ALL for name in names_made_in(path)}
    for path in ALL:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in ours:
                assert node.attr in LISTED, f"{name_of(path)}:{node.lineno}: {node.attr}"


def test_imports_of_private_modules_are_listed() -> None:
    modules = {private.module for private in PRIVATE}
    for path in ALL:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                deep = node.module.startswith(("numba.core.", "numba.np.")) or "._" in f".{node.module}"
                own = node.module.partition(".")[0] in ("engine", "gateway", "persistence", "bench", "__future__")
                assert own or not deep or node.module in modules, f"{name_of(path)} imports {node.module}"


def subclasses_of_others() -> Iterator[tuple[str, ast.ClassDef, list[type]]]:
    """Classes of ours, with those of other packages that they inherit from."""
    for path in ALL:
        for node in tree(path).body:
            if not isinstance(node, ast.ClassDef) or not node.bases:
                continue
            made = getattr(importlib.import_module(name_of(path)), node.name)
            packages = {base: base.__module__.partition(".")[0] for base in made.__mro__}
            ours = {package.name for package in ROOT.iterdir()}
            yield name_of(path), node, [base for base, package in packages.items()
                                        if package not in ours and package not in sys.stdlib_module_names]  # fmt: skip


def test_what_we_override_or_use_of_a_base_class_is_listed() -> None:
    seen = set()
    for module, node, bases in subclasses_of_others():
        for base in bases:
            try:
                given = set(re.findall(r"self\.(_\w+)", inspect.getsource(base)))
            except (TypeError, OSError):  # compiled
                given = set()
            theirs = given | set(vars(base))
            used = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} | {
                name
                for part in node.body
                for name in (getattr(part, "name", ""), *(getattr(to, "id", "") for to in getattr(part, "targets", ())))
            }
            names = {name for name in used & theirs if is_private(name)}
            assert names <= LISTED, f"{module}.{node.name}: {names - LISTED} of {base}"
            seen |= names
    assert {"_read_loop", "_url", "_length_check", "_optimize_functions", "_load_index", "_codegen"} <= seen
