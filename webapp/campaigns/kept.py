"""How what a person wrote is kept: the campaign's row, its paste, and the groups it names."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, select

from webapp import clock, tenancy
from webapp.campaigns import draft_statements, moments
from webapp.campaigns.models import Campaign, CampaignGroup, DraftPaste
from webapp.campaigns.written import MOST_PASTED, Written, name_to_keep, tidy
from webapp.contacts.models import ContactGroup
from webapp.errors import DomainError


def locked(which: ColumnElement[bool]) -> Campaign | None:
    """The campaign as it stands now, whoever changed it since it was read; it stays so until the commit."""
    return tenancy.session().scalar(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), which)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def written_of(campaign: Campaign) -> Written:
    """What a draft says, to be put into the form again."""
    rows = groups_of(campaign)
    return tidy(
        Written(
            account_id=campaign.account_id,
            numbers=lines_of(campaign, MOST_PASTED),
            groups=tuple(row.group_id for row in rows if row.group_id is not None and not row.minus),
            minus=tuple(row.group_id for row in rows if row.group_id is not None and row.minus),
            gone=tuple(row.group_name for row in rows if row.group_id is None and not row.minus),
            gone_minus=tuple(row.group_name for row in rows if row.group_id is None and row.minus),
            each_line=campaign.each_line,
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


def groups_of(campaign: Campaign) -> list[CampaignGroup]:
    """The groups that a campaign names, in its order, those that are deleted by now among them."""
    return list(
        tenancy.session().scalars(
            select(CampaignGroup)
            .where(CampaignGroup.team_id == tenancy.scope(), CampaignGroup.campaign_id == campaign.id)
            .order_by(CampaignGroup.position)
            .execution_options(populate_existing=True)
        )
    )


def lines_of(campaign: Campaign, most: int) -> str:
    """Lines to write it again from: as they were pasted, else the first `most` recipients of no group."""
    session = tenancy.session()
    paste = session.get(DraftPaste, (campaign.team_id, campaign.id), populate_existing=True)
    if paste is not None:
        return paste.numbers
    if campaign.layout is not None and not campaign.layout["pasted"]:
        return ""
    key = {"team": campaign.team_id, "campaign": campaign.id, "most": most}
    rows = session.execute(draft_statements.LINES_OF_AUDIENCE, key).all()
    rows = rows or session.execute(draft_statements.LINES_OF_MESSAGES, key).all()
    return _lines([(row.mobile, row.variables or {}) for row in rows])


def put(campaign: Campaign, written: Written, user_id: int) -> None:
    """Keep a tidied draft. Raises DomainError (field "groups") for a group that is not there."""
    campaign.account_id = written.account_id
    campaign.body, campaign.signature = written.body, written.signature
    campaign.name = name_to_keep(written)
    campaign.kind, campaign.at_hours_end = written.kind, written.at_hours_end
    campaign.defaults, campaign.leave_out_long = dict(written.defaults), written.leave_out_long
    campaign.each_line = written.each_line
    campaign.send_at, campaign.not_after = written.send_at, written.not_after
    campaign.start_by = moments.start_by(written.send_at)
    campaign.saved_at, campaign.saved_by = clock.now(), user_id
    session = tenancy.session()
    session.flush()
    session.merge(DraftPaste(team_id=campaign.team_id, campaign_id=campaign.id, numbers=written.numbers))
    _put_groups(campaign, written)


def _put_groups(campaign: Campaign, written: Written) -> None:
    session = tenancy.session()
    own = CampaignGroup.team_id == tenancy.scope(), CampaignGroup.campaign_id == campaign.id
    wanted: list[tuple[int | None, str, int, bool]] = []
    if written.groups or written.minus:
        found = _found((*written.groups, *written.minus))
        wanted += [(one, *found[one], False) for one in written.groups]
        wanted += [(one, *found[one], True) for one in written.minus]
    wanted += [(None, name, 0, False) for name in written.gone]
    wanted += [(None, name, 0, True) for name in written.gone_minus]
    session.execute(delete(CampaignGroup).where(*own).execution_options(synchronize_session="fetch"))
    session.add_all(
        CampaignGroup(
            team_id=campaign.team_id, campaign_id=campaign.id, position=position, group_id=group_id,
            group_name=name, people=people, minus=minus,
        )
        for position, (group_id, name, people, minus) in enumerate(wanted)
    )  # fmt: skip


def _found(group_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    """The groups' names and sizes; they are not deleted before this transaction is through."""
    wanted = set(group_ids)
    rows = tenancy.session().execute(
        select(ContactGroup.id, ContactGroup.name, ContactGroup.size)
        .where(ContactGroup.team_id == tenancy.scope(), ContactGroup.id.in_(wanted))
        .order_by(ContactGroup.id)
        .with_for_update(read=True, key_share=True)
    )
    found = {row.id: (row.name, row.size) for row in rows}
    if wanted - found.keys():
        raise DomainError(
            _("A group that you chose does not exist any more. Nothing was saved; choose again."), "groups"
        )
    return found


def _lines(people: list[tuple[str, dict[str, str]]]) -> str:
    """Lines that are read as these people; those that have more than a name come under a heading."""
    fields = list(dict.fromkeys(key for _mobile, values in people for key in values if key != "name"))
    if not fields:
        return "\n".join(
            f"{mobile}, {values['name']}" if values.get("name") else mobile for mobile, values in people
        )
    rows = [["手机", "姓名", *fields]]
    rows += [
        [mobile, *(values.get(key, "").replace("\t", " ") for key in ("name", *fields))]
        for mobile, values in people
    ]
    return "\n".join("\t".join(row) for row in rows)
