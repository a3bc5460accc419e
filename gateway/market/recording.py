"""Recordings of combined-stream frames: gzip, one `<local receive time, ns> <json frame>` a line.

Files are read as streams and merged by time, so those of different symbols play together and those of different days
follow each other. A line that is not such a frame is counted and left out: a recording is evidence of what came in,
and what came in may be damaged.
"""

from __future__ import annotations

import asyncio
import gzip
import heapq
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from gateway.market import STREAM_KINDS, MarketFrame
from gateway.market.connection import Connection
from gateway.protocol.codecs import DecodeFailure


class _Line(msgspec.Struct, frozen=True, gc=False):
    stream: str | None = None


_decode_line = msgspec.json.Decoder(_Line).decode


class Recording:
    """Some files as one timeline. `skipped` (no stream, such as REST answers) and `damaged` count its last reading."""

    def __init__(self, paths: Sequence[Path]) -> None:
        missing = [str(path) for path in paths if not path.is_file()]
        if missing or not paths:
            raise FileNotFoundError(f"no such recording: {', '.join(missing) or 'none was named'}")
        self.paths = tuple(paths)
        self.skipped = 0
        self.damaged = 0

    def __iter__(self) -> Iterator[MarketFrame]:
        self.skipped = 0
        self.damaged = 0
        return heapq.merge(*(self._frames_of(path) for path in self.paths), key=_time_of)

    def _frames_of(self, path: Path) -> Iterator[MarketFrame]:
        """The frames of one file. Where a clock was set back, time stands still until it has caught up."""
        latest_ns = 0
        with gzip.open(path, "rb") as lines:
            while line := self._next_line(lines):
                frame = self._frame_of(line, latest_ns)
                if frame is not None:
                    latest_ns = frame.time_ns
                    yield frame

    def _next_line(self, lines: gzip.GzipFile) -> bytes:
        """The next line; b"" at the end, which may also be where the file is cut off or damaged."""
        try:
            return lines.readline()
        except (EOFError, gzip.BadGzipFile, zlib.error):
            self.damaged += 1
            return b""

    def _frame_of(self, line: bytes, latest_ns: int) -> MarketFrame | None:
        time_text, _, frame = line.rstrip(b"\r\n").partition(b" ")
        try:
            stream = _decode_line(frame).stream
        except DecodeFailure:
            self.damaged += 1
            return None
        if not time_text.isdigit():
            self.damaged += 1
            return None
        if stream is None:
            self.skipped += 1
            return None
        return MarketFrame(max(int(time_text), latest_ns), stream, frame)


def _time_of(frame: MarketFrame) -> int:
    return frame.time_ns


class Recorder:
    """Writes a recording. It is at `path` only when closed; until then it grows beside it, as `<path>.tmp`."""

    FLUSH_EVERY_NS = 5_000_000_000

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        self._growing = path.with_name(path.name + ".tmp")
        self._file = gzip.GzipFile(self._growing, "wb", compresslevel=6)
        self._flushed_ns = 0

    def write(self, time_ns: int, frame: bytes) -> None:
        """Add one frame. Every few seconds of their time, all of them are made readable in the growing file."""
        self._file.write(b"%d %s\n" % (time_ns, frame.replace(b"\n", b" ")))
        self.frames += 1
        if time_ns - self._flushed_ns >= self.FLUSH_EVERY_NS:
            self._file.flush()
            self._flushed_ns = time_ns

    def close(self) -> None:
        """Finish the file and give it its name; without any frame there is none."""
        self._file.close()
        if not self.frames:
            self._growing.unlink()
            return
        with self._growing.open("rb") as written:
            os.fsync(written.fileno())
        self._growing.replace(self.path)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordProgress(msgspec.Struct, frozen=True):
    """How far a recording has come."""

    elapsed_s: float
    frames: int
    connected: bool


async def record(
    stream_url: str,
    symbols: Sequence[str],
    path: Path,
    duration_s: float,
    on_progress: Callable[[RecordProgress], None] = lambda progress: None,
    *,
    progress_every_s: float = 1.0,
) -> int:
    """Record every stream that our server serves of these symbols for `duration_s`; how many frames it got.

    Reconnects as often as it must. When it is cancelled, what it has so far is finished like the whole.
    """
    streams = [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in STREAM_KINDS]
    loop = asyncio.get_running_loop()
    started = loop.time()
    with Recorder(path) as recorder:
        connection = Connection(stream_url, streams, lambda: None, lambda frame: recorder.write(time.time_ns(), frame))
        reading = connection.start()
        try:
            while not reading.done() and (elapsed_s := loop.time() - started) < duration_s:
                on_progress(RecordProgress(elapsed_s, recorder.frames, connection.connected))
                await asyncio.wait([reading], timeout=min(progress_every_s, duration_s - elapsed_s))
        finally:
            await connection.close()
        on_progress(RecordProgress(loop.time() - started, recorder.frames, connection.connected))
    return recorder.frames
