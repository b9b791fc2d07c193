"""One server per folder, whatever was killed before: stale process ids, orphans, second copies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.embedded.conftest import HOLD, ask, end_servers, run, running, servers_of, wait_for
from webapp import embedded
from webapp.embedded import EmbeddedError

Become = Callable[[Path], subprocess.Popen[str]]


def test_a_second_copy_on_the_folder_is_refused(instance: Path, become: Become) -> None:
    first = become(instance)
    cluster = running(instance)
    second = become(instance)
    sentence = second.communicate(timeout=30)[1]
    assert second.returncode == 1
    assert f"already runs (process {first.pid})" in sentence
    assert "Traceback" not in sentence
    assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)


def test_two_folders_run_side_by_side(instance: Path, become: Become) -> None:
    become(instance)
    other = instance.parent / "other"
    with embedded.start_for(other) as second:
        first = running(instance)
        run(first.conninfo("owner"), "CREATE TABLE here (id int)")
        assert ask(second.conninfo("owner"), "SELECT to_regclass('here')") == (None,)


def test_a_running_server_is_used_and_left_running(instance: Path, become: Become) -> None:
    server = become(instance)
    running(instance)
    with embedded.start_for(instance) as cluster:
        assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)
    assert server.poll() is None
    assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)


def test_a_fast_stop_is_what_sigint_means(instance: Path, become: Become) -> None:
    server = become(instance)
    running(instance)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=30)
    assert server.returncode == 0
    assert not servers_of(instance)


def test_committed_rows_outlive_a_kill_of_everything(instance: Path) -> None:
    with embedded.start_for(instance) as cluster:
        run(cluster.conninfo("owner"), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
        end_servers(instance)
    assert (instance / "postgres" / "postmaster.pid").exists()
    with embedded.start_for(instance) as cluster:
        assert ask(cluster.conninfo("owner"), "SELECT id FROM kept") == (7,)


def test_a_stale_process_id_that_lives_again_is_not_believed(instance: Path) -> None:
    """The number in postmaster.pid now belongs to another process of the same user."""
    cluster = embedded.prepare(instance)
    runner = cluster.runner
    other = subprocess.Popen(
        ["sleep", "300"],
        cwd="/",
        user=runner.uid if runner else None,
        group=runner.gid if runner else None,
        extra_groups=[] if runner else None,
    )
    try:
        stale = f"{other.pid}\n{cluster.data}\n1700000000\n5432\n{cluster.socket_dir}\n\n  1 2\nready   \n"
        (cluster.data / "postmaster.pid").write_text(stale)
        (cluster.socket_dir / ".s.PGSQL.5432.lock").write_text(stale)
        assert not embedded.is_accepting(cluster)
        with embedded.start_for(instance):
            assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_started_by_hand_is_refused_not_killed(instance: Path) -> None:
    with embedded.start_for(instance) as cluster:
        server = int((cluster.data / "postmaster.pid").read_text().split()[0])
        (instance / "postgres.lock").unlink()  # as if it had never been ours
        with pytest.raises(EmbeddedError, match="already runs"):
            embedded._take_folder(cluster)
        assert server in servers_of(instance)


def test_an_orphan_is_ended_cleanly_and_its_folder_taken_over(instance: Path) -> None:
    """Its supervisor was killed: nobody looks after it, but its data is whole."""
    keeper = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess; subprocess.run({[sys.executable, HOLD, 'become', str(instance)]!r})",
        ]
    )
    cluster = running(instance)
    run(cluster.conninfo("owner"), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
    orphan = int((cluster.data / "postmaster.pid").read_text().split()[0])
    keeper.kill()
    keeper.wait()
    with embedded.start_for(instance) as again:
        assert ask(again.conninfo("owner"), "SELECT id FROM kept") == (7,)
        assert int((again.data / "postmaster.pid").read_text().split()[0]) != orphan
    wait_for(lambda: not servers_of(instance))


def test_the_supervisor_may_start_again_after_its_server_was_killed(instance: Path, become: Become) -> None:
    """The helpers of a killed server hold the folder for a moment longer; the next one waits for them."""
    first = become(instance)
    running(instance)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = become(instance)
    cluster = running(instance)
    assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)
    assert second.poll() is None
