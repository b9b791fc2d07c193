"""`python -m webapp create-user EMAIL`: the first person where nobody can sign up by themselves.

The password comes from the terminal or from standard input: an argument could be read by everybody on the
machine and would stay in the shell's history.
"""

from __future__ import annotations

import getpass
import sys

from flask import g
from flask_babel import gettext as _

from webapp import create_app, tenancy
from webapp.accounts import operations, passwords
from webapp.accounts.audit import access
from webapp.errors import DomainError
from webapp.settings import Settings

LONGEST_LINE = 4096


def run(settings: Settings, email: str) -> int:
    """Make the person; 1 and a sentence where that cannot be."""
    email = operations.normal_email(email)
    if not operations.is_email(email):
        return _refuse("This does not look like an email address: name@example.com.")
    try:
        password = _password()
    except UnicodeDecodeError:
        return _refuse("The password is no text in UTF-8.")
    if password is None:
        return _refuse("The two passwords are not the same.")
    app = create_app(settings)
    with app.app_context():
        # Nobody's browser asks, so nothing else says in which language to answer.
        g.language = "en"
        try:
            passwords.check_password(password, [email])
            user = operations.add_user(email, password)
            name = email.partition("@")[0][: operations.MOST_LOCAL_IN_NAME]
            team = operations.create_team(user, _("%(name)s's team", name=name))
            access("created_by_operator", user.id)
            address = team.address
            tenancy.session().commit()
        except DomainError as error:
            return _refuse(str(error))
    print(f"{email} can sign in at {settings.public_url}/login (team {address}).")  # noqa: T201 # the answer
    return 0


def _password() -> str | None:
    """Asked for twice on a terminal, else the first line of standard input; None where the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline(LONGEST_LINE).decode("utf-8").rstrip("\r\n")
    first = getpass.getpass("Password: ")
    return first if getpass.getpass("Once more: ") == first else None


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 # the command's answer
    return 1
