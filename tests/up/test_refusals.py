"""What stands in the way of a start is said in a sentence, with nothing left running."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.up.conftest import Run, free_port, pids
from webapp.settings import Settings
from webapp.up import UpError, _check_port, _ini, plan_for

Up = Callable[..., Run]


@pytest.mark.parametrize("setting", ["TIDINGS_BIND", "TIDINGS_PRACTICE_BIND"])
def test_a_taken_port_is_named_with_its_setting(up: Up, environ: dict[str, str], setting: str) -> None:
    host, port = environ[setting].split(":")
    with socket.create_server((host, int(port))):
        run = up()
        assert run.end() == 1
    assert f"Port {port} on {host} is taken" in run.said
    assert setting in run.said
    assert "Traceback" not in run.said
    assert not (run.instance / "postgres").exists()


def test_an_address_of_another_machine(environ: dict[str, str]) -> None:
    settings = Settings.from_environ(
        {**environ, "TIDINGS_BIND": f"192.0.2.1:{free_port()}", "TIDINGS_ALLOW_HTTP": "on"}
    )
    with pytest.raises(UpError, match=r"cannot listen on 192\.0\.2\.1.*TIDINGS_BIND"):
        _check_port(settings.bind, "TIDINGS_BIND")


def test_a_program_that_does_not_come_up(up: Up) -> None:
    run = up("web-fails")
    assert run.end() == 1
    assert "web" in run.said
    assert str(run.instance / "logs" / "web.log") in run.said
    assert "It failed on purpose." in run.said
    assert "is ready" not in run.said
    assert pids(run.instance) == {}


def test_a_migration_that_fails_and_does_not_spoil_the_next_start(up: Up) -> None:
    run = up("migrate-fails")
    assert run.end() == 1
    assert "The database could not be brought up to date: It failed on purpose." in run.said
    assert "Traceback" not in run.said
    assert pids(run.instance) == {}
    again = up()
    again.wait_until_ready()
    again.press_ctrl_c()
    assert again.end() == 0


def test_with_a_database_of_ones_own_none_is_embedded(up: Up) -> None:
    run = up("external", DATABASE_URL="postgresql://program@192.0.2.1/tidings", TIDINGS_PRACTICE="on")
    run.wait_until_ready()
    assert not (run.instance / "postgres").exists()
    run.press_ctrl_c()
    assert run.end() == 0


def test_a_wrong_setting_is_a_sentence() -> None:
    code = "import os, sys; from webapp.up import main; sys.exit(main(os.environ))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"TIDINGS_BIND": "nowhere at all"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert "TIDINGS_BIND" in said.stderr
    assert "Traceback" not in said.stderr


def test_the_supervisor_loads_no_web_framework() -> None:
    code = """import sys, webapp.up, webapp.up_announcer, webapp.up_supervisor
print({"flask", "sqlalchemy", "psycopg"} & sys.modules.keys())"""
    root = Path(__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "set()"


def test_what_is_started_follows_the_settings(environ: dict[str, str]) -> None:
    def names(**changes: str) -> list[str]:
        return [program.name for program in plan_for(Settings.from_environ({**environ, **changes})).programs]

    external = {"DATABASE_URL": "postgresql://program@db/tidings"}
    assert names() == ["postgres", "web", "practice", "worker"]
    assert names(TIDINGS_PRACTICE="off") == ["postgres", "web", "worker"]
    assert names(**external) == ["web", "worker"]
    assert plan_for(Settings.from_environ({**environ, **external})).migrate == []
    owned = {**external, "DATABASE_OWNER_URL": "postgresql://owner@db/tidings"}
    assert plan_for(Settings.from_environ({**environ, **owned})).migrate != []


def test_the_worker_may_finish_its_longest_request(environ: dict[str, str]) -> None:
    settings = Settings.from_environ(environ)
    worker = plan_for(settings).programs[-1]
    assert worker.stop_seconds > settings.times.call_limit


@pytest.mark.parametrize("path", ["/srv/a #1/x", "/srv/a ;b", "/srv/a\nb"])
def test_a_path_that_the_supervisor_would_cut(path: str) -> None:
    with pytest.raises(UpError, match="Choose another folder"):
        _ini(path)
