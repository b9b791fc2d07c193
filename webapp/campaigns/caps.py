"""Caps: how many parts a team may send in one campaign, and with all it confirms for one day.

They bound what a stolen sign-in can cost. What a campaign needs is reserved when it is confirmed, for the
day (in the team's time zone) on which it will begin, by one statement that both looks and writes: of two
campaigns over what is left, one is refused. docs/decisions/0006 tells why then, and what it cannot do.

Locks: a campaign's row comes before the rows of its days, and those by day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select

from webapp import jobs, tenancy
from webapp.accounts import queries as accounts
from webapp.campaigns import caps_statements as statements
from webapp.campaigns import hours
from webapp.campaigns.models import Campaign, DaySpend
from webapp.errors import DomainError
from webapp.reading import day as day_words
from webapp.reading import number
from webapp.settings import settings_of


@dataclass(frozen=True)
class Caps:
    """The limits that hold for the present team, in parts: its own, and never more than the operator's."""

    campaign: int
    day: int


@dataclass(frozen=True)
class Room:
    """What is left for a campaign that begins on `day`. `refusal`: why it is too much, "" if it is not."""

    day: date
    left: int
    refusal: str


def caps() -> Caps:
    """The present team's limits."""
    team, most = accounts.team_at_hand(), settings_of(current_app).most_per_day
    return Caps(min(team.campaign_cap, most), min(team.day_cap, most))


def room(kind: str, begin: datetime, parts: int) -> Room:
    """What the limits leave for a campaign that would be confirmed with this beginning."""
    day, limits = _day(kind, begin), caps()
    reserved = tenancy.session().scalar(
        select(DaySpend.reserved).where(DaySpend.team_id == tenancy.scope(), DaySpend.day == day)
    )
    left = max(0, limits.day - (reserved or 0))
    refusal = ""
    if parts > limits.campaign:
        refusal = _too_large(parts, limits)
    elif parts > left:
        refusal = _day_is_full(parts, left, day)
    return Room(day, left, refusal)


def reserve(campaign: Campaign, parts: int, begin: datetime) -> None:
    """Reserve what a locked campaign needs on the day on which it begins; another day gets back what it had.

    Raises DomainError where one of the limits leaves no room; then nothing has changed.
    """
    limits, day = caps(), _day(campaign.kind, begin)
    if campaign.reserved_on == day:
        return
    if parts > limits.campaign:
        raise DomainError(_too_large(parts, limits))
    session = tenancy.session()
    session.execute(statements.OPEN_DAY, {"team": tenancy.scope(), "day": day})
    if campaign.reserved_on is not None:
        # Two campaigns that change places would else wait for each other.
        days = {"team": tenancy.scope(), "days": [campaign.reserved_on, day]}
        session.execute(statements.LOCK_DAYS, days)
    values = {"team": tenancy.scope(), "day": day, "n": parts, "cap": limits.day}
    if session.execute(statements.RESERVE, values).first() is None:
        raise DomainError(_day_is_full(parts, room(campaign.kind, begin, 0).left, day))
    release(campaign)
    campaign.reserved_on, campaign.reserved_parts = day, parts


def release(campaign: Campaign) -> None:
    """Give back all that a locked campaign has reserved: nothing of it was sent."""
    if campaign.reserved_on is not None:
        _give_back(campaign, campaign.reserved_parts)
        campaign.reserved_on, campaign.reserved_parts = None, 0


def release_unsent(campaign_id: int) -> None:
    """Give back what a stopped campaign, whose row is locked, did not send."""
    session = tenancy.session()
    campaign = session.scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
        .execution_options(populate_existing=True)
    ).one()
    if campaign.reserved_on is None:
        return
    key = {"team": tenancy.scope(), "campaign": campaign_id}
    gone = int(session.scalars(statements.PARTS_GONE, key).one())
    _give_back(campaign, max(0, campaign.reserved_parts - gone))
    campaign.reserved_parts = min(campaign.reserved_parts, gone)
    session.flush()


def tell_if_large(campaign: Campaign) -> None:
    """Have the owners told that a campaign begins which takes more than half of what one may."""
    if 2 * campaign.reserved_parts <= caps().campaign:
        return
    # A job each: what one mail server refuses is tried again without telling the others twice.
    for person in accounts.owners():
        jobs.enqueue(
            "campaigns.tell_large", campaign.team_id, campaign_id=campaign.id, user_id=person.id
        )  # fmt: skip


def _give_back(campaign: Campaign, parts: int) -> None:
    values = {"team": tenancy.scope(), "day": campaign.reserved_on, "n": parts}
    tenancy.session().execute(statements.GIVE_BACK, values)


def _day(kind: str, begin: datetime) -> date:
    """The day on which a campaign that is to begin then really may, by the team's clocks and hours."""
    begins = hours.next_opening(kind, begin) or begin
    return begins.astimezone(ZoneInfo(accounts.team_at_hand().time_zone)).date()


def _too_large(parts: int, limits: Caps) -> str:
    return _(
        "This campaign needs %(need)s messages, and your team may send %(cap)s in one campaign. "
        "Nothing was sent. An owner can raise the limit under Settings → Limits.",
        need=number(parts),
        cap=number(limits.campaign),
    )


def _day_is_full(parts: int, left: int, day: date) -> str:
    return _(
        "This needs %(need)s messages, and %(left)s are left of your team's limit for %(day)s. Nothing was "
        "sent. Choose fewer people or another day; an owner can raise the limit under Settings → Limits.",
        need=number(parts),
        left=number(left),
        day=day_words(day),
    )
