"""An account whose reports arrive, and what pages show of its campaigns."""

from __future__ import annotations

import re
import secrets
from html import unescape

from flask import Flask
from flask.testing import FlaskClient

from tests.factories import Person, uids
from tests.practice.fixture import PracticeGateway
from webapp import tenancy
from webapp.gateway import addresses, operations
from webapp.sealing import Secret
from webapp.settings import Settings

TALLIES = ("Delivered", "Failed", "No report yet", "Waiting", "Not confirmed", "Not sent")
CELL = re.compile(r'<div class="kpi">\s*<dt>(.*?)</dt>\s*<dd class="value">(.*?)</dd>', re.DOTALL)


def connect(app: Flask, settings: Settings, person: Person, practice: PracticeGateway, limit: int) -> int:
    """An account whose reports reach the receiver of the running web process."""
    uid, pwd = f"fault-{secrets.token_hex(4)}", secrets.token_hex(8)
    token = addresses.new_token()
    practice.add_user(
        uid, pwd, balance=100_000, callback=addresses.callback_url(settings, token, practice=True)
    )
    with tenancy.team_scope(person.team_id, app) as session:
        account = operations.connect_account(
            "Practice", "practice", Secret(uid), Secret(pwd), by=None, token=token
        )
        account.numbers_per_request = limit
        account_id = account.id
        session.commit()
    uids[account_id] = uid
    return account_id


def shown_tallies(browser: FlaskClient, person: Person, campaign_id: int) -> dict[str, int]:
    """What a campaign's page says became of its recipients, by label."""
    page = browser.get(f"/t/{person.team}/campaigns/{campaign_id}")
    assert page.status_code == 200
    cells = {_said(label): int(_said(value).replace(",", "")) for label, value in CELL.findall(page.text)}
    return {label: count for label, count in cells.items() if label in TALLIES}


def _said(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()
