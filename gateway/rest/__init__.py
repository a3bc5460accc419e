"""The HTTP side: REST under /api/v1, and what operators ask.

routes.py        the table: every route, the op or the handler that serves it, and how long its answer may be kept
application.py   the applications of the ports, and what goes around every request: errors, origins, limits, ids
serving.py       a request that an op answers
requests.py      who asks, and the arguments: of the path, the query and the body
responses.py     answers, problems, entity tags
openapi.py       the document of all that, made of the table, the Structs and the codes
trades.py        fixed-time trades in the words of their path
partners.py      users of partners and what they trade; sub-accounts of players
people.py        limits, shutting oneself out, one's data, the end of an account
auth.py          accounts: signing up and in, sessions, passwords and addresses
passkeys.py      signing in with a key in a device
guests.py        players without an account
operators.py     health, readiness, metrics, version
compat/          calls of front ends of other systems
page.py          what somebody sees who opens the address in a browser
"""
