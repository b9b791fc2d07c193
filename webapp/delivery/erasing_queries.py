"""What the page of erasures reads."""

from __future__ import annotations

from sqlalchemy import select

from webapp import tenancy
from webapp.contacts.models import Erasure

PAGE = 50


def page(before: int | None = None) -> list[Erasure]:
    """The newest erasures, one more than a page holds; `before` is the id of the last one seen."""
    statement = select(Erasure).where(Erasure.team_id == tenancy.scope()).order_by(Erasure.id.desc())
    if before is not None:
        statement = statement.where(Erasure.id < before)
    return list(tenancy.session().scalars(statement.limit(PAGE + 1)))
