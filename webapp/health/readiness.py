"""Whether a program that was just started is ready for its first user. Light: no Flask, no SQLAlchemy.

Only beats of this run count: the previous one may have been heard a moment before it ended.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg

from webapp import connections
from webapp.embedded import RUN_MARK
from webapp.settings import Settings

# The loops of the worker that a first campaign needs.
NEEDED = ("sender", "settler")


def began_at(settings: Settings, environ: Mapping[str, str] | None = None) -> datetime:
    """When this run of everything began: what `up` that started us has noted, else now."""
    mark = (os.environ if environ is None else environ).get(RUN_MARK)
    note = settings.instance / "run.lock"
    try:
        if mark and json.loads(note.read_bytes()).get("mark") == mark:
            return datetime.fromtimestamp(note.stat().st_mtime, UTC)
    except (OSError, ValueError, AttributeError):
        pass
    return datetime.now(UTC)


def missing(settings: Settings, since: datetime) -> str:
    """What is still missing since that moment, in words; empty when everything is there."""
    if not _answers(settings):
        return "the web pages do not answer yet (see the web log)"
    silent = _silent_loops(settings, since)
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


def connect(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection as the program's role, outside of any session. Raises psycopg.Error."""
    return psycopg.connect(connections.conninfo(connections.program_url(settings)), connect_timeout=3)


def _silent_loops(settings: Settings, since: datetime) -> list[str]:
    try:
        with connect(settings) as base:
            beats = {row[0]: row[1] for row in base.execute("SELECT name, beat_at FROM heartbeat")}
    except psycopg.Error:
        return list(NEEDED)
    return [name for name in NEEDED if name not in beats or beats[name] < since]
