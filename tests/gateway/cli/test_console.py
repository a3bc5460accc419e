"""What goes to standard error."""

from __future__ import annotations

import pytest
import structlog

from gateway.cli.console import log_to_stderr
from gateway.core.log_lines import STDERR


def test_a_traceback_shows_no_values(capfd: pytest.CaptureFixture[str]) -> None:
    configured = structlog.get_config()
    try:
        log_to_stderr()
        try:
            token = "eyJ" + "secret"
            raise ValueError(len(token))
        except ValueError:
            structlog.get_logger().exception("it failed", path="/ws")
    finally:
        structlog.configure(**configured)
    STDERR.wait()
    told = capfd.readouterr().err
    assert "it failed" in told
    assert "ValueError: 9" in told
    assert "eyJsecret" not in told
