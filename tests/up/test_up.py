"""`webapp up` as a person meets it: it starts, says where, ends without leftovers, outlives being killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.up.conftest import Run, pids, wait_for
from webapp.embedded import prepare
from webapp.embedded_place import started_at

Up = Callable[..., Run]
PROGRAMS = {"postgres", "web", "practice", "worker"}


def starts(instance: Path) -> int:
    """How often the stand-in for `migrate` has written its row."""
    with psycopg.connect(prepare(instance).conninfo("owner")) as connection:
        row = connection.execute("SELECT count(*) FROM start").fetchone()
    assert row
    return int(row[0])


def stopped(instance: Path) -> list[str]:
    """The programs in the order in which they were stopped."""
    return re.findall(r"stopped: (\w+)", (instance / "logs" / "supervisord.log").read_text())


def test_ctrl_c_ends_everything_in_order(up: Up, environ: dict[str, str]) -> None:
    run = up()
    run.wait_until_ready()
    assert f"Tidings is ready: http://{environ['TIDINGS_BIND']}" in run.said
    assert f"http://{environ['TIDINGS_PRACTICE_BIND']}" in run.said
    assert str(run.instance) in run.said
    assert pids(run.instance).keys() >= PROGRAMS
    run.press_ctrl_c()
    assert run.end() == 0
    assert "Tidings has stopped." in run.said
    assert stopped(run.instance) == ["worker", "practice", "web", "postgres"]
    assert "Ctrl-C" not in (run.instance / "logs" / "worker.log").read_text()
    assert pids(run.instance) == {}


def test_sigterm_ends_everything_and_the_data_is_there_again(up: Up) -> None:
    first = up()
    first.wait_until_ready()
    first.process.terminate()
    assert first.end() == 0
    assert pids(first.instance) == {}
    second = up()
    second.wait_until_ready()
    assert starts(second.instance) == 2


def test_ctrl_c_while_starting_leaves_nothing(up: Up) -> None:
    run = up()
    wait_for(lambda: (run.instance / "logs" / "postgres.log").exists())
    run.press_ctrl_c()
    assert run.end() == 0
    assert "Traceback" not in run.said
    assert "is ready" not in run.said
    wait_for(lambda: pids(run.instance) == {})


def test_a_second_one_is_refused_and_told_where_the_first_is(up: Up, environ: dict[str, str]) -> None:
    first = up()
    first.wait_until_ready()
    second = up(TIDINGS_BIND="127.0.0.1:1")
    assert second.end() == 1
    assert second.said.strip() == (
        f"Tidings is already running at http://{environ['TIDINGS_BIND']} (folder {first.instance})."
    )
    assert pids(first.instance).keys() >= PROGRAMS


def test_after_a_kill_of_the_supervisor_the_next_one_clears_up(up: Up, environ: dict[str, str]) -> None:
    first = up()
    first.wait_until_ready()
    stranger = subprocess.Popen(["sleep", "300"], env={**environ, "TIDINGS_RUN": "of-somebody-else"})
    try:
        left = pids(first.instance)
        first.process.kill()
        first.process.wait()
        wait_for(lambda: pids(first.instance).keys() == PROGRAMS)
        second = up()
        second.wait_until_ready()
        assert "ending what it left running" in second.said
        assert all(started_at(left[name]) is None for name in PROGRAMS)
        assert starts(second.instance) == 2
        assert "was not properly shut down" not in (second.instance / "logs" / "postgres.log").read_text()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_after_a_kill_of_everything_it_starts_again(up: Up) -> None:
    first = up()
    first.wait_until_ready()
    first.process.kill()
    for pid in pids(first.instance).values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pids(first.instance) == {})
    second = up()
    second.wait_until_ready()
    assert starts(second.instance) == 2


def test_programs_that_end_are_started_again(up: Up) -> None:
    """A worker ends well when the database restarts; the database here is killed."""
    run = up()
    run.wait_until_ready()
    worker = pids(run.instance)["worker"]
    cluster = prepare(run.instance)
    server = int((cluster.data / "postmaster.pid").read_text().split()[0])
    os.kill(worker, signal.SIGTERM)
    os.kill(server, signal.SIGKILL)

    def answers() -> bool:
        try:
            return starts(run.instance) == 1
        except psycopg.OperationalError:
            return False

    wait_for(lambda: started_at(server) is None and answers())
    wait_for(lambda: pids(run.instance).get("worker", worker) != worker)
