"""The whole arena in one process; and players that are programs.

app.py           wires it all, starts and stops it
ports.py         the ports, and what is served on them
supervision.py   tasks that go on whatever happens to them
health.py        what /ready and /metrics say
pulse.py         how late the event loop is
data_folder.py   log, projection and snapshots
history.py       what is looked up in the projection
memory.py        how memory is taken and given back
seed.py          the commands that fill an empty arena, and those of each start
differences.py   what the configuration says otherwise than an arena that there is, and its commands
warmup.py        all machine code before the first client
bot.py bots.py   one player that is a program, and many
"""
