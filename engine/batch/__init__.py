"""A batch of commands is applied: the loop over it, prefetching, and the machine, which is the one door."""
