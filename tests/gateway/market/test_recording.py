"""Recordings: what is read, what is left out, and that what was written comes back."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.market import MarketFrame, decode_envelope
from gateway.market.binance import decode_book_ticker
from gateway.market.filter import QuoteFilter
from gateway.market.recording import Recorder, Recording, RecordProgress, record
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket

REAL = Path(__file__).parents[4] / "shared" / "market"


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return path


def test_lines_that_are_no_frames_are_counted_and_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.gz",
        b'10 {"stream":"btcusdt@trade","data":{}}',
        b'11 {"lastUpdateId":5,"bids":[]}',
        b'12 {"stream":"btcusdt@tra',
        b'yesterday {"stream":"btcusdt@trade","data":{}}',
        b"",
        b"\xff\xfe\x00",
        b'13 {"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}',
    )
    recording = Recording([path])
    assert [frame.time_ns for frame in recording] == [10, 13]
    assert recording.skipped == 1
    assert recording.damaged == 4
    assert len(list(recording)) == 2
    assert recording.damaged == 4


def test_a_file_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    lines = b"".join(b'%d {"stream":"btcusdt@trade","data":{"t":%d}}\n' % (n, n * n * 7919) for n in range(5_000))
    whole = gzip.compress(lines)
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[: len(whole) // 2])
    recording = Recording([path])
    frames = list(recording)
    assert 1_000 < len(frames) < 4_000
    assert recording.damaged == 1


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    one = written(tmp_path / "1.gz", *(b'%d {"stream":"a@trade","data":{}}' % time for time in (1, 4, 5, 90)))
    two = written(tmp_path / "2.gz", *(b'%d {"stream":"b@trade","data":{}}' % time for time in (2, 3, 6)))
    next_day = written(tmp_path / "3.gz", b'100 {"stream":"a@trade","data":{}}')
    merged = list(Recording([next_day, one, two]))
    assert [frame.time_ns for frame in merged] == [1, 2, 3, 4, 5, 6, 90, 100]
    assert [frame.stream[0] for frame in merged] == list("abbaabaa")


def test_time_never_goes_back(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gz", *(b'%d {"stream":"a@trade","data":{}}' % time for time in (5, 3, 4, 6)))
    assert [frame.time_ns for frame in Recording([path])] == [5, 5, 5, 6]


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.gz"):
        Recording([tmp_path / "nowhere.gz"])
    with pytest.raises(FileNotFoundError, match="none was named"):
        Recording([])


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "simulated.gz"
    frames = list(SimulatedMarket(duration_s=20))
    with Recorder(path) as recorder:
        for frame in frames:
            recorder.write(frame.time_ns, frame.frame)
    assert recorder.frames == len(frames)
    assert list(Recording([path])) == frames
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_recorded_is_no_file(tmp_path: Path) -> None:
    with Recorder(tmp_path / "empty.gz"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_recording_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "growing.gz"
    recorder = Recorder(path)
    recorder.write(10**18, b'{"stream":"a@trade",\n"data":{}}')
    assert not path.exists()
    growing = list(Recording([tmp_path / "growing.gz.tmp"]))
    assert growing == [MarketFrame(10**18, "a@trade", b'{"stream":"a@trade", "data":{}}')]
    recorder.close()
    assert list(Recording([path])) == growing


async def test_a_live_market_is_recorded_through_python_binance(tmp_path: Path) -> None:
    server = MarketServer(SimulatedMarket(), speed=50)
    port = await server.start()
    path = tmp_path / "live.gz"
    told: list[RecordProgress] = []
    url = f"ws://127.0.0.1:{port}"
    frames = await record(url, ["BTCUSDT"], path, 0.5, told.append, progress_every_s=0.1)
    await server.stop()

    recording = list(Recording([path]))
    assert len(recording) == frames == told[-1].frames > 100
    assert {frame.stream.partition("@")[2] for frame in recording} >= {"bookTicker", "trade", "aggTrade", "miniTicker"}
    assert all(sooner.time_ns <= later.time_ns for sooner, later in pairwise(recording))


async def test_a_recording_that_is_cancelled_is_finished(tmp_path: Path) -> None:
    server = MarketServer(SimulatedMarket(), speed=50)
    port = await server.start()
    path = tmp_path / "live.gz"
    recording = asyncio.create_task(record(f"ws://127.0.0.1:{port}", ["BTCUSDT"], path, 60))
    await asyncio.sleep(0.3)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    await server.stop()
    assert len(list(Recording([path]))) > 0


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no recorded Binance data at {REAL}")
@pytest.mark.parametrize(
    ("name", "lines", "quotes", "changed", "trades"),
    [
        ("spot_btcusdt_20240808.gz", 41_249, 28_040, 2_673, 9_757),
        ("spot_btcusdt_20240809.gz", 58_325, 45_134, 3_929, 10_147),
        ("spot_ethusdt_20240808.gz", 33_618, 24_077, 2_328, 6_106),
        ("spot_ethusdt_20240809.gz", 46_126, 34_681, 3_762, 8_409),
    ],
)
def test_the_real_recordings_hold_what_their_table_says(
    name: str, lines: int, quotes: int, changed: int, trades: int
) -> None:
    recording = Recording([REAL / name])
    kinds: Counter[str] = Counter()
    quote_filter = QuoteFilter(lambda instrument: False, min_top_notional=0)
    quote_filter.watch("BTCUSDT", 1, 1_000_000)
    quote_filter.watch("ETHUSDT", 2, 1_000_000)
    for frame in recording:
        kind = frame.stream.partition("@")[2]
        kinds[kind] += 1
        if kind == "bookTicker":
            quote = decode_book_ticker(decode_envelope(frame.frame).data)
            quote_filter.take(
                quote.symbol,
                quote.bid,
                quote.ask,
                quote.bid_quantity,
                quote.ask_quantity,
                quote.source_sequence,
                frame.time_ns,
            )
    counts = quote_filter.total()

    assert sum(kinds.values()) + recording.skipped == lines
    assert recording.skipped == ("0808" in name)
    assert recording.damaged == 0
    assert (kinds["bookTicker"], kinds["trade"]) == (quotes, trades)
    assert counts.changed == changed
    assert (counts.frames, counts.malformed, counts.not_newer, counts.dust) == (quotes, 0, 0, 0)
