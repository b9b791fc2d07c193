"""Drafts: kept as they are written, laid out for a review, and looked at once more at the confirm.

Saving takes anything, so that nobody loses what they typed. Preparing lays out every number with its final
text and refuses what nothing can be sent with; where many are meant, a job does it in slices. Whatever would
change what is sent changes the digest of the preview, and the confirm of another one is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import draft_statements, kept, laying, storing_drafts
from webapp.campaigns.audience import Figures, Laid, Laying, Weigher
from webapp.campaigns.audience import lengths_of as lengths_of
from webapp.campaigns.kept import lines_of as lines_of
from webapp.campaigns.kept import written_of as written_of
from webapp.campaigns.looking import Look as Look
from webapp.campaigns.looking import Sample as Sample
from webapp.campaigns.looking import look as look
from webapp.campaigns.models import Campaign
from webapp.campaigns.people import People
from webapp.campaigns.previews import Preview as Preview
from webapp.campaigns.previews import account_of as account_of
from webapp.campaigns.previews import preview as preview
from webapp.campaigns.problems import problems
from webapp.campaigns.reasons import REASON_WORDS as REASON_WORDS
from webapp.campaigns.states import CampaignState
from webapp.campaigns.written import MOST_BODY as MOST_BODY
from webapp.campaigns.written import MOST_NAME as MOST_NAME
from webapp.campaigns.written import MOST_PASTE_CHARACTERS as MOST_PASTE_CHARACTERS
from webapp.campaigns.written import MOST_PASTED as MOST_PASTED
from webapp.campaigns.written import MOST_SIGNATURE as MOST_SIGNATURE
from webapp.campaigns.written import Written as Written
from webapp.campaigns.written import check_sizes, tidy
from webapp.characters import storable
from webapp.errors import DomainError
from webapp.gateway.models import GatewayAccount

# A layout that nobody went on with for so long: its worker is gone, and another one is asked.
STANDS_STILL = timedelta(seconds=15)


class StaleDraftError(DomainError):
    """Somebody else saved the draft since; nothing was overwritten. `campaign` is what stands there now."""

    def __init__(self, campaign: Campaign) -> None:
        super().__init__(
            _(
                "Somebody saved another version of this draft meanwhile. "
                "Yours is not saved yet, and nothing was overwritten."
            )
        )
        self.campaign = campaign


class NotPreparedError(DomainError):
    """A job is laying the draft out; whoever catches it commits, so that the job is asked for."""

    def __init__(self) -> None:
        super().__init__(
            _("The list of people is being prepared. Nothing was sent; look at it when it is ready.")
        )


def save_draft(
    written: Written,
    user_id: int,
    *,
    campaign_id: int | None = None,
    version: int | None = None,
    draft_key: str | None = None,
) -> Campaign:
    """Keep what is written, complete or not; the version goes up only if something changed.

    Without `campaign_id` it is a new draft, or the one that the same `draft_key` made. `version` is the one
    that the writer began from. Raises StaleDraftError where somebody else changed it since, DomainError for
    what is no draft any more, and for what is too large to keep.
    """
    written, draft_key = tidy(written), storable(draft_key or "") or None
    check_sizes(written)
    account_of(written.account_id)
    campaign = _found(campaign_id, draft_key)
    if campaign is None:
        return _made(written, user_id, draft_key)
    if campaign.state != CampaignState.DRAFT:
        raise _no_draft()
    if written_of(campaign) == written:
        return campaign
    # A page that made the draft may not know its version; then it may only write over its own person's.
    stale = campaign.version != version if version is not None else campaign.saved_by != user_id
    if stale:
        raise StaleDraftError(campaign)
    kept.put(campaign, written, user_id)
    campaign.version += 1
    tenancy.session().flush()
    return campaign


def prepare(campaign: Campaign) -> None:
    """Lay out all of the audience and the texts of a draft as it is written now, and what they weigh.

    The same draft is laid out alike each time, and rows that are right already are left alone. Raises
    DomainError with its `field` for what nothing can be sent with.
    """
    account, people = _opened(campaign)
    if not laying.is_large(people):
        _lay_out_at_once(campaign, account, people)
        return
    _check(account, people, None)
    laying.begin(campaign, account, people)
    while laying.lay_slice(campaign, account, people):
        pass
    _checked_layout(campaign, account, people)


def prepare_soon(campaign: Campaign) -> None:
    """Prepare a draft if that is quickly done, else ask a job to; raises DomainError as `prepare` does."""
    account, people = _opened(campaign)
    if not laying.is_large(people):
        _lay_out_at_once(campaign, account, people)
        return
    _check(account, people, None)
    _begin_unless_right(campaign, account, people)


def recheck(campaign: Campaign) -> Preview:
    """Preview a draft as it would go out now: whoever opted out since the review is not in it any more.

    Raises NotPreparedError while a job lays it out, DomainError where it cannot be sent as it stands now.
    """
    account, people = _opened(campaign)
    if not laying.is_large(people):
        _lay_out_at_once(campaign, account, people)
        return preview(campaign)
    _check(account, people, None)
    if not _begin_unless_right(campaign, account, people):
        raise NotPreparedError
    _checked_layout(campaign, account, people)
    return preview(campaign)


def is_being_prepared(campaign: Campaign) -> bool:
    """Whether a job is laying out a draft as it is written now, and is getting on."""
    layout = laying.layout_of(campaign)
    return layout is not None and not layout.done and not _stands_still(layout)


def go_on_preparing(campaign_id: int, before: People | None) -> People | None:
    """Lay out the next slice of a large draft, whoever began it; None when there is no more to do.

    Returns the people that it is for, to be handed in again: a paste is read once.
    """
    campaign = kept.locked(Campaign.id == campaign_id)
    if campaign is None or campaign.state != CampaignState.DRAFT or laying.layout_of(campaign) is None:
        return None
    written = written_of(campaign)
    people = before if before is not None and before.written == written else People(written)
    return people if laying.lay_slice(campaign, account_of(campaign.account_id), people) else None


def draft_campaign(
    account_id: int,
    pasted_text: str,
    body: str,
    signature: str,
    user_id: int,
    groups: tuple[int, ...] = (),
    minus: tuple[int, ...] = (),
    **more: Any,
) -> Campaign:
    """Make a draft and prepare it. Raises DomainError for what nothing can be sent with."""
    written = Written(
        account_id, numbers=pasted_text, body=body, signature=signature, groups=groups, minus=minus, **more
    )
    campaign = save_draft(written, user_id)
    prepare(campaign)
    return campaign


def _opened(campaign: Campaign) -> tuple[GatewayAccount, People]:
    """A draft that stays as it is until the commit: its account, and the people that it is meant for."""
    tenancy.session().flush()
    if kept.locked(Campaign.id == campaign.id) is None or campaign.state != CampaignState.DRAFT:
        raise _no_draft()
    return account_of(campaign.account_id), People(written_of(campaign))


def _lay_out_at_once(campaign: Campaign, account: GatewayAccount, people: People) -> None:
    laid = Laid(people.fields, left_out=people.pasted.left_out)
    laying_out = Laying(account, people.written, people.fields, laid)
    for some in people.all():
        laying_out.add(some)
    _check(account, people, laid.figures)
    _store(campaign, laid)
    figures, made = laid.figures, laid.texts()
    campaign.parts_least, campaign.parts = figures.parts_least, figures.parts
    campaign.parts_total = figures.cost
    whole = next(iter(made.values())) if len(made) == 1 else Weigher(account, people.written, ()).text({})
    campaign.content = whole.content
    campaign.left_out = storing_drafts.kept_left_out(laid.left_out)
    campaign.layout = None
    campaign.prepared_version = campaign.version
    tenancy.session().flush()


def _check(account: GatewayAccount, people: People, figures: Figures | None) -> None:
    for problem in problems(account, people, figures):
        raise problem


def _checked_layout(campaign: Campaign, account: GatewayAccount, people: People) -> None:
    layout = laying.layout_of(campaign)
    if layout is not None:
        _check(account, people, layout.figures)


def _begin_unless_right(campaign: Campaign, account: GatewayAccount, people: People) -> bool:
    """Whether a large draft is laid out as it would be now; else a job is asked to, unless one is at it."""
    layout = laying.layout_of(campaign)
    if layout is None or (layout.done and not laying.still_right(campaign, layout, account, people)):
        laying.begin(campaign, account, people)
    elif layout.done:
        return True
    elif not _stands_still(layout):
        return False
    jobs.enqueue("campaigns.prepare", campaign.team_id, once=str(campaign.id), campaign_id=campaign.id)
    return False


def _stands_still(layout: laying.Layout) -> bool:
    return clock.now() - datetime.fromisoformat(layout.moved_at) >= STANDS_STILL


def _found(campaign_id: int | None, draft_key: str | None) -> Campaign | None:
    """The draft that is meant, locked; None where there is none yet."""
    if campaign_id is not None:
        campaign = kept.locked(Campaign.id == campaign_id)
        if campaign is None:
            raise DomainError(_("This draft does not exist any more; somebody may have deleted it."))
        return campaign
    if draft_key is None:
        return None
    # Two saves of one page at the same moment: the second waits here and then finds the first.
    lock = func.hashtextextended(f"tidings.draft:{draft_key}", tenancy.scope())
    tenancy.session().execute(select(func.pg_advisory_xact_lock(lock)))
    return kept.locked(Campaign.draft_key == draft_key)


def _no_draft() -> DomainError:
    return DomainError(
        _("This campaign is not a draft any more, so it was not changed. Look at it, or begin a new one.")
    )


def _made(written: Written, user_id: int, draft_key: str | None) -> Campaign:
    session = tenancy.session()
    campaign = Campaign(
        team_id=tenancy.scope(),
        state=CampaignState.DRAFT,
        version=1,
        created_by=user_id,
        created_at=clock.now(),
        draft_key=draft_key,
    )
    session.add(campaign)
    kept.put(campaign, written, user_id)
    audit("campaign.drafted", "campaign", campaign.id)
    session.flush()
    return campaign


def _store(campaign: Campaign, laid: Laid) -> None:
    session = tenancy.session()
    key = {"team": campaign.team_id, "campaign": campaign.id}
    if session.execute(draft_statements.AUDIENCE, key).one().digest == laid.digest():
        return
    session.execute(draft_statements.FORGET_AUDIENCE, key)
    session.execute(draft_statements.FORGET_TEXTS, key)
    storing_drafts.store(campaign, laid)
