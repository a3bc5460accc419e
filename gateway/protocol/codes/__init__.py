"""Every error code: what it means, what brings it about, and what to do.

catalogue.py    all of them, as GET errors lists them
of_gateway.py   cause and cure of the gateway's codes
of_engine.py    cause and cure of the engine's reasons
"""
