"""Mails to a team's owners about a campaign that the machine paused."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from webapp.accounts.queries import owners, team_at_hand
from webapp.campaigns.models import Campaign
from webapp.campaigns.sentences import pause_words
from webapp.mail import send_mail
from webapp.reading import LANGUAGES
from webapp.settings import settings_of


def tell_owners(campaign: Campaign) -> None:
    """Tell the owners, each in their language, why it paused and where a person decides."""
    if campaign.paused_by_machine is None:
        return
    url = settings_of(current_app).public_url
    page = f"{url}/t/{team_at_hand().address}/campaigns/{campaign.id}/unconfirmed"
    for owner in owners():
        with force_locale(LANGUAGES[owner.language or "en"]):
            sentences = [
                pause_words(campaign.paused_by_machine),
                _("What is known, and what you can decide, is on this page:"),
                page,
            ]
            subject = _("The campaign %(name)s has paused", name=campaign.name)
            send_mail(owner.email, " ".join(subject.split()), "\n\n".join(sentences))
