"""Make anew all documents that are checked in: `make docs`."""

from __future__ import annotations

from gateway.documents.files import checked_in

for path, text in checked_in().items():
    path.write_text(text)
