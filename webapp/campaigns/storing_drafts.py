"""Writing down what was laid out of a draft: its texts, its recipients, and who is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from webapp import tenancy
from webapp.campaigns import draft_statements
from webapp.campaigns.audience import Laid, Text
from webapp.campaigns.models import Campaign
from webapp.contacts.pastes import LeftOuts

# Texts a statement: a slice of five thousand at their longest is a few megabytes.
SLICE = 5000


def store(campaign: Campaign, laid: Laid) -> None:
    """Write recipients and their texts beside those that are there."""
    store_texts(campaign, list(laid.texts().values()))
    for start in range(0, len(laid.recipients), SLICE):
        people = laid.recipients[start : start + SLICE]
        tenancy.session().execute(
            draft_statements.STORE_AUDIENCE,
            {
                "team": campaign.team_id,
                "campaign": campaign.id,
                "hashes": [one.text.hash for one in people],
                "mobiles": [one.mobile for one in people],
                "copies": [one.copy for one in people],
                "variables": [
                    json.dumps(dict(one.values), ensure_ascii=False) if one.values else None for one in people
                ],
            },
        )


def store_texts(campaign: Campaign, made: Sequence[Text]) -> None:
    """Write texts that are not there yet."""
    for start in range(0, len(made), SLICE):
        some = made[start : start + SLICE]
        tenancy.session().execute(
            draft_statements.STORE_TEXTS,
            {
                "team": campaign.team_id,
                "campaign": campaign.id,
                "hashes": [text.hash for text in some],
                "contents": [text.content for text in some],
                "parts": [text.parts for text in some],
            },
        )


def kept_left_out(left_out: LeftOuts) -> dict[str, Any]:
    """Who is left out, as a campaign keeps it."""
    return {"counts": left_out.counts, "listed": [asdict(entry) for entry in left_out.listed]}
