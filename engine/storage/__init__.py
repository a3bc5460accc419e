"""The machinery under the tables: rows by id, free rows, capacity, timers, idempotency keys, the event buffer."""
