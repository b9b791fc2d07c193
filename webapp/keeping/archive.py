"""The file of a backup: a zip of what each table holds, and a manifest that says what it is.

A zip can be opened anywhere, its contents are plain rows as PostgreSQL writes them for COPY, each piece has
a checksum, and one that was cut short has no directory at its end, so it is known before anything is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from webapp.keeping import KeepingError

KIND = "tidings backup"
FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 16 * 1024 * 1024
PIECE = 1 << 20
Buffer = bytes | bytearray | memoryview
# Faster than the default at nearly the same size: rows compress well.
LEVEL = 3


@dataclass
class Table:
    """What a backup holds of one table: its columns in the order of the rows, and how many rows."""

    columns: list[str]
    rows: int


@dataclass
class Manifest:
    """What a backup is. `keys`: ids of the keys that its rows are sealed with, never a key itself."""

    tidings: str
    revision: str
    made_at: str
    postgresql: str
    keys: list[str]
    numbers: str
    tables: dict[str, Table] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    partitions: dict[str, tuple[int, int]] = field(default_factory=dict)


class Writer:
    """A backup that is being written: beside its place, and put there when it is whole."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._stream = os.fdopen(handle, "wb")
        self._zip = zipfile.ZipFile(self._stream, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def add(self, table: str, pieces: Iterable[Buffer]) -> None:
        """Write the rows of a table, which come in pieces of any size."""
        with self._zip.open(_member(table), "w", force_zip64=True) as member:
            gathered = bytearray()
            for piece in pieces:
                gathered += piece
                if len(gathered) >= PIECE:
                    member.write(gathered)
                    gathered.clear()
            member.write(gathered)

    def finish(self, manifest: Manifest) -> int:
        """Put the whole file into its place; returns its size. Raises FileExistsError, never overwrites."""
        said = {"kind": KIND, "format": FORMAT, **asdict(manifest)}
        self._zip.writestr(MANIFEST, json.dumps(said, ensure_ascii=False, indent=1))
        self._zip.close()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        try:
            self.file.hardlink_to(self._draft)
            self._draft.unlink()
        except FileExistsError:
            raise
        except OSError:
            # Some file systems know no second name for a file.
            if self.file.exists():
                raise FileExistsError(self.file) from None
            self._draft.rename(self.file)
        _sync_folder(self.file.parent)
        return self.file.stat().st_size

    def discard(self) -> None:
        """Leave nothing of a backup that did not become whole."""
        # What a full disk did not take is not worth a second complaint.
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            self._draft.unlink(missing_ok=True)


class Reader:
    """A backup that is there. Raises KeepingError with a sentence where it is none, or not whole."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except OSError as error:
            raise KeepingError(f"{file} cannot be read: {error.strerror}.") from error
        except zipfile.BadZipFile:
            raise KeepingError(
                f"{file} is no whole backup of Tidings: it is another kind of file, or it was cut short. "
                "Nothing was changed."
            ) from None
        self.manifest = self._manifest()

    def pieces(self, table: str) -> Iterator[bytes]:
        """The rows of a table. Raises KeepingError where they are damaged."""
        try:
            with self._zip.open(_member(table)) as member:
                while piece := member.read(PIECE):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError):
            raise KeepingError(
                f"{self.file} is damaged: the rows of {table} cannot be read. Nothing was changed."
            ) from None

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def _manifest(self) -> Manifest:
        try:
            if self._zip.getinfo(MANIFEST).file_size > MOST_MANIFEST:
                raise ValueError
            said: dict[str, Any] = json.loads(self._zip.read(MANIFEST))
            kind, form = said.pop("kind"), said.pop("format")
        except (KeyError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error):
            raise KeepingError(f"{self.file} is no backup of Tidings. Nothing was changed.") from None
        if kind != KIND:
            raise KeepingError(f"{self.file} is no backup of Tidings. Nothing was changed.")
        if form != FORMAT:
            raise KeepingError(
                f"{self.file} was made by a newer Tidings ({said.get('tidings')}), which writes backups "
                "in another way. Nothing was changed. Restore it with that version."
            )
        try:
            tables = {
                name: Table(list(of["columns"]), int(of["rows"])) for name, of in said["tables"].items()
            }
            partitions = {name: (int(low), int(high)) for name, (low, high) in said["partitions"].items()}
            sequences = {str(name): int(value) for name, value in said["sequences"].items()}
            return Manifest(**{**said, "tables": tables, "partitions": partitions, "sequences": sequences})
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KeepingError(f"The manifest of {self.file} is damaged. Nothing was changed.") from None


def _member(table: str) -> str:
    return f"tables/{table}.copy"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
