"""Asking for the balance that a campaign is to begin with: now and then, by a job."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app

from webapp import jobs
from webapp.campaigns.models import Campaign
from webapp.gateway import queries as gateway
from webapp.gateway.models import BalanceReading
from webapp.settings import settings_of


def last_reading(account_id: int) -> BalanceReading | None:
    """The newest reading of an account, whatever came of it."""
    return next(iter(gateway.readings(account_id, most=1)), None)


def is_old(at: datetime, now: datetime) -> bool:
    """Whether what was read or asked then says too little about now."""
    return at < now - timedelta(seconds=settings_of(current_app).times.balance_fresh)


def ask(campaign: Campaign, now: datetime) -> None:
    """Have the balance read, unless that was asked for a campaign a moment ago."""
    if campaign.balance_asked_at is None or is_old(campaign.balance_asked_at, now):
        campaign.balance_asked_at = now
        _read(campaign)


def ask_early(campaign: Campaign, now: datetime) -> None:
    """Have it read while a campaign is planned, so that its beginning need not wait."""
    last, fresh = last_reading(campaign.account_id), settings_of(current_app).times.balance_fresh
    if last is None or last.read_at < now - timedelta(seconds=fresh / 2):
        _read(campaign)


def _read(campaign: Campaign) -> None:
    account_id = campaign.account_id
    jobs.enqueue("gateway.check_balance", campaign.team_id, once=str(account_id), account_id=account_id)
