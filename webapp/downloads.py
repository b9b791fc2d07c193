"""Files that are handed to a browser.

They are read to their end before the answer begins: afterwards neither the team's scope nor the reader's
language is there any more, and what breaks half-way would look like a whole file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from flask import Response, send_file

PIECE = 1 << 16


def attachment(content: Iterable[bytes], name: str, mimetype: str) -> Response:
    """Answer with a file to be kept under this name; its pieces are held on disk, not in memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 # closed when the answer has gone
    for piece in content:
        file.write(piece)
    size = file.tell()
    file.seek(0)
    response = send_file(file, mimetype=mimetype, as_attachment=True, download_name=name, max_age=0)
    response.direct_passthrough = False
    response.response = _read(file)
    response.content_length = size
    # Cache-Control says it already; a moment would make two answers about nothing differ.
    response.headers.pop("Expires", None)
    response.call_on_close(file.close)
    return response


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """The file to its end; then it is closed, whoever asked or not."""
    with file:
        while piece := file.read(PIECE):
            yield piece
