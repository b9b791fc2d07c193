"""What a campaign cost: how far its account's balance fell, held against what was accepted.

Numbers only, no conclusion that they do not carry: the balance is read now and then, tells nothing of who
spent it, and may rise in between. Where it does not agree with the books, the places are named where the
difference may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Row

from webapp import tenancy
from webapp.campaigns import spend_statements as statements
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState, Kind
from webapp.database import id_at
from webapp.reading import moment, number

HANDED_OVER = frozenset({CampaignState.WAITING_FOR_REPORTS, CampaignState.FINISHED, CampaignState.STOPPED})
# Other campaigns named one by one; the rest is one sum.
MOST_NAMED = 5


@dataclass(frozen=True)
class Line:
    """One number of the sum."""

    term: str
    value: str
    total: bool = False


@dataclass(frozen=True)
class Spend:
    """The card of a campaign. `places`: where a difference may lie; `agrees`: None where nobody can know."""

    sentence: str
    lines: tuple[Line, ...]
    places: tuple[str, ...]
    agrees: bool | None


@dataclass(frozen=True)
class Sums:
    """What the rows say, in parts. `rises`: by how much the balance was seen to rise in between."""

    before: int
    after: int
    rises: int
    own: int
    others: int
    unclear: int
    repeated: int

    @property
    def fell(self) -> int:
        """By how much the balance fell: at least, where it rose in between too."""
        return self.before - self.after + self.rises

    @property
    def difference(self) -> int:
        """How much more was taken from the balance than was accepted; negative: less."""
        return self.fell - self.own - self.others


def of_campaign(campaign: Campaign) -> Spend | None:
    """What a campaign that is handed over cost; None before, and for a test."""
    began, ended = campaign.started_at, campaign.handed_over_at
    if campaign.state not in HANDED_OVER or campaign.kind == Kind.TEST or began is None or ended is None:
        return None
    session = tenancy.session()
    key = {"team": tenancy.scope(), "account": campaign.account_id, "campaign": campaign.id}
    own = session.execute(statements.OWN, key).one()
    readings = session.execute(
        statements.READINGS,
        {**key, "first_id": id_at(began), "last_id": id_at(ended + timedelta(milliseconds=1))},
    ).one()
    if readings.before is None or readings.after is None:
        return _unknown(own, readings)
    window = {"since": readings.before_at, "until": readings.after_at}
    others = session.execute(statements.OTHERS, {**key, **window}).all()
    sums = Sums(
        before=readings.before,
        after=readings.after,
        rises=int(readings.rises),
        own=int(own.accepted),
        others=sum(int(one.accepted) for one in others),
        unclear=int(own.unclear) + sum(int(one.unclear) for one in others),
        repeated=int(own.repeated),
    )
    lines = _lines(sums, readings, [one for one in others if one.accepted])
    return Spend(_sentence(sums), lines, tuple(places(sums, readings.odd)), sums.difference == 0)


def places(sums: Sums, odd: int) -> list[str]:
    """Where a difference may lie; `odd`: how many readings in between told no number."""
    found = []
    if sums.difference > 0:
        if sums.unclear:
            found.append(_unclear(sums))
        if sums.repeated:
            found.append(
                _(
                    "Identical requests of %(parts)s messages were made again: a gateway that did not "
                    "swallow them took them twice.",
                    parts=number(sums.repeated),
                )
            )
        found.append(_("Something was sent through this account outside Tidings, or by another team."))
    elif sums.difference < 0:
        found.append(_("The gateway has not taken all of it from the balance yet, or gave some of it back."))
    if sums.difference and sums.rises:
        found.append(
            _("What was sent between the two readings around a rise cannot be seen: it hides in the rise.")
        )
    if sums.difference:
        found.append(_("The gateway counts the parts of a text otherwise than the account says here."))
    if odd and (sums.difference or sums.rises):
        found.append(
            ngettext(
                "%(num)s reading in between told no number, so a rise may not have been seen.",
                "%(num)s readings in between told no number, so a rise may not have been seen.",
                odd,
            )
        )
    return found


def _unknown(own: Row[Any], readings: Row[Any]) -> Spend:
    """Where the balance is not known before and after, only the books can be told."""
    if readings.before is None:
        why = _("The balance was not read as a number before it began, so it cannot be compared.")
    else:
        why = _("The balance has not been read as a number since it was handed over.")
    lines = [Line(_("Accepted of this campaign"), number(int(own.accepted)))]
    if own.unclear:
        lines.append(Line(_("Without a clear answer"), number(int(own.unclear))))
    return Spend(why, tuple(lines), (), None)


def _sentence(sums: Sums) -> str:
    numbers = {
        "fell": number(sums.fell),
        "accepted": number(sums.own + sums.others),
        "difference": number(abs(sums.difference)),
    }
    if sums.difference == sums.fell == 0:
        return _("The balance did not fall, and nothing was accepted.")
    if sums.difference == 0:
        return _("The balance fell by %(fell)s, which is what was accepted.", **numbers)
    if sums.difference > 0:
        return _(
            "The balance fell by %(fell)s and %(accepted)s messages were accepted: %(difference)s more than "
            "the books say.",
            **numbers,
        )
    return _(
        "The balance fell by %(fell)s and %(accepted)s messages were accepted: %(difference)s less than "
        "the books say.",
        **numbers,
    )


def _unclear(sums: Sums) -> str:
    if sums.unclear == sums.difference:
        return _(
            "Requests without a clear answer hold %(parts)s messages, exactly the difference: probably they "
            "were sent.",
            parts=number(sums.unclear),
        )
    return _(
        "Requests without a clear answer hold %(parts)s messages: what the gateway took of them is in the "
        "difference.",
        parts=number(sums.unclear),
    )


def _lines(sums: Sums, readings: Row[Any], others: list[Row[Any]]) -> tuple[Line, ...]:
    lines = [_balance(readings.before_at, sums.before)]
    if sums.rises:
        lines.append(Line(_("Rises seen in between"), f"+{number(sums.rises)}"))
    lines.append(_balance(readings.after_at, sums.after))
    lines.append(Line(_("Fell by"), number(sums.fell), total=True))
    lines.append(Line(_("Accepted of this campaign"), number(sums.own)))
    lines += [
        Line(_("Accepted of “%(name)s”", name=one.name), number(int(one.accepted)))
        for one in others[:MOST_NAMED]
    ]
    if rest := sum(int(one.accepted) for one in others[MOST_NAMED:]):
        lines.append(Line(_("Accepted of other campaigns"), number(rest)))
    if sums.unclear:
        lines.append(Line(_("Without a clear answer"), number(sums.unclear)))
    lines.append(Line(_("Difference"), number(sums.difference), total=True))
    return tuple(lines)


def _balance(read_at: datetime, messages: int) -> Line:
    return Line(_("Balance at %(when)s", when=moment(read_at, seconds=True)), number(messages))
