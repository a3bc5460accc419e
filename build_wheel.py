"""Build a wheel with compiled kernels in it, so that whoever installs it waits for nothing: build_wheel.py [FOLDER]."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from engine.jit.caching import BASELINES

ROOT = Path(__file__).parent


def build(folder: Path) -> Path:
    """Compile for each of BASELINES, and make the wheel in `folder`; the wheel."""
    with tempfile.TemporaryDirectory() as made:
        staged = Path(made)
        for part in ("engine", "persistence", "gateway", "bench"):
            shutil.copytree(ROOT / part, staged / part, ignore=shutil.ignore_patterns("__pycache__", "compiled"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, staged)
        _pin(staged / "pyproject.toml")
        # Nothing is run, so this machine need not be such a processor; and nothing is packaged yet that it would take.
        for processor in BASELINES:
            environment = os.environ | {
                "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "PYTHONPATH": str(staged),
                "ARENA_KERNEL_CACHE": str(staged / "engine" / "compiled"),
            }  # fmt: skip
            warm_up = "from engine.precompile import compile_entries; compile_entries()"
            subprocess.run([sys.executable, "-c", warm_up], cwd=staged, env=environment, check=True)
        wheel = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "-q", "--no-deps"]
        subprocess.run([*wheel, "--no-build-isolation", "-w", str(folder), str(staged)], check=True)
    return max(folder.glob("tick_arena-*.whl"), key=lambda path: path.stat().st_mtime)


def _pin(project: Path) -> None:
    """Let the wheel require the very versions that its kernels are compiled with: with others they would not fit."""
    text = project.read_text()
    for package in ("numba", "numpy"):
        text = re.sub(rf'"{package}>=[^"]*"', f'"{package}=={version(package)}"', text)
    text = text.replace("dependencies = [", f'dependencies = [\n    "llvmlite=={version("llvmlite")}",', 1)
    project.write_text(text)


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
