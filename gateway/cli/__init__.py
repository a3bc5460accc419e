"""The command `arena`, a file per group of commands."""
