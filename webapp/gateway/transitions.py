"""How an account's state moves: the rules alone, so that each can be a row of a test.

A broken or frozen account waits for a person: the machine must not go on knocking with a wrong password,
and an answer that was under way when the account broke must not mend it. An account out of balance is
lifted by a top-up that was seen. A misconfigured one is lifted by a person's test only: that the balance
can be asked there says nothing about the address for sending.
"""

from __future__ import annotations

from webapp.gateway.answers import AccountChange
from webapp.gateway.balances import BalanceOutcome
from webapp.gateway.models import AccountState, BalanceCause

# The causes behind which a person stands, who may have mended something outside.
BY_A_PERSON = frozenset({BalanceCause.TEST, BalanceCause.MANUAL})
WAITS_FOR_A_PERSON = frozenset({AccountState.BROKEN, AccountState.FROZEN})

_STATE_AFTER_ANSWER = {
    AccountChange.BROKEN: AccountState.BROKEN,
    AccountChange.FROZEN: AccountState.FROZEN,
    AccountChange.OUT_OF_BALANCE: AccountState.OUT_OF_BALANCE,
    AccountChange.MISCONFIGURED: AccountState.MISCONFIGURED,
}


def after_answer(state: AccountState, change: AccountChange) -> AccountState:
    """The state after an answer to a send call."""
    if change in {AccountChange.WELL, AccountChange.FLAGGED}:
        # An untested account works, and an account out of balance was probed.
        return AccountState.OK if state in {AccountState.UNTESTED, AccountState.OUT_OF_BALANCE} else state
    new = _STATE_AFTER_ANSWER.get(change, state)
    if state in WAITS_FOR_A_PERSON and new not in WAITS_FOR_A_PERSON:
        return state
    return new


def after_balance(
    state: AccountState,
    outcome: BalanceOutcome,
    cause: BalanceCause,
    *,
    messages: int | None,
    before: int | None,
) -> AccountState:
    """The state after a balance call.

    messages is the balance now, before that of the last good reading; None where it is not known as a number.
    """
    match outcome:
        case BalanceOutcome.OK:
            return _after_ok(state, cause, messages=messages, before=before)
        case BalanceOutcome.BAD_CREDENTIALS:
            return AccountState.BROKEN
        case BalanceOutcome.FROZEN:
            return AccountState.FROZEN
        case BalanceOutcome.WRONG_ADDRESS if cause in BY_A_PERSON and state not in WAITS_FOR_A_PERSON:
            return AccountState.MISCONFIGURED
        case _:
            return state


def _after_ok(
    state: AccountState, cause: BalanceCause, *, messages: int | None, before: int | None
) -> AccountState:
    if cause in BY_A_PERSON or state is AccountState.UNTESTED:
        return AccountState.OK
    if state is AccountState.OUT_OF_BALANCE and messages is not None and before is not None:
        # Without an earlier number this one only is what a top-up will be measured against.
        return AccountState.OK if messages > before else state
    return state
