"""Help: what the words and codes mean, from the same dictionaries as the pages that show them."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.accounts.permissions import public
from webapp.gateway.words import SEND_CODES
from webapp.pages import render
from webapp.reports.glossary import TERMS
from webapp.reports.reasons import CODES, WORDS
from webapp.statuses import CAMPAIGNS, MESSAGES

blueprint = Blueprint("help", __name__)


@blueprint.get("/help")
@public
def index() -> Response:
    """Everything on one page, so that the browser's own search finds it."""
    return render(
        "help/index.html",
        messages=list(MESSAGES),
        campaigns=list(CAMPAIGNS),
        send_codes=SEND_CODES,
        report_words=WORDS,
        report_codes=CODES,
        terms=TERMS,
    )
