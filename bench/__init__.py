"""Benches: what the arena costs, measured against a baseline in the same run."""
