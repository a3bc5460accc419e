"""The gateway: everything between a client's bytes and the engine's records.

Packages, by floor: each imports what stands above it in this list, and nothing below.

    protocol/     what clients and the server say to each other: arguments, errors, encodings
    core/         the way to the engine (sequencer, records, clock), configuration, limits, tokens, metrics
    notify/       what people are told outside of the arena: mail
    identity/     people: accounts, sessions, passwords, codes, with a database of their own
    presenters/   from the engine's integers to what clients see, and back
    channels/     messages to those who are subscribed
    sessions/     the arena and one client of it: what the ops work with
    operator_ops/ the ops of operators
    ops/          every op: the table, a file per noun, what is shared by who serves them, the dispatcher
    documents/    what is made of the definitions: types for the JavaScript client
    transport/    the port, and sockets
    rest/         REST: the table of routes, and what goes around every request
    market/       where prices come from: the feed, recordings, the simulated market, the market server
    client/       the Python client, which imports protocol/ and nothing else of the project; the JavaScript client
    documents/    documents that are made of the definitions
    process/      wiring, data folder, seed, warm-up; players that are programs
    cli/          the command `arena`

A message's way in: transport/websocket.py, ops/dispatcher.py, ops/table.py, the op's own file, core/sequencer.py.
Its answer's way out: the dispatcher, transport/connections.py. Events go from the sequencer to channels/fanout.py.
"""
