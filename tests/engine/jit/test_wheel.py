"""The wheel brings compiled kernels along: whoever installs it compiles nothing."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from llvmlite import binding

from build_wheel import build
from engine.jit import JIT_DISABLED
from engine.jit.caching import BASELINES

pytestmark = [
    pytest.mark.skipif(os.environ.get("ARENA_THOROUGH") != "1", reason="compiles everything: ARENA_THOROUGH=1"),
    pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that has the wheel, and what it needs from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder / "dist")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    asked = [str(python), "-c", "import site; print(site.getsitepackages()[0])"]
    packages = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    install = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--no-deps", "--target"]
    subprocess.run([*install, str(packages), str(wheel)], check=True)
    (packages / "zz_needed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


def warm_up(python: Path, cache: Path, **environment: str) -> str:
    script = (
        "import sys, engine; from gateway.cli.main import main\n"
        "print(engine.__file__); sys.argv = ['arena', 'warmup']; main()"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CPU_NAME")}
    done = subprocess.run(
        [python, "-P", "-c", script], cwd=cache, env=inherited | {"ARENA_KERNEL_CACHE": str(cache)} | environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(python.parent.parent) in done.stdout, "the wheel's package is what is imported"
    return done.stdout


def test_nothing_is_compiled_after_an_installation(installed: Path, tmp_path: Path) -> None:
    assert "all kernels were in the cache" in warm_up(installed, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_each_baseline_that_this_processor_can_run_is_there(installed: Path, tmp_path: Path) -> None:
    features = binding.get_host_cpu_features()
    for processor, needed in BASELINES.items():
        if all(map(features.get, needed)):
            told = warm_up(installed, tmp_path, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="")
            assert "all kernels were in the cache" in told, processor


def test_no_folder_is_needed_then(installed: Path, tmp_path: Path) -> None:
    assert "all kernels were in the cache" in warm_up(installed, tmp_path, ARENA_KERNEL_CACHE="/dev/null")


def test_another_processor_compiles_for_itself(installed: Path, tmp_path: Path) -> None:
    assert "all kernels" not in warm_up(installed, tmp_path, NUMBA_CPU_NAME="x86-64-v2")
    assert any(tmp_path.rglob("*.nbc"))
