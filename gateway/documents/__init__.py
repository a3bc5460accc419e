"""Documents that are made of the definitions, and so cannot be wrong.

words.py       what docs/protocol.md says, for the other documents; kept in words.json
schemas.py     JSON Schema of the Structs
types.py       types in words, for people
asyncapi.py    AsyncAPI of the socket
typescript.py  the types of the JavaScript client
html.py        the pages under /docs
markdown.py    docs/errors.md, tables of docs/protocol.md
serving.py     what the arena answers with at /docs and /asyncapi.json
files.py       which files there are; __main__.py writes those that are checked in
site/          what the arena serves: made, but for the style, a script and redoc
"""
