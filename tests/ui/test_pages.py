"""What views get from pages.py: answers, words for numbers and times, language and theme."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask, Response, flash, g

from webapp import pages, reading

HTMX = {"HX-Request": "true"}
NINE = datetime(2026, 11, 9, 2, 0, 5, tzinfo=UTC)


class Broken:
    """A user's row whose database is gone."""

    @property
    def language(self) -> str:
        """Asks, and fails."""
        raise ConnectionError("the database is away")

    theme = language


def test_after_a_post_the_browser_goes_on(app: Flask) -> None:
    with app.test_request_context(method="POST"):
        answer = pages.see_other("/t/a/home")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/t/a/home")
    with app.test_request_context(method="POST", headers=HTMX):
        answer = pages.see_other("/t/a/home")
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/t/a/home")
    assert "Location" not in answer.headers


def test_events_for_htmx_add_up_and_stay_ascii() -> None:
    answer = Response()
    pages.hx_trigger(answer, "saved")
    pages.hx_trigger(answer, "counted", {"who": "王芳\nX-Evil: 1"})
    header = answer.headers["HX-Trigger"]
    assert header == '{"saved": null, "counted": {"who": "\\u738b\\u82b3\\nX-Evil: 1"}}'


def test_a_fragment_brings_the_messages_along_once(app: Flask) -> None:
    @app.post("/saved")
    def saved() -> Response:
        flash("Saved <b>now</b>.", "ok")
        g.team = None
        return pages.render("kit/public.html", block="title")

    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    fragment = client.post("/saved", headers=HTMX).text
    assert 'id="toasts" hx-swap-oob="beforeend"' in fragment
    assert "Saved &lt;b&gt;now&lt;/b&gt;." in fragment
    assert "Saved" not in client.get("/_kit/public").text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (12480, "12,480"), (-1200, "-1,200"), (None, "–")])
def test_numbers(value: int | None, text: str) -> None:
    assert reading.number(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (11921, 12480, "95.5%"),
        (12479, 12480, "99.9%"),
        (12480, 12480, "100%"),
        (1, 1_000_000, "<0.1%"),
        (0, 10, "0%"),
        (1, 2, "50.0%"),
        (1, 20, "5.0%"),
        (0, 0, "–"),
        (5, -1, "–"),
    ],
)
def test_shares_never_claim_more_than_there_is(part: int, whole: int, text: str) -> None:
    assert reading.percent(part, whole) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "9 Nov 2026, 10:00"), ("zh", "2026-11-09 10:00")],
)
def test_times_stand_in_the_zone_of_the_team(app: Flask, language: str, text: str) -> None:
    with app.test_request_context():
        g.language = language
        g.team = SimpleNamespace(time_zone="Asia/Shanghai")
        assert reading.moment(NINE) == text
        assert reading.moment(NINE, seconds=True) == text + ":05"


def test_times_without_a_team_are_utc_and_none_is_a_dash(app: Flask) -> None:
    with app.test_request_context():
        assert reading.moment(NINE) == "9 Nov 2026, 02:00"
        assert reading.moment(None) == reading.ago(None) == "–"


def test_a_time_without_a_zone_is_a_mistake(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="aware"):
        reading.moment(NINE.replace(tzinfo=None))


def test_distances(app: Flask) -> None:
    with app.test_request_context():
        assert reading.ago(NINE, now=NINE + timedelta(minutes=2)) == "2 minutes ago"
        assert reading.ago(NINE, now=NINE - timedelta(hours=3)) == "in 3 hours"
        g.language = "zh"
        assert reading.ago(NINE, now=NINE + timedelta(minutes=2)) == "2分钟前"


@pytest.mark.parametrize(
    ("phone", "text"), [("13800002071", "138 **** 2071"), ("10086", "**** 86"), ("", "****"), ("8", "****")]
)
def test_masked_numbers_show_too_little_to_call(phone: str, text: str) -> None:
    assert reading.mask(phone) == text


@pytest.mark.parametrize(
    ("cookie", "header", "stored", "expected"),
    [
        ("", "", None, ("en", "system")),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", None, ("zh", "system")),
        ("", "fr,de;q=0.5", None, ("en", "system")),
        ("", "fr,zh-TW;q=0.5", None, ("zh", "system")),
        ("lang=zh; theme=dark", "en", None, ("zh", "dark")),
        ("lang=xx; theme=pink", "zh", None, ("zh", "system")),
        ("lang=en; theme=dark", "", SimpleNamespace(language="zh", theme="light"), ("zh", "light")),
        ("lang=zh; theme=dark", "", SimpleNamespace(language=None, theme=None), ("zh", "dark")),
        ("", ",;q=x,*", None, ("en", "system")),
    ],
)
def test_the_account_wins_over_the_cookie_over_the_browser(
    app: Flask, cookie: str, header: str, stored: object, expected: tuple[str, str]
) -> None:
    with app.test_request_context(headers={"Cookie": cookie, "Accept-Language": header}):
        if stored is not None:
            g.user_preferences = stored
        assert pages.preferences() == expected


def test_the_page_of_a_breakdown_needs_no_database(app: Flask) -> None:
    @app.context_processor
    def from_the_database() -> dict[str, object]:
        raise ConnectionError("the database is away")

    with app.test_request_context():
        g.user_preferences = Broken()
        g.team = g.user = Broken()
        answer = pages.error_page(500, incident="k7m2-4q9x")
    assert answer.status_code == 500
    assert "k7m2-4q9x" in answer.get_data(as_text=True)


def test_the_words_of_an_error_can_be_given_and_are_escaped(app: Flask) -> None:
    with app.test_request_context():
        assert "Only &lt;admins&gt; may." in pages.error_page(403, reason="Only <admins> may.").get_data(
            as_text=True
        )
        assert pages.error_page(418).status_code == 418
        assert pages.error_page(502).status_code == 502


def test_static_files_are_kept_only_under_the_address_of_their_content(app: Flask) -> None:
    client = app.test_client()
    with app.test_request_context():
        address = app.jinja_env.globals["asset"]("css/app.css")  # type: ignore[operator] # a function
    assert "immutable" in client.get(address, buffered=True).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/css/app.css", buffered=True).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/none.css?v=1").headers.get("Cache-Control", "")
