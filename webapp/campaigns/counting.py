"""What a draft for many people would come to, counted inside the database while somebody types.

The numbers are those that laying it out would give. Beyond MOST_COUNTED people nothing is counted: the review
does, in its own time.
"""

from __future__ import annotations

from webapp import tenancy
from webapp.campaigns import people_statements, texts
from webapp.campaigns.audience import Figures, Laid, Weigher, lengths_of
from webapp.campaigns.people import People
from webapp.campaigns.reasons import Absent
from webapp.contacts.numbers import Reason
from webapp.gateway.models import GatewayAccount

MOST_COUNTED = 60_000

_REASONS = (
    Reason.TWICE,
    Absent.IN_MINUS,
    Absent.OPTED_OUT,
    Absent.BRACKETS,
    Absent.NO_VALUE,
    Absent.TOO_LONG_TEXT,
)


def count_groups(account: GatewayAccount, people: People, laid: Laid) -> None:
    """Add the people of the chosen groups to what the paste came to; nobody is listed."""
    written, fields = people.written, people.fields
    lengths = lengths_of(account)
    bare = Weigher(account, written, fields).text(dict.fromkeys(fields, ""))
    row = tenancy.session().execute(
        people_statements.count_with(len(fields)),
        {
            "team": tenancy.scope(),
            "groups": list(written.groups),
            "minus": list(written.minus),
            "pasted": list(people.mobiles),
            **{f"field_{n}": one for n, one in enumerate(fields)},
            **{f"often_{n}": texts.times_of(written.body, one) for n, one in enumerate(fields)},
            **{f"default_{n}": written.defaults.get(one, "") for n, one in enumerate(fields)},
            "base": len(bare.shown),
            "first": lengths.first_part,
            "next": lengths.next_part,
            "limit": lengths.text,
            "leave_out_long": bool(fields) and written.leave_out_long,
        },
    ).one()  # fmt: skip
    laid.left_out.count({str(reason): int(getattr(row, reason)) for reason in _REASONS})
    figures: Figures = laid.figures
    figures.entries += int(row.entries)
    figures.over_limit += row.over_limit
    figures.weigh(row.recipients, int(row.cost), (row.parts_least, row.parts), (row.shortest, row.longest))
    for one, people_without in zip(fields, row.missing or (), strict=False):
        figures.miss(one, people_without)
