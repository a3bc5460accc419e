"""Benchmarks, each against a baseline in the same run, and long tests that kill a real server.

commands.py    the commands `arena bench engine | ledger | gateway | disk`
engine.py      the engine alone: opens, closes, ticks
ledger.py      the ledger alone: transfers, holds, posts
disk.py        what an arena writes: bytes for each quote, order and idle day
connections.py many idle and active connections on one process
sockets/       the whole arena over WebSocket against an echo server
report.py      printing results
arena.py       `python -m bench.arena`: the command line of this environment
process.py     a server in a process of its own
soak.py        bots, while the server is killed again and again, or everything is broken
endurance.py   the latter
breakages.py   what is broken, and how
rig.py         an arena, its market and its reader of log lines, to be broken
faulty_arena.py faulty_market.py   the processes of it that fail on request
resume.py      clients that are cut again and again, and what they were told
bad_clients.py clients that no arena wants
checks.py      checks of the data folder that an arena leaves
tournament.py  paid matches with many players, while the server is killed
books.py       checks of the data folder that a tournament leaves
"""
