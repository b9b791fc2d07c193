"""The frame: what stands in the navigation, for whom, and what happens without a team."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask, Response, g

from tests.ui.markup import faults
from webapp import pages
from webapp.frame import BalanceView, NavItem

ITEMS = (
    NavItem("log.index", "Audit log", "shield-check", "audit.view", foot=True, order=90),
    NavItem("home", "Home", "house", "team.view", order=10, tab=True),
    NavItem("missing.index", "Not built", "inbox"),
)


@pytest.fixture
def framed(app: Flask) -> Flask:
    """An application with two places, of which one is for admins; the member's role stands in the address."""

    def page(team: str) -> Response:
        g.team = SimpleNamespace(address=team, name="<Qinghe> & Co", time_zone="UTC")
        g.user = SimpleNamespace(name="Lin Wei")
        g.member = SimpleNamespace(role=team, user=g.user)
        return pages.render("kit/plain.html")

    app.add_url_rule("/t/<team>/home", "home", page)
    app.add_url_rule("/t/<team>/log", "log.index", page)
    pages.add_nav(app, *ITEMS)
    return app


def test_places_show_by_permission_in_their_order(framed: Flask) -> None:
    html = framed.test_client().get("/t/owner/home").text
    assert html.index("Home") < html.index("Audit log")
    assert "Not built" not in html
    assert "Audit log" not in framed.test_client().get("/t/viewer/home").text


def test_the_place_at_hand_is_marked(framed: Flask) -> None:
    html = framed.test_client().get("/t/owner/log").text
    assert '<a href="/t/owner/log" aria-current="page">' in html
    assert '<a href="/t/owner/home" aria-current' not in html


def test_the_frame_keeps_the_rules_and_escapes_names(framed: Flask) -> None:
    html = framed.test_client().get("/t/owner/home").text
    assert faults(html) == []
    assert "<Qinghe>" not in html
    assert "&lt;Qinghe&gt; &amp; Co" in html


def test_the_balance_and_the_practice_band_come_from_the_gateway(framed: Flask) -> None:
    client = framed.test_client()
    assert "Practice:" not in client.get("/t/owner/home").text
    pages.connect(framed, balance=lambda: BalanceView("main-cn", 1, practice=True))
    html = client.get("/t/owner/home").text
    assert "Practice:" in html
    assert "<b>1</b> message left" in html
    assert faults(html) == []


def test_a_balance_never_read_shows_no_number(framed: Flask) -> None:
    pages.connect(framed, balance=lambda: BalanceView("main-cn", None))
    assert "Not read yet" in framed.test_client().get("/t/owner/home").text


def test_the_team_menu_leads_to_the_same_section_elsewhere(framed: Flask) -> None:
    other = SimpleNamespace(address="viewer", name="Northgate")
    pages.connect(framed, teams=lambda: [other], may_in=lambda _address, _permission: True)
    html = framed.test_client().get("/t/owner/log").text
    assert '<a href="/t/viewer/log">' in html


def test_it_leads_to_no_section_that_one_may_not_see_there(framed: Flask) -> None:
    other = SimpleNamespace(address="viewer", name="Northgate")
    pages.connect(framed, teams=lambda: [other], may_in=lambda _address, wanted: wanted != "audit.view")
    html = framed.test_client().get("/t/owner/log").text
    assert '<a href="/t/viewer/log">' not in html
    assert '<a href="/t/viewer/home">' in html


def test_signed_in_without_a_team(app: Flask) -> None:
    @app.get("/me")
    def me() -> Response:
        g.user = SimpleNamespace(email="lin@example.org")
        return pages.render("kit/plain.html")

    html = app.test_client().get("/me").text
    assert faults(html) == []
    assert "lin@example.org" in html
