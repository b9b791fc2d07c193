"""Drafts: kept as they are written, laid out for a review, and laid out once more at the confirm.

Saving takes anything, so that nobody loses what they typed. Preparing lays out every number with its final
text and refuses what nothing can be sent with. Whatever would change what is sent changes the digest of the
preview, and the confirm of another one is refused.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import audience, draft_statements, moments
from webapp.campaigns.audience import Absent, Laid
from webapp.campaigns.audience import lengths_of as lengths_of
from webapp.campaigns.looking import Look as Look
from webapp.campaigns.looking import Sample as Sample
from webapp.campaigns.looking import look as look
from webapp.campaigns.models import Campaign, DraftPaste
from webapp.campaigns.previews import Preview as Preview
from webapp.campaigns.previews import account_of as account_of
from webapp.campaigns.previews import preview as preview
from webapp.campaigns.problems import problems
from webapp.campaigns.states import CampaignState
from webapp.campaigns.written import MOST_BODY as MOST_BODY
from webapp.campaigns.written import MOST_NAME as MOST_NAME
from webapp.campaigns.written import MOST_PASTE_CHARACTERS as MOST_PASTE_CHARACTERS
from webapp.campaigns.written import MOST_PASTED as MOST_PASTED
from webapp.campaigns.written import MOST_SIGNATURE as MOST_SIGNATURE
from webapp.campaigns.written import Written as Written
from webapp.campaigns.written import check_sizes, name_to_keep, tidy
from webapp.characters import storable
from webapp.contacts.numbers import Reason
from webapp.errors import DomainError

# Texts a statement: a slice of five thousand at their longest is a few megabytes.
SLICE = 5000

REASON_WORDS: dict[str, LazyString] = {
    Reason.ROUNDED: _l("Excel has rounded it: format the column as text and copy again"),
    Reason.TOO_SHORT: _l("too short: a mobile number has 11 digits"),
    Reason.TOO_LONG: _l("too long: a mobile number has 11 digits"),
    Reason.FOREIGN: _l("not a mainland number"),
    Reason.NOT_MOBILE: _l("not a mobile number: these begin with 13 to 19"),
    Reason.NOT_NUMBER: _l("not a number"),
    Reason.TWICE: _l("stands here already: it gets the message once"),
    Reason.TWICE_OTHER: _l("stands here already with another name: the first line counts"),
    Reason.EXTRA: _l("one value too many: a line may have a number and a name"),
    Reason.NAME_TOO_LONG: _l("the name is too long: it can have 40 characters"),
    Reason.NAME_BRACKETS: _l("the brackets 【 】 may not stand in a name"),
    Absent.NO_VALUE: _l("has no name to fill in"),
    Absent.OPTED_OUT: _l("has opted out"),
    Absent.TOO_LONG_TEXT: _l("the text is too long with this name"),
}


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
    _put(campaign, written, user_id)
    campaign.version += 1
    tenancy.session().flush()
    return campaign


def prepare(campaign: Campaign) -> None:
    """Lay out the audience and the texts of a draft as it is written now, and what they weigh.

    The same draft is laid out alike each time, and rows that are right already are left alone. Raises
    DomainError with its `field` for what nothing can be sent with.
    """
    session = tenancy.session()
    session.flush()
    if _locked(Campaign.id == campaign.id) is None or campaign.state != CampaignState.DRAFT:
        raise _no_draft()
    account, written = account_of(campaign.account_id), written_of(campaign)
    laid = audience.lay_out(account, written)
    for problem in problems(account, written, laid):
        raise problem
    _store(campaign, laid)
    made = laid.texts()
    weights = [text.parts for text in made.values()]
    campaign.parts_least, campaign.parts = min(weights), max(weights)
    campaign.parts_total = sum(one.text.parts for one in laid.recipients)
    whole = next(iter(made.values())) if len(made) == 1 else audience.Weigher(account, written).text(None)
    campaign.content = whole.content
    campaign.left_out = {
        "counts": laid.left_out.counts,
        "listed": [asdict(entry) for entry in laid.left_out.listed],
    }
    campaign.prepared_version = campaign.version
    session.flush()


def recheck(campaign: Campaign) -> Preview:
    """Lay the draft out anew and preview it: whoever opted out since the review is not in it any more.

    Raises DomainError where it cannot be sent as it stands now.
    """
    prepare(campaign)
    return preview(campaign)


def draft_campaign(
    account_id: int, pasted_text: str, body: str, signature: str, user_id: int, **more: Any
) -> Campaign:
    """Make a draft and prepare it. Raises DomainError for what nothing can be sent with."""
    written = Written(account_id, numbers=pasted_text, body=body, signature=signature, **more)
    campaign = save_draft(written, user_id)
    prepare(campaign)
    return campaign


def written_of(campaign: Campaign) -> Written:
    """What a draft says, to be put into the form again."""
    return tidy(
        Written(
            account_id=campaign.account_id,
            numbers=lines_of(campaign, MOST_PASTED),
            body=campaign.body,
            signature=campaign.signature,
            name=campaign.name,
            kind=campaign.kind,
            defaults=campaign.defaults,
            leave_out_long=campaign.leave_out_long,
            send_at=campaign.send_at,
            not_after=campaign.not_after,
            at_hours_end=campaign.at_hours_end,
        )
    )


def lines_of(campaign: Campaign, most: int) -> str:
    """Lines "number, name" to write it again from: as they were pasted, else the first `most` recipients."""
    session = tenancy.session()
    paste = session.get(DraftPaste, (campaign.team_id, campaign.id), populate_existing=True)
    if paste is not None:
        return paste.numbers
    key = {"team": campaign.team_id, "campaign": campaign.id, "most": most}
    rows = session.execute(draft_statements.LINES_OF_AUDIENCE, key).all()
    rows = rows or session.execute(draft_statements.LINES_OF_MESSAGES, key).all()
    return "\n".join(f"{row.mobile}, {row.name}" if row.name else row.mobile for row in rows)


def _found(campaign_id: int | None, draft_key: str | None) -> Campaign | None:
    """The draft that is meant, locked; None where there is none yet."""
    if campaign_id is not None:
        campaign = _locked(Campaign.id == campaign_id)
        if campaign is None:
            raise DomainError(_("This draft does not exist any more; somebody may have deleted it."))
        return campaign
    if draft_key is None:
        return None
    # Two saves of one page at the same moment: the second waits here and then finds the first.
    lock = func.hashtextextended(f"tidings.draft:{draft_key}", tenancy.scope())
    tenancy.session().execute(select(func.pg_advisory_xact_lock(lock)))
    return _locked(Campaign.draft_key == draft_key)


def _locked(which: ColumnElement[bool]) -> Campaign | None:
    """The campaign as it stands now, whoever changed it since it was read; it stays so until the commit."""
    return tenancy.session().scalar(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), which)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


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
    _put(campaign, written, user_id)
    audit("campaign.drafted", "campaign", campaign.id)
    session.flush()
    return campaign


def _put(campaign: Campaign, written: Written, user_id: int) -> None:
    campaign.account_id = written.account_id
    campaign.body, campaign.signature = written.body, written.signature
    campaign.name = name_to_keep(written)
    campaign.kind, campaign.at_hours_end = written.kind, written.at_hours_end
    campaign.defaults, campaign.leave_out_long = dict(written.defaults), written.leave_out_long
    campaign.send_at, campaign.not_after = written.send_at, written.not_after
    campaign.start_by = moments.start_by(written.send_at)
    campaign.saved_at, campaign.saved_by = clock.now(), user_id
    session = tenancy.session()
    session.flush()
    session.merge(DraftPaste(team_id=campaign.team_id, campaign_id=campaign.id, numbers=written.numbers))


def _store(campaign: Campaign, laid: Laid) -> None:
    session = tenancy.session()
    key = {"team": campaign.team_id, "campaign": campaign.id}
    if session.execute(draft_statements.AUDIENCE, key).one().digest == laid.digest():
        return
    session.execute(draft_statements.FORGET_AUDIENCE, key)
    session.execute(draft_statements.FORGET_TEXTS, key)
    made = list(laid.texts().values())
    for start in range(0, len(made), SLICE):
        some = made[start : start + SLICE]
        session.execute(
            draft_statements.STORE_TEXTS,
            {
                **key,
                "hashes": [text.hash for text in some],
                "contents": [text.content for text in some],
                "parts": [text.parts for text in some],
            },
        )
    for start in range(0, len(laid.recipients), SLICE):
        people = laid.recipients[start : start + SLICE]
        session.execute(
            draft_statements.STORE_AUDIENCE,
            {
                **key,
                "hashes": [one.text.hash for one in people],
                "mobiles": [one.mobile for one in people],
                "names": [one.name or "" for one in people],
            },
        )
