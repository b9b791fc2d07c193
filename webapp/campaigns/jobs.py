"""Jobs about campaigns: they wake the sender or repeat an operation, and hold nothing of their own."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from sqlalchemy import func, select

from webapp import clock, jobs, tenancy
from webapp.campaigns import drafts, endings, notices, operations, queries, reaper, sender
from webapp.settings import settings_of


@jobs.job("campaigns.wake_sender")
def wake_sender() -> None:
    """There is something to send in this team."""
    sender.wake()


@jobs.job("campaigns.prepare")
def prepare(campaign_id: int) -> None:
    """A draft for many people is to be laid out: a slice a transaction, until all of it is."""
    people = drafts.go_on_preparing(campaign_id, None)
    tenancy.session().commit()
    while people is not None:
        people = drafts.go_on_preparing(campaign_id, people)
        tenancy.session().commit()


@jobs.job("campaigns.account_well")
def account_well(account_id: int) -> None:
    """A gateway account answers again: what waited for it goes on."""
    operations.release_account(account_id)
    tenancy.session().commit()
    sender.wake()


@jobs.job("campaigns.account_stopped")
def account_stopped(account_id: int) -> None:
    """A gateway account cannot be used any more: its campaigns say so."""
    del account_id
    operations.pause_for_accounts(clock.now())
    tenancy.session().commit()


@jobs.job("campaigns.tell_owners")
def tell_owners(campaign_id: int) -> None:
    """The machine paused a campaign for what only a person can decide: its team's owners are told once."""
    campaign = queries.campaign(campaign_id)
    if campaign is not None:
        notices.tell_owners(campaign)


@jobs.job("campaigns.split_oversized")
def split_oversized(account_id: int) -> None:
    """The gateway takes fewer numbers a request than batches were planned for."""
    while operations.split_oversized(account_id):
        tenancy.session().commit()
    tenancy.session().commit()
    sender.wake()


@jobs.periodic("campaigns.finish", "41 * * * * 0")
def finish_campaigns() -> None:
    """Campaigns whose reports are no longer waited for, and calls that nobody answers for any more."""
    times = settings_of(current_app).times
    team_ids = [row.team_id for row in tenancy.door("finish campaigns of every team", "door_teams")]
    for team_id in team_ids:
        with tenancy.team_scope(team_id) as session:
            endings.finish_those_no_longer_reported(clock.now())
            session.commit()
            reaper.close_abandoned(clock.now(), times)
            session.commit()


@jobs.periodic("campaigns.partitions", "23 4 * * * 0")
def make_partitions() -> None:
    """The months ahead in which messages will be stored."""
    today = clock.now().date()
    for months in range(4):
        tenancy.session().execute(select(func.partition_ensure(today + timedelta(days=31 * months))))
    tenancy.session().commit()
