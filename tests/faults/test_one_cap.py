"""Two campaigns over one cap, confirmed at the same moment: one is refused.

The moment is made exact: whoever tests holds the day's row until both presses wait for it, so that each has
looked at what is left before either has written.
"""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person, set_caps, sign_in
from tests.faults.rows import Row, tell
from tests.faults.test_one_campaign import PEOPLE, confirmed, drafted, place, pressed_at_once, reviewed
from tests.practice.fixture import PracticeGateway, wait_until

# One has its turn and waits for whoever holds the row, the other one waits for its turn.
WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'tuple' AND relation = 'day_spend'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def test_one_of_two_over_the_cap_of_a_day_is_refused(
    app: Flask, browser: FlaskClient, alice: Person, practice: PracticeGateway, database: Database
) -> None:
    account = connect_practice(app, alice, practice)
    first, *both = [drafted(app, alice, account) for _ in range(3)]
    set_caps(app, alice, 2 * len(PEOPLE) + 1)
    # From here on the day has a row that can be waited for.
    browser.post(place(alice, first, "/confirm"), data=reviewed(browser, alice, first))
    presses = [(draft, reviewed(browser, alice, draft)) for draft in both]
    led: list[str] = []
    pressing = threading.Thread(target=lambda: led.extend(pressed_at_once(app, browser, alice, presses).led))
    with database.owner() as watcher, database.owner() as holder, holder.transaction():
        holder.execute("SELECT FROM day_spend FOR UPDATE")
        pressing.start()
        wait_until(lambda: watcher.execute(WAITING).fetchone() == (2,))
    pressing.join(60)
    assert sorted(answer[:3] for answer in led) == ["303", "422"]
    assert len(confirmed(app, alice)) == 2
    with database.owner() as owner:
        spent = owner.execute("SELECT sum(reserved) FROM day_spend").fetchone()
    assert spent == (2 * len(PEOPLE),)
    # Both had looked at what was left when the first one wrote.
    tell(Row("F8", tried=len(both), hit=len(both), note="campaigns over one cap at once, one refused"))
    refused = next(draft for draft in both if draft not in confirmed(app, alice))
    page = browser.get(place(alice, refused, "/review")).text
    assert "More than your team may send" in page
    assert "an owner can raise the limit under Settings" in page
