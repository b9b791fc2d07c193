"""What sending a prepared draft would mean: shown at the review, and found again at the confirm."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp import tenancy
from webapp.campaigns import draft_statements, laying, texts
from webapp.campaigns.models import Campaign
from webapp.errors import DomainError
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount


@dataclass(frozen=True)
class Preview:
    """What a review shows and what the confirm must still find unchanged.

    Parts are of one message, the cost is all of them; `shortest` and `longest` are texts as phones show them.
    `balance` is in messages, None where it is not known.
    """

    recipients: int
    parts_least: int
    parts: int
    cost: int
    requests: int
    texts: int
    shortest: str
    longest: str
    balance: int | None
    content: str
    digest: str

    @property
    def balance_after(self) -> int | None:
        """The balance when all is sent, in messages; None where the balance is not known."""
        return None if self.balance is None else self.balance - self.cost

    @property
    def affordable(self) -> bool:
        """Whether the balance is enough as far as it is known."""
        return self.balance is None or self.balance >= self.cost


def preview(campaign: Campaign) -> Preview:
    """What sending this draft would mean now. Raises ValueError for one that is not prepared."""
    if campaign.prepared_version != campaign.version:
        raise ValueError("a draft that is not prepared has no preview")
    layout = laying.layout_of(campaign)
    if layout is not None:
        return _of_layout(campaign, layout)
    account = account_of(campaign.account_id)
    session = tenancy.session()
    key = {"team": campaign.team_id, "campaign": campaign.id}
    laid = session.execute(draft_statements.AUDIENCE, key).one()
    weight = session.execute(draft_statements.TEXTS, {**key, "limit": account.numbers_per_request}).one()
    ends = list(session.scalars(draft_statements.SHORTEST_AND_LONGEST, key))
    return Preview(
        recipients=laid.recipients,
        parts_least=weight.parts_least,
        parts=weight.parts,
        cost=int(laid.cost),
        requests=int(weight.requests),
        texts=weight.texts,
        shortest=_shown(campaign, account, ends[0]),
        longest=_shown(campaign, account, ends[-1]),
        balance=_balance(account),
        content=campaign.content,
        digest=_digest(campaign, laid.digest),
    )


def _of_layout(campaign: Campaign, layout: laying.Layout) -> Preview:
    """What a large audience came to when it was laid out; adding it up once more would take seconds."""
    account, figures = account_of(campaign.account_id), layout.figures
    return Preview(
        recipients=figures.recipients,
        parts_least=figures.parts_least,
        parts=figures.parts,
        cost=figures.cost,
        requests=layout.requests,
        texts=layout.texts,
        shortest=_shown(campaign, account, layout.shortest),
        longest=_shown(campaign, account, layout.longest),
        balance=_balance(account),
        content=campaign.content,
        digest=_digest(campaign, layout.digest),
    )


def _balance(account: GatewayAccount) -> int | None:
    reading = gateway.last_good_reading(account.id)
    return reading.messages if reading is not None else None


def account_of(account_id: int) -> GatewayAccount:
    """The account a campaign goes through; accounts are switched off, never taken away."""
    account = gateway.account(account_id) if -(2**63) <= account_id < 2**63 else None
    if account is None:
        raise DomainError(_("This gateway account does not exist in your team. Nothing was sent."), "account")
    return account


def _shown(campaign: Campaign, account: GatewayAccount, content: str) -> str:
    """A posted text as a phone shows it: some gateways put the signature before it by themselves."""
    if not account.adds_signature:
        return content
    return texts.sign(campaign.signature, content, added_by_gateway=False)


def _digest(campaign: Campaign, audience: str) -> str:
    """Whatever would make other messages go out, or at another time, makes another digest."""
    seen = {
        "campaign": campaign.id,
        "version": campaign.version,
        "account": campaign.account_id,
        "kind": campaign.kind,
        "content": campaign.content,
        "audience": audience,
        "cost": campaign.parts_total,
        "send_at": campaign.send_at.isoformat() if campaign.send_at else None,
        "not_after": campaign.not_after.isoformat() if campaign.not_after else None,
        "at_hours_end": campaign.at_hours_end,
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
