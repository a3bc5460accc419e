"""The competition around trading: games, matches, queues, ranking, prizes, careers, the shop, referrals.

games.py           games (templates of matches) and their versions
matches.py         matches: create, start, cancel, end, archive
match_kernels.py   compiled loops over a match's players: seating, events, ranks
joining.py         registration; joining and leaving a match, resetting a practice seat
queues.py          matchmaking queues: waiting for a match of a game
settlement.py      compiled: closing all that is open when a match ends or an instrument is settled; equity samples
ranking.py         ranking of a finished match
prizes.py          entry fees, reserves, escrow; how much each rank wins
delisting.py       settling an instrument that has no prices any more
outages.py         matches that are voided or paused when prices stop
disconnects.py     players who are away for too long: what rests is cancelled
notifications.py   which notifications a player has read
outage_kernels.py  compiled: the outage timer of a match
careers.py         cups, experience, seasons
career_kernels.py  compiled: updating careers, levels
shop.py            items for sale
referrals.py       referrers and bonuses

A module *_kernels.py holds the compiled functions that the cold handlers beside it call.
"""
