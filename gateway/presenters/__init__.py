"""From the engine's integers to what clients see, and back.

decimals.py         amounts, rates and percents as text, and back
names.py            sides, statuses, causes and reasons by name
instruments.py      symbols, ticks and lots
hours.py            weekly trading hours as text, and back
rules.py            the challenge rules of a match
referral_codes.py   players' numbers as text to pass on
specs.py            what operators define, as commands
matches.py          matches, seats and leaderboards
boards.py           leaderboards of now
events.py           the engine's events as Structs, one for each of its layouts
messages.py         the table of private messages
market_messages.py  match_messages.py  trade_messages.py   what clients see of events, by noun
"""
