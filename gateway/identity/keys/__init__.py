"""API keys, and the players that an owner has beside himself.

keyring.py      all keys, in memory: who logs on with one, and what it may do
rows.py         rows of keys and of their use
signatures.py   the bytes that are signed, and what keeps a signature from being used twice
management.py   keys made, changed and revoked by their owners
dependents.py   sub-accounts of players, and users of partners
"""
