"""The command `arena`.

main.py          the command and its groups
serve.py         arena serve, arena warmup
market.py        arena market, arena record
data_folder.py   arena verify, audit, rebuild, token
users.py         arena user
bots.py          arena bots
documents.py     arena docs
parameters.py    parameters that several commands have
console.py       standard error: logs, progress, the warm-up
failure.py       what a command ends with when it cannot do its work
"""
