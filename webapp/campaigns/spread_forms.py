"""The fields by which people say how fast a campaign goes out, and what they mean."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs
from wtforms.widgets import DateTimeLocalInput

from webapp import clock
from webapp.campaigns import moments, texts
from webapp.campaigns.spread import MOST_PER_HOUR, Spread
from webapp.characters import whole_number
from webapp.errors import DomainError

ONCE, HOUR, EVEN = "once", "hour", "even"


def _shown(text: str | None) -> str | None:
    """A text without what no page may hold."""
    return text and texts.clean(text)


class SpreadFields(FlaskForm):  # type: ignore[misc] # the library carries no types
    """How fast, and the number or the moment that goes with it."""

    spread = RadioField(
        _l("How fast"),
        choices=[
            SelectChoice(ONCE, _l("All at once")),
            SelectChoice(HOUR, _l("So many an hour")),
            SelectChoice(EVEN, _l("Evenly until …")),
        ],
        default=ONCE,
    )
    per_hour = StringField(
        _l("Messages an hour"), filters=[_shown], render_kw={"class": "input", "inputmode": "numeric"}
    )
    even_until = StringField(
        _l("Evenly until"), widget=DateTimeLocalInput(), filters=[_shown], render_kw={"class": "input"}
    )


def show(form: SpreadFields, spread: Spread, zone: str) -> None:
    """Put what is kept into the fields."""
    form.spread.data = ONCE
    if spread:
        form.spread.data = EVEN if spread.per_hour is None else HOUR
    form.per_hour.data = "" if spread.per_hour is None else str(spread.per_hour)
    form.even_until.data = moments.local_text(spread.even_until, zone)


def read(form: SpreadFields, before: Spread, zone: str) -> tuple[Spread, list[DomainError]]:
    """What the fields say, and what of it cannot be read; that stands as it was before."""
    number, until = (form.per_hour.data or "").strip(), (form.even_until.data or "").strip()
    chosen = form.spread.data
    if (number and chosen != HOUR) or (until and chosen != EVEN):
        sentence = _("You gave a speed that is not the chosen one. Choose it, or take it out.")
        return before, [DomainError(sentence, "per_hour" if number and chosen != HOUR else "even_until")]
    try:
        if chosen == HOUR:
            return Spread(per_hour=_whole(number)), []
        if chosen == EVEN:
            return Spread(even_until=_moment(until, before.even_until, zone)), []
    except DomainError as error:
        return before, [error]
    return Spread(), []


def _whole(said: str) -> int:
    found = whole_number(said)
    if found is None or not 1 <= found <= MOST_PER_HOUR:
        raise DomainError(_("Give a whole number from 1 to 1,000,000 an hour."), "per_hour")
    return found


def _moment(said: str, before: datetime | None, zone: str) -> datetime:
    # It may have passed since it was written; that is said where somebody wants to send.
    if before is not None and said == moments.local_text(before, zone):
        return before
    return moments.parse_local(said, zone, clock.now(), "even_until")
