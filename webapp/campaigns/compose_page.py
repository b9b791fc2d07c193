"""What the compose page shows, whole or in the parts that are exchanged while somebody types."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from flask import Response, g
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp import clock
from webapp.accounts import queries as accounts
from webapp.campaigns import cautions, composing, drafts, hours, kept, template_queries, testing, texts
from webapp.campaigns.drafts import Look, Written
from webapp.campaigns.forms import ComposeForm
from webapp.campaigns.models import Campaign, Template
from webapp.campaigns.states import Kind
from webapp.campaigns.written import tidy
from webapp.contacts import groups
from webapp.errors import Words
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.pages import render
from webapp.reading import moment, time_zone

PARTS = "campaigns/compose_parts.html"
WHOLE = "campaigns/compose.html"


@dataclass(frozen=True)
class Conflict:
    """What stands in a draft that somebody else saved meanwhile. `who` None: the same person elsewhere."""

    who: str | None
    when: str
    draft_id: int
    version: int
    theirs: Written
    lines: int
    groups: str


def conflict_with(draft: Campaign) -> Conflict:
    """The draft as it stands now, for somebody who began from an earlier version."""
    theirs = drafts.written_of(draft)
    return Conflict(
        who=None if draft.saved_by == g.user.id else gateway.person(draft.saved_by) or _("Somebody"),
        when=_wall(draft.saved_at or draft.created_at),
        draft_id=draft.id,
        version=draft.version,
        theirs=theirs,
        lines=len(theirs.numbers.split("\n")) if theirs.numbers.strip() else 0,
        groups=", ".join(row.group_name for row in kept.groups_of(draft) if not row.minus),
    )


class ComposePage:
    """A form, the draft it is kept in if there is one, and what the two mean now."""

    def __init__(self, form: ComposeForm, draft: Campaign | None = None) -> None:
        self.form = form
        self.draft = draft
        self.k = 0
        self.conflict: Conflict | None = None
        self.problem: Words | None = None
        self.without_time = False

    def whole(self, status: int = 200) -> Response:
        """The page."""
        return render(WHOLE, status=status, page=self)

    def part(self, block: str, status: int = 200) -> Response:
        """The part of the page of that name."""
        return render(PARTS, block=block, status=status, page=self)

    @cached_property
    def templates(self) -> list[Template]:
        """The texts that can be begun with."""
        return template_queries.offered()

    @property
    def saved(self) -> Campaign:
        """The draft, where it is known that there is one."""
        if self.draft is None:
            raise ValueError("nothing was saved yet")
        return self.draft

    @cached_property
    def written(self) -> Written:
        """What the form says, as it would be kept."""
        return tidy(composing.read(self.form, self.draft).written)

    @cached_property
    def look(self) -> Look:
        """The live numbers."""
        return drafts.look(self.written, self.k)

    @cached_property
    def account(self) -> GatewayAccount | None:
        """The account that is chosen."""
        return next((one for one in gateway.accounts() if one.id == self.form.account.data), None)

    @property
    def typed(self) -> int:
        """Characters of the text as it is written, with its signature: what the script counts too."""
        return len(texts.sign(self.written.signature, self.written.body, added_by_gateway=False))

    @property
    def parts_words(self) -> str:
        """How many parts one message is, "2 to 3 parts" where that differs."""
        look = self.look
        if look.parts_least != look.parts:
            return _("%(least)s to %(most)s parts", least=look.parts_least, most=look.parts)
        return ngettext("%(num)s part", "%(num)s parts", look.parts)

    @property
    def longest_words(self) -> str:
        """How long the longest text is once values stand in it; empty where none do, or nobody knows yet."""
        if not self.look.fields or not self.look.recipients:
            return ""
        return _("Longest after filling in: %(n)s", n=format_decimal(self.look.longest))

    @cached_property
    def group_notes(self) -> dict[int, str]:
        """How many are in each group."""
        return {
            one.id: ngettext("%(count)s person", "%(count)s people", one.size, count=format_decimal(one.size))
            for one in groups.groups()
        }

    @property
    def asked(self) -> str:
        """The fields for which the page asks what stands for a missing value, as the form carries them."""
        return "".join(f"{{{one}}}" for one in self.further)

    @property
    def asks_other(self) -> bool:
        """Whether the page at hand asks for other fields than the text has by now."""
        return (self.form.asked.data or "") != self.asked

    @property
    def further(self) -> list[str]:
        """The fields of the text beside the name."""
        return [one for one in self.look.fields if one != texts.NAME]

    @property
    def missing_words(self) -> list[str]:
        """Of each field that somebody has no value for: how many, and what happens to them."""
        return [self._missing(one, number) for one, number in self.look.missing.items() if number]

    def _missing(self, field: str, number: int) -> str:
        said = {"count": format_decimal(number), "field": field}
        default = self.written.defaults.get(field)
        if default is not None:
            return ngettext(
                "%(count)s person has no {%(field)s} and gets “%(default)s”.",
                "%(count)s people have no {%(field)s} and get “%(default)s”.",
                number,
                default=default,
                **said,
            )
        if field == texts.NAME:
            return ngettext(
                "%(count)s person has no name and is left out.",
                "%(count)s people have no name and are left out.",
                number,
                **said,
            )
        return ngettext(
            "%(count)s person has no {%(field)s} and is left out.",
            "%(count)s people have no {%(field)s} and are left out.",
            number,
            **said,
        )

    @property
    def left_out_words(self) -> str:
        """Who is left out, in short."""
        return cautions.left_out_words(self.look.left_out)

    @property
    def reasons(self) -> Mapping[str, Words]:
        """Why somebody is left out, in words."""
        return drafts.REASON_WORDS

    @property
    def zone(self) -> str:
        """In which time zone times are meant."""
        return str(g.team.time_zone)

    @property
    def test_words(self) -> str:
        """What a test fills in; empty where the text has no place for anything."""
        sample, fields = self.look.sample, self.look.fields
        if not fields:
            return ""
        if sample is not None and sample.of:
            return _("A test reads as it does for the first person in the list.")
        if len(fields) > 1:
            return _("Nothing to fill in is known yet, so a test says what you gave for missing values.")
        default = self.written.defaults.get(fields[0])
        if default:
            return _("Nothing to fill in is known yet, so a test says “%(default)s”.", default=default)
        return _(
            "Nothing to fill in is known yet, so a test says {%(field)s} as it is written.", field=fields[0]
        )

    @property
    def saved_words(self) -> str:
        """When the draft was saved last."""
        return _("Draft saved %(time)s", time=_wall(self.saved.saved_at or self.saved.created_at))

    def wall(self, at: datetime) -> str:
        """A moment in the team's zone, in short."""
        return _wall(at)

    @cached_property
    def test(self) -> testing.SentTest | None:
        """The last test that was sent from here."""
        return testing.latest(self.draft, clock.now()) if self.draft is not None else None

    @property
    def new_key(self) -> str:
        """A key for one more test."""
        return secrets.token_urlsafe(16)

    @property
    def kind_notes(self) -> dict[str, str]:
        """A sentence about each kind."""
        team = accounts.team_at_hand()
        window = hours.hours_of(team, Kind.MARKETING)
        start, end = (window.start, window.end) if window else (team.marketing_from, team.marketing_until)
        return {
            Kind.NOTICE: _("Something people wait for: an appointment, a delivery, a change."),
            Kind.MARKETING: _(
                "Goes out from %(start)s to %(end)s, and its text must say how to refuse more, "
                "such as 拒收请回复R.",
                start=f"{start:%H:%M}",
                end=f"{end:%H:%M}",
            ),
        }


def _wall(at: datetime) -> str:
    """A moment of today as its time alone, else with the day."""
    zone = time_zone()
    today = at.astimezone(zone).date() == clock.now().astimezone(zone).date()
    return f"{at.astimezone(zone):%H:%M}" if today else moment(at)
