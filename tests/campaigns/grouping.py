"""Makes contacts and groups for tests of audiences, as many as are wanted in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp import clock, tenancy
from webapp.contacts import groups
from webapp.database import new_id

_ADD = text(
    """
WITH added AS (
    INSERT INTO contact (team_id, id, mobile, name, fields, created_at, changed_at)
    SELECT :team, id, mobile, name, CAST(fields AS jsonb), :now, :now
    FROM unnest(CAST(:ids AS bigint[]), CAST(:mobiles AS text[]), CAST(:names AS text[]),
        CAST(:fields AS text[])) AS made (id, mobile, name, fields)
    ON CONFLICT (team_id, mobile) DO UPDATE SET changed_at = excluded.changed_at
    RETURNING id
)
SELECT id FROM added ORDER BY id
"""
)

Someone = tuple[str, str, Mapping[str, str]]


def group_of(session: Session, name: str, people: Sequence[Someone | str]) -> int:
    """A group with these people: numbers, or (number, name, fields); who is known already is put in too."""
    whole: list[Someone] = [(one, "", {}) if isinstance(one, str) else one for one in people]
    group_id = groups.make(name, None).id
    join(session, group_id, whole)
    return group_id


def join(session: Session, group_id: int, people: Sequence[Someone | str]) -> None:
    """Put these people into a group."""
    whole: list[Someone] = [(one, "", {}) if isinstance(one, str) else one for one in people]
    # Thousands of ids of one millisecond would not all be different.
    first = new_id()
    ids = session.scalars(
        _ADD,
        {
            "team": tenancy.scope(),
            "now": clock.now(),
            "ids": [first + n for n in range(len(whole))],
            "mobiles": [mobile for mobile, _name, _fields in whole],
            "names": [name for _mobile, name, _fields in whole],
            "fields": [json.dumps(dict(fields)) for _mobile, _name, fields in whole],
        },
    ).all()
    groups.add(group_id, ids)
