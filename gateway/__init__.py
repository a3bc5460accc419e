"""The gateway: everything between a client's bytes and the engine's records.

A message's way in, and its answer's way out:

    websocket.py     the receiving side of a socket: handshake, and frames to the session as they arrive
    connections.py   the sending side: one write per connection and flush; pings; slow readers are cut
    codecs.py        JSON and msgpack, and the frames of a server
    sessions.py      one client, sans I/O: envelope, authentication, limits, deadlines, keys, replies
    arguments.py     what each op takes
    ops.py ops_*.py  the table of ops, and the ops, a file per noun: arguments -> record, outcome or state -> answer
    requests.py      what an op asks of the engine
    records.py       commands as bytes, outcomes as tuples; layouts derived from the engine's dtypes
    sequencer.py     the one door to the engine: gather, stamp, log, apply, answer
    fanout.py        events to channels, encoded once per codec
    events.py        events as Structs, one for each of the engine's layouts
    messages.py messages_*.py   the table of private messages, and what clients see of an event, by noun
    rooms.py         what those who watch a match see of it
    publisher.py     what goes out by the clock: unfinished candles, leaderboards

Around it:

    app.py           wires it all, starts and stops it: `serve`
    arena.py         what the ops work with
    config.py seed.py   the configuration; the instruments and games of an empty arena
    house.py         its store, and what it gives to new players
    hours.py         weekly trading hours as text
    rules.py         challenge rules as text
    referral_codes.py   players' numbers as text to pass on
    store.py         log, projection and snapshots
    warmup.py        all machine code before the first client
    feed.py prices.py   the market: where prices come from; quotes to the sequencer, last trade prices
    clock.py         stamps that never go back
    errors.py        every code that is not the engine's, with its message and retry
    instruments.py names.py   symbols, ticks, lots and amounts as text; sides, statuses and reasons by name
    limits.py auth.py metrics.py http.py
    market/          the feed, recordings, the simulated market and the market server

And its users: client.py client_*.py, bot.py bots.py, and the command `arena` in cli.py cli_*.py.
"""
