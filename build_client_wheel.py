"""Build the wheel of the Python client alone, with the protocol in it: build_client_wheel.py [FOLDER].

It is called tick-arena-client, imported as arena_client, and needs aiohttp and msgspec.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent
PACKAGE = "arena_client"

PARTS = {"gateway/client": "", "gateway/protocol": "protocol", "engine/model": "model"}
"""Where the sources are, and where they are in the package."""

OF_THE_MODEL = ("__init__.py", "bounds.py", "reasons.py", "scale.py")
"""What the protocol needs of the engine."""

NEEDED = ("aiohttp", "msgspec")

README = """\
# tick-arena-client

A client for tick-arena, a trading game: it stays connected, and waits for durable outcomes.

    from arena_client import SyncClient

    with SyncClient("http://127.0.0.1:8080") as arena:
        arena.guest("alice")
        print(arena.place(symbol="BTCUSDT", side="long", margin="100", leverage=10))

`Client` is the same for asyncio.
"""

PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "tick-arena-client"
version = "{version}"
description = "A Python client for tick-arena, a trading game"
readme = "README.md"
requires-python = "{python}"
license = "{license}"
license-files = ["LICENSE"]
dependencies = {needed}

[tool.setuptools.packages.find]
include = ["arena_client*"]

[tool.setuptools.package-data]
arena_client = ["py.typed"]
"""


def build(folder: Path) -> Path:
    """Make the wheel in `folder`; the wheel."""
    with tempfile.TemporaryDirectory() as made:
        staged = Path(made)
        _copy(staged / PACKAGE)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        needed = [line for line in project["dependencies"] if re.match(r"[\w-]+", line)[0] in NEEDED]  # type: ignore[index]
        text = PROJECT.format(
            version=project["version"], python=project["requires-python"], license=project["license"], needed=needed
        )
        (staged / "pyproject.toml").write_text(text)
        (staged / "README.md").write_text(README)
        shutil.copy(ROOT / "LICENSE", staged)
        wheel = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "-q", "--no-deps"]
        subprocess.run([*wheel, "--no-build-isolation", "-w", str(folder), str(staged)], check=True)
    return max(folder.glob("tick_arena_client-*.whl"), key=lambda path: path.stat().st_mtime)


def _copy(package: Path) -> None:
    for source, place in PARTS.items():
        for path in sorted((ROOT / source).rglob("*.py")):
            name = path.relative_to(ROOT / source)
            if source != "engine/model" or str(name) in OF_THE_MODEL:
                copy = package / place / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(_renamed(path.read_text()))
    (package / "py.typed").touch()


def _renamed(text: str) -> str:
    """The source with the package's own names, and without the hint that is for those who have the whole project."""
    for source, place in PARTS.items():
        name = f"{PACKAGE}.{place}".rstrip(".")
        text = re.sub(rf"\b{source.replace('/', '[./]')}\b", name, text)
    return re.sub(
        r"^try:\n(.*?)^except ModuleNotFoundError.*?^    raise\n",
        lambda found: textwrap.dedent(found[1]), text, flags=re.MULTILINE | re.DOTALL,
    )  # fmt: skip


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
