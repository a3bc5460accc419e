"""The HTTP side.

auth.py   accounts: signing up and in, sessions, passwords and addresses, tickets
"""
