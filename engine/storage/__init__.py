"""The machinery under the tables: rows by id, free rows, capacity, timers, idempotency keys, the event buffer.

hash_index.py      key -> row: open addressing, 16 bytes a slot; and the keys of all indexes
compact_index.py   key -> row: a word a slot, for tables that outgrow the caches
account_rows.py    rows of accounts, which follow from their ids
free_rows.py       free lists: take a row, release it
linked_rows.py     doubly linked lists of rows
capacity.py        how long tables must be for the next batch, and how they grow
zones.py           time zones: local time, and when days begin
timers.py          one heap of all that is due at a time
idempotency.py     idempotency keys with the outcomes of their requests
event_buffer.py    events as kernels write them
emit.py            events as Python handlers write them
sorting.py         sorting of keys in place
"""
