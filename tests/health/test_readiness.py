"""A program is ready when this run of it was heard, not the one before."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import Database
from webapp.__main__ import main
from webapp.health import readiness
from webapp.settings import Address, Settings


class Ready(BaseHTTPRequestHandler):
    """Web pages that answer."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Nothing is to be told."""


@pytest.fixture
def up(settings: Settings) -> Iterator[Settings]:
    """Settings of a program whose web answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield dataclasses.replace(settings, bind=Address("127.0.0.1", server.server_address[1]))
    server.shutdown()
    thread.join()
    server.server_close()


def beat(database: Database, at: datetime, *names: str) -> None:
    with database.owner() as owner:
        for name in names:
            owner.execute(
                "INSERT INTO heartbeat VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at",
                [name, at],
            )


def test_beats_of_the_run_before_do_not_count(up: Settings, empty: Database) -> None:
    now = datetime.now(UTC)
    beat(empty, now - timedelta(seconds=1), "sender", "settler")
    assert "sender, settler" in readiness.missing(up, now)
    beat(empty, now + timedelta(seconds=1), "sender")
    assert readiness.missing(up, now) == "the worker was not heard yet: settler (see the worker log)"
    beat(empty, now + timedelta(seconds=1), "settler")
    assert readiness.missing(up, now) == ""


def test_pages_that_do_not_answer_are_told_first(settings: Settings) -> None:
    away = dataclasses.replace(settings, bind=Address("127.0.0.1", 1))
    assert "web pages" in readiness.missing(away, datetime.now(UTC))


def test_a_run_began_when_up_noted_it(settings: Settings) -> None:
    settings.instance.mkdir()
    note = settings.instance / "run.lock"
    note.write_text(json.dumps({"mark": "quince"}))
    written = datetime.fromtimestamp(note.stat().st_mtime, UTC)
    assert readiness.began_at(settings, {"TIDINGS_RUN": "quince"}) == written


@pytest.mark.parametrize("content", [None, "", "[]", '{"mark": "of another run"}'])
def test_without_a_note_of_this_run_it_begins_now(settings: Settings, content: str | None) -> None:
    settings.instance.mkdir()
    if content is not None:
        (settings.instance / "run.lock").write_text(content)
    before = datetime.now(UTC)
    assert readiness.began_at(settings, {"TIDINGS_RUN": "quince"}) >= before


def test_the_command_waits_for_newer_beats(
    up: Settings, empty: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        **empty.environ(), "TIDINGS_BIND": str(up.bind), "TIDINGS_INSTANCE": str(up.instance),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TIDINGS_RUN", raising=False)
    beat(empty, datetime.now(UTC), "sender", "settler")
    assert main(["wait-ready", "--timeout", "0.3"]) == 1
    assert "the worker was not heard yet: sender, settler" in capsys.readouterr().err
    beat(empty, datetime.now(UTC) + timedelta(minutes=1), "sender", "settler")
    assert main(["wait-ready", "--timeout", "5"]) == 0
