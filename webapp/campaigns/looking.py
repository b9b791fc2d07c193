"""What a draft would mean while somebody is still typing it. Nothing is saved and nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from webapp.campaigns import counting, laying
from webapp.campaigns.audience import Candidate, Figures, Laid, Laying, Text, Weigher
from webapp.campaigns.people import People
from webapp.campaigns.previews import account_of
from webapp.campaigns.problems import problems
from webapp.campaigns.written import Written, check_sizes, tidy
from webapp.contacts.pastes import LeftOut
from webapp.errors import DomainError, Words
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount

# Of many people so many are shown as examples.
EXAMPLES = 20


@dataclass(frozen=True)
class Sample:
    """Recipient `k` of `of` (from 0), the name that is filled in, and the text as a phone shows it."""

    k: int
    of: int
    mobile: str | None
    name: str | None
    text: str


@dataclass(frozen=True)
class Look:
    """Live numbers of a draft. Characters are counted with the signature; balance None: not known.

    `listed`: the first pieces that are left out. `problems` are sentences with the form field each is about,
    the first to mend first. `known`: the fields that a text can have; `fields`: those that it has. `at_most`:
    how many people it is for at most, where they are too many to be counted at once; the other numbers are
    none then. `examples`: the sample is one of a few people, not of all.
    """

    recipients: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    listed: list[LeftOut] = field(default_factory=list)
    shortest: int = 0
    longest: int = 0
    limit: int = 268
    over_limit: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    parts_least: int = 0
    parts: int = 0
    cost: int = 0
    requests: int = 0
    texts: int = 0
    known: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    balance: int | None = None
    at_most: int | None = None
    examples: bool = False
    sample: Sample | None = None
    problems: list[tuple[str | None, Words]] = field(default_factory=list)

    @property
    def balance_after(self) -> int | None:
        """The balance when all is sent, in messages; None where the balance is not known."""
        return None if self.balance is None else self.balance - self.cost

    @property
    def affordable(self) -> bool:
        """Whether the balance is enough as far as it is known."""
        return self.balance is None or self.balance >= self.cost


def look(written: Written, k: int = 0) -> Look:
    """What sending this would mean now, with the text that recipient `k` (from 0) gets as its sample.

    Takes anything: what cannot be sent, or even kept, is told in `problems`.
    """
    written = tidy(written)
    try:
        check_sizes(written)
        account = account_of(written.account_id)
    except DomainError as error:
        return Look(problems=[(error.field, error.message)])
    people = People(written)
    large = laying.is_large(people)
    uncounted = large and people.grouped > counting.MOST_COUNTED
    laid = _paste(account, people)
    examples = laid
    if large:
        examples = _examples(account, people, laid)
        if not uncounted:
            counting.count_groups(account, people, laid)
    else:
        _add_groups(account, people, laid)
    weigher = Weigher(account, written, people.fields)
    # Before anybody is to get it, the text is weighed as it is written.
    first = examples.recipients[0].text if examples.recipients else weigher.text(written.defaults)
    figures = laid.figures
    if uncounted or not figures.recipients:
        figures = Figures(entries=figures.entries, missing=figures.missing, over_limit=figures.over_limit)
        length = len(first.shown)
        figures.shortest = figures.longest = length
        figures.parts_least = figures.parts = first.parts
    reading = gateway.last_good_reading(account.id)
    return Look(
        recipients=figures.recipients,
        left_out={} if uncounted else dict(laid.left_out.counts),
        listed=laid.left_out.listed,
        shortest=figures.shortest,
        longest=figures.longest,
        limit=account.text_limit,
        over_limit=figures.over_limit,
        missing={} if uncounted else figures.missing,
        parts_least=figures.parts_least,
        parts=figures.parts,
        cost=figures.cost,
        requests=0 if large else _requests(laid, account),
        texts=0 if large else len(laid.texts()),
        known=people.known,
        fields=people.fields,
        balance=reading.messages if reading is not None else None,
        at_most=len(people.pasted.entries) + people.grouped if uncounted else None,
        examples=large,
        sample=_sample(examples, first, k),
        problems=[
            (found.field, found.message)
            for found in problems(account, people, None if uncounted else figures)
        ],
    )


def _paste(account: GatewayAccount, people: People) -> Laid:
    laid = Laid(people.fields, left_out=people.pasted.left_out)
    Laying(account, people.written, people.fields, laid).add(people.of_paste())
    return laid


def _add_groups(account: GatewayAccount, people: People, laid: Laid) -> None:
    laying_out = Laying(account, people.written, people.fields, laid)
    for some in islice(people.all(), 1, None):
        laying_out.add(some)


def _examples(account: GatewayAccount, people: People, pasted: Laid) -> Laid:
    """A few of many people, laid out."""
    examples = Laid(people.fields, recipients=pasted.recipients[:EXAMPLES])
    some: list[Candidate] = []
    for place in range(len(people.written.groups)):
        if len(some) < EXAMPLES:
            some += people.of_group(place, 0, EXAMPLES)[0]
    Laying(account, people.written, people.fields, examples).add(some)
    del examples.recipients[EXAMPLES:]
    return examples


def _requests(laid: Laid, account: GatewayAccount) -> int:
    """A request has one text and at most so many numbers."""
    people: dict[bytes, int] = {}
    for one in laid.recipients:
        people[one.text.hash] = people.get(one.text.hash, 0) + 1
    return sum(-(-count // account.numbers_per_request) for count in people.values())


def _sample(laid: Laid, written: Text, k: int) -> Sample:
    if not laid.recipients:
        return Sample(0, 0, None, None, written.shown)
    k = min(max(k, 0), len(laid.recipients) - 1)
    one = laid.recipients[k]
    return Sample(k, len(laid.recipients), one.mobile, one.name, one.text.shown)
