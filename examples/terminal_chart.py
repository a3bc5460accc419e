"""A chart in the terminal: the candles of a symbol, drawn anew as they change. It needs plotext."""

from __future__ import annotations

import argparse
import time
from typing import Any

import plotext

from gateway.client.sync import SyncClient


def draw(symbol: str, interval: str, candles: dict[int, Any], width: int, height: int) -> None:
    shown = list(candles.values())
    prices = {name: [float(getattr(one, name)) for one in shown] for name in ("open", "close", "high", "low")}
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.date("x").activate(form="H:M:S")
    figure.candlestick({"date": [one.open_at / 1000 for one in shown], **prices})
    figure.title(f"{symbol} {interval}  {shown[-1].close}")
    figure.show()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("symbol", nargs="?", default="BTCUSDT")
    parser.add_argument("interval", nargs="?", default="1s")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--candles", type=int, default=40)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--height", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()

    ends_s = time.monotonic() + given.seconds
    with SyncClient(given.url) as arena:
        arena.guest("chart")
        known = {one.open_at: one for one in arena.candles(given.symbol, given.interval, limit=given.candles)}
        arena.subscribe(f"candle.{given.symbol}.{given.interval}")
        for event in arena.events(timeout_s=given.seconds):
            if event.data:  # a candle that nothing is known of is empty
                known[event.data.candle.open_at] = event.data.candle
                known = dict(list(known.items())[-given.candles :])
                draw(given.symbol, given.interval, known, given.width, given.height)
            if time.monotonic() > ends_s:
                break


if __name__ == "__main__":
    main()
