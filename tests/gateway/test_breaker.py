"""The rules of an account's breaker, its rate, its probes, and of how a worker's places are shared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.campaigns.shares import share_of
from webapp.gateway import breaker
from webapp.gateway.answers import Verdict, judge
from webapp.gateway.exchange import Exchange, Kind
from webapp.settings import Times

NOW = datetime(2030, 5, 6, 12, tzinfo=UTC)
TIMES = Times()
SECOND = timedelta(seconds=1)
MINUTE = 60 * SECOND


def verdict(kind: Kind, body: bytes = b"") -> Verdict:
    return judge(Exchange(kind, 200 if body else None, body), numbers=2, unknown_before=False)


def code(number: int) -> Verdict:
    return verdict(Kind.ANSWERED, b'{"respCode": "%d", "msgid": "m"}' % number)


LOST, AWAY = verdict(Kind.LOST_AFTER_SEND), verdict(Kind.REFUSED)


def after(
    troubles: int, until: datetime | None, what: Verdict, now: datetime = NOW, asked: datetime | None = None
) -> tuple[int, datetime | None]:
    return breaker.after_call(troubles, until, what, asked_at=asked, now=now, times=TIMES)


@pytest.mark.parametrize(
    ("what", "counted"),
    [
        (LOST, 2), (AWAY, 2), (verdict(Kind.CONNECT_TIMEOUT), 2), (verdict(Kind.ANSWER_TIMEOUT), 2),
        (code(7), 2), (verdict(Kind.ANSWERED, b"<html>"), 2),
        # Understood, whatever it says.
        (code(0), 0), (code(2), 0), (code(4), 0), (code(5), 0),
        # Neither: nothing was asked, or nobody knows what was said.
        (verdict(Kind.WITHHELD), 1), (code(42), 1),
    ],
    ids=["lost", "refused", "no connection", "no answer", "7", "html", "0", "2", "4", "5", "withheld", "42"],
)  # fmt: skip
def test_what_is_counted(what: Verdict, counted: int) -> None:
    assert after(1, None, what) == (counted, None)


def test_the_third_in_a_row_opens_it_and_each_probe_waits_twice_as_long() -> None:
    troubles, until, now, waits = 0, None, NOW, []
    for _ in range(11):
        troubles, until = after(troubles, until, AWAY, now, asked=now)
        if until is not None:
            waits.append(until - now)
            assert breaker.is_quiet(troubles, until, until - SECOND, TIMES)
            assert not breaker.is_quiet(troubles, until, until, TIMES)
            now = until
    assert troubles == 11
    assert [wait / SECOND for wait in waits] == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert after(troubles, until, code(0)) == (0, None)


def test_what_was_under_way_when_it_opened_is_no_probe() -> None:
    until = NOW + 10 * SECOND
    assert after(3, until, LOST, asked=NOW - 20 * SECOND) == (3, until)
    assert after(3, until, LOST, now=until, asked=until) == (4, until + 30 * SECOND)


def test_times_that_a_clock_which_was_set_back_left_far_ahead_are_not_believed() -> None:
    assert not breaker.is_quiet(3, NOW + 16 * SECOND, NOW, TIMES)
    assert after(3, NOW + 3600 * SECOND, LOST, asked=NOW) == (4, NOW + 30 * SECOND)
    assert breaker.turns(10, NOW + 5 * SECOND, NOW, 1)[0] == [NOW]
    assert breaker.balance_probe_is_due(NOW + 16 * MINUTE, 0, NOW, TIMES)


def test_fewer_at_once_with_each_trouble() -> None:
    assert [breaker.places(16, troubles, unproved=False) for troubles in range(5)] == [16, 8, 4, 1, 1]
    assert [breaker.places(3, troubles, unproved=False) for troubles in range(4)] == [3, 1, 1, 1]
    assert breaker.places(16, 0, unproved=True) == 1
    assert [breaker.waits_for_itself(troubles) for troubles in range(4)] == [False, True, True, False]


@given(
    calls=st.lists(
        st.tuples(st.sampled_from([LOST, AWAY, code(0), code(2), code(42)]), st.integers(0, 2000))
    ),
    places=st.integers(1, 16),
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_called(calls: list[tuple[Verdict, int]], places: int) -> None:
    """Open exactly after three in a row, no longer than the longest pause; one place is always left."""
    troubles, until, row, now = 0, None, 0, NOW
    for what, seconds in calls:
        now += seconds * SECOND
        while breaker.is_quiet(troubles, until, now, TIMES):
            now += 15 * SECOND
        troubles, until = after(troubles, until, what, now, asked=now)
        row = row + 1 if what.trouble else row if what == code(42) else 0
        assert troubles == row
        assert breaker.is_open(troubles) == (until is not None) == (row >= 3)
        assert until is None or what == code(42) or now < until <= now + 900 * SECOND
        allowed = breaker.places(places, troubles, unproved=False)
        assert 1 <= allowed <= places
        assert allowed == 1 or troubles < 3


@given(
    rate=st.integers(1, 1000),
    looks=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 16)), min_size=1, max_size=60),
)
@settings(max_examples=200, deadline=None)
def test_never_more_requests_in_a_second_than_the_rate(rate: int, looks: list[tuple[int, int]]) -> None:
    at, now, gone = None, NOW, []
    for milliseconds, most in looks:
        now += timedelta(milliseconds=milliseconds)
        moments, at = breaker.turns(rate, at, now, most)
        assert len(moments) <= most
        assert all(now <= moment <= now + breaker.AHEAD for moment in moments)
        gone += moments
    assert all(later - earlier >= SECOND for earlier, later in zip(gone, gone[rate:], strict=False))


def test_a_rate_is_used_up_and_none_is_none() -> None:
    moments, at = breaker.turns(20, None, NOW, 16)
    assert [(moment - NOW) / timedelta(milliseconds=1) for moment in moments] == [0, 50, 100]
    assert breaker.turns(20, at, NOW, 16) == ([], at)
    assert breaker.turns(None, at, NOW, 2) == ([NOW, NOW], None)


def test_balance_is_probed_after_a_quarter_an_hour_and_every_four_hours() -> None:
    assert [breaker.balance_pause(probes, TIMES) / MINUTE for probes in range(4)] == [15, 60, 240, 240]
    assert not breaker.balance_probe_is_due(None, 0, NOW, TIMES)
    assert not breaker.balance_probe_is_due(NOW + SECOND, 1, NOW, TIMES)
    assert breaker.balance_probe_is_due(NOW, 1, NOW, TIMES)


@given(wishes=st.lists(st.integers(0, 9), min_size=1, max_size=200))
def test_a_team_never_holds_more_places_than_it_leaves(wishes: list[int]) -> None:
    own: dict[int, int] = {}
    for team in wishes:
        free = 64 - sum(own.values())
        more = share_of(own.get(team, 0), free)
        assert 0 <= more <= free
        own[team] = own.get(team, 0) + more
        assert more == 0 or own[team] <= max(1, free - more)
        assert own[team] > 0 or free == 0
