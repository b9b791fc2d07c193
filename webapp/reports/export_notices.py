"""Mails to a team's owners about lists of people that were taken."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from webapp.accounts.models import User
from webapp.accounts.queries import team_at_hand
from webapp.gateway.queries import person
from webapp.mail import send_mail
from webapp.reading import LANGUAGES, number
from webapp.reports.models import Export
from webapp.settings import settings_of


def tell(export: Export, owner: User) -> None:
    """Tell an owner, in their language, who took which list."""
    team = team_at_hand()
    url = settings_of(current_app).public_url
    with force_locale(LANGUAGES[owner.language or "en"]):
        sentences = [
            ngettext(
                "%(person)s made a file with the number of %(n)s recipient of “%(name)s”.",
                "%(person)s made a file with the numbers of %(n)s recipients of “%(name)s”.",
                export.rows,
                person=person(export.created_by) or _("Somebody who is gone"),
                n=number(export.rows),
                name=export.choices["name"],
            ),
            _("Only this person can fetch it, and for one hour. All owners of the team are told."),
            _("If you do not know why, ask them, and take their right to make files away until you do."),
            f"{url}/t/{team.address}/campaigns/{export.choices['campaign']}",
        ]
        subject = _("A list of recipients was taken from %(team)s", team=team.name)
        send_mail(owner.email, " ".join(subject.split()), "\n\n".join(sentences))
