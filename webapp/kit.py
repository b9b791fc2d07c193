"""The kit page: every component in every state, on one page, for the eye and for the tests.

It exists in development and in tests only. `?theme=dark` and `?lang=zh` show it the other way. All that
stands on it is made up; no database is asked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Response, abort, g, request
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FileField,
    Form,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs
from wtforms.validators import DataRequired

from webapp import pages, statuses
from webapp.accounts.permissions import public
from webapp.reading import LANGUAGES, THEMES
from webapp.reports import breakdowns, charts

blueprint = Blueprint("kit", __name__)

START = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
MESSAGE = "【青禾茶】王芳您好，您的会员积分1,280分将于11月11日到期，凭此短信到静安门店可兑换新茶一份，退订回T"

PLACES = [
    (_l("Home"), "house", True, False, "h"),
    (_l("Campaigns"), "megaphone", True, False, "c"),
    (_l("Contacts"), "users", True, False, "p"),
    (_l("Templates"), "file-text", False, False, ""),
    (_l("Reports"), "chart-column", False, False, "r"),
    (_l("Balance"), "wallet", False, False, "b"),
    (_l("Settings"), "settings", False, True, ""),
    (_l("Audit log"), "shield-check", False, True, ""),
]


class KitForm(Form):
    """One field of each kind."""

    name = StringField(
        _l("Campaign name"),
        [DataRequired()],
        description=_l("Only your team sees it."),
        default="Double 11 early bird",
    )
    note = StringField(_l("Note"))
    uid = StringField(_l("Gateway uid"), [DataRequired(_l("Type the uid that the gateway gave you."))])
    password = PasswordField(
        _l("Gateway password"), [DataRequired(_l("Type the password of the gateway account."))]
    )
    signature = SelectField(
        _l("Signature"), choices=[SelectChoice("1", "【青禾茶】"), SelectChoice("2", "【青禾茶会员】")]
    )
    text = TextAreaField(_l("Text"), [DataRequired()], default=MESSAGE)
    long_text = TextAreaField(_l("Text that is too long"), [DataRequired()], default=MESSAGE * 6)
    when = RadioField(
        _l("When"),
        choices=[SelectChoice("now", _l("Now")), SelectChoice("later", _l("Later"))],
        default="now",
    )
    kind = RadioField(
        _l("Kind of campaign"),
        choices=[
            SelectChoice("notice", _l("Notice")),
            SelectChoice("marketing", _l("Marketing")),
            SelectChoice("test", _l("Test")),
        ],
        default="notice",
    )
    groups = SelectMultipleField(
        _l("Groups"),
        choices=[SelectChoice("1", "VIP"), SelectChoice("2", "双十一预约")],
        default=["1"],
        validate_choice=False,
    )
    agree = BooleanField(_l("Tell me when it is finished"), description=_l("By mail, once."))
    file = FileField(_l("File with people"), description=_l("CSV or XLSX, at most 100 MB."))
    at = DateTimeLocalField(_l("Send at"))


@blueprint.get("/_kit")
@public
def index() -> Response:
    """Every component in every state, inside the frame of a made-up team."""
    _as_asked()
    _pretend_team()
    return pages.render("kit/index.html", block=request.args.get("block"), **_samples())


@blueprint.get("/_kit/public")
@public
def outside() -> Response:
    """The frame of the pages for everybody."""
    _as_asked()
    return pages.render("kit/public.html", form=_tried_form())


@blueprint.get("/_kit/error/<int:status>")
@public
def error(status: int) -> Response:
    """An error page, without the error."""
    if status not in pages.ERROR_PAGES | {503}:
        abort(404)
    _as_asked()
    return pages.error_page(status, incident="k7m2-4q9x" if status == 500 else None)


def _as_asked() -> None:
    """Language and theme from the address, so that a picture of each can be taken."""
    if request.args.get("theme") in THEMES:
        g.theme = request.args["theme"]
    if request.args.get("lang") in LANGUAGES:
        g.language = request.args["lang"]


def _pretend_team() -> None:
    g.team = SimpleNamespace(id=1, address="qinghe", name="青禾茶 Qinghe Tea", time_zone="Asia/Shanghai")
    g.member = SimpleNamespace(role="owner", user=SimpleNamespace(name="Lin Wei", email="lin@example.org"))


class KitShell(pages.Shell):
    """The frame of a made-up team: all places that the product will have, and none of their views."""

    def __init__(self) -> None:
        self.links = [
            pages.Link("#main", label, icon, current=icon == "megaphone", foot=foot, tab=tab, key=key)
            for label, icon, tab, foot, key in PLACES
        ]
        self.teams = [g.team, SimpleNamespace(address="northgate", name="Northgate Clinic")]
        note = _l("Alert below %(count)s", count="50,000")
        self.balance = pages.BalanceView("main-cn", 48_210, note=note, low=True, practice=True, url="#main")

    def url(self, endpoint: str) -> str:  # noqa: ARG002 # the signature is the frame's
        """Every place leads nowhere."""
        return "#main"

    def in_team(self, address: str) -> str:  # noqa: ARG002 # the signature is the frame's
        """No team has pages here."""
        return "#main"


def _tried_form() -> KitForm:
    """The form as it comes back after a submit with two empty fields."""
    form = KitForm()
    form.uid.errors = [_l("Type the uid that the gateway gave you.")]
    form.password.errors = [_l("Type the password of the gateway account.")]
    return form


def _samples() -> dict[str, Any]:
    form = KitForm()
    return {
        "shell": KitShell(),
        "form": form,
        "tried": _tried_form(),
        "message_statuses": list(statuses.MessageStatus),
        "campaign_statuses": list(statuses.CampaignStatus),
        "message": MESSAGE,
        "now": START + timedelta(minutes=2),
        "start": START,
        "events": _events(),
        "rows": _rows(),
        "curve": [0, 22, 41, 56, 68, 77, 84, 88, 91, 93, 94, 95, 95],
        "failed_curve": [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
        "days": _days(),
        "heat": _heat(),
        "edges": breakdowns.HEATS,
    }


def _days() -> charts.Chart:
    """A line with gaps, a day alone, and a day that is not over; the days before it dashed."""
    now = [94.1, None, 96.0, 95.2, None, 93.8, 96.4, 95.9, 91.0]
    before = [92.0, 92.5, 91.8, 93.0, 92.7, None, None, 93.4, 93.9]
    series: list[dict[str, Any]] = [
        {"label": _l("These days"), "tone": "ok", "values": now, "runs": charts.runs(now, dotted_end=True)},
        {"label": _l("The days before"), "tone": "wait", "dashed": True, "runs": charts.runs(before)},
    ]
    labels = [str(day) for day in range(1, 10)]
    rows = [
        [label, *("–" if one is None else f"{one}%" for one in pair)]
        for label, *pair in zip(labels, now, before, strict=True)
    ]
    return charts.Chart(
        sentence=str(_l("Delivered per day")),
        series=series,
        x_labels=labels,
        y_labels=["100%", "90%", "80%"],
        top=100,
        bottom=80,
        says=[row[1] for row in rows],
        heads=[str(_l("Day")), str(_l("These days")), str(_l("The days before"))],
        rows=rows,
    )


def _heat() -> breakdowns.Heat:
    """A cell of each tint, one that counts, one that is empty."""
    cells: list[tuple[str, int | None]] = [
        ("72", 0), ("86", 1), ("93", 2), ("97", 3), ("99", 4), ("(12)", None), ("", None),
    ]  # fmt: skip
    rows = [(str(name), cells[at:] + cells[:at]) for at, name in enumerate((_l("Mon"), _l("Tue")))]
    sentence = str(_l("Delivered by weekday and hour"))
    return breakdowns.Heat(sentence, list(range(9, 16)), rows, counts=True)


def _events() -> list[dict[str, Any]]:
    return [
        {"title": _l("Put in line"), "at": START + timedelta(seconds=2), "icon": "clock", "tone": "wait"},
        {
            "title": _l("Accepted by the gateway"),
            "at": START + timedelta(seconds=3),
            "icon": "check",
            "tone": "info",
            "detail": _l("Batch %(number)s.", number=21),
        },
        {
            "title": _l("Delivered"),
            "at": START + timedelta(seconds=41),
            "icon": "check-check",
            "tone": "ok",
            "detail": _l("The carrier's report: %(code)s.", code="DELIVRD"),
        },
    ]


def _rows() -> list[dict[str, Any]]:
    status = statuses.MessageStatus
    found = [
        ("13800002071", "王芳", status.DELIVERED, 2, 41, "DELIVRD"),
        ("18600009935", "陈建国", status.FAILED, 2, 72, "MK:0001"),
        ("13900008026", "赵敏", status.NO_REPORT, 2, None, ""),
        ("19200000318", "周强", status.UNCONFIRMED, 2, None, ""),
        ("15000001184", "李娜", status.ACCEPTED, 2, None, ""),
    ]
    return [
        {
            "phone": phone,
            "name": name,
            "status": state,
            "parts": parts,
            "at": None if seconds is None else START + timedelta(seconds=seconds),
            "code": code,
        }
        for phone, name, state, parts, seconds, code in found
    ]
