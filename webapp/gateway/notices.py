"""Mails to people of a team about their gateway accounts."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from webapp.accounts.models import User
from webapp.accounts.queries import owners, team_at_hand
from webapp.gateway.models import BalanceReading, GatewayAccount
from webapp.gateway.words import state_words
from webapp.mail import send_mail
from webapp.reading import LANGUAGES, number
from webapp.settings import settings_of


def tell_low(account: GatewayAccount, reading: BalanceReading, person: User) -> None:
    """Tell somebody, in their language, that the balance is below the line of their team."""
    url = settings_of(current_app).public_url
    with force_locale(LANGUAGES[person.language or "en"]):
        sentences = [
            ngettext(
                "The balance of %(account)s is %(n)s message, below the line of %(line)s.",
                "The balance of %(account)s is %(n)s messages, below the line of %(line)s.",
                reading.messages or 0,
                account=account.label,
                n=number(reading.messages),
                line=number(account.alert_below),
            ),
            _("When nothing is left, sending pauses; nothing is lost. Top it up at the gateway in time."),
            _("This is told once. You hear of it again when the balance was above the line in between."),
            f"{url}/t/{team_at_hand().address}/balance",
        ]
        subject = _("%(account)s: %(n)s messages left", account=account.label, n=number(reading.messages))
        send_mail(person.email, " ".join(subject.split()), "\n\n".join(sentences))


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
