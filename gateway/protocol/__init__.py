"""What clients and the server say to each other. It needs no numpy: the Python client imports this and nothing else.

arguments.py   what each op takes
specs.py       what operators define: sections of config.toml, and arguments of admin ops
errors.py      the gateway's error codes, each with its message and retry
codecs.py      JSON and msgpack, and the frames of a server
"""
