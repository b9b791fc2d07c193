"""The two logs that are only ever added to: what was done in a team, and who signed in.

An entry is written in the transaction of what it tells, so there is no deed without its entry and no entry
without its deed. Details hold no secret, and a phone number only masked.
"""

from __future__ import annotations

from flask import g, has_request_context, request

from webapp import clock, tenancy
from webapp.accounts.models import AccessEntry, AuditEntry
from webapp.database import new_id

Detail = str | int | bool | None | list[str]


def audit(
    action: str, object_kind: str | None = None, object_id: int | None = None, **details: Detail
) -> None:
    """Note in the present team's log that the signed-in person did `action` ("campaign.sent").

    From a job the person is None and the address is "job". Raises ScopeError without a team.
    """
    tenancy.session().add(
        AuditEntry(
            team_id=tenancy.scope(),
            id=new_id(),
            at=clock.now(),
            user_id=_user_id(),
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            address=client(),
            details=details,
        )
    )


def access(event: str, user_id: int | None = None, **details: Detail) -> None:
    """Note a sign-in event ("signed_in", "sign_in_refused", …), of no team. None: nobody we know."""
    tenancy.session().add(
        AccessEntry(
            id=new_id(),
            at=clock.now(),
            user_id=user_id if user_id is not None else _user_id(),
            event=event,
            address=client(),
            details=details,
        )
    )


def client() -> str:
    """The address of whoever asked, as far as the operator's proxies can be believed; "job" in a job."""
    return (request.remote_addr or "unknown") if has_request_context() else "job"


def _user_id() -> int | None:
    user = g.get("user")
    return user.id if user is not None else None
