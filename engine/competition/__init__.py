"""The competition: games, matches, queues, ranking, prizes, careers, the shop, referrals."""
