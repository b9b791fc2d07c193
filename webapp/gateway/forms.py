"""Forms of gateway accounts. A uid or pwd is never put back into a form."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from webapp.gateway.models import RepeatMode

_MOST = 200
# The form names the limits of operations and database in words.
_MOST_NAME = 60


def _name_length() -> Length:
    return Length(max=_MOST_NAME, message=_l("A name can have at most %(n)s characters.", n=_MOST_NAME))


def _between(least: int, most: int) -> list[InputRequired | NumberRange]:
    sentence = _l("Enter a whole number from %(least)s to %(most)s.", least=least, most=most)
    return [InputRequired(sentence), NumberRange(least, most, sentence)]


class UnshownField(StringField):
    """A text that is never put back into the page, not even after an error."""

    def _value(self) -> str:
        return ""


class CredentialForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """The two words by which the gateway knows an account."""

    uid = UnshownField(
        _l("Uid"),
        [
            DataRequired(_l("Enter the uid of your account at the gateway.")),
            Length(max=_MOST, message=_l("A uid is not that long.")),
        ],
        filters=[lambda text: text.strip() if text else text],
        description=_l("You find it on the gateway's site, where you click on the logo."),
    )
    pwd = PasswordField(
        _l("Password"),
        [
            InputRequired(_l("Enter the password of your account at the gateway.")),
            Length(max=_MOST, message=_l("A password for the gateway is not that long.")),
        ],
        description=_l("It is sealed as soon as it is saved, and never shown again."),
    )


class ConnectForm(CredentialForm):
    """A new account at one of the operator's gateways."""

    gateway = SelectField(_l("Gateway"))
    label = StringField(_l("Name of this account"), [_name_length()])


class BehaviourForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """What the owner knows about how the gateway treats this account."""

    label = StringField(
        _l("Name of this account"),
        [DataRequired(_l("Give the account a name.")), _name_length()],
    )
    adds_signature = BooleanField(_l("The gateway adds the signature by itself"))
    repeat_mode = SelectField(
        _l("After an answer that never came"),
        choices=[
            SelectChoice(
                RepeatMode.REPEAT, _l("The gateway de-duplicates: the same request may be repeated")
            ),
            SelectChoice(RepeatMode.ASK, _l("Ask a person")),
        ],
    )
    numbers_per_request = IntegerField(_l("Numbers in one request"), _between(1, 5000))
    in_flight = IntegerField(_l("Requests at the same time"), _between(1, 16))
    text_limit = IntegerField(_l("Longest text, in characters"), _between(1, 1000))
    first_part = IntegerField(_l("Characters in one part"), _between(1, 1000))
    next_part = IntegerField(_l("Characters in each part of a longer text"), _between(1, 1000))
    dedup_seconds = IntegerField(_l("Seconds for which the gateway swallows a repeat"), _between(0, 86_400))


class NothingForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """A button: nothing but the form's token."""


class SwitchForm(NothingForm):
    """Switch off, or on where `off` is not there."""

    off = BooleanField()
