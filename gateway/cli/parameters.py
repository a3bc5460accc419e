"""Parameters that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(negative="", help="Print the result as one line of JSON.")]
DataFolder = Annotated[Path, Parameter(help="The data folder: log, snapshots, projection, and the token secret.")]
ConfigFile = Annotated[Path | None, Parameter(help="A TOML file; ./config.toml is taken when it is there.")]
