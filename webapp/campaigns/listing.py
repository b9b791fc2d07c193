"""What pages read of many campaigns at once: the list, by tab and by name, newest first.

Each read walks an index from its newest end and stops. A search inside of names cannot use one (it must look
at each name), so it looks at the newest MOST_SEARCHED only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import CompoundSelect, Select, select, union_all
from sqlalchemy.orm import defer

from webapp import tenancy
from webapp.accounts.queries import names_of
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState

PAGE = 50
MOST_SEARCHED = 10_000
# Of a team's first campaigns, how many are looked at to see whether a message ever arrived.
_MOST_LOOKED_AT = 100


class Tab(StrEnum):
    """The tabs of the list."""

    ALL = "all"
    DRAFTS = "drafts"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    FINISHED = "finished"


STATES: dict[Tab, tuple[CampaignState, ...]] = {
    Tab.DRAFTS: (CampaignState.DRAFT,),
    Tab.SCHEDULED: (CampaignState.SCHEDULED, CampaignState.MISSED),
    Tab.SENDING: (
        CampaignState.PLANNING,
        CampaignState.READY,
        CampaignState.SENDING,
        CampaignState.STOPPING,
    ),
    Tab.FINISHED: (CampaignState.WAITING_FOR_REPORTS, CampaignState.FINISHED, CampaignState.STOPPED),
}
# What a list is looked at again for.
MOVING = frozenset({*STATES[Tab.SENDING], CampaignState.WAITING_FOR_REPORTS})
# A list shows neither texts nor who was left out, and these are most of a row.
_LEFT_ASIDE = (
    defer(Campaign.body),
    defer(Campaign.content),
    defer(Campaign.left_out),
    defer(Campaign.defaults),
)


def tab_words() -> dict[Tab, str]:
    """What the tabs are called, in their order."""
    return {
        Tab.ALL: _("All"),
        Tab.DRAFTS: _("Drafts"),
        Tab.SCHEDULED: _("Scheduled"),
        Tab.SENDING: _("Sending"),
        Tab.FINISHED: _("Finished"),
    }


def page(tab: Tab, name: str = "", before: int | None = None) -> list[Campaign]:
    """The newest campaigns of a tab, one more than a page holds; `before` is the id of the last one seen."""
    if name:
        return _searched(tab, name, before)
    if tab is Tab.ALL:
        return _read(_older(before).limit(PAGE + 1), PAGE + 1)
    return newest(STATES[tab], before=before, most=PAGE + 1)


def newest(states: Iterable[CampaignState], *, most: int, before: int | None = None) -> list[Campaign]:
    """The newest campaigns in these states: each state's by its index, then the newest of those."""
    legs = [
        select(_older(before).where(Campaign.state == state).limit(most).subquery().c.id) for state in states
    ]
    return _read(union_all(*legs), most)


def people(campaigns: Collection[Campaign]) -> dict[int, str]:
    """Who confirmed these campaigns: what pages call them, by the persons' ids."""
    return names_of(one.confirmed_by for one in campaigns)


def ever_delivered() -> bool:
    """Whether a message of this team has ever reached a phone, as far as its newest campaigns tell."""
    states = (*STATES[Tab.FINISHED], CampaignState.SENDING)
    return any(one.delivered for one in newest(states, most=_MOST_LOOKED_AT))


def _searched(tab: Tab, name: str, before: int | None) -> list[Campaign]:
    looked_at = _older(before).add_columns(Campaign.name, Campaign.state).limit(MOST_SEARCHED).subquery()
    found = select(looked_at.c.id).where(looked_at.c.name.icontains(name, autoescape=True))
    if tab is not Tab.ALL:
        found = found.where(looked_at.c.state.in_(STATES[tab]))
    return _read(found.order_by(looked_at.c.id.desc()).limit(PAGE + 1), PAGE + 1)


def _older(before: int | None) -> Select[Any]:
    """The ids of the team's campaigns, newest first."""
    statement = select(Campaign.id).where(Campaign.team_id == tenancy.scope()).order_by(Campaign.id.desc())
    return statement if before is None else statement.where(Campaign.id < before)


def _read(ids: Select[Any] | CompoundSelect[Any], most: int) -> list[Campaign]:
    statement = (
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id.in_(ids))
        .order_by(Campaign.id.desc())
        .limit(most)
        .options(*_LEFT_ASIDE)
    )
    return list(tenancy.session().scalars(statement))
