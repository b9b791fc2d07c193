"""Where a draft's recipients come from, for its review: the paste, the groups, and who is taken out again."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.campaigns import kept, laying
from webapp.campaigns.models import Campaign
from webapp.campaigns.people import People


@dataclass(frozen=True)
class Sources:
    """How many come from where. `groups`: names with sizes; somebody in several counts in each."""

    pasted: int
    groups: list[tuple[str, int]]
    minus: list[str]


def sources_of(draft: Campaign) -> Sources:
    """Where the people of a draft come from, as its groups are now."""
    people = People(kept.written_of(draft))
    layout = laying.layout_of(draft)
    return Sources(
        pasted=len(people.pasted.entries) if layout is None else layout.pasted,
        groups=[(people.sizes[one].name, people.sizes[one].size) for one in people.written.groups],
        minus=[people.sizes[one].name for one in people.written.minus],
    )
