"""What people see when something goes wrong: a page with words, and for our own faults an incident id."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from webapp import pages
from webapp.errors import DomainError

log = structlog.get_logger(__name__)


def init_app(app: Flask, to_sign_in: Callable[[], Response]) -> None:
    """Answer every error with one of our pages, and where nobody is signed in with the way there."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(401, lambda _error: to_sign_in())
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(TimeoutError, _too_slow)
    app.register_error_handler(Exception, _fault)


def _http(error: HTTPException) -> Response:
    response = pages.error_page(error.code or 500)
    for name, value in error.get_headers():
        if name.lower() in {"retry-after", "allow"}:
            response.headers[name] = value
    return response


def _domain(error: DomainError) -> Response:
    return pages.error_page(422, reason=error.message)


def _too_slow(_error: TimeoutError) -> Response:
    """The rest of the request did not come (see the receiver's `SLOW_SECONDS`)."""
    response = pages.error_page(408)
    response.headers["Connection"] = "close"
    return response


def _fault(error: Exception) -> Response:
    incident = secrets.token_hex(4)
    # The route, not the path: a path may hold a number or a token.
    rule = request.url_rule.rule if request.url_rule is not None else "none"
    log.error("a request failed", incident=incident, route=rule, exc_info=error)
    return pages.error_page(500, incident=incident)
