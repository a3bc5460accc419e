"""What is kept on disk: the log first, and all that is made of it.

disk.py          one folder, and every file operation in it
frames.py        a batch as bytes
segments.py log.py   the log as it lies on disk, verified; the log being written
snapshot.py      the whole state in one file
recovery.py      starting: the newest good snapshot and the log behind it
projection.py schema.sql   events into SQLite: what people look up
queries.py audit.py   looking it up; every account recomputed from it
"""
