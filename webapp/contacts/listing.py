"""The list of contacts: newest first, in a group, or searched for, a page at a time, by key.

Each read walks an index from where the last page ended and stops when the page is full. Under row-level
security only comparisons in the order "C" lead to an index (see docs/decisions/0002-team-walls.md), so a
beginning is looked for as the range of everything that begins so. What begins with some digits and what ends
with them lie in two indexes: these are walked one after the other, as legs of one list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, exists, func, literal, select, tuple_

from webapp import tenancy
from webapp.contacts import groups, queries
from webapp.contacts.models import Contact, GroupedContact

PAGE = 50
WHOLE_NUMBER = 11
# What is done to all at once is done in one go; so many it may be.
MOST_AT_ONCE = 10_000
# Who was searched for is counted one by one, while somebody waits for the page.
MOST_COUNTED = 2_000
# The first digit of a mobile number, and what may follow it.
_FIRST, _SECOND = "1", "3456789"


class Kind(StrEnum):
    """What a search looks at. INSIDE reads name after name; the others have an index."""

    NUMBER = "number"
    END = "end"
    NAME = "name"
    INSIDE = "inside"


@dataclass(frozen=True)
class Search:
    """Digits of a number (NUMBER: its beginning or its end), or letters of a name, in lower case."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Selection:
    """Whom a list is about: all, those of a group, those of a search, or those of both."""

    group_id: int | None = None
    search: Search | None = None


Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Spot:
    """A place between two rows: in which leg, and the key of the row beside it."""

    leg: int
    key: Key


@dataclass(frozen=True)
class Row:
    """A contact of the list, and its spot."""

    contact: Contact
    spot: Spot


@dataclass(frozen=True)
class Page:
    """Rows in their order, and whether there are others before and after them."""

    rows: tuple[Row, ...]
    earlier: bool
    later: bool


@dataclass(frozen=True)
class Leg:
    """One stretch of a list: rows that meet a condition, in the order of some columns."""

    columns: tuple[Any, ...]
    condition: tuple[ColumnElement[bool], ...] = ()
    descending: bool = False


def page(chosen: Selection, *, after: Spot | None = None, before: Spot | None = None) -> Page:
    """At most PAGE rows: the first ones, those after a spot, or those right before one."""
    legs = _legs(chosen)
    found: list[Row] = []
    spot = before or after
    for number in _order(len(legs), spot, backwards=before is not None):
        beside = spot.key if spot is not None and spot.leg == number else None
        wanted = PAGE + 1 - len(found)
        found += _walk(chosen, legs[number], number, beside, wanted, backwards=before is not None)
        if len(found) > PAGE:
            break
    more, rows = len(found) > PAGE, found[:PAGE]
    if before is not None:
        return Page(tuple(reversed(rows)), earlier=more, later=True)
    return Page(tuple(rows), earlier=after is not None, later=more)


def fits(chosen: Selection, spot: Spot) -> bool:
    """Whether a spot can be one of this list: it may come from the address of another one."""
    legs = _legs(chosen)
    if not 0 <= spot.leg < len(legs) or len(spot.key) != len(legs[spot.leg].columns):
        return False
    kinds = (column.type.python_type for column in legs[spot.leg].columns)
    return all(type(value) is kind for value, kind in zip(spot.key, kinds, strict=True))


def count(chosen: Selection) -> int | None:
    """How many the selection has; None where that would have to be counted one by one for too long."""
    if chosen.search is None:
        return _size(chosen.group_id)
    if chosen.search.kind is Kind.INSIDE:
        return None
    found = 0
    for leg in _legs(chosen):
        rows = _ids(chosen, leg, MOST_COUNTED + 1 - found).subquery()
        found += tenancy.session().scalars(select(func.count()).select_from(rows)).one()
    return found if found <= MOST_COUNTED else None


def ids(chosen: Selection) -> list[int]:
    """The ids of those selected, at most one more than MOST_AT_ONCE."""
    found: list[int] = []
    for leg in _legs(chosen):
        found += tenancy.session().scalars(_ids(chosen, leg, MOST_AT_ONCE + 1 - len(found)))
    return found


def _ids(chosen: Selection, leg: Leg, most: int) -> Select[int]:
    """Ids in the order of the index: without one, a search that many match would read the table."""
    return _base(chosen, leg, Contact.id).order_by(*leg.columns).limit(most)


def _size(group_id: int | None) -> int:
    if group_id is None:
        return queries.count()
    group = groups.group(group_id)
    return group.size if group is not None else 0


def _legs(chosen: Selection) -> list[Leg]:
    search = chosen.search
    if search is None:
        newest = GroupedContact.contact_id if chosen.group_id is not None else Contact.id
        return [Leg((newest,), descending=True)]
    if search.kind is Kind.INSIDE:
        inside = Contact.name_folded.contains(search.text, autoescape=True)
        return [Leg((Contact.id,), (inside,), descending=True)]
    if search.kind is Kind.NAME:
        return [Leg((Contact.name_folded, Contact.id), _begins(Contact.name_folded, search.text))]
    return _number_legs(search)


def _number_legs(search: Search) -> list[Leg]:
    digits = search.text
    if len(digits) == WHOLE_NUMBER:
        return [Leg((Contact.mobile,), (Contact.mobile == digits,))]
    ends_so = _begins(Contact.mobile_backwards, digits[::-1])
    if search.kind is Kind.END or not _may_begin(digits):
        return [Leg((Contact.mobile_backwards,), ends_so)]
    begins_so = _begins(Contact.mobile, digits)
    but_not_again = ~(begins_so[0] & begins_so[1])
    return [
        Leg((Contact.mobile,), begins_so),
        Leg((Contact.mobile_backwards,), (*ends_so, but_not_again)),
    ]


def _may_begin(digits: str) -> bool:
    return digits[0] == _FIRST and digits[1] in _SECOND


def _begins(column: Any, text: str) -> tuple[ColumnElement[bool], ...]:
    """That a column in the order "C" begins with a text: everything from it to the next that does not."""
    last = text.rstrip("\U0010ffff")
    if not last:
        return (column >= text,)
    following = ord(last[-1]) + 1
    if 0xD800 <= following <= 0xDFFF:
        following = 0xE000  # what lies between is no character
    return (column >= text, column < last[:-1] + chr(following))


def _order(legs: int, spot: Spot | None, *, backwards: bool) -> Sequence[int]:
    if backwards:
        return range(spot.leg if spot is not None else legs - 1, -1, -1)
    return range(spot.leg if spot is not None else 0, legs)


def _walk(
    chosen: Selection, leg: Leg, number: int, beside: Key | None, most: int, *, backwards: bool
) -> list[Row]:
    statement = _base(chosen, leg, Contact, *leg.columns)
    falling = leg.descending != backwards
    if beside is not None:
        key, other = tuple_(*leg.columns), tuple_(*map(literal, beside))
        statement = statement.where(key < other if falling else key > other)
    orders: list[UnaryExpression[Any]] = [
        column.desc() if falling else column.asc() for column in leg.columns
    ]
    found = tenancy.session().execute(statement.order_by(*orders).limit(most))
    return [Row(contact, Spot(number, tuple(key))) for contact, *key in found]


def _base(chosen: Selection, leg: Leg, *columns: Any) -> Select[Any]:
    """Those selected, of one leg. A group alone is walked itself; beside a search it is looked into."""
    statement = select(*columns).where(Contact.team_id == tenancy.scope(), *leg.condition)
    if chosen.group_id is None:
        return statement
    in_group = (
        GroupedContact.team_id == tenancy.scope(),
        GroupedContact.group_id == chosen.group_id,
        GroupedContact.contact_id == Contact.id,
    )
    if chosen.search is None:
        return statement.join(GroupedContact, in_group[0] & in_group[1] & in_group[2])
    return statement.where(exists().where(*in_group))
