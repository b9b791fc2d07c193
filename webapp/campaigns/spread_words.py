"""How a campaign's spread is said: before it is confirmed, and while it goes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.campaigns import hours
from webapp.campaigns.models import Campaign
from webapp.campaigns.spread import LONGEST, Asked, Spread, last_open, open_time, through_at
from webapp.campaigns.states import STOPPABLE
from webapp.errors import DomainError
from webapp.reading import moment, time_zone

_HOUR = timedelta(hours=1)
# Up to so many minutes are said as minutes.
_MOST_MINUTES = 90
# Nothing went for so long though it was due: something else holds it up, and nobody can say how long.
_HELD_UP = timedelta(minutes=5)


@dataclass
class Outlook:
    """What a spread comes to, in sentences; `warns` are those that tell of people who get nothing by then."""

    says: list[str] = field(default_factory=list)
    warns: list[str] = field(default_factory=list)


def problem(asked: Asked, people: int | None) -> DomainError | None:
    """Why it cannot be spread like this, None if it can. `people`: None where they are not counted yet."""
    spread, until, window = asked.spread, asked.spread.even_until, asked.window
    if until is not None:
        sentence = None
        if until <= asked.begins:
            sentence = _("This end comes before it can begin. Choose a later one.")
        elif until > asked.begins + LONGEST:
            sentence = _("A campaign can be spread over 31 days at most. Choose an earlier end.")
        elif asked.not_after is not None and asked.not_after < until:
            sentence = _(
                "Nothing may go out after %(when)s, which is before this end. "
                "Choose an earlier end, or a later limit.",
                when=moment(asked.not_after),
            )
        elif open_time(window, asked.begins, until) <= timedelta():
            sentence = _("All of this time is outside the sending hours. Choose a later end.")
        return DomainError(sentence, "even_until") if sentence else None
    needed = spread.takes(people or 0)
    if needed is not None and through_at(window, asked.begins, needed) is None:
        return DomainError(
            _("At %(rate)s an hour this takes longer than 31 days. Choose more an hour.", rate=_rate(spread)),
            "per_hour",
        )
    return None


def outlook(asked: Asked, people: int) -> Outlook:
    """How long it takes and when the last ones go, for something that has no problem."""
    told = Outlook()
    if not asked.spread or not people or problem(asked, people):
        return told
    through = _say_length(asked, people, told)
    closes = _closes(asked)
    if closes is not None and closes < through:
        left = people - _gone_by(asked, people, closes)
        if not asked.drops:
            told.says.append(
                _(
                    "Sending hours end at %(end)s, the rest goes on in the next ones; the last ones go on "
                    "%(when)s.",
                    end=_clock(closes),
                    when=moment(through),
                )
            )
        elif left:
            told.warns.append(
                ngettext(
                    "Sending hours end at %(end)s: about %(count)s person gets nothing then, as you chose.",
                    "Sending hours end at %(end)s: about %(count)s people get nothing then, as you chose.",
                    left,
                    end=_clock(closes),
                    count=format_decimal(left),
                )
            )
    elif asked.spread.per_hour is not None:
        told.says.append(_("The last ones go on %(when)s.", when=moment(through)))
    _warn_of_limit(asked, people, through, told)
    return told


def line_of(campaign: Campaign, now: datetime) -> str:
    """How a campaign on its way is spread, and when the next ones go; empty for one that is not."""
    spread = Spread.of(campaign)
    if not spread or campaign.state not in STOPPABLE:
        return ""
    how = _how(spread)
    next_at = campaign.next_at
    if next_at is None or next_at <= now or campaign.paused_by_person or campaign.paused_by_machine:
        return _("Spread: %(how)s.", how=how)
    opening = hours.next_opening(campaign.kind, next_at)
    if opening is not None or next_at - now > 12 * _HOUR:
        return _("Spread: %(how)s; next ones on %(when)s.", how=how, when=moment(opening or next_at))
    return _("Spread: %(how)s; next ones at %(time)s.", how=how, time=_clock(next_at))


def sending_words(campaign: Campaign, now: datetime, said: dict[str, str]) -> str | None:
    """The sentence of a spread campaign that is sending; None where nobody can say how long it takes."""
    spread = Spread.of(campaign)
    held_up = campaign.next_at is not None and campaign.next_at < now - _HELD_UP
    if not spread or not campaign.waiting or held_up:
        return None
    if spread.even_until is not None:
        if spread.even_until <= now:
            return None
        return _(
            "Sending: %(gone)s of %(total)s handed to the gateway, evenly until %(when)s.",
            when=moment(spread.even_until),
            **said,
        )
    minutes = _minutes(spread.takes(campaign.waiting) or timedelta())
    if minutes <= _MOST_MINUTES:
        return ngettext(
            "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s minute left "
            "at %(rate)s an hour.",
            "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s minutes left "
            "at %(rate)s an hour.",
            minutes,
            rate=_rate(spread),
            **said,
        )
    return ngettext(
        "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s hour of sending left "
        "at %(rate)s an hour.",
        "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s hours of sending left "
        "at %(rate)s an hour.",
        round(minutes / 60),
        rate=_rate(spread),
        **said,
    )


def _say_length(asked: Asked, people: int, told: Outlook) -> datetime:
    """Say how long it takes; returns when it is through."""
    spread, until = asked.spread, asked.spread.even_until
    if until is not None:
        rate = round(spread.an_hour(people, asked.begins, asked.window))
        told.says.append(
            _("Evenly until %(when)s: about %(rate)s an hour.", when=moment(until), rate=format_decimal(rate))
            if rate
            else _("Evenly until %(when)s: less than one an hour.", when=moment(until))
        )
        last = last_open(asked.window, asked.begins, until)
        if last < until:
            told.says.append(
                _("That is outside the sending hours, so the last ones go on %(when)s.", when=moment(last))
            )
        return last
    needed = spread.takes(people) or timedelta()
    minutes = _minutes(needed)
    if minutes <= _MOST_MINUTES:
        told.says.append(
            ngettext(
                "At %(rate)s an hour this takes about %(num)s minute.",
                "At %(rate)s an hour this takes about %(num)s minutes.",
                minutes,
                rate=_rate(spread),
            )
        )
    else:
        told.says.append(
            ngettext(
                "At %(rate)s an hour this takes about %(num)s hour.",
                "At %(rate)s an hour this takes about %(num)s hours.",
                round(minutes / 60),
                rate=_rate(spread),
            )
        )
    return through_at(asked.window, asked.begins, needed) or asked.begins + needed


def _warn_of_limit(asked: Asked, people: int, through: datetime, told: Outlook) -> None:
    limit = asked.not_after
    if limit is None or limit >= through:
        return
    left = people - _gone_by(asked, people, limit)
    if left:
        told.warns.append(
            ngettext(
                "Nothing goes out after %(when)s: about %(count)s person will not have got it by then.",
                "Nothing goes out after %(when)s: about %(count)s people will not have got it by then.",
                left,
                when=moment(limit),
                count=format_decimal(left),
            )
        )


def _closes(asked: Asked) -> datetime | None:
    """When the sending hours end in which it begins."""
    if asked.window is None:
        return None
    opens = asked.begins if asked.window.open_at(asked.begins) else asked.window.next_change(asked.begins)
    return asked.window.next_change(opens)


def _gone_by(asked: Asked, people: int, end: datetime) -> int:
    """About how many have gone by then."""
    rate = asked.spread.an_hour(people, asked.begins, asked.window)
    return min(people, round(rate * (open_time(asked.window, asked.begins, end) / _HOUR)))


def _how(spread: Spread) -> str:
    if spread.even_until is not None:
        return _("evenly until %(when)s", when=moment(spread.even_until))
    return _("%(rate)s an hour", rate=_rate(spread))


def _rate(spread: Spread) -> str:
    return format_decimal(spread.per_hour or 0)


def _minutes(length: timedelta) -> int:
    return max(1, round(length / timedelta(minutes=1)))


def _clock(at: datetime) -> str:
    return f"{at.astimezone(time_zone()):%H:%M}"
