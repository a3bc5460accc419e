"""The whole arena in one process: wiring, data folder, warm-up; and players that are programs."""
