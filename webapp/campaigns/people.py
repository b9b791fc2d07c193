"""Whom a campaign is meant for: the numbers of a paste, then group after group, in slices.

Somebody may come from several places. The paste is first, because what stands beside a number there is meant
for this campaign; what it does not say, the address book may know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from webapp import tenancy
from webapp.campaigns import people_statements, texts
from webapp.campaigns.audience import Candidate, fields_in
from webapp.campaigns.reasons import Absent
from webapp.campaigns.written import Written
from webapp.contacts import columns
from webapp.contacts import fields as contact_fields
from webapp.contacts.numbers import Reason
from webapp.contacts.pastes import Pasted

# Contacts that are read at once.
SLICE = 5000


@dataclass(frozen=True)
class GroupSize:
    """A group as it is now."""

    id: int
    name: str
    size: int
    version: int


class People:
    """The people of a tidied draft, in the order in which they are laid out."""

    def __init__(self, written: Written) -> None:
        self.written = written

    @cached_property
    def pasted(self) -> Pasted:
        """What the paste says."""
        written = self.written
        return columns.read(written.numbers, texts.fields_of(written.body), each_line=written.each_line)

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The fields that a text to these people may have."""
        return tuple(dict.fromkeys((texts.NAME, *self.pasted.columns, *contact_fields.names())))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Those of them that the text has."""
        return fields_in(self.written.body, self.known)

    @cached_property
    def mobiles(self) -> frozenset[str]:
        """The numbers of the paste."""
        return frozenset(entry.mobile for entry in self.pasted.entries)

    @cached_property
    def sizes(self) -> dict[int, GroupSize]:
        """The groups that are chosen, with how many are in them, by id."""
        wanted = [*self.written.groups, *self.written.minus]
        if not wanted:
            return {}
        rows = tenancy.session().execute(people_statements.SIZES, {"team": tenancy.scope(), "groups": wanted})
        return {row.id: GroupSize(row.id, row.name, row.size, row.version) for row in rows}

    @property
    def grouped(self) -> int:
        """How many are in the groups together; who is in several counts in each."""
        return sum(self.sizes[one].size for one in self.written.groups if one in self.sizes)

    def of_paste(self) -> list[Candidate]:
        """Everybody whose number was pasted."""
        known, away = self._known(), set[str]()
        if self.written.minus:
            away = {mobile for mobile, (_own, in_minus) in known.items() if in_minus}
        people = []
        for entry in self.pasted.entries:
            own = dict(known[entry.mobile][0]) if entry.mobile in known else {}
            own |= entry.fields
            if entry.name is not None:
                own[texts.NAME] = entry.name
            reason = Absent.IN_MINUS if entry.mobile in away else None
            people.append(Candidate(entry.mobile, own, entry.line, reason))
        return people

    def of_group(
        self, place: int, after: int, chunk: int | None = None
    ) -> tuple[list[Candidate], int | None]:
        """The next people of the group at this place (from 0), behind contact `after`; SLICE, or `chunk`.

        Returns them and the last contact's id, None where the group is through.
        """
        groups, chunk = self.written.groups, chunk or SLICE
        rows = tenancy.session().execute(
            people_statements.SLICE,
            {
                **self._key(),
                "group": groups[place],
                "earlier": list(groups[:place]),
                "after": after,
                "chunk": chunk,
            },
        ).all()  # fmt: skip
        people = [
            Candidate(row.mobile, self._values(row.own), 0, self._reason(row.mobile, row.twice, row.in_minus))
            for row in rows
        ]
        return people, rows[-1].contact_id if len(rows) == chunk else None

    def all(self) -> Iterator[Sequence[Candidate]]:
        """Everybody, a slice after the other."""
        yield self.of_paste()
        for place in range(len(self.written.groups)):
            after: int | None = 0
            while after is not None:
                people, after = self.of_group(place, after)
                yield people

    def _known(self) -> dict[str, tuple[dict[str, str], bool]]:
        """What the address book knows of the pasted numbers: values, and whether they are taken out again."""
        if not self.fields and not self.written.minus:
            return {}
        rows = tenancy.session().execute(
            people_statements.KNOWN, {**self._key(), "mobiles": list(self.mobiles)}
        )
        return {row.mobile: (self._values(row.own), row.in_minus) for row in rows}

    def _values(self, own: list[str] | None) -> dict[str, str]:
        return {key: value for key, value in zip(self.fields, own or (), strict=True) if value}

    def _reason(self, mobile: str, twice: bool, in_minus: bool) -> str | None:
        if twice or mobile in self.mobiles:
            return Reason.TWICE
        return Absent.IN_MINUS if in_minus else None

    def _key(self) -> dict[str, object]:
        return {"team": tenancy.scope(), "fields": list(self.fields), "minus": list(self.written.minus)}
