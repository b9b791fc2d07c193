"""Forms of opt-outs: shape and words. What may be kept is said by the operations."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from webapp.characters import CONTROL


def _shown(text: str | None) -> str:
    """A text without what no page may hold; in a paste it is made visible, so that damage stays damage."""
    return CONTROL.sub(lambda found: " " if found[0] == "\t" else "\ufffd", (text or "").replace("\r", ""))


class OptOutForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """One number, or many."""

    numbers = TextAreaField(
        _l("Mobile numbers"),
        [InputRequired(_l("Type or paste at least one number."))],
        filters=[_shown],
        description=_l(
            "One or many, separated by lines, commas or spaces. Names beside them are passed over."
        ),
    )


class RemoveForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Why a number may get messages again."""

    reason = StringField(
        _l("Why may this number get messages again?"),
        [InputRequired(_l("Say why this number may get messages again. It stays opted out until then."))],
        filters=[_shown],
        description=_l("It stands in the audit log. For example: asked for it on the phone."),
    )
