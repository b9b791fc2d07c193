"""Kills workers at random and at named points, and keeps them at work between the kills.

A named point is reached without any hook in the program: what stands before PostgreSQL (between.py) withholds
the COMMIT or its answer, and what stands before the gateway (hook.py) tells whose request has just come. The
worker is killed while it is held there.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable

from tests.faults.between import Between, Point
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
    turn: int = 0

    def kill(self, point: Point | str) -> Line:
        """Kill the next worker there and start it again; what is to be noted of it."""
        worker = self._next()
        if isinstance(point, Point):
            return self._kill_held(worker, point)
        if point == AFTER_POST:
            self.hook.wait_for_post(worker)
        else:
            wait_until(lambda: worker.connections_to(self.hook.port) > AT_WORK, 60)
            time.sleep(self.chance.uniform(0, LONGEST_WAIT))
        return self._kill(worker, point, "caller")

    def kill_planning(self, confirm: Callable[[], None]) -> list[Line]:
        """Confirm a campaign, and kill two workers while they plan it: before a commit and after one."""
        pairs = [(self._next(), point) for point in (BEFORE_PLANNING, AFTER_PLANNING)]
        stops = [self.between.arm(point, worker.pid) for worker, point in pairs]
        confirm()
        noted = []
        for (worker, point), stop in zip(pairs, stops, strict=True):
            stop.wait()
            noted.append(self._kill(worker, str(point), "transaction"))
            stop.cut()
        return noted

    def _kill_held(self, worker: Process, point: Point) -> Line:
        stop = self.between.arm(point, worker.pid)
        stop.wait()
        noted = self._kill(worker, str(point), "transaction")
        stop.cut()
        return noted

    def _kill(self, worker: Process, point: str, met: str) -> Line:
        before = time.time()
        worker.kill()
        noted: Line = {"kill": before, "dead": time.time(), "point": point, "met": met}
        worker.start()
        return noted

    def _next(self) -> Process:
        self.turn += 1
        return self.workers[self.turn % len(self.workers)]
