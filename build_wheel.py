"""Build a wheel with compiled kernels in it, so that whoever installs it waits for nothing: build_wheel.py [FOLDER]."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.jit.caching import BASELINE

ROOT = Path(__file__).parent


def build(folder: Path) -> Path:
    """Compile for BASELINE, and make the wheel in `folder`; the wheel."""
    with tempfile.TemporaryDirectory() as made:
        staged = Path(made)
        for part in ("engine", "persistence", "gateway", "bench"):
            shutil.copytree(ROOT / part, staged / part, ignore=shutil.ignore_patterns("__pycache__", "compiled"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, staged)
        environment = os.environ | {
            "NUMBA_CPU_NAME": BASELINE, "NUMBA_CPU_FEATURES": "", "PYTHONPATH": str(staged),
            "ARENA_KERNEL_CACHE": str(staged / "engine" / "compiled"),
        }  # fmt: skip
        warm_up = "from gateway.cli.main import main; import sys; sys.argv = ['arena', 'warmup']; main()"
        subprocess.run([sys.executable, "-c", warm_up], cwd=staged, env=environment, check=True)
        wheel = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "-q", "--no-deps"]
        subprocess.run([*wheel, "--no-build-isolation", "-w", str(folder), str(staged)], check=True)
    (built,) = folder.glob("tick_arena-*.whl")
    return built


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
