"""The control door: JSON (and the page's form) to turn the dial, make accounts, register callbacks.

A page of another site must not turn the dial from a person's browser, so requests that a browser says come
from elsewhere are refused; programs send no Origin and pass.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from webapp.practice import page
from webapp.practice.callback import CallbackError
from webapp.practice.dial import SWITCHES, DialError, read_kinds
from webapp.practice.gateway import PRACTICE_BALANCE, Account, RuleError
from webapp.practice.http import Connection, Head
from webapp.practice.kinds import KINDS, Kind

if TYPE_CHECKING:
    from webapp.practice.server import Practice

FORM = "application/x-www-form-urlencoded"
LOCAL_HOSTS = ("127.", "localhost", "[::1]")
Values = dict[str, object]
Door = Callable[[Connection, Head, bytes], None]


def doors(practice: Practice) -> dict[str, Door]:
    """The control door's routes."""

    def json_door(work: Callable[[Practice, Values], Values]) -> Door:
        return lambda connection, _, body: _change(practice, connection, body, work)

    return {
        "/practice/dial": lambda connection, head, body: _turn(practice, connection, head, body),
        "/practice/users": json_door(_put_user),
        "/practice/accounts": json_door(_new_account),
        "/practice/callback": json_door(_register),
    }


def from_here(head: Head) -> bool:
    """Whether a request comes from our own page or from a program."""
    origin = head.headers.get("origin")
    if origin is None:
        return head.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    host = head.headers.get("host", "")
    # The name is looked at too: a foreign name that was made to point here would agree with its own origin.
    return origin == f"http://{host}" and host.startswith(LOCAL_HOSTS)


def show_dial(practice: Practice, connection: Connection) -> None:
    """Answer with the dial as it stands and the kinds that are to come."""
    values = practice.dial.as_json()
    values["next"] = [kind.name for kind in practice.sender.next_kinds]
    values["balance_next"] = [kind.name for kind in practice.balance_kinds]
    connection.answer_json(values)


def _turn(practice: Practice, connection: Connection, head: Head, body: bytes) -> None:
    is_form = head.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    try:
        changes = _form_changes(body) if is_form else _json_object(body)
        coming = {
            name: _kinds(name, changes.pop(name)) for name in ("next", "balance_next") if name in changes
        }
        practice.dial = practice.dial.turned(changes)
    except DialError as error:
        if is_form:
            connection.answer(practice.render(head, str(error)), 422, headers=page.HEADERS)
        else:
            connection.answer_json({"error": str(error)}, 422)
        return
    if "next" in coming:
        practice.sender.next_kinds.clear()
        practice.sender.next_kinds.extend(coming["next"])
    if "balance_next" in coming:
        practice.balance_kinds = list(coming["balance_next"])
    if "away" in changes:
        practice.go_away(connection)
    if is_form:
        connection.answer(b"", 303, headers=f"Location: /?lang={page.language(head.query)}\r\n")
    else:
        show_dial(practice, connection)


def _kinds(name: str, value: object) -> tuple[Kind, ...]:
    try:
        return read_kinds(value)
    except ValueError as error:
        raise DialError(f"{name}: {error}") from None


def _change(
    practice: Practice, connection: Connection, body: bytes, work: Callable[[Practice, Values], Values]
) -> None:
    try:
        answer = work(practice, _json_object(body))
    except (RuleError, CallbackError, DialError) as error:
        connection.answer_json({"error": str(error)}, 422)
        return
    # Saved at once, not in a second: the caller keeps the credentials from here on.
    practice.save()
    connection.answer_json(answer)


def _put_user(practice: Practice, values: Values) -> Values:
    uid, pwd = _text(values, "uid"), _text(values, "pwd")
    balance, frozen = values.get("balance", PRACTICE_BALANCE), values.get("frozen", False)
    if isinstance(balance, bool) or not isinstance(balance, int) or not isinstance(frozen, bool):
        raise RuleError("balance is a whole number, frozen is true or false.")
    earlier = practice.gateway.accounts.get(uid)
    callback = earlier.callback if earlier else ""
    practice.gateway.put_account(Account(uid, pwd, balance, frozen, callback))
    return {"uid": uid, "balance": balance, "frozen": frozen}


def _new_account(practice: Practice, values: Values) -> Values:
    url = _text(values, "url")
    if url:
        practice.check_callback(url)
    uid, pwd = f"practice-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    practice.gateway.put_account(Account(uid, pwd, PRACTICE_BALANCE, frozen=False, callback=url))
    return {"uid": uid, "pwd": pwd, "balance": PRACTICE_BALANCE, "url": url}


def _register(practice: Practice, values: Values) -> Values:
    account = practice.gateway.find(_text(values, "uid"), _text(values, "pwd"))
    if account is None:
        raise RuleError("uid or pwd is empty or wrong.")
    url = _text(values, "url")
    if url:
        practice.check_callback(url)
    account.callback = url
    return {"uid": account.uid, "url": url}


def _json_object(body: bytes) -> Values:
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise DialError("The body must be a JSON object.")
    return values


def _text(values: Values, name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise RuleError(f"{name} must be text.")
    return value


def _form_changes(body: bytes) -> Values:
    """What the page's form says; a box that is not ticked is not sent and means no."""
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise DialError("The form cannot be read.") from None
    changes: Values = {name: values[-1] for name, values in fields.items()}
    changes.pop("spelling", None)
    failures = {name: changes.pop(f"fail_{name}") for name in KINDS if f"fail_{name}" in changes}
    return {
        **dict.fromkeys(SWITCHES, False),
        **changes,
        "failures": {name: value for name, value in failures.items() if value not in ("", "0")},
        "spelling": fields.get("spelling", []),
    }
