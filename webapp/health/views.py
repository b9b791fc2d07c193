"""What a machine asks: alive, ready, status, metrics.

`/healthz` and `/readyz` tell nothing and need no token; `/status` and `/metrics` need the bearer token and
are a plain 404 where none is set.
"""

from __future__ import annotations

import hmac
import shutil

from flask import Blueprint, Response, abort, current_app, jsonify, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from webapp.accounts.permissions import public
from webapp.extensions import csrf, db, limiter
from webapp.health import metrics
from webapp.health.checks import status_report
from webapp.settings import settings_of

# With less, neither the database nor the spool can be counted on to take a report in.
LEAST_ROOM = 64 * 1024 * 1024

blueprint = Blueprint("health", __name__)
csrf.exempt(blueprint)
limiter.exempt(blueprint)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """This process answers."""
    return _plain("ok")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """This process can do its work: its database answers, and there is room to write reports down."""
    instance = settings_of(current_app).instance
    if shutil.disk_usage(instance).free < LEAST_ROOM:
        return _plain("not ready: the disk is full", 503)
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return _plain("not ready", 503)
    return _plain("ready")


@blueprint.get("/status")
@public
def status() -> Response:
    """How the whole program is, as JSON; 503 when something needs a person."""
    _check_token()
    report = status_report()
    response = jsonify(report)
    response.status_code = 200 if report["well"] else 503
    return response


@blueprint.get("/metrics")
@public
def prometheus() -> Response:
    """Figures for Prometheus: no number, team or token in them."""
    _check_token()
    return Response(metrics.exposition(), mimetype="text/plain")


def _check_token() -> None:
    token = settings_of(current_app).metrics_token
    given = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        abort(404)


def _plain(text_: str, status_code: int = 200) -> Response:
    return Response(text_ + "\n", status=status_code, mimetype="text/plain")
