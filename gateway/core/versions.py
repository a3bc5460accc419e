"""What this server is, for those who ask: /version, and `hello`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

PROTOCOL_VERSION: Final = 1


def package_version() -> str:
    """Of the installed package; "unknown" when it runs from a folder."""
    try:
        return version("tick-arena")
    except PackageNotFoundError:
        return "unknown"
