"""What a person should know before the button: who is left out, when it really starts, who had it already.

Nothing here forbids anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from babel.lists import format_list
from flask_babel import format_decimal, get_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from webapp import tenancy
from webapp.accounts import queries as accounts
from webapp.campaigns import hours
from webapp.campaigns.drafts import Preview
from webapp.campaigns.models import Audience, Campaign, CampaignGroup, Message
from webapp.campaigns.reasons import Absent
from webapp.campaigns.states import CampaignState, Kind
from webapp.contacts.models import ContactGroup
from webapp.contacts.numbers import Reason
from webapp.reading import moment, time_zone

SAME_TEXT_WITHIN = timedelta(hours=24)
# Of the newest campaigns: whoever sends more of them in a day is warned by these.
MOST_LOOKED_AT = 200


def left_out_words(counts: Mapping[str, int]) -> str:
    """Who is left out, counted in a few kinds; empty where nobody is."""
    twice = counts.get(Reason.TWICE, 0) + counts.get(Reason.TWICE_OTHER, 0)
    opted_out, no_value = counts.get(Absent.OPTED_OUT, 0), counts.get(Absent.NO_VALUE, 0)
    too_long, in_minus = counts.get(Absent.TOO_LONG_TEXT, 0), counts.get(Absent.IN_MINUS, 0)
    rest = sum(counts.values()) - twice - in_minus - opted_out - no_value - too_long
    said = [
        ngettext("%(count)s duplicate", "%(count)s duplicates", twice, count=format_decimal(twice)),
        _("%(count)s in a group left out", count=format_decimal(in_minus)),
        _("%(count)s opted out", count=format_decimal(opted_out)),
        _("%(count)s without a value", count=format_decimal(no_value)),
        _("%(count)s with too long a text", count=format_decimal(too_long)),
        ngettext("%(count)s bad entry", "%(count)s bad entries", rest, count=format_decimal(rest)),
    ]
    numbers = (twice, in_minus, opted_out, no_value, too_long, rest)
    kinds = [words for words, number in zip(said, numbers, strict=True) if number]
    if not kinds:
        return ""
    return _("Left out: %(list)s.", list=format_list(kinds, locale=get_locale() or "en"))


def had_it_already(draft: Campaign, now: datetime) -> int:
    """How many of a prepared draft's people are in another campaign with this text of the last 24 hours."""
    same = _same_text(draft, now)
    if not same:
        return 0
    mine = aliased(Audience)
    sent = select(Message.mobile).where(
        Message.team_id == tenancy.scope(),
        Message.campaign_id.in_(same),
        Message.outcome.is_distinct_from("not_sent"),
    )
    # Until it is planned, a campaign's people are in its audience.
    planned = select(Audience.mobile).where(
        Audience.team_id == tenancy.scope(), Audience.campaign_id.in_(same)
    )
    return tenancy.session().scalars(
        select(func.count(mine.mobile.distinct())).where(
            mine.team_id == tenancy.scope(),
            mine.campaign_id == draft.id,
            or_(mine.mobile.in_(sent), mine.mobile.in_(planned)),
        )
    ).one()  # fmt: skip


def _same_text(draft: Campaign, now: datetime) -> list[int]:
    newest = (
        select(Campaign.id)
        .where(Campaign.team_id == tenancy.scope())
        .order_by(Campaign.id.desc())
        .limit(MOST_LOOKED_AT)
        .scalar_subquery()
    )
    return list(
        tenancy.session().scalars(
            select(Campaign.id).where(
                Campaign.team_id == tenancy.scope(),
                Campaign.id.in_(newest),
                Campaign.id != draft.id,
                Campaign.state != CampaignState.DRAFT,
                Campaign.kind != Kind.TEST,
                Campaign.body == draft.body,
                Campaign.signature == draft.signature,
                Campaign.confirmed_at > now - SAME_TEXT_WITHIN,
            )
        )
    )


def late_start(draft: Campaign, now: datetime) -> str | None:
    """When a campaign really starts that is to start outside its sending hours; None inside of them."""
    begins = max(now, draft.send_at or now)
    opening = hours.next_opening(draft.kind, begins)
    window = hours.hours_of(accounts.team_at_hand(), draft.kind)
    if opening is None or window is None:
        return None
    said = {
        "time": f"{begins.astimezone(time_zone()):%H:%M}",
        "start": f"{window.start:%H:%M}",
        "end": f"{window.end:%H:%M}",
        "opening": moment(opening),
    }
    if draft.send_at is not None and draft.send_at > now:
        return _(
            "%(time)s is outside the sending hours: these messages go out from %(start)s to %(end)s. "
            "It will start on %(opening)s.",
            **said,
        )
    return _(
        "It is %(time)s, and these messages go out from %(start)s to %(end)s. It will start on %(opening)s.",
        **said,
    )


def joined_and_left(draft: Campaign) -> list[str]:
    """Which of a draft's groups have become larger or smaller since it was written, in sentences."""
    sentences = []
    for group, size in _sizes_now(draft):
        count = abs(size - group.people)
        said = {"count": format_decimal(count), "group": group.group_name, "size": format_decimal(size)}
        if size > group.people:
            sentences.append(
                ngettext(
                    "%(count)s person joined “%(group)s” since you wrote this: now %(size)s.",
                    "%(count)s people joined “%(group)s” since you wrote this: now %(size)s.",
                    count,
                    **said,
                )
            )
        elif count:
            sentences.append(
                ngettext(
                    "%(count)s person left “%(group)s” since you wrote this: now %(size)s.",
                    "%(count)s people left “%(group)s” since you wrote this: now %(size)s.",
                    count,
                    **said,
                )
            )
    return sentences


def _sizes_now(draft: Campaign) -> list[tuple[CampaignGroup, int]]:
    rows = tenancy.session().execute(
        select(CampaignGroup, ContactGroup.size)
        .join(
            ContactGroup,
            and_(ContactGroup.team_id == CampaignGroup.team_id, ContactGroup.id == CampaignGroup.group_id),
        )
        .where(CampaignGroup.team_id == tenancy.scope(), CampaignGroup.campaign_id == draft.id)
        .order_by(CampaignGroup.position)
        .execution_options(populate_existing=True)
    )
    return [(row.CampaignGroup, row.size) for row in rows]


def changed_since(was: str, preview: Preview) -> str | None:
    """What is different from the numbers `was` that a page showed; None where those are the same."""
    pieces = was.split("-")
    if len(pieces) != 2 or not all(piece.isascii() and piece.isdigit() for piece in pieces):
        return None
    people, cost = (int(piece[:12]) for piece in pieces)
    if people != preview.recipients:
        return ngettext(
            "When you looked it was %(before)s; now %(count)s person gets it.",
            "When you looked it was %(before)s; now %(count)s people get it.",
            preview.recipients,
            before=format_decimal(people),
            count=format_decimal(preview.recipients),
        )
    if cost != preview.cost:
        return _(
            "When you looked it needed %(before)s messages; now it needs %(cost)s.",
            before=format_decimal(cost),
            cost=format_decimal(preview.cost),
        )
    return _("The number of people is the same; the text, the account or the time is another now.")


def seen_numbers(preview: Preview) -> str:
    """What `changed_since` compares with."""
    return f"{preview.recipients}-{preview.cost}"
