"""What the ops work with.

arena.py        the arena: the engine's state, and what the gateway keeps beside it
caller.py       who asks: who that is, what it may use, its limits
session.py      a connection that asks, sans I/O: its subscriptions, its limits
presence.py     which sessions a player has, and what follows when the last one is gone
families.py     accounts of one person, which are never in one match
logon.py        who logs on with an API key
scopes.py       what an API key needs to use an op
play.py         limits that players have set for themselves, where money or play begins
pages.py        pages of a player's lists
submission.py   what an op submits to the engine
refusals.py     what a refusal of the engine means for an order or a stake
"""
