"""What is said about people.

accounts.py    signing up and in, sessions, passwords and addresses
operators.py   what operators did
"""
