"""What a draft would mean while somebody is still typing it. Nothing is saved and nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from webapp.campaigns import audience, texts
from webapp.campaigns.audience import Laid, Text, Weigher
from webapp.campaigns.previews import account_of
from webapp.campaigns.problems import problems
from webapp.campaigns.written import Written, check_sizes, tidy
from webapp.contacts.pastes import LeftOut
from webapp.errors import DomainError, Words
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount


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
    the first to mend first.
    """

    recipients: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    listed: list[LeftOut] = field(default_factory=list)
    shortest: int = 0
    longest: int = 0
    limit: int = 268
    over_limit: int = 0
    parts_least: int = 0
    parts: int = 0
    cost: int = 0
    requests: int = 0
    texts: int = 0
    fields: tuple[str, ...] = ()
    balance: int | None = None
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
    laid = audience.lay_out(account, written)
    weigher = Weigher(account, written)
    made = laid.texts()
    # Before anybody is to get it, the text is weighed as it is written.
    weighed = list(made.values()) or [weigher.text(written.defaults.get("name"))]
    reading = gateway.last_good_reading(account.id)
    return Look(
        recipients=len(laid.recipients),
        left_out=dict(laid.left_out.counts),
        listed=laid.left_out.listed,
        shortest=min(len(text.shown) for text in weighed),
        longest=max(len(text.shown) for text in weighed),
        limit=account.text_limit,
        over_limit=laid.over_limit,
        parts_least=min(text.parts for text in weighed),
        parts=max(text.parts for text in weighed),
        cost=sum(one.text.parts for one in laid.recipients),
        requests=_requests(laid, account),
        texts=len(made),
        fields=texts.fields_of(written.body),
        balance=reading.messages if reading is not None else None,
        sample=_sample(laid, weighed[0], k),
        problems=[(found.field, found.message) for found in problems(account, written, laid)],
    )


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
