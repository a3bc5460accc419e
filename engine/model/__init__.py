"""The data of the engine: units and bounds, reasons, commands, events, tables, and the state.

scale.py        units, bounds, decimals as text
bounds.py       bounds of what commands may carry
arithmetic.py   rounding and division, compiled
commands.py     commands, and their records in the log
events.py       events and outcomes, and their layouts
layouts.py      the commands and events of a batch as kernels see them
reasons.py      why a command is refused
tables.py       every table, its columns, and the Book of all tables
state.py        the Book with the Python objects beside it; snapshots
signatures.py   types of the parameters of compiled entries
"""
