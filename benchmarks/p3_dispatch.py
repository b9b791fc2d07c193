"""P3: a campaign of one text, from its confirm to the last number handed over, held against bare statements.

Everybody is in a group and the draft is laid out before, as a person sees it at the review. The floor and the
program take turns; each finds a practice gateway that was begun anew.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.floors import bare_dispatch
from benchmarks.sending import FIRST_NUMBER, PATH, House, house, peak_mib

PEOPLE = {"small": (5_000,), "quick": (100_000,), "full": (100_000, 1_000_000)}
ROUNDS = {"small": 1, "quick": 3, "full": 3}
MOST_RATIO = 2.0
MOST_SECONDS_100K = 5.0
MOST_MIB = 150
# A floor of fewer rows a second was measured on a machine that does something else.
LEAST_ROWS = 100_000
# Ten times as many people may take this much more than ten times as long.
MOST_GROWTH = 1.3
TEXT = "Hello"


@dataclass(frozen=True)
class Round:
    """Seconds that the floor's rows and its requests took, and the program; its worker's memory at most."""

    people: int
    rows: float
    requests: float
    seconds: float
    mib: float

    @property
    def ratio(self) -> float:
        """How many times as long as the floor the program took."""
        return self.seconds / (self.rows + self.requests)


def run(size: str) -> int:
    """Send campaigns of each size, in turn with the floor, and print the medians."""
    with house() as one:
        rounds = [_round(one, people) for people in PEOPLE[size] for _ in range(ROUNDS[size])]
    return _verdict(size, rounds)


def _round(one: House, people: int) -> Round:
    mobiles = [str(FIRST_NUMBER + n * 7) for n in range(people)]
    with one.practice():
        uid, pwd = one.bare_account("floor")
        floor = bare_dispatch.measure(one.superuser, mobiles, one.port, PATH, uid, pwd)
    with one.practice():
        team = one.team(people)
        campaign = one.drafted(team, team.accounts[0], TEXT)
        one.superuser.execute("CHECKPOINT")
        with one.workers() as workers:
            seconds = one.send(team, [campaign])
            mib = peak_mib(workers[0])
        if one.accepted([campaign]) != people:
            raise SystemExit(f"{one.accepted([campaign]):,} of {people:,} numbers were taken")
    measured = Round(people, *floor, seconds, mib)
    print(
        f"{people:,} numbers: floor {floor[0]:.2f} s rows + {floor[1]:.2f} s requests, program "
        f"{seconds:.2f} s, {measured.ratio:.2f} x, worker's peak {mib:.0f} MiB"
    )
    return measured


def _verdict(size: str, rounds: Sequence[Round]) -> int:
    print("the floor's rows were written by the cluster's superuser, in the order of their key")
    medians = {people: _median(rounds, people) for people in PEOPLE[size]}
    ratio, mib = max(one.ratio for one in medians.values()), max(one.mib for one in rounds)
    print(f"the worker's memory at most {mib:.0f} MiB (bound {MOST_MIB} MiB)")
    well = ratio <= MOST_RATIO and mib <= MOST_MIB
    if 100_000 in medians:
        seconds = medians[100_000].seconds
        print(f"100,000 numbers in {seconds:.2f} s (bound {MOST_SECONDS_100K:.0f} s)")
        well = well and seconds <= MOST_SECONDS_100K
    if len(medians) > 1:
        few, many = (medians[people].seconds / people for people in (100_000, 1_000_000))
        print(f"a number of a million takes {many / few:.2f} x one of 100,000 (bound {MOST_GROWTH} x)")
        well = well and many / few <= MOST_GROWTH
    rows = min(people / one.rows for people, one in medians.items())
    if size != "small" and rows < LEAST_ROWS:
        print(f"P3 floor too slow: {rows:,.0f} rows/s, less than {LEAST_ROWS:,}")
        return 2
    if size == "small":
        # So few are over before anything can be compared; that it runs is what is asked.
        well = True
    print(f"P3 ratio {ratio:.2f} target <= {MOST_RATIO:.1f} {'ok' if well else 'short'}")
    return 0 if well else 1


def _median(rounds: Sequence[Round], people: int) -> Round:
    """The round in the middle of those with so many people."""
    these = sorted((one for one in rounds if one.people == people), key=lambda one: one.ratio)
    return statistics.median_low([(one.ratio, at, one) for at, one in enumerate(these)])[2]
