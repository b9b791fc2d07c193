"""Opt-outs: numbers that a team must not send to any more, whatever kind of campaign it is.

They are looked at three times: when a draft is prepared, when a campaign is planned, and before each request
whose numbers may still change. So nobody who opted out in between is reached by what had not left yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, BindParameter, DateTime, Text, any_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from webapp import tenancy
from webapp.contacts.models import OptOut


def opt_out(mobiles: Collection[str], how: str, by_user: int | None, now: datetime) -> int:
    """Note that these numbers get nothing any more; returns how many had not opted out before.

    `how`: reply, hand, paste or import. The first opt-out of a number is kept as it is.
    """
    # In order, so that two who note the same numbers at once wait for each other in one direction only.
    rows = select(
        literal(tenancy.scope(), BigInteger),
        func.unnest(_array(sorted(mobiles))),
        literal(now, DateTime(timezone=True)),
        literal(how, Text),
        literal(by_user, BigInteger),
    )
    noted = tenancy.session().execute(
        insert(OptOut)
        .from_select(["team_id", "mobile", "opted_out_at", "how", "by_user"], rows)
        .on_conflict_do_nothing()
        .returning(OptOut.mobile)
    )
    return len(noted.all())


def opt_in(mobiles: Collection[str]) -> int:
    """Take the opt-outs of these numbers back; returns how many there were."""
    taken_back = tenancy.session().execute(
        delete(OptOut)
        .where(OptOut.team_id == tenancy.scope(), OptOut.mobile == any_(_array(mobiles)))
        .returning(OptOut.mobile)
        .execution_options(synchronize_session=False)
    )
    return len(taken_back.all())


def opted_out_among(mobiles: Collection[str]) -> set[str]:
    """Those of these numbers that get nothing any more."""
    if not mobiles:
        return set()
    return set(
        tenancy.session().scalars(
            select(OptOut.mobile).where(
                OptOut.team_id == tenancy.scope(), OptOut.mobile == any_(_array(mobiles))
            )
        )
    )


def _array(mobiles: Collection[str]) -> BindParameter[Sequence[str]]:
    """One parameter however many numbers there are."""
    return literal(list(mobiles), ARRAY(Text))
