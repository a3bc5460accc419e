"""The port, and sockets.

listener.py      the port: who may connect, and how long a connection that brings nothing stays
addresses.py     whose address a request counts for
websocket.py     the receiving side of a socket: handshake, and messages to the dispatcher as they arrive
frames.py        RFC 6455: bytes as messages and control frames
connections.py   the sending side: one write per connection and flush; pings; slow readers are cut
"""
