"""How long a balance lasts at the pace of the last days: worked out from what was handed over, never guessed.

What the gateway took off is not known from readings alone, for a top-up hides it. The roll-ups hold what was
handed over, in parts, which is what is billed. Where nothing was handed over there is no pace and no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select

from webapp import tenancy
from webapp.campaigns.models import RollupHour
from webapp.gateway.models import GatewayAccount
from webapp.reading import NOTHING, number

DAYS = 14
# Further ahead nobody sends at the pace of these two weeks.
MOST_DAYS = 365
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Used:
    """What went through an account within `days`: `parts`, in `messages`; not all weighed: not `exact`."""

    parts: int
    messages: int
    days: int
    exact: bool

    def lasts(self, left: int | None) -> int | None:
        """For how many more days `left` parts are enough at this pace, cut off; None where nobody knows."""
        if left is None or not self.parts or not self.days:
            return None
        return max(0, left) * self.days // self.parts


def used(accounts: Iterable[GatewayAccount], now: datetime) -> Mapping[int, Used]:
    """What went through each account in the last days, or since it was connected where that is shorter."""
    since = now - DAYS * _DAY
    # Of hours from before parts were kept nothing is known but that a message has one part at least.
    weighed = func.greatest(RollupHour.parts, RollupHour.messages)
    rows = tenancy.session().execute(
        select(
            RollupHour.account_id,
            func.sum(weighed).label("parts"),
            func.sum(RollupHour.messages).label("messages"),
            func.bool_and(RollupHour.parts >= RollupHour.messages).label("exact"),
        )
        .where(RollupHour.team_id == tenancy.scope(), RollupHour.hour >= since)
        .group_by(RollupHour.account_id)
    )
    found = {row.account_id: row for row in rows}
    return {
        one.id: Used(int(row.parts), int(row.messages), min(DAYS, (now - one.created_at) // _DAY), row.exact)
        if (row := found.get(one.id)) is not None
        else Used(0, 0, min(DAYS, (now - one.created_at) // _DAY), exact=True)
        for one in accounts
    }


def days_words(used: Used, left: int | None) -> str:
    """How long it lasts, in words; a dash where there is no pace or no balance."""
    days = used.lasts(left)
    if days is None:
        return NOTHING
    if not left or left < 0:
        return _("nothing left")
    if days > MOST_DAYS:
        return _("more than a year")
    if days < 1:
        return _("less than a day")
    return ngettext("about %(n)s day", "about %(n)s days", days, n=number(days))


def basis_words(used: Used) -> str:
    """What that is worked out from, or why it is not known."""
    if not used.days:
        return _("The account was connected less than a day ago, so there is no pace yet.")
    if not used.parts:
        return ngettext(
            "Nothing went through it in the last %(days)s day, so there is no pace.",
            "Nothing went through it in the last %(days)s days, so there is no pace.",
            used.days,
            days=used.days,
        )
    if used.exact:
        return ngettext(
            "At the pace of the last %(days)s day: %(parts)s parts were handed over.",
            "At the pace of the last %(days)s days: %(parts)s parts were handed over.",
            used.days,
            days=used.days,
            parts=number(used.parts),
        )
    return ngettext(
        "At the pace of the last %(days)s day: %(n)s messages were handed over. For some of them the number "
        "of parts is not known, so each counts as one part and the balance may last shorter.",
        "At the pace of the last %(days)s days: %(n)s messages were handed over. For some of them the number "
        "of parts is not known, so each counts as one part and the balance may last shorter.",
        used.days,
        days=used.days,
        n=number(used.messages),
    )
