"""The steps of how long reports take: one order of things, here and in the database."""

from __future__ import annotations

import random
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Database
from webapp.campaigns import ladder
from webapp.campaigns.rollup_statements import STEP


def test_edges_go_up_and_hold_the_coarse_ones() -> None:
    assert list(ladder.EDGES) == sorted(set(ladder.EDGES))
    assert set(ladder.BANDS) <= set(ladder.EDGES)
    assert ladder.EDGES[-1] == ladder.BANDS[-1] == 72 * 60 * 60
    # Fine enough for "about so long": no step is more than twice as long as it is late.
    assert all(end <= 2 * begin for begin, end in zip(ladder.EDGES[1:], ladder.EDGES[2:], strict=False))


@given(st.floats(-1e9, 1e9, allow_nan=False), st.floats(-1e9, 1e9, allow_nan=False))
def test_longer_is_never_a_lower_step(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1 <= ladder.step(low) <= ladder.step(high) <= ladder.LAST
    assert ladder.step(None) == ladder.NOT_KNOWN < 1


@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=50))
def test_the_middle_one_is_in_the_step_of_the_true_middle(times: list[int]) -> None:
    found = ladder.median(Counter(map(ladder.step, times)))
    assert found is not None
    place = ladder.step(statistics.median_low(times))
    assert ladder.EDGES[place - 1] <= found
    assert place == ladder.LAST or found <= ladder.EDGES[place]


@given(st.dictionaries(st.integers(0, ladder.LAST), st.integers(0, 1000)))
def test_bands_hold_every_message_once(counts: dict[int, int]) -> None:
    found, longer, unknown = ladder.bands(counts)
    assert sum(found) + longer + unknown == sum(counts.values())
    assert len(found) == len(ladder.BANDS)


@pytest.mark.parametrize(
    ("took", "band"),
    [(0, 0), (9.9, 0), (10, 1), (59, 1), (60, 2), (599, 2), (600, 3), (3600, 4), (259_199, 4)],
)
def test_in_which_band(took: float, band: int) -> None:
    found, longer, unknown = ladder.bands({ladder.step(took): 7})
    assert (found[band], sum(found), longer, unknown) == (7, 7, 0, 0)


def test_what_has_no_band() -> None:
    assert ladder.bands({ladder.step(259_200): 2, ladder.step(None): 3}) == ([0] * 5, 2, 3)
    assert ladder.median({}) is None
    assert ladder.median({ladder.NOT_KNOWN: 9, 5: 0}) is None
    assert ladder.median({ladder.LAST: 1}) == 259_200


def test_the_database_counts_the_same(empty: Database) -> None:
    chance = random.Random(7)
    # The database keeps microseconds.
    times = [round(chance.uniform(-1e6, 1e6), 3) for _ in range(300)]
    times += [edge + beside for edge in ladder.EDGES for beside in (-0.001, 0.0, 0.001)]
    query = (
        f"SELECT {STEP} FROM (SELECT to_timestamp(0) AS handed_at, "
        "to_timestamp(0) + took * interval '1 second' AS reported_at "
        "FROM unnest(%s::float8[]) AS took) AS told"
    )
    with empty.owner() as owner:
        found = [place for (place,) in owner.execute(query, (times,))]
        nothing = owner.execute(query, ([None],)).fetchall()
    assert found == [ladder.step(took) for took in times]
    assert nothing == [(ladder.NOT_KNOWN,)]
