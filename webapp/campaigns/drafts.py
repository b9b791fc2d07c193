"""From a paste and a text to a draft that can be reviewed: what would be sent, to how many, at what cost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, insert, select

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import texts
from webapp.campaigns.models import Audience, Campaign, CampaignText
from webapp.campaigns.states import CampaignState
from webapp.contacts.numbers import Pasted, Reason, read_paste
from webapp.database import new_id
from webapp.errors import DomainError
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount

# A paste of ten thousand numbers with names is a megabyte; a file has a door of its own.
MOST_PASTED = 20_000
MOST_BODY = 2000
MOST_SIGNATURE = 20
MOST_NAME = 40
# Bad pieces kept with the draft, to be listed at the review; all of them are counted.
MOST_LISTED = 500


REASON_WORDS: dict[str, LazyString] = {
    Reason.ROUNDED: _l("Excel has rounded it: format the column as text and copy again"),
    Reason.TOO_SHORT: _l("too short: a mobile number has 11 digits"),
    Reason.TOO_LONG: _l("too long: a mobile number has 11 digits"),
    Reason.FOREIGN: _l("not a mainland number"),
    Reason.NOT_MOBILE: _l("not a mobile number: these begin with 13 to 19"),
    Reason.NOT_NUMBER: _l("not a number"),
    Reason.TWICE: _l("stands here already: it gets the message once"),
}


@dataclass(frozen=True)
class Preview:
    """What a review shows and what the confirm must still find unchanged."""

    recipients: int
    parts: int
    cost: int
    requests: int
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


def draft_campaign(account_id: int, pasted_text: str, body: str, signature: str, user_id: int) -> Campaign:
    """Make a draft from pasted numbers and a text.

    Raises DomainError for a text or a paste that nothing can be sent with; `field` says which.
    """
    account = account_of(account_id)
    body, signature = texts.clean(body), texts.clean(signature).strip("【】 ")
    content = _checked_content(account, body, signature)
    pasted = _checked_paste(pasted_text)
    now = clock.now()
    campaign = Campaign(
        team_id=tenancy.scope(),
        id=new_id(),
        account_id=account.id,
        kind="notice",
        state=CampaignState.DRAFT,
        name=name_of(body),
        body=body,
        signature=signature,
        content=content,
        parts=lengths_of(account).parts(content),
        left_out=_left_out(pasted),
        created_by=user_id,
        created_at=now,
    )
    session = tenancy.session()
    session.add(campaign)
    session.flush()
    text_hash = hashlib.sha256(content.encode()).digest()
    session.add(
        CampaignText(
            team_id=campaign.team_id,
            campaign_id=campaign.id,
            text_hash=text_hash,
            content=content,
            parts=campaign.parts,
        )
    )
    session.execute(
        insert(Audience),
        [
            {
                "team_id": campaign.team_id,
                "campaign_id": campaign.id,
                "text_hash": text_hash,
                "mobile": mobile,
            }
            for mobile in pasted.mobiles
        ],
    )
    audit("campaign.drafted", "campaign", campaign.id, recipients=len(pasted.mobiles))
    return campaign


def name_of(body: str) -> str:
    """What a campaign is called until somebody names it: how its text begins, in one line."""
    line = " ".join(body.split())
    if len(line) <= MOST_NAME:
        return line
    kept = line[: MOST_NAME - 1]
    # A text with blanks is cut at a word; Chinese has none.
    return (kept.rsplit(" ", 1)[0] if " " in kept[MOST_NAME // 2 :] else kept).rstrip() + "…"


def preview(campaign: Campaign) -> Preview:
    """What sending this draft would mean now."""
    session = tenancy.session()
    account = account_of(campaign.account_id)
    recipients = session.scalars(
        select(func.count()).where(
            Audience.team_id == campaign.team_id, Audience.campaign_id == campaign.id
        )
    ).one()  # fmt: skip
    reading = gateway.last_good_reading(account.id)
    cost = recipients * campaign.parts
    seen: dict[str, Any] = {
        "campaign": campaign.id,
        "version": campaign.version,
        "account": account.id,
        "content": campaign.content,
        "recipients": recipients,
        "parts": campaign.parts,
    }
    return Preview(
        recipients=recipients,
        parts=campaign.parts,
        cost=cost,
        requests=-(-recipients // account.numbers_per_request),
        balance=reading.messages if reading is not None else None,
        content=campaign.content,
        digest=hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest(),
    )


def account_of(account_id: int) -> GatewayAccount:
    """The account a campaign goes through; accounts are switched off, never taken away."""
    account = gateway.account(account_id)
    if account is None:
        raise DomainError(_("This gateway account does not exist in your team. Nothing was sent."), "account")
    return account


def lengths_of(account: GatewayAccount) -> texts.Lengths:
    """The text limits of an account, in characters."""
    return texts.Lengths(account.text_limit, account.first_part, account.next_part)


def _checked_content(account: GatewayAccount, body: str, signature: str) -> str:
    if not body:
        raise DomainError(_("Write a text. An empty message cannot be sent."), "body")
    if not account.adds_signature and not signature:
        raise DomainError(_("Enter a signature. Operators drop messages without one."), "signature")
    if len(signature) > MOST_SIGNATURE:
        raise DomainError(_("A signature can have at most %(n)s characters.", n=MOST_SIGNATURE), "signature")
    if any(mark in signature for mark in "【】\n"):
        raise DomainError(_("A signature is one line without brackets."), "signature")
    if "【" in body or "】" in body:
        raise DomainError(
            _("The brackets 【 】 may only stand around the signature. Take them out of the text."), "body"
        )
    # The gateway's own signature counts towards the length, so it is measured with it either way.
    weighed = texts.sign(signature, body, added_by_gateway=False)
    over = lengths_of(account).too_many(weighed)
    if over:
        raise DomainError(
            _(
                "The text is %(n)s characters too long: with the signature it may have %(limit)s. "
                "Shorten it.",
                n=over,
                limit=account.text_limit,
            ),
            "body",
        )
    return texts.sign(signature, body, added_by_gateway=account.adds_signature)


def _checked_paste(text: str) -> Pasted:
    pasted = read_paste(text)
    if not pasted.mobiles and not pasted.left_out:
        raise DomainError(_("Paste at least one mobile number."), "numbers")
    if len(pasted.mobiles) > MOST_PASTED:
        raise DomainError(
            _("At most %(n)s numbers can be pasted at once. Nothing was sent.", n=f"{MOST_PASTED:,}"),
            "numbers",
        )
    if not pasted.mobiles:
        raise DomainError(
            _("None of these is a mainland mobile number: 11 digits, beginning with 13 to 19."),
            "numbers",
        )
    return pasted


def _left_out(pasted: Pasted) -> dict[str, Any]:
    return {
        "counts": {str(reason): count for reason, count in pasted.counts().items()},
        "listed": [
            {"line": entry.line, "said": entry.said, "reason": str(entry.reason)}
            for entry in pasted.left_out[:MOST_LISTED]
        ],
    }
