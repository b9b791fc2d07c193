"""Between the compose form and what is kept of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import g, request
from flask_babel import gettext as _
from sqlalchemy import select

from webapp import clock, tenancy
from webapp.accounts.requests import MOST_ID
from webapp.campaigns import drafts, moments, queries, template_operations
from webapp.campaigns.drafts import MOST_SIGNATURE, Written
from webapp.campaigns.forms import MOST_KEY, ComposeForm
from webapp.campaigns.models import Campaign, Template
from webapp.campaigns.states import Kind
from webapp.contacts import groups
from webapp.errors import DomainError, Words
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount

# Errors of the drafts that the form shows at a field of another name.
_FIELDS = {"defaults": "default_name"}
# The practice gateway and the real one alike have no account of this id.
_NO_ACCOUNT = 0


@dataclass(frozen=True)
class Reading:
    """What a form says, and which of its times could not be read; those stand as they were kept last."""

    written: Written
    faults: list[DomainError] = field(default_factory=list)


def read(form: ComposeForm, kept: Campaign | None) -> Reading:
    """Take the form for what it says, complete or not. `kept`: the draft as it was saved last."""
    faults: list[DomainError] = []
    send_at = _time(form, "send_at", kept, faults) if form.when.data == "later" else None
    if form.when.data == "now" and (form.send_at.data or "").strip():
        sentence = _("You chose to send now, but gave a time. Choose Later, or take the time out.")
        faults.append(DomainError(sentence, "send_at"))
    written = Written(
        account_id=form.account.data or _NO_ACCOUNT,
        numbers=form.numbers.data or "",
        groups=_ids(form.groups.data),
        minus=_ids(form.minus.data),
        gone=tuple(form.gone.data or ()),
        gone_minus=tuple(form.gone_minus.data or ()),
        each_line=bool(form.each_line.data),
        body=form.body.data or "",
        signature=form.signature.data or "",
        name=form.name.data or "",
        kind=form.kind.data or "",
        defaults=form.defaults,
        leave_out_long=bool(form.leave_out_long.data),
        send_at=send_at,
        not_after=_time(form, "not_after", kept, faults) if form.not_after.data else None,
        at_hours_end=form.at_hours_end.data or "",
    )
    return Reading(written, faults)


def fill(form: ComposeForm, written: Written) -> None:
    """Put what is kept back into the form."""
    zone = g.team.time_zone
    form.account.data = written.account_id
    form.numbers.data, form.body.data = written.numbers, written.body
    form.signature.data, form.name.data = written.signature, written.name
    form.groups.data, form.minus.data = list(written.groups), list(written.minus)
    form.gone.data, form.gone_minus.data = list(written.gone), list(written.gone_minus)
    _offer_gone(form)
    form.each_line.data = written.each_line
    form.defaults = written.defaults
    form.leave_out_long.data = written.leave_out_long
    # A test that is edited becomes what everything else is.
    form.kind.data = Kind.NOTICE if written.kind == Kind.TEST else written.kind
    form.when.data = "now" if written.send_at is None else "later"
    form.send_at.data = moments.local_text(written.send_at, zone)
    form.not_after.data = moments.local_text(written.not_after, zone)
    form.at_hours_end.data = written.at_hours_end


def new_form() -> ComposeForm:
    """The form of a campaign that nobody has written yet."""
    form = ComposeForm(formdata=None, draft_key=secrets.token_urlsafe(16), test_key=secrets.token_urlsafe(16))
    accounts = _choices(form)
    if accounts:
        form.account.data = accounts[0].id
    form.signature.data = usual_signature()
    return form


def form_of(draft: Campaign) -> ComposeForm:
    """The form of a draft as it is kept."""
    form = ComposeForm(formdata=None, test_key=secrets.token_urlsafe(16))
    _choices(form, draft.account_id)
    fill(form, drafts.written_of(draft))
    know(form, draft)
    return form


def sent_form() -> ComposeForm:
    """The form as it was sent."""
    form = ComposeForm()
    _choices(form, form.account.data)
    form.take_defaults(request.form.items())
    return form


def fill_copy(form: ComposeForm, source: Campaign) -> None:
    """Begin with the people and the text of another campaign; its times are its own."""
    account_id = form.account.data
    fill(form, replace(drafts.written_of(source), send_at=None, not_after=None))
    if source.account_id not in {one.id for one in gateway.accounts() if one.disabled_at is None}:
        form.account.data = account_id


def fill_template(form: ComposeForm, template: Template) -> None:
    """Begin with the text of a template."""
    form.body.data, form.kind.data, form.template.data = template.body, template.kind, str(template.id)


def know(form: ComposeForm, draft: Campaign) -> None:
    """Let the form carry which draft it is about, and the version that it shows."""
    form.draft.data, form.version.data = str(draft.id), str(draft.version)


def save(form: ComposeForm, draft_id: int | None) -> tuple[Campaign, list[DomainError]]:
    """Keep the form in its draft, a new one where it has none yet; also, which times could not be read.

    Raises StaleDraftError where somebody else saved meanwhile, DomainError for what cannot be kept.
    """
    kept = queries.campaign(draft_id) if draft_id is not None else None
    reading = read(form, kept)
    draft = drafts.save_draft(
        reading.written,
        g.user.id,
        campaign_id=draft_id,
        version=number(form.keep.data) or number(form.version.data),
        draft_key=(form.draft_key.data or "")[:MOST_KEY] or None,
    )
    template_id = number(form.template.data)
    if draft_id is None and template_id is not None:
        template_operations.note_used(template_id, clock.now())
    return draft, reading.faults


def show_faults(form: ComposeForm, faults: Iterable[tuple[str | None, Words]]) -> None:
    """Put sentences beside the fields that they are about, those about none at the top."""
    for name, sentence in faults:
        name = _FIELDS.get(name or "", name)
        if name is not None and name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)


def usual_signature() -> str:
    """The signature that the team used last; before the first one the team's own name is as good as any."""
    last = tenancy.session().scalar(
        select(Campaign.signature)
        .where(Campaign.team_id == tenancy.scope())
        .order_by(Campaign.id.desc())
        .limit(1)
    )
    return last or g.team.name.translate({ord(mark): None for mark in "【】"})[:MOST_SIGNATURE].strip()


def number(said: str | None) -> int | None:
    """A whole number as a hidden field carries it, at most an id; None for anything else."""
    digits = said or ""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(MOST_ID)):
        return None
    return int(digits) if int(digits) <= MOST_ID else None


def _choices(form: ComposeForm, keep: int | None = None) -> list[GatewayAccount]:
    """Give the form the accounts that are switched on, and one that is kept though it is off."""
    accounts = [one for one in gateway.accounts() if one.disabled_at is None or one.id == keep]
    form.account.choices = [
        (one.id, one.label if one.disabled_at is None else _("%(label)s (switched off)", label=one.label))
        for one in accounts
    ]
    form.groups.choices = form.minus.choices = [(one.id, one.name) for one in groups.groups()]
    _offer_gone(form)
    return accounts


def _ids(said: list[int] | None) -> tuple[int, ...]:
    """The ids of a choice; one that none can be stands for a group that is not there."""
    return tuple(one if 0 < one <= MOST_ID else 0 for one in said or ())


def _offer_gone(form: ComposeForm) -> None:
    """Groups that are deleted can only be unticked."""
    for names in (form.gone, form.gone_minus):
        names.choices = [(name, name) for name in dict.fromkeys(names.data or ())]


def _time(form: ComposeForm, name: str, kept: Campaign | None, faults: list[DomainError]) -> datetime | None:
    before: datetime | None = getattr(kept, name) if kept is not None else None
    said, zone = form[name].data or "", g.team.time_zone
    # It may have passed since it was written; that is said where somebody wants to send.
    if before is not None and said == moments.local_text(before, zone):
        return before
    try:
        return moments.parse_local(said, zone, clock.now(), name)
    except DomainError as error:
        faults.append(error)
        return before
