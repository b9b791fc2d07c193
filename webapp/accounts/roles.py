"""The roles in words: what pages and mails call them, and what each one may do."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from webapp.accounts.permissions import Role
from webapp.errors import Words

WORDS: dict[str, Words] = {
    Role.OWNER: _l("Owner"),
    Role.ADMIN: _l("Admin"),
    Role.SENDER: _l("Sender"),
    Role.VIEWER: _l("Viewer"),
}
NOTES: dict[str, Words] = {
    Role.OWNER: _l("Everything, owners and the team itself included."),
    Role.ADMIN: _l("Gateway accounts, settings and members, but not owners."),
    Role.SENDER: _l("Contacts and templates; writes campaigns and sends them."),
    Role.VIEWER: _l("Looks at campaigns and reports. Phone numbers are masked."),
}


def role_word(role: str) -> str:
    """What a role is called; an unknown one keeps its own name."""
    return str(WORDS.get(role, role))
