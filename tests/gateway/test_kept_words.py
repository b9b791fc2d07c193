"""Words that rows keep: a program that spelled one of them anew would not understand its own past."""

from __future__ import annotations

from enum import StrEnum

import pytest

from webapp.campaigns.operations import ACCOUNT_REASONS
from webapp.campaigns.states import BatchState
from webapp.gateway import answers, balances, models

WORDS: dict[type[StrEnum], str] = {
    answers.Meaning: "taken refused unknown not_left wrong_address",
    answers.BatchChange: "accepted blocked replaced rejected planned retry hold unconfirmed",
    answers.AccountChange: (
        "well flagged broken frozen out_of_balance smaller_limit misconfigured unchanged"
    ),
    answers.Pause: (
        "credentials frozen balance content_empty content_too_long request_too_large odd_code "
        "wrong_address"
    ),
    answers.Why: (
        "accepted accepted_without_msgid bad_credentials bad_number content_empty content_too_long "
        "no_balance too_many_numbers failed_to_send frozen odd_code name_unknown connection_refused "
        "unreachable connect_timeout tls_failed withheld lost no_answer cut too_long garbled "
        "server_error redirected forbidden not_found html empty not_readable no_code"
    ),
    balances.BalanceOutcome: "ok bad_credentials frozen wrong_address unreachable unclear",
    models.AccountState: "untested ok broken frozen out_of_balance misconfigured",
    models.RepeatMode: "repeat ask",
    models.BalanceCause: "test periodic manual campaign",
}  # fmt: skip


@pytest.mark.parametrize("kept", list(WORDS), ids=[kept.__name__ for kept in WORDS])
def test_a_word_stays_what_it_is(kept: type[StrEnum]) -> None:
    assert " ".join(kept) == WORDS[kept]


def test_an_answer_names_states_of_batches_and_reasons_that_end_by_themselves() -> None:
    assert {str(one) for one in answers.BatchChange} <= {str(one) for one in BatchState}
    assert {answers.Pause.CREDENTIALS, answers.Pause.FROZEN, answers.Pause.BALANCE,
            answers.Pause.WRONG_ADDRESS} <= set(ACCOUNT_REASONS)  # fmt: skip
