"""Opt-outs by hand: added, taken back, removed with a reason. They flush; views commit.

An undo finds what was added by the moment at which it was added, so it takes back exactly that, however many
numbers it was, and nobody who had opted out before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.characters import CONTROL
from webapp.contacts import optouts
from webapp.contacts.models import OptOut
from webapp.contacts.numbers import INSIDE
from webapp.contacts.pastes import LeftOuts, read_paste
from webapp.errors import DomainError
from webapp.reading import mask

MOST_PASTED = 20_000
MOST_PASTE_CHARACTERS = 600_000
MOST_REASON = 200
UNDO_FOR = timedelta(hours=1)
_NUMBER = re.compile(r"1[ -]?[3-9](?:[ -]?[0-9]){9}")
_BY_HAND = ("hand", "paste")


@dataclass(frozen=True)
class Outcome:
    """What became of the numbers. `added` + `already` are the usable ones; `at`: since when those added."""

    added: int
    already: int
    left_out: LeftOuts
    at: datetime


def add(said: str, by: int, now: datetime) -> Outcome:
    """Note that whoever is typed or pasted gets nothing any more.

    Raises DomainError (field "numbers") for a paste without a usable number, or too large a one.
    """
    if len(said) > MOST_PASTE_CHARACTERS:
        raise _too_many()
    pasted = read_paste(said, named=False)
    mobiles = pasted.mobiles
    if not mobiles:
        raise DomainError(_("There is no mobile number of 11 digits in this. Nothing was added."), "numbers")
    if len(mobiles) > MOST_PASTED:
        raise _too_many()
    # A number alone was typed.
    how = "hand" if len(mobiles) == 1 and not pasted.left_out.counts else "paste"
    added = optouts.opt_out(mobiles, how, by, now)
    outcome = Outcome(added, len(mobiles) - added, pasted.left_out, now)
    audit(
        "optouts.added",
        people=outcome.added,
        already=outcome.already,
        left_out=sum(pasted.left_out.counts.values()),
        number=mask(mobiles[0]) if len(mobiles) == 1 else None,
    )
    return outcome


def count_added(at: datetime, by: int, now: datetime) -> int:
    """How many opt-outs an undo would take back: those of one moment, this person's own, for an hour."""
    return len(_added(at, by, now))


def undo(at: datetime, by: int, now: datetime) -> int:
    """Take back what was added at a moment; returns how many that were."""
    number = optouts.opt_in(_added(at, by, now))
    if number:
        audit("optouts.undone", people=number)
    return number


def remove(mobile: str, reason: str) -> None:
    """Let a number get messages again; whoever asks for it says why.

    Raises DomainError (field "reason") without a reason, and where the number is no opt-out any more.
    """
    reason = " ".join(CONTROL.sub(" ", reason).split())
    if not reason:
        raise DomainError(_("Say why this number may get messages again. It stays opted out until then."),
                          "reason")  # fmt: skip
    if len(reason) > MOST_REASON:
        raise DomainError(
            _("The reason can have at most %(n)s characters. Nothing was changed.", n=MOST_REASON), "reason"
        )
    if not optouts.opt_in([mobile]):
        raise DomainError(_("This number is no opt-out any more; somebody may have removed it meanwhile."))
    audit("optout.removed", number=mask(mobile), reason=_without_numbers(reason))


def _without_numbers(reason: str) -> str:
    """A log shows no full number: not even one that somebody writes into a reason."""
    return _NUMBER.sub(lambda found: mask(INSIDE.sub("", found[0])), reason)


def _too_many() -> DomainError:
    return DomainError(
        _(
            "At most %(n)s numbers can be pasted at once. Import more of them as a file. Nothing was added.",
            n=f"{MOST_PASTED:,}",
        ),
        "numbers",
    )


def _added(at: datetime, by: int, now: datetime) -> list[str]:
    if now - at > UNDO_FOR:
        return []
    return list(
        tenancy.session().scalars(
            select(OptOut.mobile).where(
                OptOut.team_id == tenancy.scope(),
                OptOut.opted_out_at == at,
                OptOut.by_user == by,
                OptOut.how.in_(_BY_HAND),
            )
        )
    )
