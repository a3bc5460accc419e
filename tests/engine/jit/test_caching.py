"""How compiled code is kept: named by what it is made of, in no folder but those that are meant for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.jit import JIT_DISABLED
from engine.jit.caching import BASELINES, NoCacheFolder, baseline_of, cache_directory, check_cache_directory
from engine.jit.sources import compiled_sources, sources_hash
from engine.precompile import compile_entries

ROOT = Path(__file__).parents[3]
ENGINE = ROOT / "engine"
SOURCES = [str(path.relative_to(ENGINE)) for path in compiled_sources()]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("sources") / "engine"
    shutil.copytree(ENGINE, copy, ignore=shutil.ignore_patterns("__pycache__", "compiled"))
    return copy


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_of_what_is_compiled_in_changes_the_key(copied: Path, name: str) -> None:
    before, text = sources_hash(copied), (copied / name).read_text()
    (copied / name).write_text(text + "\nEDITED = 1\n")
    assert sources_hash(copied) != before
    (copied / name).write_text(text)
    assert sources_hash(copied) == before == sources_hash()


@pytest.mark.parametrize("name", ["batch/machine.py", "competition/matches.py", "views/market.py"])
def test_an_edit_of_a_cold_handler_does_not(copied: Path, name: str) -> None:
    before, text = sources_hash(copied), (copied / name).read_text()
    (copied / name).write_text(text + "\nEDITED = 1\n")
    assert sources_hash(copied) == before
    (copied / name).write_text(text)


def test_the_key_follows_a_kernel_that_moves(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    (engine / "trading").mkdir(parents=True)
    (engine / "trading" / "marks.py").write_text(
        "from engine.trading.limits import (\n    LIMIT,\n)\n\n\n@kernel\ndef mark(): ...\n"
    )
    (engine / "trading" / "limits.py").write_text("import engine.scale\nLIMIT = 1\n")
    for cold in ("scale.py", "handlers.py"):
        (engine / cold).write_text("")
    found = {str(path.relative_to(engine)) for path in compiled_sources(engine)}
    assert found == {"trading/marks.py", "trading/limits.py", "scale.py"}


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_whatever_is_compiled_stands_in_a_source_that_is_known() -> None:
    """Of a file that the rule does not find, nothing is compiled, whoever imports it."""
    from numba.core.dispatcher import Dispatcher

    compile_entries()
    modules = {name: module for name, module in sys.modules.items() if name.startswith("engine")}
    defining = {
        member.py_func.__code__.co_filename
        for module in modules.values()
        for member in vars(module).values()
        if isinstance(member, Dispatcher)
    }
    assert {path for path in defining if path.startswith(str(ENGINE))} <= {str(path) for path in compiled_sources()}


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_entries_are_called_with_what_their_parameters_names_say() -> None:
    """Else what was compiled ahead would not be what is called. In a process of its own, because tests may hand kernels
    what they like."""
    script = (
        "from engine.jit import signature\n"
        "from engine.model.signatures import PARAMETERS\n"
        "from engine.precompile import compile_entries, entries\n"
        "compile_entries()\n"
        "print([entry.__name__ for entry in entries() if entry.signatures != [signature(entry, PARAMETERS)]])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


# Where it is kept


def test_a_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARENA_KERNEL_CACHE", str(tmp_path / "kernels"))
    check_cache_directory()
    assert cache_directory().parent == tmp_path / "kernels"
    assert list(cache_directory().iterdir()) == []


@pytest.mark.parametrize("variable", ["ARENA_KERNEL_CACHE", "XDG_CACHE_HOME"])
def test_a_folder_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv("ARENA_KERNEL_CACHE", raising=False)
    monkeypatch.setenv(variable, "/dev/null")
    with pytest.raises(NoCacheFolder, match="ARENA_KERNEL_CACHE"):
        check_cache_directory()


def test_without_a_home_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARENA_KERNEL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(NoCacheFolder, match="ARENA_KERNEL_CACHE"):
        check_cache_directory()


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
@pytest.mark.parametrize("locators", ["", "InTreeCacheLocator"])
def test_without_a_folder_the_arena_says_so_in_one_line_and_writes_nothing_among_the_sources(
    tmp_path: Path, locators: str
) -> None:
    for part in ("engine", "gateway", "persistence", "bench"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "compiled"))
    environment = {name: value for name, value in os.environ.items() if name != "ARENA_KERNEL_CACHE"}
    environment |= {"XDG_CACHE_HOME": "/dev/null", "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_LOCATOR_CLASSES": locators}
    script = "from gateway.cli.main import main; import sys; sys.argv = ['arena', 'warmup']; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("arena: ")
    assert "ARENA_KERNEL_CACHE" in line
    assert [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")] == []


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_an_entry_that_is_called_without_a_folder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.jit import entry

    @entry
    def twice(amount: int) -> int:
        return amount + amount

    monkeypatch.setenv("ARENA_KERNEL_CACHE", "/dev/null")
    with pytest.raises(NoCacheFolder, match="ARENA_KERNEL_CACHE"):
        twice(1)


def test_a_processor_gets_the_best_code_that_it_can_run() -> None:
    every = dict.fromkeys(BASELINES["x86-64-v4"], True)
    assert baseline_of(every) == "x86-64-v4"
    assert baseline_of(every | {"avx512vl": False}) == "x86-64-v3"
    assert baseline_of(every | {"avx2": False}) is None
    assert baseline_of({}) is None
