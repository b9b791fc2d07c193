"""Two transactions that wait for each other: the database ends one of them, and it is done once more.

Who locks what first is agreed on (contacts, then groups), but the database's own triggers and foreign keys
lock too. A view that changes many rows at once is marked with `tried_again`, so that nobody sees the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import OperationalError

from webapp import tenancy

View = TypeVar("View", bound=Callable[..., Any])

MOST_TRIES = 4


def tried_again(view: View) -> View:
    """Mark a view that is run anew, up to MOST_TRIES times, where the database ended it for a deadlock.

    Such a view commits once, as the last thing before its answer. Stands below `@requires`.
    """

    @functools.wraps(view)
    def patient(*args: Any, **kwargs: Any) -> Any:
        for _try in range(1, MOST_TRIES):
            try:
                return view(*args, **kwargs)
            except OperationalError as error:
                if not isinstance(error.orig, DeadlockDetected):
                    raise
                tenancy.session().rollback()
        return view(*args, **kwargs)

    return cast(View, patient)
