"""What the balance tells of a batch without a clear answer: what is missing, and whether that can be it.

Several batches may have gone between two readings. What the gateway took of them is known to a part, so it is
taken off; where others are unclear too, only their sum can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from sqlalchemy import Row

from webapp import tenancy
from webapp.campaigns import decision_statements as statements
from webapp.campaigns import recipients
from webapp.campaigns.models import Campaign
from webapp.database import id_at
from webapp.gateway.models import GatewayAccount
from webapp.reading import moment


def sentences(
    campaign: Campaign, account: GatewayAccount, row: Row[Any], calls: Sequence[Row[Any]]
) -> list[str]:
    """What the balance tells, in one entry; nothing where it was not read before and after."""
    if not calls or any(call.finished_at is None for call in calls):
        return []
    last = max(call.finished_at for call in calls)
    around = tenancy.session().execute(
        statements.BALANCE_AROUND,
        {
            "team": tenancy.scope(),
            "account": account.id,
            "campaign": campaign.id,
            "numbers": sorted({call.batch_no for call in calls}),
            "first_id": id_at(min(call.started_at for call in calls)),
            # A millisecond later than any id of that moment.
            "last_id": id_at(last + timedelta(milliseconds=1)),
        },
    ).first()  # fmt: skip
    if around is None:
        return []
    if around.blurred:
        return [_("Other messages went through this account in between, so its balance tells nothing.")]
    read = _(
        "Balance: %(before)s at %(before_at)s, %(after)s at %(after_at)s.",
        before=format_decimal(around.before),
        after=format_decimal(around.after),
        before_at=moment(around.before_at, seconds=True),
        after_at=moment(around.after_at, seconds=True),
    )
    parts = recipients.parts_of(campaign, account, row.content) or 0
    return [f"{read} {_told(around, row.size, parts)}"]


def _told(around: Row[Any], size: int, parts: int) -> str:
    fell, taken = around.before - around.after, int(around.taken)
    if fell < 0:
        return _("It rose by %(fell)s, so it tells nothing.", fell=format_decimal(-fell))
    if taken > fell:
        return _("It fell by less than other requests cost that were taken, so it tells nothing.")
    if around.unclear_batches:
        return " ".join((_off(fell, taken), _of_several(around, fell - taken, size * parts))).lstrip()
    return " ".join((_off(fell, taken), _of_one(fell - taken, size, parts, taken))).lstrip()


def _off(fell: int, taken: int) -> str:
    """What is known to have gone to others; empty where nothing did."""
    if not taken:
        return ""
    return _(
        "It fell by %(fell)s; %(taken)s of it are other requests that were taken.",
        fell=format_decimal(fell),
        taken=format_decimal(taken),
    )


def _of_one(left: int, size: int, parts: int, taken: int) -> str:
    numbers = {
        "fell": format_decimal(left),
        "size": format_decimal(size),
        "parts": format_decimal(parts),
        "cost": format_decimal(size * parts),
    }
    if left == 0:
        if taken:
            return _("Nothing is left for this batch: probably not sent.")
        return _("It did not change: probably not sent.")
    if left == size * parts and taken:
        return ngettext(
            "That leaves %(fell)s = %(size)s × %(parts)s part: probably sent.",
            "That leaves %(fell)s = %(size)s × %(parts)s parts: probably sent.",
            parts,
            **numbers,
        )
    if left == size * parts:
        return ngettext(
            "It fell by %(fell)s = %(size)s × %(parts)s part: probably sent.",
            "It fell by %(fell)s = %(size)s × %(parts)s parts: probably sent.",
            parts,
            **numbers,
        )
    if taken:
        return ngettext(
            "That leaves %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s part.",
            "That leaves %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s parts.",
            parts,
            **numbers,
        )
    return ngettext(
        "It fell by %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s part.",
        "It fell by %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s parts.",
        parts,
        **numbers,
    )


def _of_several(around: Row[Any], left: int, cost: int) -> str:
    """Of several batches that nobody knows of only all, or none, can be told."""
    batches, whole = around.unclear_batches + 1, int(around.unclear) + cost
    numbers = {
        "left": format_decimal(left),
        "cost": format_decimal(whole),
        "batches": format_decimal(batches),
    }
    if left == 0:
        return _(
            "Nothing is left for the %(batches)s batches without a clear answer: probably none was sent.",
            **numbers,
        )
    if left == whole:
        return _(
            "%(left)s are missing, which is what the %(batches)s batches without a clear answer cost "
            "together: probably all were sent.",
            **numbers,
        )
    return _(
        "%(left)s are missing. The %(batches)s batches without a clear answer cost %(cost)s together, so "
        "some were probably sent; the balance does not tell which.",
        **numbers,
    )
