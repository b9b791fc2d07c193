"""What a person wrote of a campaign, complete or not, and how it is kept.

A draft may be saved at any moment, so almost nothing is a fault here; what nothing can be sent with is said
when the campaign is prepared. Only sizes are bounded, for the sake of everybody else on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp.campaigns import texts
from webapp.campaigns.states import AtHoursEnd, Kind
from webapp.characters import storable
from webapp.contacts.pastes import MOST_VALUE, clean_name
from webapp.errors import DomainError
from webapp.reading import LANGUAGES

# A paste of ten thousand numbers with names is a megabyte; a file has a door of its own.
MOST_PASTED = 20_000
MOST_PASTE_CHARACTERS = 1_000_000
MOST_BODY = 2000
MOST_SIGNATURE = 20
# Groups that a campaign is for; and those whose people are taken out of it again.
MOST_GROUPS = 50
# Of a name that a person gives a campaign, and of one that is taken from its text.
MOST_NAME = 80
MOST_NAME_TAKEN = 40

_UNNAMED = _l("New campaign")


@dataclass(frozen=True)
class Written:
    """What a person wrote; anything may be missing or wrong. Times are aware; `defaults` is by field.

    `groups` and `minus` are ids, in order; `gone` and `gone_minus` name groups that were deleted since. With
    `each_line` each line of the paste is a message of its own.
    """

    account_id: int
    numbers: str = ""
    body: str = ""
    signature: str = ""
    name: str = ""
    kind: str = Kind.NOTICE
    defaults: Mapping[str, str] = field(default_factory=dict)
    leave_out_long: bool = False
    send_at: datetime | None = None
    not_after: datetime | None = None
    at_hours_end: str = AtHoursEnd.WAIT
    groups: tuple[int, ...] = ()
    minus: tuple[int, ...] = ()
    gone: tuple[str, ...] = ()
    gone_minus: tuple[str, ...] = ()
    each_line: bool = False


def tidy(written: Written) -> Written:
    """The same as it is kept: line breaks and blanks of one kind, nothing that no phone shows.

    A name that says no more than the text does is none. Idempotent.
    """
    body = texts.clean(written.body)
    name = " ".join(texts.clean(written.name).split())
    # What stands for a missing name is kept while somebody tries another text.
    kept = {texts.NAME, *texts.fields_of(body)}
    values = {key: clean_name(value) for key, value in written.defaults.items() if key in kept}
    return replace(
        written,
        numbers=storable(written.numbers.replace("\r\n", "\n").replace("\r", "\n")),
        groups=tuple(dict.fromkeys(written.groups)),
        minus=tuple(dict.fromkeys(written.minus)),
        gone=tuple(dict.fromkeys(written.gone)),
        gone_minus=tuple(dict.fromkeys(written.gone_minus)),
        body=body,
        signature=texts.clean(written.signature).strip("【】 "),
        name="" if name in names_of_nobody(body) else name,
        defaults={key: value for key, value in values.items() if value},
    )


def check_sizes(written: Written) -> None:
    """Raise DomainError for what is too large to be kept, or a choice that does not exist."""
    for said, most, sentence, where in (
        (written.numbers, MOST_PASTE_CHARACTERS, _l("That is too long to paste. Nothing was saved or sent."),
         "numbers"),
        (written.body, MOST_BODY, _l("The text is far too long. Nothing was saved; shorten it."), "body"),
        (written.signature, MOST_SIGNATURE,
         _l("A signature can have at most 20 characters. Nothing was saved; shorten it."), "signature"),
        (written.name, MOST_NAME,
         _l("The name of a campaign can have at most 80 characters. Nothing was saved; shorten it."), "name"),
    ):  # fmt: skip
        if len(said) > most:
            raise DomainError(sentence, where)
    for chosen, where in (
        (written.groups + written.minus, "groups"),
        (written.gone + written.gone_minus, "gone"),
    ):
        if len(chosen) > MOST_GROUPS:
            raise DomainError(
                _("A campaign can name at most %(n)s groups. Nothing was saved.", n=MOST_GROUPS), where
            )
    for value in written.defaults.values():
        if len(value) > MOST_VALUE:
            raise DomainError(
                _("What stands for a missing value can have at most %(n)s characters. Nothing was saved.",
                  n=MOST_VALUE),
                "defaults",
            )  # fmt: skip
    if written.kind not in list(Kind):
        raise DomainError(_("Choose what kind of campaign this is. Nothing was saved."), "kind")
    if written.at_hours_end not in list(AtHoursEnd):
        raise DomainError(
            _("Choose what happens when the sending hours end. Nothing was saved."), "at_hours_end"
        )


def name_to_keep(written: Written) -> str:
    """What a campaign is called: as its writer says, else how its text begins, else that it is new."""
    return written.name or name_of(written.body) or str(_UNNAMED)


def name_of(body: str) -> str:
    """How a text begins, in one line; empty for an empty one."""
    line = " ".join(body.split())
    if len(line) <= MOST_NAME_TAKEN:
        return line
    kept = line[: MOST_NAME_TAKEN - 1]
    # A text with blanks is cut at a word; Chinese has none.
    return (kept.rsplit(" ", 1)[0] if " " in kept[MOST_NAME_TAKEN // 2 :] else kept).rstrip() + "…"


def names_of_nobody(body: str) -> set[str]:
    """The names that a campaign with this text has while nobody gave it one, in every language."""
    if body:
        return {name_of(body)}
    names = set()
    for locale in LANGUAGES.values():
        with force_locale(locale):
            names.add(str(_UNNAMED))
    return names
