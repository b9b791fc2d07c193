"""Mails to a team's owners about their gateway accounts."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from webapp.accounts.queries import owners, team_at_hand
from webapp.gateway.models import GatewayAccount
from webapp.gateway.words import state_words
from webapp.mail import send_mail
from webapp.reading import LANGUAGES
from webapp.settings import settings_of


def tell_owners(account: GatewayAccount) -> None:
    """Tell the owners, each in their language, that nothing goes through this account any more."""
    url = settings_of(current_app).public_url
    page = f"{url}/t/{team_at_hand().address}/settings/gateways/{account.id}"
    for owner in owners():
        with force_locale(LANGUAGES[owner.language or "en"]):
            sentences = [
                str(state_words(account.state, disabled=False).sentence),
                _("Nothing is lost. What is left goes on when the account works again."),
                _("Look at the account on this page:"),
                page,
            ]
            subject = _("Sending through %(account)s has stopped", account=account.label)
            send_mail(owner.email, " ".join(subject.split()), "\n\n".join(sentences))
