"""Templates: texts that are kept to be used again. They flush; views commit.

An archived template is not offered any more and can be brought back; nothing is deleted, because campaigns
may have been begun from it and somebody may look for its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import func, select, true

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import texts
from webapp.campaigns.models import Template
from webapp.campaigns.states import Kind
from webapp.campaigns.written import MOST_BODY, MOST_NAME
from webapp.contacts import fields
from webapp.errors import DomainError

MOST_TEMPLATES = 500
KINDS = (Kind.NOTICE, Kind.MARKETING)


@dataclass(frozen=True)
class Content:
    """What a person wrote of a template."""

    name: str
    body: str
    kind: str


def keep(content: Content, by: int, now: datetime) -> Template:
    """Keep a new template. Raises DomainError (fields "name", "body", "kind") for what cannot be kept."""
    tidied = _checked(content)
    _check_name(tidied.name, None)
    count = select(func.count()).select_from(Template).where(Template.team_id == tenancy.scope())
    if int(tenancy.session().scalars(count).one()) >= MOST_TEMPLATES:
        raise DomainError(
            _("A team can have %(n)s templates. Change one of them instead. Nothing was saved.",
              n=MOST_TEMPLATES)
        )  # fmt: skip
    template = Template(
        team_id=tenancy.scope(),
        name=tidied.name,
        body=tidied.body,
        kind=tidied.kind,
        created_at=now,
        created_by=by,
        changed_at=now,
    )
    tenancy.session().add(template)
    tenancy.session().flush()
    audit("template.made", "template", template.id, name=template.name)
    return template


def change(template: Template, content: Content, now: datetime) -> None:
    """Write a template anew. Raises DomainError as `keep` does."""
    tidied = _checked(content)
    if Content(template.name, template.body, template.kind) == tidied:
        return
    if template.archived_at is None:
        _check_name(tidied.name, template.id)
    template.name, template.body, template.kind = tidied.name, tidied.body, tidied.kind
    template.changed_at = now
    tenancy.session().flush()
    audit("template.changed", "template", template.id, name=template.name)


def archive(template: Template, now: datetime) -> None:
    """Offer a template no more."""
    if template.archived_at is None:
        template.archived_at = now
        audit("template.archived", "template", template.id, name=template.name)
        tenancy.session().flush()


def bring_back(template: Template) -> None:
    """Offer an archived template again. Raises DomainError where another one has its name by now."""
    if template.archived_at is not None:
        _check_name(template.name, template.id)
        template.archived_at = None
        tenancy.session().flush()
        audit("template.brought_back", "template", template.id, name=template.name)


def note_used(template_id: int, now: datetime) -> None:
    """A campaign that was begun from this template is kept; nothing happens where there is no such one."""
    template = tenancy.session().get(Template, (tenancy.scope(), template_id))
    if template is not None:
        template.used_at = now


def known_fields() -> tuple[str, ...]:
    """What may stand in braces: what the team's contacts have."""
    return (texts.NAME, *fields.names())


def strangers(body: str) -> list[str]:
    """The fields of a text that no contact has and that resemble none: a paste or a file may bring them."""
    known = known_fields()
    return [one for one in texts.fields_of(body) if one not in known and texts.nearest(one, known) is None]


def _checked(content: Content) -> Content:
    tidied = Content(" ".join(texts.clean(content.name).split()), texts.clean(content.body), content.kind)
    if not tidied.name:
        raise DomainError(_("Give the template a name."), "name")
    if len(tidied.name) > MOST_NAME:
        raise DomainError(
            _("The name of a template can have at most %(n)s characters. Nothing was saved.", n=MOST_NAME),
            "name",
        )
    if not tidied.body:
        raise DomainError(_("Write the text of the template."), "body")
    if len(tidied.body) > MOST_BODY:
        raise DomainError(_("The text is far too long. Nothing was saved; shorten it."), "body")
    if tidied.kind not in KINDS:
        raise DomainError(_("Choose what kind of message this is. Nothing was saved."), "kind")
    # A slip of the pen is told; what resembles no field at all may be the column of a paste.
    texts.check_fields(tidied.body, (*known_fields(), *strangers(tidied.body)))
    return tidied


def _check_name(name: str, own_id: int | None) -> None:
    """Raise DomainError where another template in use is called so."""
    session = tenancy.session()
    # Two that take one name at the same moment: the second waits here and then finds the first.
    lock = func.hashtextextended("tidings.templates", tenancy.scope())
    session.execute(select(func.pg_advisory_xact_lock(lock)))
    taken = session.scalar(
        select(Template.id).where(
            Template.team_id == tenancy.scope(),
            func.lower(Template.name) == func.lower(name),
            Template.archived_at.is_(None),
            Template.id != own_id if own_id is not None else true(),
        )
    )
    if taken is not None:
        raise DomainError(
            _("There is a template called “%(name)s” already. Nothing was saved.", name=name), "name"
        )
