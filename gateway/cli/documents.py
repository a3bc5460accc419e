"""`arena docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.failure import Failure


def docs(*, out: Annotated[Path, Parameter(help="The folder to write to; made if it is not there.")]) -> int:
    """Write the documents that are made of the server's definitions: AsyncAPI, the error codes, and the pages that a
    running arena has at /docs.

    Try:
      arena docs --out build/documents
    """
    from gateway.documents.files import write_to

    try:
        written = write_to(out)
    except OSError as error:
        raise Failure(f"cannot write to {out}: {error.strerror or error}") from error
    for path in written:
        print(path)
    return 0
