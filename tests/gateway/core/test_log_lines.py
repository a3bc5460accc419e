"""Log lines to a standard error that is full, slow or gone."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import structlog

from gateway.core.log_lines import LogLines, StandardHandler, told


class Pipe(NamedTuple):
    reader: int
    writer: int

    def read(self) -> list[str]:
        return os.read(self.reader, 1 << 20).decode().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    fcntl.fcntl(pipe.writer, fcntl.F_SETPIPE_SZ, 4_096)
    yield pipe
    for descriptor in pipe:
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_lines_come_in_order(pipe: Pipe) -> None:
    lines = LogLines(pipe.writer)
    log = structlog.wrap_logger(lines, processors=[structlog.processors.LogfmtRenderer(key_order=["event"])])
    log.info("one", n=1)
    log.warning("two")
    lines.wait(10)
    assert pipe.read() == ["event=one n=1", "event=two"]
    assert lines.lost == 0


def test_what_a_full_device_does_not_take_is_lost_and_counted() -> None:
    with open("/dev/full", "wb") as full:
        lines = LogLines(full.fileno())
        for _ in range(3):
            lines.msg("nobody will read this")
        lines.wait(10)
    assert lines.lost == 3


def test_a_reader_that_is_gone_costs_lines_and_one_that_comes_back_gets_the_next(pipe: Pipe) -> None:
    lines = LogLines(pipe.writer)
    os.close(pipe.reader)
    lines.msg("nobody is there")
    lines.wait(10)
    assert lines.lost == 1

    reader, writer = os.pipe()
    os.dup2(writer, pipe.writer)
    lines.msg("somebody is")
    lines.wait(10)
    assert Pipe(reader, writer).read() == ["somebody is"]
    assert lines.lost == 1
    os.close(reader)
    os.close(writer)


def test_nobody_waits_for_a_reader_that_does_not_read(pipe: Pipe) -> None:
    lines = LogLines(pipe.writer, most_waiting=10)
    line = "x" * 1_000
    for _ in range(100):
        lines.msg(line)
    lines.wait(0.01)
    assert 85 <= lines.lost <= 90, "four are in the pipe, one is being written, ten wait"
    read = 0
    while read < 100 - lines.lost:
        read += len([text for text in pipe.read() if text])
    lines.wait(10)
    lines.msg("again")
    lines.wait(10)
    assert pipe.read()[-1] == "again"


def test_what_libraries_log_is_one_line_that_says_where(pipe: Pipe) -> None:
    lines = LogLines(pipe.writer)
    library = logging.Logger("library")
    library.addHandler(StandardHandler(lines))
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        where = told(error)
        library.exception("it broke")
    assert re.fullmatch(r"ValueError: two lines, at test_log_lines\.py:\d+", where)
    library.warning("wrong %d", "arguments")
    library.info("not important")
    lines.wait(10)
    assert pipe.read() == [
        f"error library: it broke ({where})",
        "warning library: wrong %d",
    ]
