"""People: accounts, sessions, passwords, codes and passkeys, with a database of their own.

identities.py   all of it, put together
accounts.py     accounts, their sessions, and their players in the engine
sign_up.py      a new account
sign_in.py      with a password or a code
credentials.py  passwords and addresses, changed and forgotten
passkeys.py     signing in with a key in a device
codes.py        one-time codes by mail
passwords.py    hashes, and what a password may be
waits.py        what guessing costs
standing.py     what every message needs to know, in memory
play.py         limits that players set for themselves
personal_data.py   given out, and taken away
operators.py    what operators do to users
action_log.py   what operators did, written down
users.py        rows of users
sessions.py     rows of sessions and refresh tokens
keys/           API keys, sub-accounts, users of partners
database.py     the file, and its thread
"""
