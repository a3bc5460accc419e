"""Messages to those who are subscribed.

fanout.py      events to channels, encoded once per codec
rooms.py       the channel of a match: who comes and goes, and when it begins and ends
publisher.py   what goes out by the clock: unfinished candles, leaderboards
"""
