"""What clients and the server say to each other: ONE definition of each argument, answer and message.

It needs no numpy: the Python client imports this and nothing else of the project. What ops take refuses unknown fields;
of answers and messages a client ignores them.

    scalars.py        what fields are made of: ids, names, amounts, times
    errors.py         the gateway's error codes, each with its message and retry
    codes/            each code's cause and cure
    problems.py       what is wrong with arguments that do not fit
    player_names.py   which names players may have
    codecs.py         JSON and msgpack, and the frames of a server
    envelopes.py      the outside of every message
    events.py         every message of every channel, and what its data are
    session.py        auth, subscriptions, the player and all that is open
    market.py         instruments, quotes, candles, kill switches
    games.py          templates of matches
    matches.py        matches, queues, rooms
    seats.py          seats, challenge rules, leaderboards
    orders.py         orders
    positions.py      positions
    fixed_trades.py   fixed-time trades
    history.py        what was
    careers.py        cups, experience, seasons
    wallets.py        balances, funds of the house, audit
    shop.py           the shop and referrals
    identity/         people: accounts
"""
