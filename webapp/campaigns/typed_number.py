"""A large campaign is confirmed with its number of people, typed: nobody presses that button by accident."""

from __future__ import annotations

from flask_babel import gettext as _

from webapp.characters import whole_number
from webapp.errors import DomainError
from webapp.reading import number

# More people than this.
MOST_UNTYPED = 5000


class MistypedError(DomainError):
    """Another number was typed, or none; nothing was sent."""


def is_asked(people: int) -> bool:
    """Whether the number is to be typed."""
    return people > MOST_UNTYPED


def check(people: int, said: str) -> None:
    """Raise MistypedError where the number is asked for and another one was typed."""
    if is_asked(people) and whole_number(said) != people:
        raise MistypedError(
            _("Type the number of people, %(count)s, to send. Nothing was sent.", count=number(people)),
            "people",
        )
