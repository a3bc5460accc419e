"""What is said about people.

accounts.py    signing up and in, sessions, passwords and addresses
passkeys.py    signing in with a key in a device
keys.py        API keys, and the players of an owner
people.py      limits, shutting oneself out, one's data
operators.py   what operators did
reads.py       what operators look at
"""
