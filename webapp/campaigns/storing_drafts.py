"""Writing down what was laid out of a draft: its texts, its recipients, and who is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import TextClause

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
    rows = [
        {
            "hash": one.text.hash.hex(),
            "mobile": one.mobile,
            "copy": one.copy,
            "own": dict(one.values) if one.values else None,
        }
        for one in laid.recipients
    ]
    _store(draft_statements.STORE_AUDIENCE, campaign, rows)


def store_texts(campaign: Campaign, made: Sequence[Text]) -> None:
    """Write texts that are not there yet."""
    rows = [{"hash": text.hash.hex(), "content": text.content, "parts": text.parts} for text in made]
    _store(draft_statements.STORE_TEXTS, campaign, rows)


def _store(statement: TextClause, campaign: Campaign, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), SLICE):
        said = json.dumps(rows[start : start + SLICE], ensure_ascii=False)
        tenancy.session().execute(
            statement, {"team": campaign.team_id, "campaign": campaign.id, "rows": said}
        )


def kept_left_out(left_out: LeftOuts) -> dict[str, Any]:
    """Who is left out, as a campaign keeps it."""
    return {"counts": left_out.counts, "listed": [asdict(entry) for entry in left_out.listed]}
