"""Ops of operators, on the floor above all other ops, which share how specifications are refused.

admin.py       instruments, games, matches, kill switches
operators.py   what operators did
reads.py       players, what is open, limits
audit.py       are the books right?
"""
