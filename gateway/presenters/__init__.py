"""From the engine's integers to what clients see, and back. What they make is defined in gateway/protocol.

    decimals.py         amounts, rates and percents as text, and back
    names.py            sides, statuses, causes and reasons by name
    instruments.py      symbols, ticks and lots
    hours.py            weekly trading hours as text, and back
    referral_codes.py   players' numbers as text to pass on
    specs.py            what operators define, as commands
    events.py           the engine's events as Structs, one for each of its layouts
    messages.py         the table of private messages

Answers and the data of events, by noun:

    market.py           instruments, candles
    games.py            games
    matches.py          matches, their money and rules, queues
    seats.py            seats, what challenge rules find, rows of a leaderboard
    boards.py           leaderboards of now
    careers.py          careers, the board of cups
    orders.py           orders
    positions.py        positions
    fixed_trades.py     fixed-time trades
    history.py          rows of the projection
    wallets.py          changes of balances
"""
