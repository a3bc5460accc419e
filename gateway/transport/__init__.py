"""Sockets and HTTP.

websocket.py     the receiving side of a socket: handshake, and frames to the dispatcher as they arrive
connections.py   the sending side: one write per connection and flush; pings; slow readers are cut
http.py          REST, and what operators ask: health, metrics, version
"""
