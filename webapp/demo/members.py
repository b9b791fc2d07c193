"""The people of the demonstration's team: colleagues in every role, and invitations that wait for an answer.

All of them sign in with the demonstration's password, so that it can be looked at with anybody's eyes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import g

from webapp import clock
from webapp.accounts import invitations, members
from webapp.accounts import operations as accounts
from webapp.accounts.models import User
from webapp.accounts.permissions import Role
from webapp.demo import PASSWORD

# Name, mail address, role, how many days ago they joined, how many minutes ago they were here.
COLLEAGUES = (
    ("陈晨 Chen Chen", "chen.chen@example.org", Role.ADMIN, 24, 35),
    ("王悦 Wang Yue", "wang.yue@example.org", Role.SENDER, 22, 4),
    ("赵敏", "zhao.min@example.org", Role.VIEWER, 20, 190),
    ("孙丽 Sun Li", "sun.li@example.org", Role.VIEWER, 12, 2_900),
    ("", "peng@example.org", Role.SENDER, 9, 11_000),
)
# Mail address, role, how many hours ago. The last one is too old by now.
INVITED = (
    ("liu.yang@example.org", Role.SENDER, 2),
    ("accounting@example.org", Role.VIEWER, 5),
    ("store.pudong@example.org", Role.SENDER, 26),
    ("store.xuhui@example.org", Role.SENDER, 27),
    ("agency@example.com", Role.ADMIN, 100),
)


def seed(owner: User, now: datetime) -> None:
    """Put them into the team at hand, as its owner does; the caller commits."""
    g.user = owner
    owner.last_seen_at = now
    people = {email: _joined(owner, name, email, role, now - timedelta(days=days))
              for name, email, role, days, _minutes in COLLEAGUES}  # fmt: skip
    for _name, email, _role, _days, minutes in COLLEAGUES:
        people[email].last_seen_at = now - timedelta(minutes=minutes)
    with clock.standing_at(now - timedelta(days=18)):
        members.change_role(owner.id, people["zhao.min@example.org"].id, Role.SENDER)
    former = _joined(owner, "周强", "zhou.qiang@example.org", Role.SENDER, now - timedelta(days=21))
    with clock.standing_at(now - timedelta(days=3)):
        members.remove(owner.id, former.id)
    for email, role, hours in INVITED:
        with clock.standing_at(now - timedelta(hours=hours)):
            invitations.invite(owner.id, email, role)


def _joined(owner: User, name: str, email: str, role: Role, at: datetime) -> User:
    """Somebody who was invited and joined an hour later."""
    with clock.standing_at(at - timedelta(hours=1)):
        invited = invitations.invite(owner.id, email, role).invitation
    with clock.standing_at(at):
        user = accounts.add_user(email, PASSWORD, name=name)
        g.user = user
        invitations.accept(invited.id, user)
        g.user = owner
    return user
