"""Mails to people about their way in: an invitation, a link to a new password.

Links begin with the operator's own address of this site, never with what a request calls it.
"""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from webapp.accounts.invitations import Made
from webapp.accounts.roles import role_word
from webapp.mail import send_mail
from webapp.reading import LANGUAGES
from webapp.settings import settings_of


def invitation_link(token: str) -> str:
    """The address that an invitation's secret opens."""
    return f"{settings_of(current_app).public_url}/invite/{token}"


def send_invitation(made: Made, team: str, inviter: str, language: str) -> None:
    """Mail an invitation to the invited address, in `language`. Raises MailError."""
    with force_locale(LANGUAGES[language]):
        subject = _("%(person)s invites you to the team %(team)s", person=inviter, team=team)
        sentences = [
            _(
                "%(person)s invites you to the team %(team)s on Tidings. Your role will be: %(role)s.",
                person=inviter,
                team=team,
                role=role_word(made.invitation.role),
            ),
            _("Open this address to join. It works once, within 72 hours, and for this mail address only:"),
            invitation_link(made.token),
            _("If you do not know what this is about, do nothing."),
        ]
    send_mail(made.invitation.email, " ".join(subject.split()), "\n\n".join(sentences) + "\n")


def send_reset(email: str, token: str, language: str) -> None:
    """Mail a link to a new password, in `language`. Raises MailError."""
    with force_locale(LANGUAGES[language]):
        subject = _("Choose a new password for Tidings")
        sentences = [
            _("Somebody, probably you, asked for a new password for this mail address."),
            _("Open this address to choose one. It works once, within one hour:"),
            f"{settings_of(current_app).public_url}/reset/{token}",
            _("If it was not you, do nothing: your password stays as it is."),
        ]
    send_mail(email, subject, "\n\n".join(sentences) + "\n")
