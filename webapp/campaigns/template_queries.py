"""What pages read of templates."""

from __future__ import annotations

from flask import abort
from sqlalchemy import select

from webapp import tenancy
from webapp.campaigns.models import Template
from webapp.campaigns.template_operations import MOST_TEMPLATES

# Offered beside the text of a new campaign.
MOST_OFFERED = 8


def templates(*, archived: bool = False) -> list[Template]:
    """The team's templates by name, those in use or the archived ones."""
    at = Template.archived_at
    return list(
        tenancy.session().scalars(
            select(Template)
            .where(Template.team_id == tenancy.scope(), at.is_not(None) if archived else at.is_(None))
            .order_by(Template.name, Template.id)
            .limit(MOST_TEMPLATES)
        )
    )


def template(template_id: int) -> Template | None:
    """The team's template of this id."""
    return tenancy.session().get(Template, (tenancy.scope(), template_id))


def template_or_404(template_id: int) -> Template:
    """The team's template of this id; an id of another team and one that never was answer alike."""
    found = template(template_id) if 0 < template_id < 2**63 else None
    if found is None:
        abort(404)
    return found


def offered() -> list[Template]:
    """The templates used last, then those never used, for somebody who begins a campaign."""
    return list(
        tenancy.session().scalars(
            select(Template)
            .where(Template.team_id == tenancy.scope(), Template.archived_at.is_(None))
            .order_by(Template.used_at.desc().nulls_last(), Template.name)
            .limit(MOST_OFFERED)
        )
    )
