"""The gateway: everything between a client's bytes and the engine's records.

A message's way in, and its answer's way out:

    websocket.py   a socket: frames in; frames out, one write per flush; pings; slow readers are cut
    sessions.py    one client, sans I/O: envelope, authentication, limits, keys; finds the op
    arguments.py   what each op takes, as msgspec Structs
    ops_*.py       the ops, a file per noun: arguments -> record for the engine, outcome -> result
    records.py     records as bytes, and outcomes and events as tuples; layouts derived from the engine's dtypes
    sequencer.py   the one door to the engine: gather, stamp, log, apply, answer
    fanout.py      events to channels, encoded once per codec
    messages.py    what clients see of an event: decimal strings, names, Structs

    config.py seed.py   the configuration; the instruments and games of an empty arena
    clock.py            stamps that never go back
    errors.py           every code that is not the engine's, with its message and retry
    instruments.py      symbols, ticks and lots as text
    presentation.py     answers of engine.views as clients see them
    limits.py auth.py metrics.py
    http.py             REST, health and metrics
    prices.py           the market's sink: quotes into the sequencer, last trade prices
    app.py              wires it all, starts and stops it
    market/             where prices come from
"""
