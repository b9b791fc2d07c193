"""The process that stays: supervisord, with a word on the console when it is told to stop.

A program of its own so that `webapp up` can become it; it holds supervisord and nothing else in memory.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class _Talking(Supervisor):  # type: ignore[misc]  # supervisor has no type hints
    def runforever(self) -> None:
        events.subscribe(events.SupervisorStoppingEvent, self._stopping)
        super().runforever()

    def _stopping(self, _event: object) -> None:
        """Tell the person who waits, and look at the programs more often than each second while they end."""
        _say("Stopping; requests under way are finished first.")
        poll = self.options.poller.poll
        self.options.poller.poll = lambda timeout: poll(min(timeout, 0.1))


def main(notes: Path) -> int:
    """Supervise until told to stop; 1 when the announcer left word that the start has failed.

    `notes` is the folder `run` of the instance, with the configuration in it.
    """
    os.chdir(notes.parent)
    options = ServerOptions()
    options.realize(["-n", "-s", "-c", str(notes / "supervisord.conf")])
    options.first = True
    options.test = False
    with contextlib.suppress(asyncore.ExitNow):
        _Talking(options).main()
    options.close_httpservers()
    options.close_logger()
    _tidy(notes)
    if (notes / "failed").exists():
        return 1
    _say("Tidings has stopped.")
    return 0


def _tidy(notes: Path) -> None:
    from webapp.embedded_place import leave_run_folder

    leave_run_folder(notes.parent)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
