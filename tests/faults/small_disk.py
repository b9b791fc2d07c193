"""A small disk of its own for a whole program, which a test fills and empties again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 2**20


class SmallDisk:
    """A folder that is a file system in memory, and a file in it that takes the room."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    @property
    def free(self) -> int:
        """Free bytes."""
        return shutil.disk_usage(self.place).free

    def fill(self, leave: int) -> None:
        """Take room at once, all but so many bytes."""
        with self._filler.open("ab") as file:
            size = file.tell()
            os.posix_fallocate(file.fileno(), size, max(1, self.free - leave))

    def empty(self) -> None:
        """Give all of it back."""
        self._filler.unlink()


@contextmanager
def small_disk(place: Path, mib: int) -> Iterator[SmallDisk | None]:
    """Mount one at the folder; None where that is not allowed here."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tidings-test", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield SmallDisk(place)
    finally:
        # A process that is only just ending may still have a file open there.
        subprocess.run(["umount", "--lazy", str(place)], check=True)
