"""Forms of accounts: the shape of what is typed; operations hold the rules."""

from __future__ import annotations

import functools
import zoneinfo
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    EmailField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TimeField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from webapp.accounts.operations import EMAIL, LONGEST_EMAIL, MOST_PERSON_NAME, MOST_TEAM_NAME
from webapp.accounts.permissions import Role
from webapp.accounts.roles import role_word
from webapp.errors import DomainError

OLD_NAMES = ("Etc/", "SystemV/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/", "posix/", "right/")


@functools.cache
def _time_zones() -> list[tuple[str, str]]:
    """IANA names that people know: Area/City and UTC."""
    names = zoneinfo.available_timezones()
    known = sorted(name for name in names if "/" in name and not name.startswith(OLD_NAMES))
    return [(name, name) for name in ("UTC", *known)]


def _name(validators: list[Any]) -> StringField:
    too_long = _l("Use at most 60 characters.")
    return StringField(
        _l("Name"),
        [*validators, Length(max=MOST_PERSON_NAME, message=too_long)],
        render_kw={"class": "input", "autocomplete": "name"},
    )


def _email(autocomplete: str = "username") -> EmailField:
    return EmailField(
        _l("Email"),
        [
            InputRequired(_l("Enter your email address.")),
            Length(max=LONGEST_EMAIL, message=_l("Use at most 254 characters.")),
            Regexp(EMAIL, message=_l("This does not look like an email address: name@example.com.")),
        ],
        filters=[lambda text: text.strip() if text else text],
        render_kw={"class": "input", "autocomplete": autocomplete, "autocapitalize": "none"},
    )


def _password(label: Any, autocomplete: str) -> PasswordField:
    return PasswordField(
        label,
        [InputRequired(_l("Enter the password."))],
        render_kw={"class": "input", "autocomplete": autocomplete},
    )


class SignUpForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Sign up: the team is made silently."""

    email = _email()
    password = _password(_l("Password"), "new-password")


class SignInForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Sign in."""

    email = _email()
    password = _password(_l("Password"), "current-password")


class PasswordForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Change the password."""

    present = _password(_l("Present password"), "current-password")
    password = _password(_l("New password"), "new-password")


class ConfirmForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """The password once more."""

    password = _password(_l("Password"), "current-password")


def _role() -> RadioField:
    return RadioField(
        _l("Role"),
        [InputRequired(_l("Choose a role."))],
        choices=lambda: [(role.value, role_word(role)) for role in Role],
    )


class InviteForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Invite somebody. Which roles one may give is for the operation to say."""

    email = _email("off")
    role = _role()


class RoleForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Give a member another role."""

    role = _role()


class JoinForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Sign up by an invitation, which says for which address."""

    name = _name([InputRequired(_l("Enter your name."))])
    password = _password(_l("Password"), "new-password")


class NameForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """What pages call the person."""

    name = _name([Optional()])


class ForgotForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Ask for a link to a new password."""

    email = _email()


class ResetForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Choose a new password."""

    password = _password(_l("New password"), "new-password")


class LanguageForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Choose the language; each one is called by its own name."""

    language = RadioField(_l("Language"), choices=[("en", "English"), ("zh", "简体中文")])


class ThemeForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Choose light or dark."""

    theme = RadioField(
        _l("Theme"),
        choices=[("system", _l("As the device")), ("light", _l("Light")), ("dark", _l("Dark"))],
    )


class NewTeamForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """Make another team."""

    name = StringField(
        _l("Team name"),
        [
            InputRequired(_l("Give the team a name.")),
            Length(max=MOST_TEAM_NAME, message=_l("Use at most 80 characters.")),
        ],
        render_kw={"class": "input", "autocomplete": "organization"},
    )


class TeamForm(NewTeamForm):
    """General settings of a team."""

    time_zone = SelectField(_l("Time zone"), choices=_time_zones, render_kw={"class": "input"})
    delay_seconds = IntegerField(
        _l("Seconds between confirming and the first message"),
        [
            InputRequired(_l("Enter a number of seconds from 0 to 3,600.")),
            NumberRange(0, 3600, _l("Enter a number of seconds from 0 to 3,600.")),
        ],
        description=_l("Nothing is handed to the gateway before this time is over."),
        render_kw={"class": "input", "inputmode": "numeric", "min": "0", "max": "3600"},
    )


class ClockField(TimeField):
    """A time of day. What a browser without a control for it sends is read as strictly."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Empty is None; raises ValueError in words."""
        if valuelist and not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_("Write a time of day like 08:30.")) from error


def _clock(label: Any, *validators: Any) -> ClockField:
    return ClockField(
        label, [*validators], format=["%H:%M", "%H:%M:%S"], render_kw={"class": "input", "step": "60"}
    )


class HoursForm(FlaskForm):  # type: ignore[misc] # flask_wtf ships no types
    """When campaigns of each kind may go out, by the clocks of the team's time zone."""

    marketing_from = _clock(_l("Marketing from"), InputRequired(_l("Enter a time of day.")))
    marketing_until = _clock(_l("Marketing until"), InputRequired(_l("Enter a time of day.")))
    notice_from = _clock(_l("Notices from"), Optional())
    notice_until = _clock(_l("Notices until"), Optional())


def show_error(form: FlaskForm, error: DomainError) -> None:
    """Put an operation's refusal beside its field, or above the form."""
    if error.field not in form:
        form.form_errors.append(error.message)
        return
    field = form[error.field]
    field.errors = [*field.errors, error.message]
