"""Every op: the table of them, a file per noun, and the dispatcher that serves them.

dispatcher.py      what a socket's client sends: decoded, served, answered
service.py         what socket and REST share: who may use an op, deadlines, keys, how a command is submitted
table.py           the table of ops
auth.py            auth, ping, time
subscriptions.py   subscribe, unsubscribe, and the snapshots that begin a subscription
keys.py            API keys
me.py              the player and all that is open
market.py          instruments, quotes, candles
games.py           what there is to play
matches.py         matches, seats, leaderboards
queues.py          waiting for a seat in the next match of a game
orders.py          place, amend, cancel, list, test
positions.py       close, amend, list
fixed.py           fixed-time trades
history.py         finished matches, closed positions and settled trades
careers.py         the board of cups
wallet.py          balances, top-ups, funds of the house
shop.py            what the shop sells, and what players have of it
referrals.py       a player's code, what it has brought, and the terms

Those of operators are in gateway/operator_ops/.
"""
