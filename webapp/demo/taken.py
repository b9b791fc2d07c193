"""Files that the demonstration's person has asked for; the worker makes them when it starts."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from webapp import clock
from webapp.accounts.queries import team_at_hand
from webapp.campaigns import listing
from webapp.campaigns.listing import STATES, Tab
from webapp.reports import exports
from webapp.reports.exports import Format, What
from webapp.reports.periods import Period


def ask(user_id: int, now: datetime) -> None:
    """Ask for lists of three campaigns and for figures of a month; the caller commits."""
    period = Period.of_days(30, now, ZoneInfo(team_at_hand().time_zone))
    with clock.standing_at(now - timedelta(minutes=20)):
        exports.ask_report(What.DAYS, period, Format.XLSX, user_id, "en")
        exports.ask_report(What.CAMPAIGNS, period, Format.CSV, user_id, "en")
    with clock.standing_at(now - timedelta(minutes=10)):
        for campaign in listing.newest(STATES[Tab.FINISHED], most=3):
            exports.ask_recipients(campaign, Format.CSV, user_id, "en")
