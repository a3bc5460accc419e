"""Trading: instruments, quotes, orders, positions, fixed-time trades, and the rules on a seat's equity.

define_instrument.py   the command that creates an instrument or changes its data
instruments.py         may a position be opened in it, is its market open, is its quote stale
quotes.py              a quote comes: what it triggers is collected, sorted and served
candles.py             candles of the bid
triggers.py            price triggers in pages, found by the bounds of a page
waiting_quotes.py      queues of what is executed at the next usable quote
orders.py              place, fill, amend and cancel orders
order_checks.py        the checks of an order, and its size, margin and fee
order_rate.py          the limit on orders in a minute
positions.py           open and close positions, their stops and trailing stops
open_positions.py      which positions a seat has open
position_commands.py   the commands that close or amend a position
margin.py              maintenance margin and liquidation price
seats.py               a player's account in a match: cash, equity, holdings by instrument
equity_bands.py        price bands within which no rule on a seat's equity can break
challenge_rules.py     drawdown limits, loss per trade, profit target; a match's days and timers
fixed_trades.py        fixed-time trades
wallet_stakes.py       their stakes from wallets
switches.py            kill switches
"""
