"""The way to the engine, and what all of the gateway needs.

sequencer.py      the one door to the engine: gather, stamp, log, apply, answer
records.py        commands as bytes, outcomes as tuples; layouts derived from the engine's dtypes
clock.py          stamps that never go back
config.py         the configuration
defaults.py       the instruments, games, referrals and offers of an empty arena
intervals.py   intervals of candles
zones.py          time zones, as the engine is told of them
limits.py         how often, and how many at once
spreadsheets.py   lists as CSV
turns.py          long answers made a piece at a time
tokens.py         who is asking
tickets.py        what opens a socket in the place of a token, once
signing_keys.py   the keys that sign tokens, in the data folder
versions.py       what this server is
histograms.py     counts by powers of two, for the hot path
metrics.py        what /metrics says
log_lines.py      log lines on their way to standard error
"""
