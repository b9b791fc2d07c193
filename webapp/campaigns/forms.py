"""Forms of campaigns: shape and kind words; the rules themselves are in drafts.py."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.campaigns import texts
from webapp.campaigns.drafts import MOST_BODY

# A megabyte of pasted text is far beyond what the number of recipients allows.
MOST_PASTE_CHARACTERS = 1_000_000
# More is let in than the form allows, so that it is the form that says so.
MOST_PASTE_BYTES = 4 * 1024 * 1024


class ComposeForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Numbers and a text."""

    account = SelectField(_l("Gateway account"), coerce=int)
    numbers = TextAreaField(
        _l("Mobile numbers"),
        [
            InputRequired(_l("Paste at least one mobile number.")),
            Length(
                max=MOST_PASTE_CHARACTERS, message=_l("That is too long to paste. Nothing was saved or sent.")
            ),
        ],
        description=_l(
            "One or many, separated by lines, commas or spaces. Bad ones are listed before you send."
        ),
    )
    signature = StringField(
        _l("Signature"),
        description=_l("The name of your shop, clinic or school. It is sent in 【 】 before the text."),
    )
    body = TextAreaField(
        _l("Text"),
        [
            InputRequired(_l("Write a text. An empty message cannot be sent.")),
            Length(max=MOST_BODY, message=_l("The text is far too long. It may have 268 characters.")),
        ],
        # What no phone shows must not come back into the page either.
        filters=[lambda text: text and texts.clean(text)],
    )
    source = HiddenField()


class ConfirmForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """The last step: a one-use key and what was seen."""

    key = HiddenField(validators=[InputRequired(), Length(max=64)])
    seen = HiddenField(validators=[InputRequired(), Length(max=64)])
