"""WORKERS: whether two workers hand over more than one: 8 accounts of a team, a gateway that takes 100 ms.

Every text is different, so each number is a request. One worker and two take turns.
"""

from __future__ import annotations

import statistics

from benchmarks.sending import House, house

PEOPLE = {"small": 40, "quick": 400, "full": 1500}
ROUNDS = {"small": 1, "quick": 2, "full": 3}
ACCOUNTS = 8
IN_FLIGHT = 16
LATENCY_MS = 100
TEXT = "Dear {name}, your parcel is at the desk."


def run(size: str) -> int:
    """Send a campaign through each account at once, by one worker and by two, in turn."""
    ratios = []
    with house() as one:
        for _ in range(ROUNDS[size]):
            alone, together = (_rate(one, PEOPLE[size], count) for count in (1, 2))
            ratios.append(together / alone)
            print(f"one worker {alone:,.0f} messages/s, two {together:,.0f}, {together / alone:.2f} x")
    most = ACCOUNTS * IN_FLIGHT * 1000 / LATENCY_MS
    print(f"at most {most:,.0f} messages/s: {ACCOUNTS} accounts, {IN_FLIGHT} requests each, {LATENCY_MS} ms")
    ratio = statistics.median(ratios)
    well = size == "small" or ratio > 1
    print(f"WORKERS ratio {ratio:.2f} target > 1.00 {'ok' if well else 'short'}")
    return 0 if well else 1


def _rate(one: House, people: int, workers: int) -> float:
    """Messages a second of a campaign to so many people through each account."""
    with one.practice(latency_ms=LATENCY_MS):
        team = one.team(people, accounts_of=ACCOUNTS, in_flight=IN_FLIGHT)
        campaigns = [one.drafted(team, account, TEXT) for account in team.accounts]
        with one.workers(workers):
            seconds = one.send(team, campaigns)
        if one.accepted(campaigns) != people * ACCOUNTS:
            raise SystemExit("not every number was taken")
    return people * ACCOUNTS / seconds
