"""The command `arena` as `python -m bench.arena`: starts the server of the same environment."""

from __future__ import annotations

from gateway.cli.main import main

if __name__ == "__main__":
    main()
