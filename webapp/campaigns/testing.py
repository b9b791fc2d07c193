"""Tests of a draft: one message to a number of one's own, with the text that a recipient of it would get.

A test is a campaign of its own kind, so it goes the way of all messages; only the delay and the sending hours
do not hold for it. Its key is that of its confirm: pressed twice, the button sends one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from webapp import tenancy
from webapp.campaigns import audience, drafts, operations, queries, recipients
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Campaign
from webapp.campaigns.people import People
from webapp.campaigns.states import CampaignState, Kind
from webapp.contacts import optouts
from webapp.contacts.numbers import Reason, read_mobile
from webapp.errors import DomainError
from webapp.statuses import CampaignStatus, MessageStatus, wording

# People of a group among whom the first recipient is looked for.
FIRST_ONES = 100
# Most reports come within a minute; a page that nobody closes does not ask for ever.
WATCHED = timedelta(minutes=10)


@dataclass(frozen=True)
class SentTest:
    """The last test of a draft. `at`: of its report, else its confirm. `same_text`: as the draft is now."""

    campaign: Campaign
    mobile: str
    status: MessageStatus | CampaignStatus
    at: datetime
    same_text: bool
    watched: bool


def send_test(draft: Campaign, said: str, key: str, user_id: int) -> Campaign:
    """Send the text of a saved draft to one number; the same key again is the same test.

    Raises DomainError (field "test_mobile" where the number is what is wrong) for what cannot be sent.
    """
    used = _used(key)
    if used is not None:
        return used
    if draft.state != CampaignState.DRAFT:
        raise DomainError(_("This campaign is not a draft any more, so no test was sent."))
    mobile = _mobile(said)
    written = drafts.written_of(draft)
    test = drafts.save_draft(
        Written(
            account_id=written.account_id,
            numbers=mobile,
            body=written.body,
            signature=written.signature,
            name=_("Test: %(name)s", name=draft.name)[: drafts.MOST_NAME],
            kind=Kind.TEST,
            defaults=values_for(written, mobile),
        ),
        user_id,
    )
    test.test_of = draft.id
    drafts.prepare(test)
    return operations.confirm_campaign(test.id, key, drafts.preview(test).digest, user_id, 0)


def values_for(written: Written, mobile: str) -> dict[str, str]:
    """What a test fills in: the values beside its own number, else those that the first recipient would read.

    A field of which nobody has a value stays as it is written.
    """
    people = People(written)
    if not people.fields:
        return {}
    candidates = people.of_paste()
    if written.groups:
        candidates += people.of_group(0, 0, FIRST_ONES)[0]
    account = drafts.account_of(written.account_id)
    laying = audience.Laying(account, written, people.fields)
    laying.add(candidates)
    first = dict(laying.laid.recipients[0].values) if laying.laid.recipients else {}
    own = next((dict(one.values) for one in candidates if one.mobile == mobile), {})
    values = {**written.defaults, **first, **own}
    return {one: values.get(one) or f"{{{one}}}" for one in people.fields}


def latest(draft: Campaign, now: datetime) -> SentTest | None:
    """The last test that was sent from a draft, and what became of it."""
    test = tenancy.session().scalar(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.test_of == draft.id,
            # One that was taken back and sent to others is a test no more.
            Campaign.kind == Kind.TEST,
            Campaign.confirmed_at.is_not(None),
        )
        .order_by(Campaign.id.desc())
        .limit(1)
    )
    if test is None:
        return None
    rows = recipients.page(test, drafts.account_of(test.account_id), now).rows
    status = rows[0].status if rows else _before_it_goes(test)
    return SentTest(
        campaign=test,
        mobile=rows[0].mobile if rows else drafts.lines_of(test, 1).strip(),
        status=status,
        at=(rows[0].reported_at if rows else None) or test.confirmed_at or now,
        same_text=(test.body, test.signature) == (draft.body, draft.signature),
        watched=not wording(status).final and now - (test.confirmed_at or now) < WATCHED,
    )


def _before_it_goes(test: Campaign) -> MessageStatus | CampaignStatus:
    """What holds a test up, if anything does; one message needs no planning that anybody has to know of."""
    status = queries.status_of(test)
    return MessageStatus.QUEUED if status is CampaignStatus.PLANNING else status


def _used(key: str) -> Campaign | None:
    """The test that this key made; a second press at the same moment waits for the first."""
    session = tenancy.session()
    session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"tidings.test:{key}", tenancy.scope())))
    )
    return session.scalar(
        select(Campaign).where(Campaign.team_id == tenancy.scope(), Campaign.confirm_key == key)
    )


def _mobile(said: str) -> str:
    read = read_mobile(said.strip())
    if isinstance(read, Reason):
        raise DomainError(
            _(
                "“%(said)s” is not one mainland mobile number of 11 digits, so no test was sent.",
                said=said.strip()[:40],
            )
            if said.strip()
            else _("Enter the mobile number that the test goes to."),
            "test_mobile",
        )
    if optouts.opted_out_among([read]):
        raise DomainError(
            _("This number has opted out of messages from your team, so no test was sent to it."),
            "test_mobile",
        )
    return read
