"""The gateway bench: the whole arena over WebSocket against an echo server.

gateway.py     runs both in turn, on the same core with the same client
load.py        the load client
paced.py       the load client of bench/connections.py, which sends at an even rate
echo.py        the baseline, an echo server
"""
