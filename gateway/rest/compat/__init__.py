"""Calls of front ends of other systems, under /compat/NAME/: tables of routes onto the same ops as everything else.

They are off unless `[server] compat` names them. What a client says of a profit or a balance is not believed; amounts
are read from the text of the JSON, and go out as numbers, which those front ends expect.

table.py         which there are
calls.py         what both share: who asks, bodies, amounts, numbers, and calling an op
game_wallet.py   a wallet of one currency, and a store of two items
xness.py         leveraged trades in one practice match
"""
