"""Applying batches of commands to the state.

machine.py    the only way to change the state: a batch in, outcomes and events out; handlers of cold commands
loop.py       the compiled loop over a batch: hot commands, timers, what a quote triggers, challenge rules
prefetch.py   software prefetching of the rows that the next commands need
"""
