"""Room on the disk: with too little of it nothing new is begun, so that what is under way can be written.

The sender asks at each turn and goes on by itself when there is room again. With a database of one's own its
folder is looked at; where the database is on another machine, each worker looks at the disk that it writes to
itself, and a beat of a name of its own tells the pages that it waits.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

from webapp import heartbeats
from webapp.settings import Settings

WAITING = "sender waits for room"
# The sender beats every ten seconds.
_HEARD_WITHIN = timedelta(seconds=25)


def is_short(settings: Settings) -> bool:
    """Whether too little room is left here. A disk that cannot be asked is not taken for a full one."""
    try:
        free = shutil.disk_usage(settings.instance).free
    except OSError:
        return False
    return free < settings.least_free_mb * 2**20


def is_waited_for(settings: Settings, now: datetime) -> bool:
    """Whether sending waits for room, as far as this process can tell."""
    if settings.database_url is None:
        return is_short(settings)
    beat = heartbeats.all_beats().get(WAITING)
    return beat is not None and now - beat < _HEARD_WITHIN
