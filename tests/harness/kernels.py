"""Kernels that only kernels call, for tests that call them one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.jit import entry


def for_python(kernel: Any) -> Callable[..., Any]:
    """The same kernel, compiled with what takes arguments from Python."""
    made: Callable[..., Any] = entry(getattr(kernel, "py_func", kernel))
    return made
