"""Laying out a large audience: slice after slice, each a transaction of its own, so that a crash loses one.

How far it is, what it came to and what it was made from stand in `campaign.layout`. Whoever has the row of
the campaign does the next slice; an edit makes the layout one of an earlier version, and the next review
begins anew.
One text for everybody never leaves the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from webapp import clock, tenancy
from webapp.campaigns import clearing, draft_statements, people_statements, storing_drafts
from webapp.campaigns.audience import Figures, Laid, Laying, Weigher
from webapp.campaigns.models import Audience, Campaign, CampaignText
from webapp.campaigns.people import People
from webapp.campaigns.reasons import Absent
from webapp.contacts import queries as contacts
from webapp.contacts.numbers import Reason
from webapp.contacts.pastes import MOST_LISTED, LeftOut, LeftOuts
from webapp.gateway.models import GatewayAccount

# More people than this in the groups of a draft are laid out by a job.
MOST_AT_ONCE = 2000
# Contacts a transaction where the database does it alone.
SET_SLICE = 20_000
# A change is written down when its transaction begins, and is seen when that ends.
LONGEST_CHANGE = timedelta(minutes=10)


@dataclass
class Layout:
    """How far an audience is laid out, and what it came to. `source`: what it was made from.

    `place`: which group is next, -1 for the paste; `after`: the last contact of it that is done.
    """

    version: int
    began_at: str
    source: dict[str, Any]
    people: int
    pasted: int
    walked: int = 0
    cleared: bool = False
    place: int = -1
    after: int = 0
    done: bool = False
    moved_at: str = ""
    digest: str = ""
    figures: Figures = field(default_factory=Figures)
    texts: int = 0
    requests: int = 0
    shortest: str = ""
    longest: str = ""


def is_large(people: People) -> bool:
    """Whether a draft to these people is laid out in slices."""
    return people.grouped > MOST_AT_ONCE


def layout_of(campaign: Campaign) -> Layout | None:
    """The layout of the draft as it is written now, finished or not; None where there is none."""
    kept = campaign.layout
    if kept is None or kept["version"] != campaign.version:
        return None
    return Layout(**{**kept, "figures": Figures(**kept["figures"])})


def begin(campaign: Campaign, account: GatewayAccount, people: People) -> None:
    """Begin to lay out a draft from its first recipient."""
    now = clock.now().isoformat()
    entries = len(people.pasted.entries)
    _keep(
        campaign,
        Layout(
            version=campaign.version,
            began_at=now,
            moved_at=now,
            source=_source(account, people),
            people=entries + people.grouped,
            pasted=entries,
        ),
    )
    campaign.prepared_version = None
    campaign.left_out = {}


def lay_slice(campaign: Campaign, account: GatewayAccount, people: People) -> bool:
    """Do the next slice of a locked draft's audience; False when all of it is laid out."""
    layout = layout_of(campaign)
    if layout is None or layout.done:
        return False
    if not layout.cleared:
        layout.cleared = not _clear(campaign)
    elif layout.place < len(people.written.groups):
        _lay(campaign, account, people, layout)
    else:
        _finish(campaign, account, people, layout)
    layout.moved_at = clock.now().isoformat()
    _keep(campaign, layout)
    return not layout.done


def still_right(campaign: Campaign, layout: Layout, account: GatewayAccount, people: People) -> bool:
    """Whether laying it out once more would come to the same; mostly told by comparing a few numbers.

    Somebody who opted in again is not looked for: who was seen at the review gets it, nobody else.
    """
    source = _source(account, people)
    was = layout.source
    if source == was:
        return True
    if any(source[key] != was[key] for key in ("account", "groups")):
        return False
    key = {"team": tenancy.scope(), "campaign": campaign.id}
    session = tenancy.session()
    if source["contacts"] != was["contacts"]:
        since = datetime.fromisoformat(layout.began_at) - LONGEST_CHANGE
        pasted = list(people.mobiles) if people.fields else []
        groups = list(people.written.groups)
        changed = {**key, "groups": groups, "pasted": pasted, "since": since}
        if session.execute(people_statements.CHANGED_SINCE, changed).scalar_one():
            return False
    if (
        source["opt_outs"] != was["opt_outs"]
        and session.execute(people_statements.OPTED_OUT_SINCE, key).scalar_one()
    ):
        return False
    layout.source = source
    _keep(campaign, layout)
    return True


def _source(account: GatewayAccount, people: People) -> dict[str, Any]:
    """What decides how an audience is laid out, as numbers that are another when it changed."""
    opt_outs = tenancy.session().execute(people_statements.OPT_OUTS, {"team": tenancy.scope()}).one()
    return {
        "account": [
            account.text_limit,
            account.first_part,
            account.next_part,
            account.numbers_per_request,
            account.adds_signature,
        ],
        "groups": [[one.id, one.version] for one in people.sizes.values()],
        "contacts": contacts.version(),
        "opt_outs": [opt_outs.people, opt_outs.latest.isoformat() if opt_outs.latest else ""],
    }


def _keep(campaign: Campaign, layout: Layout) -> None:
    campaign.layout = asdict(layout)
    tenancy.session().flush()


def _clear(campaign: Campaign) -> bool:
    """Take away a slice of what was laid out before; True while there is more."""
    texts = clearing.delete_next(CampaignText, (CampaignText.text_hash,), campaign.id)
    people = (Audience.text_hash, Audience.mobile, Audience.copy)
    return texts is not None or clearing.delete_next(Audience, people, campaign.id) is not None


def _lay(campaign: Campaign, account: GatewayAccount, people: People, layout: Layout) -> None:
    after: int | None = None
    if layout.place >= 0 and not people.fields:
        after = _lay_in_database(campaign, account, people, layout)
    else:
        if layout.place < 0:
            candidates = people.of_paste()
        else:
            candidates, after = people.of_group(layout.place, layout.after)
        laid = Laid(people.fields, left_out=_left_out(campaign, people, layout), figures=layout.figures)
        laying = Laying(account, people.written, people.fields, laid)
        laying.add(candidates)
        storing_drafts.store(campaign, laid)
        layout.digest = hashlib.sha256(f"{layout.digest}{laid.digest()}".encode()).hexdigest()
        layout.walked += len(candidates)
        _keep_left_out(campaign, laid.left_out)
    if after is None:
        layout.place, layout.after = layout.place + 1, 0
    else:
        layout.after = after


def _lay_in_database(
    campaign: Campaign, account: GatewayAccount, people: People, layout: Layout
) -> int | None:
    written = people.written
    text = Weigher(account, written, ()).text({})
    left_out = _left_out(campaign, people, layout)
    groups = written.groups
    storing_drafts.store_texts(campaign, [text])
    row = tenancy.session().execute(
        people_statements.LAY_SLICE,
        {
            "team": campaign.team_id,
            "campaign": campaign.id,
            "group": groups[layout.place],
            "earlier": list(groups[: layout.place]),
            "minus": list(written.minus),
            "pasted": list(people.mobiles),
            "after": layout.after,
            "chunk": SET_SLICE,
            "hash": text.hash,
            "digest": f"{layout.digest}{text.hash.hex()}{text.parts}",
            "listed": MOST_LISTED,
        },
    ).one()  # fmt: skip
    for listed in row.listed or ():
        mobile, reason = listed.split(" ")
        left_out.keep(LeftOut(0, mobile, reason))
    counts = {Reason.TWICE: row.twice, Absent.IN_MINUS: row.in_minus, Absent.OPTED_OUT: row.opted_out}
    left_out.count({str(reason): number for reason, number in counts.items()})
    length = len(text.shown)
    layout.figures.entries += row.walked
    layout.figures.weigh(row.put, row.put * text.parts, (text.parts, text.parts), (length, length))
    layout.digest = row.digest
    layout.walked += row.walked
    _keep_left_out(campaign, left_out)
    return row.after if row.walked == SET_SLICE else None


def _left_out(campaign: Campaign, people: People, layout: Layout) -> LeftOuts:
    """Who was left out so far: what the paste says of itself, and what earlier slices found."""
    if layout.place < 0:
        return people.pasted.left_out
    kept: Mapping[str, Any] = campaign.left_out
    left_out = LeftOuts()
    left_out.count(kept["counts"])
    for one in kept["listed"]:
        left_out.keep(LeftOut(**one))
    return left_out


def _keep_left_out(campaign: Campaign, left_out: LeftOuts) -> None:
    campaign.left_out = storing_drafts.kept_left_out(left_out)


def _finish(campaign: Campaign, account: GatewayAccount, people: People, layout: Layout) -> None:
    """All is laid out: note what it weighs."""
    key = {"team": campaign.team_id, "campaign": campaign.id}
    session = tenancy.session()
    weight = session.execute(draft_statements.TEXTS, {**key, "limit": account.numbers_per_request}).one()
    ends = list(session.scalars(draft_statements.SHORTEST_AND_LONGEST, key))
    layout.texts, layout.requests = weight.texts, int(weight.requests)
    layout.shortest, layout.longest = (ends[0], ends[-1]) if ends else ("", "")
    layout.done = True
    figures = layout.figures
    campaign.parts_least, campaign.parts = figures.parts_least, figures.parts
    campaign.parts_total = figures.cost
    campaign.content = Weigher(account, people.written, people.fields).text({}).content
    campaign.prepared_version = campaign.version
