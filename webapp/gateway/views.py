"""Pages of gateway accounts: connect, look after, switch off."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, flash, g, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs

from webapp.accounts.permissions import fresh, requires
from webapp.accounts.throttle import TooManyTries
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.gateway import calls, operations, practice, queries, words
from webapp.gateway.balances import BalanceOutcome
from webapp.gateway.credentials import GatewayGoneError
from webapp.gateway.forms import BehaviourForm, ConnectForm, CredentialForm, NothingForm, SwitchForm
from webapp.gateway.models import BalanceCause, GatewayAccount, RepeatMode
from webapp.pages import NavItem, render, see_other
from webapp.sealing import SealError, Secret
from webapp.settings import settings_of

blueprint = Blueprint("gateway", __name__, url_prefix="/t/<team>")

NAV = (NavItem("gateway.accounts", _l("Gateway accounts"), "plug", "gateways.view", foot=True, order=80),)


# ---- connecting --------------------------------------------------------------------------------------


@blueprint.post("/start/gateway")
@requires("gateways.manage")
def connect_first() -> Response:
    """Card 1 of getting started."""
    form = connect_form()
    account = _connected(form)
    if account is None:
        return render(
            "gateway/connect.html",
            block="card",
            status=422,
            connect_form=form,
            practice_on=practice.is_on(),
            account=None,
        )
    return see_other(url_for("start.show"))


@blueprint.post("/start/practice")
@requires("gateways.manage")
def connect_practice() -> Response:
    """Connect an account at the practice gateway without typing anything."""
    if not NothingForm().validate_on_submit():
        abort(400)
    # No transaction is open while the practice gateway is waited for.
    db.session.commit()
    try:
        made = practice.make_account()
        account = operations.connect_account(
            _("Practice"), operations.PRACTICE, made.uid, made.pwd, by=g.user.id, token=made.token
        )
    except DomainError as error:
        db.session.rollback()
        flash(str(error.message), "bad")
        return see_other(url_for("start.show"))
    tell_balance(account, BalanceCause.TEST)
    return see_other(url_for("start.show"))


@blueprint.get("/settings/gateways/new")
@requires("gateways.manage")
def new() -> Response:
    """Connect a further account."""
    return render("gateway/new.html", form=connect_form(), practice_on=practice.is_on())


@blueprint.post("/settings/gateways/new")
@requires("gateways.manage")
def create() -> Response:
    """The same, and on to the account's page."""
    form = connect_form()
    account = _connected(form)
    if account is None:
        return render("gateway/new.html", status=422, form=form, practice_on=practice.is_on())
    return see_other(url_for("gateway.show", account_id=account.id))


def connect_form() -> ConnectForm:
    """The form for a new account, with the operator's gateways to choose from."""
    form = ConnectForm()
    gateways = settings_of(current_app).gateways
    form.gateway.choices = [
        SelectChoice(key, urlsplit(url).netloc) for key, url in gateways.items() if key != operations.PRACTICE
    ]
    return form


def _connected(form: ConnectForm) -> GatewayAccount | None:
    """A new account whose credentials the gateway did not reject, or None with the form's errors filled in.

    Where the gateway cannot be asked at the moment, the account is kept, untested, and that is said.
    """
    if not form.validate_on_submit():
        return None
    uid, pwd = Secret(_text(form.uid)), Secret(form.pwd.data or "")
    try:
        verdict = calls.try_credentials(form.gateway.data, uid, pwd)
        told = words.words_for(verdict)
        if verdict.outcome is BalanceOutcome.BAD_CREDENTIALS:
            form.pwd.errors = [told.text]
            return None
        account = operations.connect_account(
            _text(form.label) or _("Main"), form.gateway.data, uid, pwd, by=g.user.id
        )
        operations.record_balance(account.id, account.version, verdict, BalanceCause.TEST)
    except (DomainError, TooManyTries) as error:
        db.session.rollback()
        form.form_errors.append(_refusal(error))
        return None
    db.session.commit()
    flash(told.text, told.tone)
    return account


def _refusal(error: DomainError | TooManyTries) -> str:
    if isinstance(error, DomainError):
        return str(error.message)
    return str(
        _(
            "These credentials were tested often in the last hour, and a gateway may freeze an account after "
            "too many tries. Nothing was saved or asked. Try again later."
        )
    )


# ---- an account --------------------------------------------------------------------------------------


@blueprint.get("/settings/gateways")
@requires("gateways.view")
def accounts() -> Response:
    """The team's gateway accounts."""
    return render("gateway/index.html", balances=queries.balances(), state_words=words.state_words)


@blueprint.get("/settings/gateways/<int:account_id>")
@requires("gateways.view")
def show(account_id: int) -> Response:
    """One account: its state, balance, callback address and settings."""
    account = account_or_404(account_id)
    return _page(account, _behaviour_form(account), CredentialForm(formdata=None))


@blueprint.post("/settings/gateways/<int:account_id>/credential")
@requires("gateways.manage")
@fresh
def change_credential(account_id: int) -> Response:
    """Put a new uid and password in place of the old ones, unless the gateway rejects them."""
    account = account_or_404(account_id)
    form = CredentialForm()
    if not form.validate_on_submit() or not _changed(account, form):
        return _page(account_or_404(account_id), _behaviour_form(account), form, 422)
    return see_other(url_for("gateway.show", account_id=account_id))


def _changed(account: GatewayAccount, form: CredentialForm) -> bool:
    uid, pwd = Secret(_text(form.uid)), Secret(form.pwd.data or "")
    try:
        verdict = calls.try_credentials(account.gateway, uid, pwd)
        told = words.words_for(verdict)
        if verdict.outcome is BalanceOutcome.BAD_CREDENTIALS:
            form.pwd.errors = [told.text, _("The uid and password saved before stay as they are.")]
            return False
        operations.change_credentials(account, uid, pwd, by=g.user.id)
        operations.record_balance(account.id, account.version, verdict, BalanceCause.TEST)
    except (DomainError, TooManyTries) as error:
        db.session.rollback()
        form.form_errors.append(_refusal(error))
        return False
    db.session.commit()
    flash(told.text, told.tone)
    return True


@blueprint.post("/settings/gateways/<int:account_id>/behaviour")
@requires("gateways.manage")
def change_behaviour(account_id: int) -> Response:
    """Change what is known about how the gateway treats this account."""
    account = account_or_404(account_id)
    form = BehaviourForm()
    if form.validate_on_submit():
        try:
            operations.change_behaviour(account, _text(form.label), _behaviour(form))
        except DomainError as error:
            field = form[error.field or "label"]
            field.errors = [error.message]
        else:
            db.session.commit()
            flash(_("Saved."), "ok")
            return see_other(url_for("gateway.show", account_id=account_id))
    db.session.rollback()
    return _page(account_or_404(account_id), form, CredentialForm(formdata=None), 422)


@blueprint.post("/settings/gateways/<int:account_id>/test")
@requires("gateways.manage")
def test(account_id: int) -> Response:
    """Ask whether the gateway takes the stored credentials; a good answer lifts what stopped the account."""
    return _asked(account_id, BalanceCause.TEST)


@blueprint.post("/settings/gateways/<int:account_id>/check")
@requires("gateways.manage")
def check(account_id: int) -> Response:
    """Read the balance now."""
    return _asked(account_id, BalanceCause.MANUAL)


@blueprint.get("/settings/gateways/<int:account_id>/switch-off")
@requires("gateways.manage")
def confirm_off(account_id: int) -> Response:
    """What switching off means, before it is done."""
    return render("gateway/switch_off.html", account=account_or_404(account_id))


@blueprint.post("/settings/gateways/<int:account_id>/switch")
@requires("gateways.manage")
def switch(account_id: int) -> Response:
    """Switch an account off, or on again; the form says which, so that a second click changes nothing."""
    account = account_or_404(account_id)
    form = SwitchForm()
    if not form.validate_on_submit():
        abort(400)
    off = bool(form.off.data)
    operations.set_disabled(account, disabled=off)
    db.session.commit()
    flash(_("Switched off.") if off else _("Switched on."), "ok")
    return see_other(url_for("gateway.show", account_id=account_id))


@blueprint.post("/settings/gateways/<int:account_id>/address")
@requires("gateways.manage")
@fresh
def new_address(account_id: int) -> Response:
    """Make a new callback address; the one before goes on working."""
    account = account_or_404(account_id)
    if not NothingForm().validate_on_submit():
        abort(400)
    token = operations.make_address(account)
    db.session.commit()
    try:
        if account.practice:
            calls.tell_practice(account, token)
    except DomainError as error:
        flash(str(error.message), "bad")
    else:
        flash(_("There is a new callback address. The one before goes on working."), "ok")
    return see_other(url_for("gateway.show", account_id=account_id))


def _asked(account_id: int, cause: BalanceCause) -> Response:
    account = account_or_404(account_id)
    if not NothingForm().validate_on_submit():
        abort(400)
    tell_balance(account, cause)
    return see_other(url_for("gateway.show", account_id=account_id))


def tell_balance(account: GatewayAccount, cause: BalanceCause) -> None:
    """Ask for the balance and flash what came of it; commits."""
    try:
        told = words.words_for(calls.check_balance(account, cause))
    except GatewayGoneError as error:
        flash(str(error.message), "bad")
        return
    except SealError:
        flash(_("The key that sealed this account's password is gone. Enter uid and password again."), "bad")
        return
    flash(told.text, told.tone)


def _page(
    account: GatewayAccount, behaviour: BehaviourForm, credential: CredentialForm, status: int = 200
) -> Response:
    settings = settings_of(current_app)
    addresses = queries.callback_addresses(account)
    url = settings.gateways.get(account.gateway, "")
    newest = addresses[0].url if addresses else None
    return render(
        "gateway/show.html",
        status=status,
        account=account,
        state=words.state_words(account.state, disabled=account.disabled_at is not None),
        set_by=queries.person(account.set_by),
        gateway_host=urlsplit(url).netloc,
        plain_http=url.startswith("http://") and not account.practice,
        addresses=addresses,
        service=words.service_words(newest) if newest else None,
        unreachable=settings.public_is_private and not account.practice,
        public_url=settings.public_url,
        readings=queries.readings(account.id),
        words_for_reading=words.words_for_reading,
        behaviour=behaviour,
        credential=credential,
    )


def _behaviour_form(account: GatewayAccount) -> BehaviourForm:
    return BehaviourForm(formdata=None, obj=account)


def _behaviour(form: BehaviourForm) -> operations.Behaviour:
    return operations.Behaviour(
        repeat_mode=RepeatMode(form.repeat_mode.data),
        adds_signature=form.adds_signature.data,
        numbers_per_request=_whole(form.numbers_per_request),
        text_limit=_whole(form.text_limit),
        first_part=_whole(form.first_part),
        next_part=_whole(form.next_part),
        in_flight=_whole(form.in_flight),
        dedup_seconds=_whole(form.dedup_seconds),
    )


def _text(field: StringField) -> str:
    return (field.data or "").strip()


def _whole(field: IntegerField) -> int:
    """A validated number; its validators have refused an empty one."""
    return int(field.data or 0)


def account_or_404(account_id: int) -> GatewayAccount:
    """An account of the team, or the page that says there is none."""
    account = queries.account(account_id) if 0 < account_id < 2**63 else None
    if account is None:
        abort(404)
    return account
