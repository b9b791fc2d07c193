"""What the page of opt-outs reads: the newest first, or those whose number begins or ends so, by key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, tuple_, union

from webapp import tenancy
from webapp.contacts.listing import WHOLE_NUMBER, Kind, Search
from webapp.contacts.models import OptOut

PAGE = 50

Spot = tuple[datetime, str]
"""Where a page ended: since when its last number has been out, and that number."""


@dataclass(frozen=True)
class Page:
    """Rows in their order, and whether there are others after them."""

    rows: tuple[OptOut, ...]
    later: bool


def page(search: Search | None = None, after: Spot | None = None) -> Page:
    """At most PAGE rows: the first ones or those after a spot, the newest first; found ones by number."""
    statement = _own()
    if search is None:
        key = tuple_(OptOut.opted_out_at, OptOut.mobile)
        statement = statement.order_by(OptOut.opted_out_at.desc(), OptOut.mobile.desc())
        if after is not None:
            statement = statement.where(key < tuple_(*after))
    else:
        statement = statement.where(OptOut.mobile.in_(_found(search, after[1] if after else "")))
        statement = statement.order_by(OptOut.mobile)
    rows = tenancy.session().scalars(statement.limit(PAGE + 1)).all()
    return Page(tuple(rows[:PAGE]), later=len(rows) > PAGE)


def any_at_all() -> bool:
    """Whether anybody has opted out."""
    return tenancy.session().scalar(select(OptOut.mobile).where(_of_team()).limit(1)) is not None


def one(mobile: str) -> OptOut | None:
    """The opt-out of this number."""
    return tenancy.session().get(OptOut, (tenancy.scope(), mobile))


def _of_team() -> Any:
    return OptOut.team_id == tenancy.scope()


def _own() -> Select[Any]:
    return select(OptOut).where(_of_team())


def _found(search: Search, after: str) -> Any:
    """The numbers that begin or end so, above `after`: each end of a number has an index of its own."""
    digits = search.text
    numbers = select(OptOut.mobile).where(_of_team(), OptOut.mobile > after).order_by(OptOut.mobile)
    backwards = digits[::-1]
    ends_so = numbers.where(
        OptOut.mobile_backwards >= backwards,
        OptOut.mobile_backwards < backwards[:-1] + chr(ord(backwards[-1]) + 1),
    )
    if search.kind is Kind.END:
        return ends_so.limit(PAGE + 1)
    missing = WHOLE_NUMBER - len(digits)
    begins_so = numbers.where(OptOut.mobile.between(digits + "0" * missing, digits + "9" * missing))
    return union(begins_so.limit(PAGE + 1), ends_so.limit(PAGE + 1))
