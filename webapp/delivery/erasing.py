"""Erasing one person: wherever a number stands, nothing stands any more that leads to it.

Counts stay what they are: a message keeps its row and its outcome under `x` and 16 hexadecimal digits, the
same in the message, its batches and its reports. Digests stay too, as proof of what was posted. What may
still be posted or reported keeps the number until it is final; the erasure waits for it, and is taken up
again. Only then the opt-out becomes a hash, because planning looks for it by its number.

Batches are locked in the order of their keys before their campaign, as everywhere in sending.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, select
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import draft_statements
from webapp.contacts import operations as contacts
from webapp.contacts import optouts, queries
from webapp.contacts.models import Erasure
from webapp.contacts.pastes import read_paste
from webapp.database import new_id
from webapp.delivery import erasing_statements as statements
from webapp.reading import mask

JOB = "delivery.erase"
# The first digit of what stands for a number of each operator; for others any of the rest.
_FIRST_DIGITS = {"mobile": "1", "unicom": "2", "telecom": "3", "broadnet": "4", "virtual": "5"}
_OTHER_DIGITS = "06789abcdef"


@dataclass(frozen=True)
class Waiting:
    """What an erasure waits for: campaigns that are not through with the number, files that are at work."""

    campaigns: int
    files: int


def ask(mobile: str, by: int | None, now: datetime) -> Erasure:
    """Have a number erased; the work begins when this is committed. Asked twice, it is the same erasure."""
    session = tenancy.session()
    erasure = session.scalar(
        insert(Erasure)
        .values(team_id=tenancy.scope(), id=new_id(), mobile=mobile, asked_at=now, asked_by=by, found={})
        .on_conflict_do_nothing(index_elements=["team_id", "mobile"], index_where=Erasure.mobile.is_not(None))
        .returning(Erasure)
    )
    if erasure is None:
        erasure = session.scalars(
            select(Erasure).where(Erasure.team_id == tenancy.scope(), Erasure.mobile == mobile)
        ).one()
    else:
        audit("number.erased", "erasure", erasure.id, number=mask(mobile))
    jobs.enqueue(JOB, tenancy.scope(), once=str(erasure.id), erasure_id=erasure.id)
    return erasure


def open_ids() -> list[int]:
    """The erasures of the team that are not done."""
    return list(
        tenancy.session().scalars(
            select(Erasure.id).where(Erasure.team_id == tenancy.scope(), Erasure.mobile.is_not(None))
        )
    )


def work(erasure_id: int) -> bool:
    """Erase what can be erased by now, a campaign a transaction; True when all of it is. Commits."""
    session = tenancy.session()
    with_number = _locked(erasure_id)
    if with_number is None or with_number.mobile is None:
        return True
    mobile = with_number.mobile
    _note(with_number, _erase_people(mobile))
    session.commit()
    for campaign_id in _campaigns(mobile)[True]:
        erasure = _locked(erasure_id)
        if erasure is None or erasure.mobile is None:
            return True
        _note(erasure, {"messages": _erase_campaign(campaign_id, mobile)})
        session.commit()
    return _finish(erasure_id, mobile)


def waiting(mobile: str) -> Waiting:
    """What this number's erasure waits for."""
    return Waiting(len(_campaigns(mobile)[False]), _busy_files())


def _finish(erasure_id: int, mobile: str) -> bool:
    erasure = _locked(erasure_id)
    if erasure is None or erasure.mobile is None:
        return True
    left = waiting(mobile)
    if left.campaigns or left.files:
        tenancy.session().commit()
        return False
    # Whoever added the number meanwhile, or pasted it into a draft, did so before this moment.
    _note(erasure, _erase_people(mobile))
    found = {"reports": _run(statements.ERASE_OTHER_REPORTS, mobile=mobile, x=_stand_in(mobile)).rowcount}
    _run(statements.ERASE_INBOX, mobile=mobile)
    _run(statements.ERASE_UNREADABLE, mobile=mobile)
    _run(statements.ERASE_FILES)
    found["opt_outs"] = int(optouts.forget(mobile))
    _note(erasure, found)
    erasure.mobile, erasure.done_at = None, clock.now()
    tenancy.session().commit()
    return True


def _erase_people(mobile: str) -> dict[str, int]:
    """The address book, imports and drafts: what nobody waits for."""
    contact = queries.by_mobile(mobile)
    found = {"contacts": contacts.delete([contact.id]) if contact is not None else 0}
    like = f"%{mobile}%"
    _run(statements.ERASE_PROBLEMS, like=like)
    _run(statements.ERASE_HEADINGS, like=like)
    for row in _run(statements.LEFT_OUT, like=like).all():
        left_out = json.dumps(_said_nothing(row.left_out, mobile), ensure_ascii=False)
        _run(statements.ERASE_LEFT_OUT, campaign=row.id, left_out=left_out)
    drafts = _run(statements.DRAFTS, like=like, mobile=mobile).all()
    for row in drafts:
        for statement in (
            draft_statements.FORGET_AUDIENCE,
            draft_statements.FORGET_TEXTS,
            statements.ERASE_DRAFT,
        ):
            _run(statement, campaign=row.id)
        if row.numbers is not None:
            _run(statements.ERASE_PASTE, campaign=row.id, numbers=without(row.numbers, mobile))
    tenancy.session().expire_all()
    return found | {"drafts": len(drafts)}


def _erase_campaign(campaign_id: int, mobile: str) -> int:
    """Take the number out of a campaign that is through with it; returns how many messages it had there."""
    key = {"campaign": campaign_id, "mobile": mobile, "x": _stand_in(mobile)}
    _run(statements.LOCK_BATCHES, **key)
    messages = int(_run(statements.ERASE_MESSAGES, **key).rowcount)
    for row in _run(statements.ANSWERS, **key).all():
        answer = bytes(row.answer).replace(mobile.encode(), b"")
        _run(statements.ERASE_ANSWER, campaign=campaign_id, no=row.batch_no, n=row.n, answer=answer)
    for statement in (
        statements.ERASE_BATCHES,
        statements.ERASE_CAMPAIGN,
        statements.ERASE_MATCHED_REPORTS,
    ):
        _run(statement, **key)
    _clean_paste(campaign_id, mobile)
    tenancy.session().expire_all()
    return messages


def _clean_paste(campaign_id: int, mobile: str) -> None:
    numbers = _run(statements.PASTE, campaign=campaign_id).scalar()
    if numbers is not None and holds(numbers, mobile):
        _run(statements.ERASE_PASTE, campaign=campaign_id, numbers=without(numbers, mobile))


def holds(text: str, mobile: str) -> bool:
    """Whether the digits of a text have this number in them, however it is written."""
    return mobile in re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", text))


def without(paste: str, mobile: str) -> str:
    """The paste without this number; a line that was about nobody else goes with the name in it."""
    written = re.compile(r"[^0-9,;\n]{0,3}".join(mobile))
    kept = []
    for line in paste.split("\n"):
        if not holds(line, mobile):
            kept.append(line)
            continue
        rest = written.sub("", unicodedata.normalize("NFKC", line))
        if not holds(rest, mobile) and read_paste(rest).mobiles:
            kept.append(rest)
    return "\n".join(kept)


def _campaigns(mobile: str) -> dict[bool, list[int]]:
    """The campaigns that hold the number, by whether they are through with it."""
    found: dict[bool, list[int]] = {True: [], False: []}
    for row in _run(statements.CAMPAIGNS, mobile=mobile, now=clock.now()):
        found[row.final].append(row.id)
    return found


def _busy_files() -> int:
    return int(_run(statements.BUSY_FILES).scalar_one())


def _stand_in(mobile: str) -> str:
    """What stands for an erased number: its operator can be told from it, the number cannot."""
    operator = _run(statements.OPERATOR, mobile=mobile).scalar_one()
    return f"x{_FIRST_DIGITS.get(operator) or secrets.choice(_OTHER_DIGITS)}{secrets.token_hex(8)[:15]}"


def _said_nothing(left_out: dict[str, Any], mobile: str) -> dict[str, Any]:
    """A campaign's list of who is left out, without what named the number."""
    listed = [
        {**entry, "said": ""} if holds(str(entry.get("said", "")), mobile) else entry
        for entry in left_out.get("listed", [])
    ]
    return {**left_out, "listed": listed}


def _locked(erasure_id: int) -> Erasure | None:
    """The erasure, one worker at a time."""
    return tenancy.session().get(
        Erasure, (tenancy.scope(), erasure_id), with_for_update=True, populate_existing=True
    )


def _note(erasure: Erasure, found: dict[str, int]) -> None:
    erasure.found = dict(Counter(erasure.found) + Counter(found))
    tenancy.session().flush()


def _run(statement: TextClause, **values: Any) -> Any:
    return tenancy.session().execute(statement, {"team": tenancy.scope(), **values})
