"""What the editor of a template shows: counter and preview of the compose page, without recipients."""

from __future__ import annotations

from functools import cached_property

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs

from webapp import tenancy
from webapp.campaigns import composing, template_operations, texts
from webapp.campaigns.audience import lengths_of
from webapp.campaigns.models import Template
from webapp.campaigns.states import Kind
from webapp.contacts.models import Contact
from webapp.errors import DomainError, Words
from webapp.gateway import queries as gateway

# Texts to begin with. {code} and the like come with a paste or a file: each text of its own.
EXAMPLES = {
    "verification": (
        _l("Verification"),
        _l("Your code is {code}. It is valid for 5 minutes. Do not pass it on."),
        Kind.NOTICE,
    ),
    "delivery": (
        _l("Delivery notice"),
        _l("Dear {name}, your parcel is on its way and arrives {day}. Please keep your phone at hand."),
        Kind.NOTICE,
    ),
    "appointment": (
        _l("Appointment"),
        _l("Dear {name}, we expect you on {day} at {time}. Call us if you cannot come."),
        Kind.NOTICE,
    ),
    "promotion": (
        _l("Promotion"),
        _l("Dear {name}, this weekend you get three for the price of two. Reply R to refuse."),
        Kind.MARKETING,
    ),
}


def _shown(text: str | None) -> str:
    """A text without what no phone shows, so that it does not come back into the page either."""
    return texts.clean(text or "")


class TemplateForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """A template. What can be kept of it is said by the operations."""

    name = StringField(
        _l("Name of the template"), description=_l("Only your team sees it."), filters=[_shown]
    )
    body = TextAreaField(_l("Text"), filters=[_shown])
    kind = RadioField(
        _l("Kind of message"),
        choices=[SelectChoice(Kind.NOTICE, _l("Notice")), SelectChoice(Kind.MARKETING, _l("Marketing"))],
        default=Kind.NOTICE,
    )


class TemplatePage:
    """A form, the template that it changes if there is one, and how its text reads."""

    def __init__(self, form: TemplateForm, template: Template | None = None) -> None:
        self.form = form
        self.template = template

    @property
    def content(self) -> template_operations.Content:
        """What the form says."""
        return template_operations.Content(
            self.form.name.data or "", self.form.body.data or "", self.form.kind.data or ""
        )

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that can be put in."""
        return template_operations.known_fields()

    @cached_property
    def signature(self) -> str:
        """The signature that campaigns had last."""
        return composing.usual_signature()

    @property
    def limit(self) -> int:
        """How many characters a message may have."""
        return self._lengths.text

    @property
    def used(self) -> int:
        """Characters of the text with its signature, as it is written."""
        return len(self._signed(self.content.body))

    @property
    def parts_words(self) -> str:
        """How many parts the text is as it is written."""
        parts = self._lengths.parts(self._signed(self.content.body)) if self.content.body else 0
        return ngettext("%(num)s part", "%(num)s parts", parts)

    @cached_property
    def sample(self) -> str:
        """The text as the newest contact would get it; a field without a value stays as it is written."""
        return self._signed(texts.fill(self.content.body, self._values)) if self.content.body else ""

    @property
    def sample_words(self) -> str:
        """Whose values stand in the preview."""
        if not texts.fields_of(self.content.body) or self._contact is None:
            return ""
        return _("Filled in as for the newest contact. Fields without a value stay as they are written.")

    @property
    def problem(self) -> Words | None:
        """What stands in the way of sending it as it is."""
        body = self.content.body
        try:
            texts.check_fields(body, (*self.fields, *self.strangers))
            if self.content.kind == Kind.MARKETING and body:
                texts.check_refusal(body)
        except DomainError as error:
            return error.message
        return None

    @cached_property
    def strangers(self) -> list[str]:
        """The fields of the text that no contact has."""
        return template_operations.strangers(self.content.body)

    @property
    def strangers_words(self) -> str:
        """Where the values of these come from."""
        if not self.strangers:
            return ""
        return _(
            "Your contacts have no field %(fields)s. Bring its values with a paste or a file whose heading "
            "has that name.",
            fields=", ".join(f"{{{one}}}" for one in self.strangers),
        )

    @cached_property
    def _contact(self) -> Contact | None:
        return tenancy.session().scalar(
            select(Contact).where(Contact.team_id == tenancy.scope()).order_by(Contact.id.desc()).limit(1)
        )

    @property
    def _values(self) -> dict[str, str]:
        if self._contact is None:
            return {}
        named = {texts.NAME: self._contact.name} if self._contact.name else {}
        return {**self._contact.fields, **named}

    @cached_property
    def _lengths(self) -> texts.Lengths:
        usable = [one for one in gateway.accounts() if one.disabled_at is None]
        return lengths_of(usable[0]) if usable else texts.Lengths()

    def _signed(self, body: str) -> str:
        return texts.sign(self.signature, body, added_by_gateway=False)
