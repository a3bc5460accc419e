"""Messages to those who are subscribed.

fanout.py      events to channels, encoded once per codec
rooms.py       the channel of a match: who comes and goes, and when it begins and ends
recent.py      what was told lately, for who comes back
message.py     a message before it is numbered
publisher.py   what goes out by the clock: unfinished candles, leaderboards
"""
