"""The engine: pure. No I/O, no clock, no randomness, no float; the same log gives the same state, byte for byte.

Packages, by floor: each imports what stands above it in this list, and nothing below.

    jit/           how code is compiled and called; knows no table
    model/         what things are: units, reasons, commands, events, tables, the state
    storage/       machinery under the tables: rows by id, free rows, capacity, timers, zones, keys, event buffer
    ledger/        real money: accounts, transfers, holds, payments
    trading/       instruments, quotes, orders, positions, fixed-time trades, and the rules on a seat's equity
    competition/   games, matches, queues, ranking, prizes, careers, the shop, referrals
    batch/         the loop over a batch of commands, prefetching, and the machine: the one door
    views/         read-only answers
    invariants/    whole-state checks, a file per noun
    digest.py      hash of the state
    precompile.py  compiles all machine code before it is needed
"""
