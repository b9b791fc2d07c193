"""Files of a team, kept in the database in pieces until they expire.

Not on a disk: whichever machine's worker reads a file, a web process on another one may have taken it in. The
team's walls hold for them too, and a backup of the database has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import ForeignKeyConstraint, Integer, LargeBinary, Text, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock, tenancy
from webapp.database import Base, TeamOwned, new_id

# Bytes of one piece: large enough for a few trips a file, small enough for a worker's memory.
PIECE = 1 << 20
MOST_NAME = 200


class StoredFile(TeamOwned, Base):
    """A file, `bytes` long, that is deleted some time after `expires_at`."""

    __tablename__ = "stored_file"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class FileChunk(TeamOwned, Base):
    """One piece of a file."""

    __tablename__ = "file_chunk"
    __table_args__ = (
        ForeignKeyConstraint(["team_id", "file_id"], ["stored_file.team_id", "stored_file.id"]),
    )

    file_id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(Integer, primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


def keep(name: str, content: Iterable[bytes], lifetime: timedelta) -> StoredFile:
    """Keep a file; `content` comes in pieces of any size and is never in memory as a whole."""
    now = clock.now()
    file = StoredFile(
        team_id=tenancy.scope(),
        name=name[:MOST_NAME] or "file",
        created_at=now,
        expires_at=now + lifetime,
    )
    session = tenancy.session()
    session.add(file)
    session.flush()
    for no, piece in enumerate(_pieces(content)):
        session.add(FileChunk(team_id=file.team_id, file_id=file.id, no=no, content=piece))
        file.bytes += len(piece)
        session.flush()
        session.expunge(session.get_one(FileChunk, (file.team_id, file.id, no)))
    session.flush()
    return file


def read(file_id: int) -> Iterator[bytes]:
    """The pieces of a file of the present team in their order; none where it is not there any more."""
    no = 0
    while True:
        content = tenancy.session().scalar(
            select(FileChunk.content).where(
                FileChunk.team_id == tenancy.scope(), FileChunk.file_id == file_id, FileChunk.no == no
            )
        )
        if content is None:
            return
        yield content
        no += 1


def forget(file_id: int) -> None:
    """Delete a file of the present team."""
    tenancy.session().execute(
        delete(StoredFile).where(StoredFile.team_id == tenancy.scope(), StoredFile.id == file_id)
    )


def forget_expired(now: datetime) -> int:
    """Delete the present team's files that have expired; returns how many."""
    gone = tenancy.session().execute(
        delete(StoredFile)
        .where(StoredFile.team_id == tenancy.scope(), StoredFile.expires_at <= now)
        .returning(StoredFile.id)
    )
    return len(gone.all())


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    kept = bytearray()
    for piece in content:
        kept += piece
        while len(kept) >= PIECE:
            yield bytes(kept[:PIECE])
            del kept[:PIECE]
    if kept:
        yield bytes(kept)
