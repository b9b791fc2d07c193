"""Whether every sealed value can be opened with the keys that are here.

Asked team by team, as the program's role sees them; ids of keys stand in front of what they sealed.
"""

from __future__ import annotations

from collections import Counter

from flask import Flask
from sqlalchemy import LargeBinary, func, select, union_all

from webapp import tenancy
from webapp.gateway.models import CallbackToken, GatewayAccount
from webapp.sealing import KEY_ID_LENGTH, KeyRing, key_id_of, key_ids


def without_key(app: Flask, ring: KeyRing | None) -> dict[str, int]:
    """How many sealed values need a key that is not in the ring, by the key's id."""
    with app.app_context():
        teams = [row.team_id for row in tenancy.door("ask every team for its keys", "door_teams")]
    found: Counter[str] = Counter()
    for team_id in teams:
        found.update(_of_team(app, team_id))
    here = set() if ring is None else set(key_ids(ring))
    return {name: count for name, count in sorted(found.items()) if name not in here}


def _of_team(app: Flask, team_id: int) -> Counter[str]:
    heads = union_all(
        *(
            select(func.substring(column, 1, KEY_ID_LENGTH, type_=LargeBinary).label("head")).where(
                owner.team_id == team_id
            )
            for owner, column in (
                (GatewayAccount, GatewayAccount.sealed_uid),
                (GatewayAccount, GatewayAccount.sealed_pwd),
                (CallbackToken, CallbackToken.sealed_token),
            )
        )
    )
    with tenancy.team_scope(team_id, app) as session:
        return Counter(key_id_of(bytes(head)) for head in session.scalars(heads))
