"""The words of statuses: complete, different from each other, and promising nothing they do not know."""

from __future__ import annotations

import pytest
from flask import Flask

from webapp.statuses import CAMPAIGNS, MESSAGES, CampaignStatus, MessageStatus, wording


def test_every_status_has_words(app: Flask) -> None:
    with app.test_request_context():
        for status in (*MessageStatus, *CampaignStatus):
            said = wording(status)
            assert str(said.label)
            assert str(said.sentence).endswith(".")


@pytest.mark.parametrize("words", [MESSAGES, CAMPAIGNS])
def test_no_two_statuses_share_a_word(app: Flask, words: dict[object, object]) -> None:
    with app.test_request_context():
        labels = [str(said.label) for said in words.values()]  # type: ignore[attr-defined] # Wording
    assert len(set(labels)) == len(labels)
    assert not {"Sent", "Success", "Successful"} & set(labels)


def test_only_a_report_of_delivery_looks_good() -> None:
    assert [status for status, said in MESSAGES.items() if said.tone == "ok"] == [MessageStatus.DELIVERED]


def test_what_is_not_known_is_not_final() -> None:
    assert not wording(MessageStatus.UNCONFIRMED).final
    assert not wording(MessageStatus.ACCEPTED).final
    assert not wording(CampaignStatus.NEEDS_ATTENTION).final


def test_a_word_that_is_no_status_is_refused() -> None:
    with pytest.raises(ValueError, match="sent"):
        MessageStatus("sent")
