"""The page on which a person decides about batches without a clear answer."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, abort, current_app, flash, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import clock, tenancy
from webapp.accounts.permissions import requires
from webapp.campaigns import decisions, evidence
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.decision_forms import DecisionForm, form_for, notes
from webapp.campaigns.decisions import Choice, Decided
from webapp.campaigns.evidence import Evidence
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.previews import account_of
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError
from webapp.pages import render, see_other
from webapp.reading import number
from webapp.settings import settings_of

# From so many batches on, one answer for all of them is offered.
MANY = 4
ALL = "all"


@dataclass(frozen=True)
class Card:
    """A batch with its form."""

    evidence: Evidence
    form: DecisionForm


@blueprint.get("/campaigns/<int:campaign_id>/unconfirmed")
@requires("campaigns.view")
def unconfirmed(campaign_id: int) -> Response:
    """What is known of each batch without a clear answer, and the four answers to it."""
    after = request.args.get("after", 0, type=int)
    if not 0 <= after < 2**31:
        abort(404)
    return _page(campaign_or_404(campaign_id), after)


@blueprint.post("/campaigns/<int:campaign_id>/batches/<int:no>/decide")
@requires("campaigns.send")
def decide(campaign_id: int, no: int) -> Response:
    """Decide about one batch; pressed twice, it is decided once."""
    campaign = campaign_or_404(campaign_id)
    batch = tenancy.session().get(Batch, (tenancy.scope(), campaign.id, no)) if no < 2**31 else None
    if batch is None:
        abort(404)
    form = form_for(str(no), batch.open, bound=True)
    if not form.validate_on_submit():
        return _page(campaign, no - 1, 422, form)
    choice = Choice(form.choice.data)
    try:
        decided = decisions.CHOICES[choice](campaign.id, no, g.user.id)
    except DomainError as error:
        return _refused(campaign, error)
    tenancy.session().commit()
    _tell(campaign, choice, [decided])
    return see_other(url_for("campaigns.unconfirmed", campaign_id=campaign_id))


@blueprint.post("/campaigns/<int:campaign_id>/unconfirmed")
@requires("campaigns.send")
def decide_all(campaign_id: int) -> Response:
    """Decide the same for every batch that was shown as undecided."""
    campaign = campaign_or_404(campaign_id)
    form = form_for(ALL, decisions.people_undecided(campaign.id), bound=True)
    if not form.validate_on_submit():
        return _page(campaign, 0, 422, form)
    choice = Choice(form.choice.data)
    try:
        decided = decisions.decide_all(campaign.id, choice, form.seen.data or "", g.user.id)
    except DomainError as error:
        return _refused(campaign, error)
    tenancy.session().commit()
    _tell(campaign, choice, decided)
    return see_other(url_for("campaigns.unconfirmed", campaign_id=campaign_id))


def _refused(campaign: Campaign, error: DomainError) -> Response:
    campaign_id = campaign.id
    tenancy.session().rollback()
    flash(str(error.message), "odd")
    return see_other(url_for("campaigns.unconfirmed", campaign_id=campaign_id))


def _tell(campaign: Campaign, choice: Choice, decided: list[Decided]) -> None:
    """Say what was done, and of how many it was too late."""
    late = [one for one in decided if one.settled]
    people = sum(one.people for one in decided if not one.settled)
    if len(late) < len(decided):
        flash(_done(choice, people), "ok")
        if choice is Choice.SEND_AGAIN and (campaign.paused_by_person or campaign.paused_by_machine):
            flash(_("The campaign is paused: it goes out when somebody resumes the campaign."), "odd")
    if late:
        flash(_("Reports have settled this meanwhile, so it stays as it is."), "info")


def _done(choice: Choice, people: int) -> str:
    count = {"count": number(people)}
    match choice:
        case Choice.WAIT:
            return _("Nothing was changed. Reports are waited for.")
        case Choice.WAS_SENT:
            return ngettext(
                "%(count)s message counts as accepted now.",
                "%(count)s messages count as accepted now.",
                people,
                **count,
            )
        case Choice.DO_NOT_SEND:
            return ngettext(
                "%(count)s message stays not confirmed; nothing more is tried.",
                "%(count)s messages stay not confirmed; nothing more is tried.",
                people,
                **count,
            )
        case Choice.SEND_AGAIN:
            return ngettext(
                "%(count)s message is sent again.", "%(count)s messages are sent again.", people, **count
            )


def _page(campaign: Campaign, after: int, status: int = 200, wrong: DecisionForm | None = None) -> Response:
    now = clock.now()
    account = account_of(campaign.account_id)
    found = evidence.undecided(campaign, account, after, now)
    shown = found[: evidence.PAGE]
    numbers = decisions.undecided_numbers(campaign.id)
    everyone = decisions.people_undecided(campaign.id)
    over_all = form_for(ALL, everyone, bound=False, seen=decisions.digest_of(numbers))
    forms = {str(one.no): form_for(str(one.no), one.people, bound=False) for one in shown} | {ALL: over_all}
    if wrong is not None:
        # What was posted stands in its place, with what is wrong with it.
        forms |= {key: wrong for key, form in forms.items() if form.choice.name == wrong.choice.name}
    return render(
        "campaigns/unconfirmed.html",
        status=status,
        campaign=campaign,
        account=account,
        cards=[Card(one, forms[str(one.no)]) for one in shown],
        more=shown[-1].no if len(found) > evidence.PAGE else None,
        after=after,
        batches=len(numbers),
        people=everyone,
        over_all=forms[ALL] if len(numbers) >= MANY else None,
        held=evidence.held(campaign, account, settings_of(current_app).times, now),
        wrong=wrong,
        notes=notes(),
        stopped=campaign.state in {CampaignState.STOPPING, CampaignState.STOPPED},
    )
