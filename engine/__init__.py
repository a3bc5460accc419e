"""The engine: pure. No I/O, no clock, no randomness, no float; the same log gives the same state, byte for byte.

What lives where, in the order in which it is built:

    scale.py         scales, bounds, rounding, decimals as text
    reasons.py       every reason for refusal, grouped by noun
    commands.py      every command: hot record layouts, cold Structs, the batch
    events.py        every event, and the outcome that answers a command
    tables.py        every table, each column commented; Book
    plain.py         tables for kernels that run as plain Python
    layouts.py       commands and events as kernels take them
    state.py         the whole state: Book and cold things
    kernels/         all compiled code, a file per noun (inlining, handing: how it is compiled, and called):
                       processor index compact rows   memory, id -> row, free rows
                       triggers timers          what waits for a price, what waits for a time
                       emit candles requests    events, candles, request keys
                       margin seats rosters     maintenance and liquidation, cash and holdings, open positions
                       positions orders         what a fill opens, what waits to fill
                       plans waiting            what an order would be, what waits for the next quote
                       instruments outages      open, stale, allowed; has the feed been silent for too long
                       bands rules paces        challenge rules: what equity may do, who breaks them, trades a minute
                       accounts ledger transfers  accounts of real money, what moves between them, by command
                       payments                 what the rules move between them
                       stakes fixed_trades      what a wallet stakes, up or down at a set time
                       matches careers          what is done to all who play a match, what it makes of them
                       market sorting ahead turn   quotes and what they fire, in order; looking ahead; the loop
    handlers.py      what a cold handler is given, how it goes through many players
    accounts.py      rows of accounts for Python
    instruments.py   cold handlers, a file per noun
    games.py matches.py ranking.py
    queues.py outages.py
    money.py referrals.py store.py
    careers.py       what matches make of their players: cups, experience, levels; seasons
    switches.py
    room.py          tables grow, between batches
    machine.py       the one door: a batch in, outcomes and events out
    views.py         read-only answers
    invariants/      the list of whole-state checks, a file per noun
    digest.py        hash of the state
"""
