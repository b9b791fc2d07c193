"""Kills workers at random and at named points, and starts them again at once.

A named point is reached without any hook in the program: what stands before PostgreSQL (between.py) withholds
the COMMIT or its answer, and what stands before the gateway (hook.py) tells whose request has just come. Who
comes there first is killed while it is held there.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable

from tests.faults.between import Between, Point, Stop
from tests.faults.hooked import Hook
from tests.faults.processes import Process
from tests.practice.fixture import wait_until

AFTER_POST = "after POST"
AT_RANDOM = "at random"
BEFORE_PLANNING, AFTER_PLANNING = Point("planning", committed=False), Point("planning", committed=True)
SENDING: tuple[Point | str, ...] = (
    Point("T1", committed=False),
    Point("T1", committed=True),
    AFTER_POST,
    Point("T2", committed=False),
    Point("T2", committed=True),
)
# One that has fewer connections to the gateway may only be asking for the balance.
AT_WORK = 2
LONGEST_WAIT = 0.2
Line = dict[str, object]


@dataclasses.dataclass
class Killer:
    """Has the workers, and what stands before and behind them."""

    workers: list[Process]
    between: Between
    hook: Hook
    chance: random.Random

    def kill(self, point: Point | str) -> Line:
        """Kill a worker there and start it again; what is to be noted of it."""
        if isinstance(point, Point):
            return self._kill_held(self.between.arm(point))
        if point == AFTER_POST:
            return self._kill(self.hook.wait_for_post(self.workers), point, "caller")
        wait_until(self._at_work, 60)
        time.sleep(self.chance.uniform(0, LONGEST_WAIT))
        return self._kill(self.chance.choice(self._at_work() or self.workers), point, "caller")

    def kill_planning(self, confirm: Callable[[], None]) -> list[Line]:
        """Confirm a campaign, and kill whoever plans it twice: before a commit and after one."""
        stops = [self.between.arm(point) for point in (BEFORE_PLANNING, AFTER_PLANNING)]
        confirm()
        return [self._kill_held(stop) for stop in stops]

    def _kill_held(self, stop: Stop) -> Line:
        pid = stop.wait()
        (worker,) = (worker for worker in self.workers if worker.pid == pid)
        noted = self._kill(worker, str(stop.point), "transaction")
        stop.cut()
        return noted

    def _kill(self, worker: Process, point: str, met: str) -> Line:
        before = time.time()
        worker.kill()
        noted: Line = {"kill": before, "dead": time.time(), "point": point, "met": met}
        worker.start()
        return noted

    def _at_work(self) -> list[Process]:
        return [worker for worker in self.workers if worker.connections_to(self.hook.port) > AT_WORK]
