"""Forms of campaigns: shape and words. What may be sent, and what may be kept, is said by the drafts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs
from wtforms.validators import InputRequired, Length
from wtforms.widgets import DateTimeLocalInput

from webapp.campaigns import texts
from webapp.campaigns.states import AtHoursEnd, Kind

# More is let in than a paste may have, so that it is the form that says so.
MOST_PASTE_BYTES = 4 * 1024 * 1024
MOST_KEY = 64
# Controls that ask what stands for a missing value are called so, and then as their field.
DEFAULT = "default."


# Line breaks of a kind that forms do not have, and what no page may hold at all.
_BREAKS = re.compile(r"[\x0b\x0c\x1c-\x1e\x85]")
_BROKEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def _shown(text: str | None) -> str | None:
    """A text without what no phone shows, so that it does not come back into the page either."""
    return text and texts.clean(text)


def _pasted(text: str | None) -> str | None:
    """A paste with its odd characters made visible: a damaged number must stay damaged."""
    return text and _BROKEN.sub("\ufffd", _BREAKS.sub("\n", text))


class ComposeForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Everything that makes a campaign. Half of it may be missing: a draft is kept as it is."""

    # The draft that the page is about, once there is one, and which of its versions the page knows.
    draft = HiddenField()
    version = HiddenField()
    # Made with the page, so that two saves of a new draft at once make one.
    draft_key = HiddenField(validators=[Length(max=MOST_KEY)])
    # The template that a new draft begins with.
    template = HiddenField()
    # Which button was pressed; and the version that a person wants to save over.
    then = StringField()
    keep = StringField()
    # Whose text the preview shows, from 0; `go` is that of Previous and Next.
    shown = HiddenField()
    go = StringField()

    account = SelectField(_l("Gateway account"), coerce=int)
    groups = SelectMultipleField(_l("Groups"), coerce=int)
    minus = SelectMultipleField(_l("But nobody who is in"), coerce=int)
    # Groups that are deleted by now, by their names: a person takes them out, not the page.
    gone = SelectMultipleField(_l("Groups that were deleted"))
    gone_minus = SelectMultipleField(_l("Groups to leave out that were deleted"))
    numbers = TextAreaField(
        _l("Mobile numbers"),
        description=_l(
            "One or many, separated by lines, commas or spaces. A name may stand beside a number: "
            "13800138000, Wang Fang. With a first line such as 手机,姓名,时间 the other columns are fields."
        ),
        filters=[_pasted],
    )
    each_line = BooleanField(
        _l("Each line is a message of its own"),
        description=_l("Also where a number stands in several lines. The same text goes to it once."),
    )
    signature = StringField(
        _l("Signature"),
        description=_l("The name of your shop, clinic or school. It is sent in 【 】 before the text."),
        filters=[_shown],
    )
    body = TextAreaField(_l("Text"), filters=[_shown])
    name = StringField(
        _l("Name of the campaign"),
        description=_l("Only your team sees it. Without one it is called as its text begins."),
        filters=[_shown],
    )
    default_name = StringField(
        _l("For people without a name"),
        description=_l("What stands there instead, such as Customer. Leave it empty to leave them out."),
        filters=[_shown],
    )
    leave_out_long = BooleanField(_l("Leave out people whose text gets too long with their values"))
    kind = RadioField(
        _l("Kind of message"),
        choices=[SelectChoice(Kind.NOTICE, _l("Notice")), SelectChoice(Kind.MARKETING, _l("Marketing"))],
        default=Kind.NOTICE,
    )
    when = RadioField(
        _l("When it starts"),
        choices=[SelectChoice("now", _l("Now")), SelectChoice("later", _l("Later"))],
        default="now",
    )
    send_at = StringField(_l("Day and time"), widget=DateTimeLocalInput(), filters=[_shown])
    not_after = StringField(_l("Not after"), widget=DateTimeLocalInput(), filters=[_shown])
    at_hours_end = RadioField(
        _l("When the sending hours end"),
        choices=[
            SelectChoice(AtHoursEnd.WAIT, _l("Go on the next day")),
            SelectChoice(AtHoursEnd.DROP, _l("Do not send the rest")),
        ],
        default=AtHoursEnd.WAIT,
    )
    test_mobile = TelField(_l("Send a test to"), filters=[_shown])
    test_key = HiddenField(validators=[Length(max=MOST_KEY)])
    # The fields for which the page asks what stands for a missing value.
    asked = StringField()

    @property
    def defaults(self) -> dict[str, str]:
        """What stands for a missing value, by field; the field is part of the control's name."""
        said = {texts.NAME: self.default_name.data or "", **self.further_defaults}
        return {key: value for key, value in said.items() if value.strip()}

    @defaults.setter
    def defaults(self, kept: Mapping[str, str]) -> None:
        self.default_name.data = kept.get(texts.NAME, "")
        self.further_defaults = {key: value for key, value in kept.items() if key != texts.NAME}

    further_defaults: Mapping[str, str] = MappingProxyType({})

    def take_defaults(self, said: Iterable[tuple[str, str]]) -> None:
        """Take what was sent for the fields beside the name."""
        self.further_defaults = {
            name.removeprefix(DEFAULT): _shown(value) or ""
            for name, value in said
            if name.startswith(DEFAULT)
        }


class SendTestForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """One number and a one-use key."""

    test_mobile = TelField(_l("Send a test to"), filters=[_shown])
    test_key = HiddenField(validators=[InputRequired(), Length(max=MOST_KEY)])


class ConfirmForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """The last step: a one-use key, what was seen, and its numbers, to say what is different now."""

    key = HiddenField(validators=[InputRequired(), Length(max=MOST_KEY)])
    seen = HiddenField(validators=[InputRequired(), Length(max=MOST_KEY)])
    was = HiddenField(validators=[Length(max=MOST_KEY)])
