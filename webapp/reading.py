"""What a person reads: the language and theme of the visitor, and the words for numbers, times and phones.

Numbers look the same in every language (12,480), so that a figure read out over the phone is found again.
Times are aware, and shown in the time zone of the team.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta
from flask import g, request

LANGUAGES = {"en": "en", "zh": "zh_Hans_CN"}
THEMES = ("light", "dark", "system")
NOTHING = "–"


class Preferences(NamedTuple):
    """How this visitor reads pages: `language` is a key of LANGUAGES, `theme` one of THEMES."""

    language: str
    theme: str


def preferences() -> Preferences:
    """The visitor's language and theme: what the user stored, else the cookies, else the browser's wish.

    `g.user_preferences`, set by the accounts where somebody is signed in, has the same two fields.
    """
    stored = g.get("user_preferences")
    language = getattr(stored, "language", None) or request.cookies.get("lang")
    theme = getattr(stored, "theme", None) or request.cookies.get("theme")
    if language not in LANGUAGES:
        language = _browser_language()
    return Preferences(language, theme if theme in THEMES else "system")


def _browser_language() -> str:
    for wanted, _ in request.accept_languages:
        language = wanted.lower().replace("_", "-").split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def language() -> str:
    """ "en" or "zh" for this request."""
    return str(g.get("language") or preferences().language)


def theme() -> str:
    """ "light", "dark" or "system" for this request."""
    return str(g.get("theme") or preferences().theme)


def babel_locale() -> str:
    """Flask-Babel's name of the language; its catalogue lies in the directory `zh`."""
    return LANGUAGES[language()]


def time_zone() -> tzinfo:
    """The time zone of the team at hand, else UTC."""
    team = g.get("team")
    return ZoneInfo(team.time_zone) if team is not None else UTC


def number(value: int | None) -> str:
    """12480 -> "12,480", in every language; None, which is "not known", -> a dash."""
    return NOTHING if value is None else f"{value:,}"


def percent(part: int, whole: int) -> str:
    """11921, 12480 -> "95.5%", cut off, not rounded: 100% only when all, 0% only when none."""
    if whole <= 0:
        return NOTHING
    if 0 < part * 1000 < whole:
        return "<0.1%"
    tenths = part * 1000 // whole
    return f"{tenths // 10}%" if tenths % 1000 == 0 else f"{tenths // 10}.{tenths % 10}%"


def moment(value: datetime | None, *, seconds: bool = False) -> str:
    """An aware time in the team's zone: "9 Nov 2026, 10:00", in Chinese "2026-11-09 10:00"."""
    if value is None:
        return NOTHING
    clock = "HH:mm:ss" if seconds else "HH:mm"
    pattern = f"yyyy-MM-dd {clock}" if language() == "zh" else f"d MMM yyyy, {clock}"
    return format_datetime(_aware(value), pattern, tzinfo=time_zone(), locale="en")


def moment_after(value: datetime | None, start: datetime | None) -> str:
    """The time of day alone while it is still the day of `start` in the team's zone, else the moment."""
    if value is None or start is None:
        return moment(value, seconds=True)
    zone = time_zone()
    if _aware(value).astimezone(zone).date() != _aware(start).astimezone(zone).date():
        return moment(value)
    return value.astimezone(zone).strftime("%H:%M:%S")


def ago(value: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago an aware time was, or how far ahead it lies: "2 minutes ago", "in 3 hours"."""
    if value is None:
        return NOTHING
    distance = _aware(value) - (now or datetime.now(UTC))
    return format_timedelta(distance, add_direction=True, locale=babel_locale())


def mask(phone: str) -> str:
    """13800002071 -> "138 **** 2071". A shorter number keeps its last two digits at most."""
    if len(phone) >= 11:
        return f"{phone[:3]} **** {phone[-4:]}"
    return f"**** {phone[-2:]}" if len(phone) >= 5 else "****"


def spaced(phone: str) -> str:
    """13800002071 -> "138 0000 2071", as people read it out."""
    return f"{phone[:3]} {phone[3:7]} {phone[7:]}" if len(phone) == 11 else phone


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a page shows aware times only")
    return value


def html_lang(code: str) -> str:
    """The name of a language in HTML: "zh" -> "zh-Hans"."""
    return "zh-Hans" if code == "zh" else code


FILTERS = {
    "number": number,
    "percent": percent,
    "moment": moment,
    "moment_after": moment_after,
    "ago": ago,
    "mask": mask,
    "spaced": spaced,
    "html_lang": html_lang,
}
