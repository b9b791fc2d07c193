"""Opt-outs: numbers that a team must not send to any more, whatever kind of campaign it is.

They are looked at three times: when a draft is prepared, when a campaign is planned, and before each request
whose numbers may still change. So nobody who opted out in between is reached by what had not left yet.

Of a number that was erased only a keyed hash is left. It becomes a plain opt-out again as soon as somebody
brings the number once more: then it is here anyway, and must not get anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    DateTime,
    Interval,
    LargeBinary,
    Text,
    any_,
    delete,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from webapp import tenancy
from webapp.contacts.models import ErasedOptOut, OptOut
from webapp.sealing import key_ring, number_hash

# For so long an import can be undone; what was added by hand, for less.
LONGEST_UNDO = timedelta(hours=24)
# An undo finds what was noted by its exact moment. The least that the database tells apart.
_BESIDE = timedelta(microseconds=1)


def opt_out(mobiles: Collection[str], how: str, by_user: int | None, now: datetime) -> int:
    """Note that these numbers get nothing any more; returns how many had not opted out before.

    `how`: reply, hand, paste or import. The first opt-out of a number is kept as it is, but for its moment:
    one that is noted again while it can be undone is moved beside that moment, out of reach of the undo.
    """
    remembered(mobiles, now)
    # In order, so that two who note the same numbers at once wait for each other in one direction only.
    rows = select(
        literal(tenancy.scope(), BigInteger),
        func.unnest(_array(sorted(set(mobiles)))),
        literal(now, DateTime(timezone=True)),
        literal(how, Text),
        literal(by_user, BigInteger),
    )
    noted = tenancy.session().scalars(
        insert(OptOut)
        .from_select(["team_id", "mobile", "opted_out_at", "how", "by_user"], rows)
        .on_conflict_do_update(
            index_elements=["team_id", "mobile"],
            set_={"opted_out_at": OptOut.opted_out_at + literal(_BESIDE, Interval)},
            where=OptOut.opted_out_at > now - LONGEST_UNDO,
        )
        .returning(OptOut.opted_out_at)
        .execution_options(populate_existing=True)
    )
    return sum(moment == now for moment in noted)


def opt_in(mobiles: Collection[str]) -> int:
    """Take the opt-outs of these numbers back, those that were erased too; returns how many there were."""
    hashes = _erased_among(mobiles)
    taken_back = [
        *tenancy.session().execute(
            delete(OptOut)
            .where(OptOut.team_id == tenancy.scope(), OptOut.mobile == any_(_array(mobiles)))
            .returning(OptOut.mobile)
            .execution_options(synchronize_session=False)
        ),
        *_taken(hashes),
    ]
    return len(taken_back)


def opted_out_among(mobiles: Collection[str]) -> set[str]:
    """Those of these numbers that get nothing any more."""
    if not mobiles:
        return set()
    plain = tenancy.session().scalars(
        select(OptOut.mobile).where(OptOut.team_id == tenancy.scope(), OptOut.mobile == any_(_array(mobiles)))
    )
    return {*plain, *_erased_among(mobiles).values()}


def remembered(mobiles: Collection[str], now: datetime) -> set[str]:
    """Those of these numbers that had opted out and were erased since; they are plain opt-outs again.

    For numbers that somebody brings to stay: a contact, a file, a draft that is prepared. `by_user` is
    nobody any more, and `opted_out_at` what it was, but never after `now`.
    """
    hashes = _erased_among(mobiles)
    if not hashes:
        return set()
    again = [
        {
            "team_id": tenancy.scope(),
            "mobile": hashes[row.hash],
            "opted_out_at": min(row.opted_out_at, now),
            "how": row.how,
            "by_user": None,
        }
        for row in _taken(hashes)
    ]
    if again:
        again.sort(key=lambda row: str(row["mobile"]))
        tenancy.session().execute(insert(OptOut).values(again).on_conflict_do_nothing())
    return set(hashes.values())


def forget(mobile: str) -> bool:
    """Keep nothing but a hash of this number's opt-out; False if it had not opted out."""
    session = tenancy.session()
    row = session.get(OptOut, (tenancy.scope(), mobile), with_for_update=True, populate_existing=True)
    if row is None:
        return False
    session.execute(
        insert(ErasedOptOut)
        .values(
            team_id=tenancy.scope(),
            hash=number_hash(key_ring(), tenancy.scope(), mobile),
            opted_out_at=row.opted_out_at,
            how=row.how,
        )
        .on_conflict_do_nothing()
    )
    session.delete(row)
    session.flush()
    return True


def _erased_among(mobiles: Collection[str]) -> dict[bytes, str]:
    """Those of these numbers whose erased opt-out is there, by hash; a team without any hashes nothing."""
    session, team = tenancy.session(), tenancy.scope()
    if not mobiles or not session.scalar(select(exists().where(ErasedOptOut.team_id == team))):
        return {}
    ring = key_ring()
    hashes = {number_hash(ring, team, mobile): mobile for mobile in mobiles}
    found = session.scalars(
        select(ErasedOptOut.hash).where(
            ErasedOptOut.team_id == team, ErasedOptOut.hash == any_(literal(list(hashes), ARRAY(LargeBinary)))
        )
    )
    return {one: hashes[one] for one in found}


def _taken(hashes: Mapping[bytes, str]) -> list[ErasedOptOut]:
    """The rows of these hashes, which are no more. Another one may have taken some of them meanwhile."""
    if not hashes:
        return []
    return list(
        tenancy.session().scalars(
            delete(ErasedOptOut)
            .where(
                ErasedOptOut.team_id == tenancy.scope(),
                ErasedOptOut.hash == any_(literal(sorted(hashes), ARRAY(LargeBinary))),
            )
            .returning(ErasedOptOut)
            .execution_options(synchronize_session=False)
        )
    )


def _array(mobiles: Collection[str]) -> BindParameter[Sequence[str]]:
    """One parameter however many numbers there are."""
    return literal(list(mobiles), ARRAY(Text))
