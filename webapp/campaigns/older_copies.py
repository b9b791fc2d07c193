"""A database that is an older copy of itself: somebody put a disk's snapshot or a folder back.

`webapp restore` sees to it that nothing is sent by itself afterwards. What is put back without it is known
by a note in the instance folder: the newest beat that this machine had written into the database. A database
that has lost it has also lost what was sent since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from webapp.settings import Settings

LOOP = "sender"
# Other machines beat with clocks of their own; none is further off than this.
SAME_CLOCK = timedelta(seconds=60)


def is_older(settings: Settings, beats: Mapping[str, datetime]) -> bool:
    """Whether the database had known of a later beat than it does, as far as this machine can tell.

    One without any beat is a new one, or was restored by our own command.
    """
    seen = _seen(_note(settings))
    known = beats.get(LOOP)
    return seen is not None and known is not None and known < seen - SAME_CLOCK


def note(settings: Settings, moment: datetime) -> None:
    """Note a beat, after the database has it. A disk that is full makes the note an older one, no more."""
    place = _note(settings)
    fresh = place.with_name(f".{place.name}.new")
    with contextlib.suppress(OSError):
        fresh.write_text(moment.astimezone(UTC).isoformat(), encoding="ascii")
        fresh.replace(place)


def _note(settings: Settings) -> Path:
    return settings.instance / "last_beat"


def _seen(note: Path) -> datetime | None:
    try:
        seen = datetime.fromisoformat(note.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return seen if seen.tzinfo is not None else None
