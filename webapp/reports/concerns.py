"""What waits for a person: each thing in a sentence, with the place where they see to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from webapp import reading, tenancy
from webapp.campaigns import listing, queries
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import STOPPABLE, CampaignState
from webapp.contacts.imports.models import ContactImport, ImportState
from webapp.gateway import queries as gateway
from webapp.gateway.models import AccountState, RepeatMode
from webapp.gateway.queries import Balance
from webapp.gateway.words import state_words
from webapp.reading import number
from webapp.statuses import CampaignStatus

MOST_SHOWN = 5
# What is over is told for so long; then it is no news any more.
TOLD_FOR = timedelta(days=7)
_WELL = frozenset({AccountState.OK, AccountState.UNTESTED})


@dataclass(frozen=True)
class Concern:
    """Something that waits for a person, and where they see to it."""

    sentence: str
    href: str
    tone: str


def concerns(now: datetime) -> list[Concern]:
    """What waits for a person, the most urgent first."""
    return [*_accounts(now), *_paused(), *_missed(), *_unconfirmed(now), *_imports(now)]


# ---- gateway accounts --------------------------------------------------------------------------------


def _accounts(now: datetime) -> list[Concern]:
    return [
        told
        for one in gateway.balances()
        if one.account.disabled_at is None
        for told in (_standing(one, now), _promise(one, now))
        if told is not None
    ]


def _standing(one: Balance, now: datetime) -> Concern | None:
    """How the account stands: the first of these that is so says enough."""
    account = one.account
    if account.state not in _WELL:
        state = state_words(account.state, disabled=False)
        sentence = _("%(account)s: %(state)s", account=account.label, state=state.sentence)
        return Concern(sentence, _account(one), state.tone)
    left = one.good.messages if one.good is not None else None
    if left is not None and left <= 0:
        sentence = _(
            "%(account)s: the balance is %(n)s. Top it up before you send.",
            account=account.label,
            n=number(left),
        )
        return Concern(sentence, _account(one), "odd")
    if left is not None and account.alert_below is not None and left < account.alert_below:
        sentence = ngettext(
            "%(account)s: %(n)s message left, below your line of %(line)s.",
            "%(account)s: %(n)s messages left, below your line of %(line)s.",
            left,
            account=account.label,
            n=number(left),
            line=number(account.alert_below),
        )
        return Concern(sentence, url_for("balance.index"), "odd")
    if one.good is not None and one.is_stale(now):
        sentence = _(
            "%(account)s: the gateway has not told the balance since %(when)s.",
            account=account.label,
            when=reading.moment(one.good.read_at),
        )
        return Concern(sentence, url_for("balance.index"), "odd")
    return None


def _promise(one: Balance, now: datetime) -> Concern | None:
    broken = one.account.promise_broken_at
    if broken is None or now - broken > TOLD_FOR or one.account.repeat_mode != RepeatMode.ASK:
        return None
    sentence = _(
        "%(account)s: the gateway sent one request twice. Nothing is repeated by itself any more.",
        account=one.account.label,
    )
    return Concern(sentence, _account(one), "odd")


def _account(one: Balance) -> str:
    return url_for("gateway.show", account_id=one.account.id)


# ---- campaigns ---------------------------------------------------------------------------------------


def _paused() -> list[Concern]:
    return [
        Concern(_("“%(name)s” is paused and says why.", name=one.name), _page(one), "odd")
        for one in listing.newest(STOPPABLE, most=listing.PAGE)
        if one.paused_by_machine
    ][:MOST_SHOWN]


def _missed() -> list[Concern]:
    return [
        Concern(_("“%(name)s” missed its time. Nothing was sent.", name=one.name), _page(one), "odd")
        for one in listing.newest((CampaignState.MISSED,), most=MOST_SHOWN)
    ]


def _unconfirmed(now: datetime) -> list[Concern]:
    rows = tenancy.session().scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.unconfirmed > 0)
        .order_by(Campaign.id.desc())
        .limit(listing.PAGE)
    )
    return [
        Concern(
            ngettext(
                "%(count)s message of “%(name)s” is not confirmed.",
                "%(count)s messages of “%(name)s” are not confirmed.",
                one.unconfirmed,
                count=number(one.unconfirmed),
                name=one.name,
            ),
            _page(one),
            "odd",
        )
        for one in rows
        if queries.status_of(one, now) is CampaignStatus.NEEDS_ATTENTION
    ][:MOST_SHOWN]


def _page(campaign: Campaign) -> str:
    return url_for("campaigns.show", campaign_id=campaign.id)


# ---- imports -----------------------------------------------------------------------------------------


def _imports(now: datetime) -> list[Concern]:
    rows = tenancy.session().scalars(
        select(ContactImport)
        .where(
            ContactImport.team_id == tenancy.scope(),
            ContactImport.created_at > now - TOLD_FOR,
            ContactImport.state.in_((ImportState.FAILED, ImportState.CHECKED, ImportState.DONE)),
        )
        .order_by(ContactImport.id.desc())
        .limit(listing.PAGE)
    )
    told = [(one, _import_words(one)) for one in rows]
    return [
        Concern(words, url_for("contacts.import_show", import_id=one.id), "odd")
        for one, words in told
        if words
    ][:MOST_SHOWN]


def _import_words(one: ContactImport) -> str:
    """What is wrong with an import, or nothing."""
    if one.state == ImportState.FAILED:
        return _("The import of “%(file)s” did not get through.", file=one.file_name)
    if one.state == ImportState.CHECKED:
        return _("“%(file)s” is checked and waits for you. Nothing was imported yet.", file=one.file_name)
    if not one.left_out:
        return ""
    return ngettext(
        "%(n)s row of “%(file)s” was left out of the import.",
        "%(n)s rows of “%(file)s” were left out of the import.",
        one.left_out,
        n=number(one.left_out),
        file=one.file_name,
    )
