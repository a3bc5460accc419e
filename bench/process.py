"""An arena server in a process of its own, for tests that kill it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ARENA = [sys.executable, "-c", "from gateway.cli.main import main; main()"]
"""The command `arena` of the sources under test."""

START_S = 500.0
"""Seconds: a start may have to compile the kernels."""

READY_S = 120.0

TEST_CONFIG = """
[limits]
connections_per_address = 100000
guests_per_address_per_minute = 1000000
wrong_codes_per_minute = 1000000
refuse_opens_after_ms = 5000
refuse_most_after_ms = 5000
"""
"""Limits for tests, which run in parallel on few cores: slowness there is no overload."""


class ArenaProcess:
    """`arena serve`, by default with the simulated market, listening on `url`. Restarts keep the port.

    `errors`, if given, is a file that is opened as its standard error at each start.
    """

    def __init__(
        self,
        data: Path,
        *arguments: str,
        config: str = "",
        errors: Path | None = None,
        program: Sequence[str] = ARENA,
    ) -> None:
        self.data = data
        self._arguments = arguments
        self.port = 0
        self._config = data.with_name(data.name + ".toml")
        self._config.write_text(TEST_CONFIG + config)
        self._errors = errors or data.with_name(data.name + ".err")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Has it been started, and not ended since?"""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start; returns when it listens and has fresh prices."""
        arguments = ["serve", "--data", str(self.data), "--port", str(self.port), "--config", str(self._config)]
        arguments += self._arguments
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen([*self._program, *arguments], stdout=subprocess.PIPE, stderr=errors)
        self.port = int(self._first_line().rpartition(":")[2])
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until_s = time.monotonic() + READY_S
        while problem := self._not_ready():
            assert time.monotonic() < until_s, problem
            time.sleep(0.05)

    def _not_ready(self) -> str:
        """Why it is not ready; empty when it is."""
        try:
            urllib.request.urlopen(f"{self.url}/ready", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except TimeoutError:
            return "it does not answer"
        return ""

    def _first_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        until_s = time.monotonic() + START_S
        poll = select.poll()  # unlike select(), it takes any number of open files
        poll.register(self._process.stdout, select.POLLIN)
        line = b""
        while not line.endswith(b"\n") and time.monotonic() < until_s:
            if poll.poll(200):
                read = os.read(self._process.stdout.fileno(), 1)
                if not read:
                    break
                line += read
        assert re.search(rb":\d+\s$", line), f"no port in {line!r}\n{self._said()}"
        return line.decode().strip()

    def _said(self) -> str:
        return self._errors.read_text() if self._errors.is_file() else ""

    def kill(self) -> None:
        """Send SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Send SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        code = process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()
        return code


def arena(*arguments: str, timeout_s: float = START_S) -> subprocess.CompletedProcess[str]:
    """Run the command `arena` to completion."""
    return subprocess.run([*ARENA, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False)
