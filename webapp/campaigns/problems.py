"""Why a draft cannot be sent as it is written, in sentences; each names the form field it is about."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp import clock
from webapp.campaigns import texts
from webapp.campaigns.audience import Figures, Weigher
from webapp.campaigns.people import People
from webapp.campaigns.states import Kind
from webapp.campaigns.written import MOST_PASTED, MOST_SIGNATURE, Written
from webapp.contacts import groups
from webapp.errors import DomainError
from webapp.gateway.models import GatewayAccount


def problems(account: GatewayAccount, people: People, figures: Figures | None) -> Iterator[DomainError]:
    """All that is wrong with a tidied draft, what a person should mend first at the beginning.

    Without `figures` nothing is said of what an audience that is not laid out yet will come to.
    """
    written = people.written
    yield from _of_text(account, written, people.known)
    yield from _of_groups(written)
    yield from _of_numbers(people, figures)
    if written.kind == Kind.TEST and (written.groups or len(people.pasted.entries) > 1):
        # A test knows no sending hours and no delay.
        yield DomainError(_("A test goes to one number. Choose what kind of message this is."), "kind")
    yield from _of_lengths(account, people, figures)
    yield from _of_times(written)


def _of_text(account: GatewayAccount, written: Written, known: Collection[str]) -> Iterator[DomainError]:
    body, signature = written.body, written.signature
    if not body:
        yield DomainError(_("Write a text. An empty message cannot be sent."), "body")
    if not account.adds_signature and not signature:
        yield DomainError(_("Enter a signature. Operators drop messages without one."), "signature")
    if len(signature) > MOST_SIGNATURE:
        yield DomainError(_("A signature can have at most %(n)s characters.", n=MOST_SIGNATURE), "signature")
    if any(mark in signature for mark in "【】\n"):
        yield DomainError(_("A signature is one line without brackets."), "signature")
    if "【" in body or "】" in body:
        yield DomainError(
            _("The brackets 【 】 may only stand around the signature. Take them out of the text."), "body"
        )
    if any(mark in value for value in written.defaults.values() for mark in "【】"):
        yield DomainError(
            _(
                "The brackets 【 】 may only stand around the signature. "
                "Take them out of what stands for a missing value."
            ),
            "defaults",
        )
    yield from _raised(functools.partial(texts.check_fields, body, known))
    if body and written.kind == Kind.MARKETING:
        yield from _raised(functools.partial(texts.check_refusal, body))


def _raised(check: Callable[[], None]) -> Iterator[DomainError]:
    try:
        check()
    except DomainError as error:
        yield error


def _of_groups(written: Written) -> Iterator[DomainError]:
    for name in written.gone:
        yield DomainError(
            _("The group “%(name)s” was deleted. Untick it, or choose another one.", name=name), "gone"
        )
    for name in written.gone_minus:
        yield DomainError(
            _(
                "The group “%(name)s” was deleted, so nobody can be left out because of it any more. "
                "Untick it, or choose another one.",
                name=name,
            ),
            "gone_minus",
        )


def _of_numbers(people: People, figures: Figures | None) -> Iterator[DomainError]:
    written, pasted = people.written, people.pasted
    where = "groups" if written.groups and not written.numbers.strip() else "numbers"
    if len(pasted.entries) > MOST_PASTED:
        yield DomainError(
            _(
                "At most %(n)s numbers can be pasted at once. Nothing was sent.",
                n=format_decimal(MOST_PASTED),
            ),
            "numbers",
        )
    elif figures is None or figures.recipients:
        return
    elif figures.entries:
        yield DomainError(
            _("Nobody is left to send to: everybody in the list is left out. Nothing was sent."), where
        )
    elif pasted.left_out.counts:
        yield DomainError(
            _("None of these is a mainland mobile number: 11 digits, beginning with 13 to 19."), "numbers"
        )
    elif written.groups:
        yield DomainError(_("Nobody is in the groups that you chose. Nothing was sent."), where)
    elif groups.groups():
        yield DomainError(_("Choose a group, or paste at least one mobile number."), "numbers")
    else:
        yield DomainError(_("Paste at least one mobile number."), "numbers")


def _of_lengths(account: GatewayAccount, people: People, figures: Figures | None) -> Iterator[DomainError]:
    written, fields = people.written, people.fields
    if not fields or (figures is not None and not figures.entries):
        # The gateway's own signature counts towards the length, so it is measured with it either way.
        over = Weigher(account, written, fields).text(written.defaults).over
        if over:
            yield DomainError(
                _(
                    "The text is %(n)s characters too long: with the signature it may have %(limit)s. "
                    "Shorten it.",
                    n=over,
                    limit=account.text_limit,
                ),
                "body",
            )
    elif figures is not None and figures.over_limit and not written.leave_out_long:
        yield DomainError(
            ngettext(
                "%(people)s person would get more than %(limit)s characters. "
                "Shorten the text, or leave this person out.",
                "%(people)s people would get more than %(limit)s characters. "
                "Shorten the text, or leave these people out.",
                figures.over_limit,
                people=format_decimal(figures.over_limit),
                limit=account.text_limit,
            ),
            "body",
        )


def _of_times(written: Written) -> Iterator[DomainError]:
    now = clock.now()
    if written.send_at is not None and written.send_at <= now:
        yield DomainError(
            _("The time to send at has passed. Nothing was sent; choose a later one."), "send_at"
        )
    begins = max(now, written.send_at or now)
    if written.not_after is not None and written.not_after <= begins:
        yield DomainError(
            _("The time after which nothing may go out comes before it can begin. Choose a later one."),
            "not_after",
        )
