"""The command `arena` for `python -m bench.arena`, so that the bench starts the server of this very environment."""

from __future__ import annotations

from gateway.cli.main import main

if __name__ == "__main__":
    main()
