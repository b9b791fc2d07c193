"""Whether a program that was just started is ready for its first user. Light: no Flask, no SQLAlchemy."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta

import psycopg

from webapp import connections
from webapp.settings import Settings

# The loops of the worker that a first campaign needs.
NEEDED = ("sender", "settler")
FRESH = timedelta(seconds=30)


def missing(settings: Settings) -> str:
    """What is still missing, in words; empty when everything is there."""
    if not _answers(settings):
        return "the web pages do not answer yet (see the web log)"
    silent = _silent_loops(settings)
    if silent:
        return f"the worker was not heard yet: {', '.join(silent)} (see the worker log)"
    return ""


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind.host, settings.bind.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.bind.port, timeout=3)
    try:
        connection.request("GET", "/readyz", headers={"Host": settings.public_host})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _silent_loops(settings: Settings) -> list[str]:
    try:
        with psycopg.connect(
            connections.conninfo(connections.program_url(settings)), connect_timeout=3
        ) as base:
            beats = {row[0]: row[1] for row in base.execute("SELECT name, beat_at FROM heartbeat")}
    except psycopg.Error:
        return list(NEEDED)
    now = datetime.now(UTC)
    return [name for name in NEEDED if name not in beats or beats[name] < now - FRESH]
