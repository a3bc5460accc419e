"""Data on disk: the write-ahead log, and the snapshots and the SQLite projection that are derived from it.

disk.py        all file operations of the log and the snapshots
frames.py      the binary format of batches and of segment headers
segments.py    reading the log with everything verified
log.py         appending to the log
snapshot.py    the whole state in one file
base.py        a snapshot and a copy of the projection that stand for the log before them
recovery.py    start: newest good snapshot + replay of the log; verification
registrations.py  whose a player's number is, while an arena works
prune.py       the log before a base is deleted
upgrade.py     a folder of older rules becomes one of this program's
data_lock.py   one process at a time
projection.py  history: events to SQLite (schema.sql, schema.py)
event_rows.py  which events go into which table
projector.py   writing it while the arena runs, whatever befalls it
catch_up.py    a process that brings it up to what the log has
queries.py     reading the history (rows.py)
audit.py       every account recomputed from the projected transfers
"""
