"""Mails to a team's owners: a campaign that the machine paused, and a large one that begins."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from webapp.accounts.models import User
from webapp.accounts.queries import owners, team_at_hand
from webapp.campaigns import pausing
from webapp.campaigns.models import Campaign
from webapp.campaigns.sentences import pause_words
from webapp.gateway.queries import person as name_of
from webapp.mail import send_mail
from webapp.reading import LANGUAGES, number
from webapp.settings import settings_of


def tell_owners(campaign: Campaign) -> None:
    """Tell the owners, each in their language, why it paused and where a person decides."""
    if campaign.paused_by_machine is None:
        return
    page = _page(campaign)
    if campaign.paused_by_machine != pausing.NOT_ENOUGH:
        page += "/unconfirmed"
    for owner in owners():
        with force_locale(LANGUAGES[owner.language or "en"]):
            sentences = [
                pause_words(campaign.paused_by_machine),
                _("What is known, and what you can decide, is on this page:"),
                page,
            ]
            subject = _("The campaign %(name)s has paused", name=campaign.name)
            send_mail(owner.email, " ".join(subject.split()), "\n\n".join(sentences))


def tell_large(campaign: Campaign, person: User) -> None:
    """Tell an owner, in their language, that a large campaign has begun, and where it can be stopped."""
    with force_locale(LANGUAGES[person.language or "en"]):
        sentences = [
            ngettext(
                "The campaign %(name)s has begun: %(people)s person, %(parts)s messages as they are billed.",
                "The campaign %(name)s has begun: %(people)s people, %(parts)s messages as they are billed.",
                campaign.recipients,
                name=campaign.name,
                people=number(campaign.recipients),
                parts=number(campaign.parts_total),
            ),
            _("Confirmed by %(who)s.", who=name_of(campaign.confirmed_by) or _("Somebody")),
            _("You are told because it is more than half of what your team may send in one campaign."),
            _("Look at it, or stop it, on this page:"),
            _page(campaign),
        ]
        subject = _("A large campaign has begun: %(parts)s messages", parts=number(campaign.parts_total))
        send_mail(person.email, " ".join(subject.split()), "\n\n".join(sentences))


def _page(campaign: Campaign) -> str:
    url = settings_of(current_app).public_url
    return f"{url}/t/{team_at_hand().address}/campaigns/{campaign.id}"
