"""Which answer moves an account, and which must not."""

import pytest

from webapp.gateway.answers import AccountChange
from webapp.gateway.balances import BalanceOutcome
from webapp.gateway.models import AccountState, BalanceCause
from webapp.gateway.transitions import after_answer, after_balance

A, C, S = AccountChange, BalanceCause, AccountState
OUT = BalanceOutcome


@pytest.mark.parametrize(
    ("state", "change", "expected"),
    [
        (S.UNTESTED, A.WELL, S.OK),
        (S.OUT_OF_BALANCE, A.WELL, S.OK),
        (S.OUT_OF_BALANCE, A.FLAGGED, S.OK),
        # An answer that was under way when the account broke mends nothing.
        (S.BROKEN, A.WELL, S.BROKEN),
        (S.FROZEN, A.WELL, S.FROZEN),
        (S.MISCONFIGURED, A.WELL, S.MISCONFIGURED),
        (S.OK, A.BROKEN, S.BROKEN),
        (S.OK, A.FROZEN, S.FROZEN),
        (S.OK, A.OUT_OF_BALANCE, S.OUT_OF_BALANCE),
        (S.OK, A.MISCONFIGURED, S.MISCONFIGURED),
        (S.UNTESTED, A.BROKEN, S.BROKEN),
        (S.BROKEN, A.FROZEN, S.FROZEN),
        # Nor does a milder trouble cover the worse one, which would let the machine knock again.
        (S.BROKEN, A.OUT_OF_BALANCE, S.BROKEN),
        (S.FROZEN, A.MISCONFIGURED, S.FROZEN),
        (S.OK, A.UNCHANGED, S.OK),
        (S.OK, A.SMALLER_LIMIT, S.OK),
        (S.OUT_OF_BALANCE, A.SMALLER_LIMIT, S.OUT_OF_BALANCE),
    ],
)
def test_after_answer(state: AccountState, change: AccountChange, expected: AccountState) -> None:
    assert after_answer(state, change) == expected


@pytest.mark.parametrize("cause", list(BalanceCause))
@pytest.mark.parametrize("state", list(AccountState))
def test_a_refusal_breaks_whatever_the_cause(state: AccountState, cause: BalanceCause) -> None:
    for outcome, expected in ((OUT.BAD_CREDENTIALS, S.BROKEN), (OUT.FROZEN, S.FROZEN)):
        assert after_balance(state, outcome, cause, messages=None, before=None) == expected


@pytest.mark.parametrize("cause", list(BalanceCause))
@pytest.mark.parametrize("state", list(AccountState))
@pytest.mark.parametrize("outcome", [OUT.UNREACHABLE, OUT.UNCLEAR])
def test_no_answer_moves_nothing(state: AccountState, cause: BalanceCause, outcome: BalanceOutcome) -> None:
    assert after_balance(state, outcome, cause, messages=None, before=5) == state


@pytest.mark.parametrize("state", list(AccountState))
def test_a_test_that_passes_lifts_everything(state: AccountState) -> None:
    for cause in (C.TEST, C.MANUAL):
        assert after_balance(state, OUT.OK, cause, messages=0, before=0) == S.OK


@pytest.mark.parametrize("cause", [C.PERIODIC, C.CAMPAIGN])
@pytest.mark.parametrize("state", [S.BROKEN, S.FROZEN, S.MISCONFIGURED])
def test_a_machine_lifts_none_that_waits_for_a_person(state: AccountState, cause: BalanceCause) -> None:
    assert after_balance(state, OUT.OK, cause, messages=900, before=0) == state


@pytest.mark.parametrize(
    ("messages", "before", "expected"),
    [
        (10_003, 3, S.OK),
        (1, 0, S.OK),
        (3, 3, S.OUT_OF_BALANCE),
        (3, 48_210, S.OUT_OF_BALANCE),
        (0, 0, S.OUT_OF_BALANCE),
        (500, None, S.OUT_OF_BALANCE),
        (None, 3, S.OUT_OF_BALANCE),
    ],
)
def test_a_top_up_that_is_seen_lifts(
    messages: int | None, before: int | None, expected: AccountState
) -> None:
    moved = after_balance(S.OUT_OF_BALANCE, OUT.OK, C.PERIODIC, messages=messages, before=before)
    assert moved == expected


def test_a_wrong_address_stops_an_account_only_when_a_person_asked() -> None:
    for state, cause, expected in (
        (S.UNTESTED, C.TEST, S.MISCONFIGURED),
        (S.OK, C.MANUAL, S.MISCONFIGURED),
        (S.OK, C.PERIODIC, S.OK),
        (S.BROKEN, C.TEST, S.BROKEN),
    ):
        assert after_balance(state, OUT.WRONG_ADDRESS, cause, messages=None, before=None) == expected
