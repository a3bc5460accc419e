"""Data on disk: the write-ahead log, and the snapshots and the SQLite projection that are derived from it.

disk.py        all file operations of the log and the snapshots
frames.py      the binary format of batches and of segment headers
segments.py    reading the log with everything verified
log.py         appending to the log
snapshot.py    the whole state in one file
recovery.py    start: newest good snapshot + replay of the log; verification
projection.py  history: events to SQLite (schema.sql)
queries.py     reading the history
audit.py       every account recomputed from the projected transfers
"""
