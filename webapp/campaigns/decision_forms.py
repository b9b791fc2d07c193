"""The form in which a person decides; one for each batch on a page, told apart by a prefix."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, RadioField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs
from wtforms.validators import Length

from webapp.campaigns.decisions import Choice
from webapp.reading import number

_DIGEST = 64


class DecisionForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """One of the four answers, and a tick without which nothing is sent again.

    `seen`: which batches were shown, where one answer is for all of them.
    """

    choice = RadioField(
        _l("Your decision"),
        choices=[
            SelectChoice(Choice.WAIT, _l("Wait for reports")),
            SelectChoice(Choice.WAS_SENT, _l("It was sent")),
            SelectChoice(Choice.SEND_AGAIN, _l("Send again")),
            SelectChoice(Choice.DO_NOT_SEND, _l("Do not send")),
        ],
        default=Choice.WAIT,
    )
    sure = BooleanField()
    seen = HiddenField(validators=[Length(max=_DIGEST)])

    def validate_sure(self, field: Field) -> None:
        """Only sending again can reach people twice."""
        if self.choice.data == Choice.SEND_AGAIN and not field.data:
            raise ValidationError(
                _("Nothing was sent. To send again, tick that people may get the message twice.")
            )


def form_for(prefix: str, people: int, *, bound: bool, seen: str = "") -> DecisionForm:
    """The form for a batch, or for all; `bound`: with what was just posted, else as it begins."""
    form = DecisionForm(prefix=f"{prefix}-") if bound else DecisionForm(None, prefix=f"{prefix}-", seen=seen)
    form.sure.label.text = ngettext(
        "I know: up to %(count)s person may get this twice.",
        "I know: up to %(count)s people may get this twice.",
        people,
        count=number(people),
    )
    return form


def notes() -> dict[str, str]:
    """A line under each answer: what it does."""
    return {
        Choice.WAIT: _("Nothing changes. Reports settle it if any come."),
        Choice.WAS_SENT: _("It counts as accepted. Choose this if the gateway told you so."),
        Choice.SEND_AGAIN: _("A new request is made. Whoever has the message already gets it twice."),
        Choice.DO_NOT_SEND: _("It stays “Not confirmed”, and nothing more is tried."),
    }
